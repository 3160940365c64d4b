/** What is to be known of the snapshots and refs of a table, kept as plainly as can be: what the real ones must agree with. */
export interface ModelSnapshot {
  readonly id: string
  readonly parent: string | undefined
  readonly time: number
  readonly isAppend: boolean
  /** Data files that it added, and that it has. */
  readonly added: readonly string[]
  readonly live: readonly string[]
}

export interface ModelRef {
  readonly type: 'branch' | 'tag'
  readonly id: string
  readonly least?: number
}

export interface LineModel {
  readonly snapshots: Map<string, ModelSnapshot>
  readonly refs: Map<string, ModelRef>
  /** Ids that main was, one after the other. */
  log: string[]
}

/** A snapshot and those before it, as far as they are there. */
export function lineOf(model: LineModel, id: string | undefined): readonly string[] {
  const snapshot = model.snapshots.get(id ?? '')
  return snapshot === undefined ? [] : [snapshot.id, ...lineOf(model, snapshot.parent)]
}

export function move(model: LineModel, branch: string, id: string): void {
  const ref = model.refs.get(branch)
  if (ref?.id === id) return
  model.refs.set(branch, { type: 'branch', ...ref, id })
  if (branch === 'main') model.log.push(id)
}

/** Asks of every single snapshot whether there is a reason for it to stay. */
export function expire(model: LineModel, { olderThan, keepLast }: { readonly olderThan: number; readonly keepLast: number }): void {
  const refs = [...model.refs.values()]
  const young = (id: string): boolean => (model.snapshots.get(id)?.time ?? 0) >= olderThan
  const staysOn = (ref: ModelRef, id: string): boolean => {
    const line = ref.type === 'tag' ? [ref.id] : lineOf(model, ref.id)
    const at = line.indexOf(id)
    return at >= 0 && (ref.type === 'tag' || line.slice(0, at + 1).every((other, i) => i < (ref.least ?? keepLast) || young(other)))
  }
  const isLoose = (id: string): boolean => refs.every((ref) => !(ref.type === 'tag' ? [ref.id] : lineOf(model, ref.id)).includes(id))
  const gone = [...model.snapshots.keys()].filter((id) => !refs.some((ref) => staysOn(ref, id)) && !(isLoose(id) && young(id)))
  for (const id of gone) model.snapshots.delete(id)
  const lastGone = model.log.findLastIndex((id) => gone.includes(id))
  model.log = model.log.slice(lastGone + 1)
}
