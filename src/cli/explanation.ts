import { type AssetStatus, NOTHING_KNOWN } from '../assets/status.ts'
import type { AssetSpec } from '../assets/spec.ts'
import type { Cause } from '../assets/versions.ts'
import type { AssetKey } from '../keys.ts'
import { difference, domain, type IntervalMap, restrict, valueAt } from '../partitions/interval-map.ts'
import { EMPTY, intersect, isEmpty, type PartitionSet, subtract, union } from '../partitions/partition-set.ts'
import { reachOf } from '../partitions/reach.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { Inspection } from '../runs/launch.ts'
import type { Materialization, StepState } from '../storage/events.ts'
import type { StepRecord } from '../storage/storage.ts'
import { MATERIALIZATION_ID } from '../tables/publish.ts'

/** A run, and when it was that it did something: milliseconds since the epoch. */
export interface RunMoment {
  readonly runId: string
  readonly at: number
}

/** One fact of an explanation, with the facts that it follows from. */
export type Reason = { readonly asset: AssetKey; readonly partitions: PartitionSet; readonly from: readonly Reason[] } & (
  | { readonly kind: 'never made' }
  /** Made once, but its table was moved back behind that, or is gone. `to`: where the table stands now, and since when. */
  | {
      readonly kind: 'taken back'
      readonly made: RunMoment
      readonly to: { readonly snapshotId: string; readonly since: number | undefined } | undefined
    }
  /** Not what its inputs and code would give now. `made`: by whom it was made as it is. */
  | { readonly kind: 'stale'; readonly cause: Cause; readonly made: RunMoment | undefined }
  /** `asset` came to a version by a run, which in turn had a cause, where that is still known. */
  | { readonly kind: 'made'; readonly version: string; readonly by: RunMoment; readonly because: string | undefined }
  /** `asset` came to a version by another writer, by a run that is not remembered any more, or in an observation. */
  | { readonly kind: 'written'; readonly version: string; readonly by: Writer['by']; readonly at: number | undefined }
  /** The last attempt did not succeed. */
  | ({ readonly kind: 'attempt'; readonly state: StepState; readonly runId: string; readonly stepId: string } & AttemptEnd)
  /** A publishing that was begun, and of which nobody knows yet whether it happened. */
  | { readonly kind: 'unknown'; readonly runId: string; readonly stepId: string }
  /** `asset`, further up, is stale or missing. `path`: how it leads down to what is explained. */
  | { readonly kind: 'upstream'; readonly path: readonly AssetKey[] }
  | { readonly kind: 'fresh'; readonly made: RunMoment }
)

interface AttemptEnd {
  readonly at: number | undefined
  readonly problem: string | undefined
  readonly details: readonly string[]
}

/** Records looked at of each asset. */
const HISTORY = 500
/** Versions that are followed further up, of one cause, and moves one after the other. */
const BREADTH = 8
const DEPTH = 32

export interface Walk {
  readonly loaded: LoadedManifest
  readonly inspection: Inspection
  /** Of all assets. */
  readonly statuses: ReadonlyMap<AssetKey, AssetStatus>
}

/** Why partitions of an asset are as they are: its own reasons, and those of what is not fresh further up. */
export async function explain(walk: Walk, spec: AssetSpec, partitions: PartitionSet): Promise<readonly Reason[]> {
  if (spec.kind === 'external') return []
  const own = await ownReasons(walk, spec, partitions)
  const above: Reason[] = []
  for (const { asset, partitions: due, path } of dueAbove(walk, spec, partitions))
    above.push({ kind: 'upstream', asset: asset.key, partitions: due, path, from: await ownReasons(walk, asset, due) })
  return own.length + above.length > 0 ? [...own, ...above] : freshReasons(walk, spec, partitions)
}

/** The last run of those that made the partitions. */
function freshReasons({ inspection }: Walk, { key }: AssetSpec, partitions: PartitionSet): readonly Reason[] {
  const made = latest(restrict(inspection.states.get(key)?.made ?? [], partitions))
  return made === undefined ? [] : [{ kind: 'fresh', asset: key, partitions, made, from: [] }]
}

function latest(made: IntervalMap<Materialization>): RunMoment | undefined {
  const [first, ...more] = made.map((entry) => entry.value)
  if (first === undefined) return undefined
  const { runId, at } = more.reduce((a, b) => (b.at > a.at ? b : a), first)
  return { runId, at }
}

/** Why partitions are missing or stale by themselves, and what became of the last attempt at them. */
async function ownReasons(walk: Walk, spec: AssetSpec, partitions: PartitionSet): Promise<readonly Reason[]> {
  const version = walk.statuses.get(spec.key)?.version
  if (version === undefined) return []
  const made = walk.inspection.states.get(spec.key)?.made ?? []
  const reasons: Reason[] = [...(await missingReasons(walk, spec, intersect(version.missing, partitions)))]
  for (const { cause, partitions: all } of version.because) {
    const affected = intersect(all, partitions)
    if (isEmpty(affected)) continue
    const from = cause.kind === 'input changed' ? await arrivals(walk, cause, 0) : []
    reasons.push({ kind: 'stale', asset: spec.key, partitions: affected, cause, made: latest(restrict(made, affected)), from })
  }
  return [...reasons, ...(await unknownOutcomes(walk, spec, partitions)), ...(await attempts(walk, spec, partitions))]
}

/** What was made and is missing all the same was taken back, or its table dropped. */
async function missingReasons({ inspection }: Walk, { key }: AssetSpec, missing: PartitionSet): Promise<readonly Reason[]> {
  const reasons: Reason[] = []
  let open = missing
  for (const record of isEmpty(missing) ? [] : await inspection.storage.materializations({ asset: key, limit: HISTORY })) {
    const partitions = intersect(open, record.partitions)
    if (isEmpty(partitions)) continue
    open = subtract(open, partitions)
    reasons.push({ kind: 'taken back', asset: key, partitions, made: record, to: standing(inspection, key), from: [] })
  }
  return isEmpty(open) ? folded(reasons) : [{ kind: 'never made', asset: key, partitions: open, from: [] }, ...folded(reasons)]
}

/** One for each run that made what was taken back. */
function folded(reasons: readonly Reason[]): readonly Reason[] {
  const runs = Map.groupBy(reasons, (reason) => (reason.kind === 'taken back' ? reason.made.runId : ''))
  return [...runs.values()].flatMap((group) => {
    const [first] = group
    if (first?.kind !== 'taken back') return []
    const { runId, at } = first.made
    return [{ ...first, made: { runId, at }, partitions: union(...group.map(({ partitions }) => partitions)) }]
  })
}

function standing({ heads }: Inspection, key: AssetKey): (Reason & { kind: 'taken back' })['to'] {
  const metadata = heads.get(key)?.metadata
  const snapshotId = metadata?.currentSnapshotId
  if (metadata === undefined || snapshotId === undefined) return undefined
  const entry = metadata.snapshotLog.at(-1)
  return { snapshotId, since: entry?.snapshotId === snapshotId ? entry.timestamp : undefined }
}

async function unknownOutcomes({ inspection }: Walk, { key }: AssetSpec, partitions: PartitionSet): Promise<readonly Reason[]> {
  const open = (await inspection.storage.openIntents()).flatMap(({ runId, stepId, materializations }) =>
    materializations.filter(({ asset }) => asset === key).map((materialization) => ({ runId, stepId, materialization })),
  )
  return open.flatMap(({ runId, stepId, materialization }): readonly Reason[] => {
    const meant = intersect(materialization.partitions, partitions)
    return isEmpty(meant) ? [] : [{ kind: 'unknown', asset: key, partitions: meant, runId, stepId, from: [] }]
  })
}

/** The attempts that did not succeed, one for each run and problem. */
async function attempts({ inspection }: Walk, { key }: AssetSpec, partitions: PartitionSet): Promise<readonly Reason[]> {
  const reasons = new Map<string, Reason>()
  const steps = stepsOf(inspection)
  for (const { from, to, value } of inspection.states.get(key)?.lastAttempt ?? []) {
    const meant = intersect([[from, to]], partitions)
    if (isEmpty(meant)) continue
    const step = (await steps(value.runId)).get(value.stepId)
    const problem = step?.problem === undefined ? undefined : `${step.problem.code} ${step.problem.what}`
    const name = `${value.runId} ${value.state} ${problem}`
    const known = reasons.get(name)
    const details = step?.problem?.details?.slice(0, 1) ?? []
    const reason: Reason = { kind: 'attempt', asset: key, partitions: meant, ...value, at: step?.endedAt, problem, details, from: [] }
    reasons.set(name, known === undefined ? reason : { ...known, partitions: union(known.partitions, meant) })
  }
  return [...reasons.values()]
}

/** Steps by id, asked for once for each run. */
function stepsOf({ storage }: Inspection): (runId: string) => Promise<ReadonlyMap<string, StepRecord>> {
  const known = new Map<string, Promise<ReadonlyMap<string, StepRecord>>>()
  return (runId) => {
    const found = known.get(runId) ?? storage.steps(runId).then((steps) => new Map(steps.map((step) => [step.id, step])))
    known.set(runId, found)
    return found
  }
}

interface Due {
  readonly asset: AssetSpec
  readonly partitions: PartitionSet
  readonly path: readonly AssetKey[]
}

/** What the partitions come from, directly or not, and is itself stale or missing: furthest up first. Each asset is looked at once. */
function dueAbove({ loaded, inspection, statuses }: Walk, spec: AssetSpec, partitions: PartitionSet): readonly Due[] {
  const needed = new Map<AssetKey, PartitionSet>([[spec.key, partitions]])
  const next = new Map<AssetKey, AssetKey>()
  const found: Due[] = []
  for (const asset of loaded.manifest.assets.toReversed()) {
    const mine = needed.get(asset.key)
    if (mine === undefined) continue
    const { stale = EMPTY, missing = EMPTY } = statuses.get(asset.key)?.version ?? {}
    const due = intersect(union(stale, missing), mine)
    if (asset !== spec && asset.kind !== 'external' && !isEmpty(due))
      found.unshift({ asset, partitions: due, path: pathFrom(asset.key, next) })
    for (const dep of asset.deps) {
      const { versions } = inspection.states.get(dep.asset) ?? NOTHING_KNOWN
      const reach = intersect(
        reachOf(dep.mapping, mine, () => domain(versions)),
        statuses.get(dep.asset)?.exist ?? EMPTY,
      )
      needed.set(dep.asset, union(needed.get(dep.asset) ?? EMPTY, reach))
      if (!next.has(dep.asset)) next.set(dep.asset, asset.key)
    }
  }
  return found
}

function pathFrom(key: AssetKey, next: ReadonlyMap<AssetKey, AssetKey>): readonly AssetKey[] {
  const path = [key]
  for (let at = next.get(key); at !== undefined; at = next.get(at)) path.push(at)
  return path
}

interface Moved {
  readonly asset: AssetKey
  readonly partitions: PartitionSet
  readonly to: readonly string[]
}

/** How an input came to its new versions. */
async function arrivals(walk: Walk, moved: Moved, depth: number): Promise<readonly Reason[]> {
  if (depth >= DEPTH) return []
  const history = await walk.inspection.storage.materializations({ asset: moved.asset, limit: HISTORY })
  const reasons: Reason[] = []
  for (const version of moved.to.slice(0, BREADTH)) reasons.push(await arrival(walk, { ...moved, version, history }, depth))
  return reasons
}

interface Arrived extends Moved {
  readonly version: string
  readonly history: readonly Materialization[]
}

async function arrival(walk: Walk, { asset, partitions, version, history }: Arrived, depth: number): Promise<Reason> {
  const isIt = (record: Materialization): boolean => record.dataVersion === version && record.unchanged === undefined
  const standing = restrict(walk.inspection.states.get(asset)?.made ?? [], partitions).find(({ value }) => isIt(value))?.value
  const made = standing ?? history.find(isIt)
  if (made === undefined) return { kind: 'written', asset, partitions, version, ...writer(walk, asset, version), from: [] }
  const since = history.findIndex(({ id }) => id === made.id)
  const older = since < 0 ? undefined : history.slice(since + 1).find((record) => !isEmpty(intersect(record.partitions, made.partitions)))
  const isForgotten = older === undefined && (since < 0 || history.length === HISTORY)
  const { words, moved } = isForgotten ? { words: undefined, moved: [] } : madeBecause(made, older)
  const from: Reason[] = []
  for (const input of moved) from.push(...(await arrivals(walk, input, depth + 1)))
  const by = { runId: made.runId, at: made.at }
  return { kind: 'made', asset, partitions: made.partitions, version, by, because: words, from }
}

interface Writer {
  readonly by: 'others' | 'a run' | 'an observation'
  /** Milliseconds since the epoch. */
  readonly at: number | undefined
}

/** Who wrote a snapshot that no record is known of: Assay's own say so in their summary. */
function writer({ inspection, loaded }: Walk, asset: AssetKey, version: string): Writer {
  if (loaded.asset(asset)?.observe !== undefined) return { by: 'an observation', at: undefined }
  const snapshot = inspection.heads.get(asset)?.metadata.snapshots.find(({ id }) => id === version)
  return { by: snapshot?.summary[MATERIALIZATION_ID] === undefined ? 'others' : 'a run', at: snapshot?.timestamp }
}

/** Why a materialization followed another of the same partitions: what differs between what they were made from. */
function madeBecause(
  made: Materialization,
  older: Materialization | undefined,
): { readonly words: string; readonly moved: readonly Moved[] } {
  if (older === undefined) return { words: 'for the first time', moved: [] }
  const moved = Object.entries(made.inputs).flatMap(([name, input]): readonly Moved[] => {
    const before = older.inputs[name]?.versions ?? []
    const partitions = difference(before, input.versions)
    const to = [...new Set(restrict(input.versions, partitions).map((entry) => entry.value))]
    return isEmpty(partitions) || valueAt(input.versions, partitions[0]?.[0] ?? 0) === undefined
      ? []
      : [{ asset: input.asset, to, partitions }]
  })
  if (made.codeVersion !== older.codeVersion) return { words: 'because its code changed', moved }
  return {
    words: moved.length === 0 ? 'anew of the same inputs and code' : `because ${moved.map((input) => input.asset).join(' and ')} moved`,
    moved,
  }
}
