import type { AssetSpec } from '../assets/spec.ts'
import { type Cause, versionStatus } from '../assets/versions.ts'
import type { LoadedTable } from '../iceberg/catalog.ts'
import type { AssetKey } from '../keys.ts'
import { difference, restrict, valueAt } from '../partitions/interval-map.ts'
import { intersect, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { Inspection } from '../runs/launch.ts'
import { NOTHING_KNOWN } from '../assets/status.ts'
import type { Materialization } from '../storage/events.ts'

/** One fact of an explanation, with the facts that it follows from. */
export type Reason = { readonly asset: AssetKey; readonly partitions: PartitionSet; readonly from: readonly Reason[] } & (
  | { readonly kind: 'never made' }
  /** Not what its inputs and code would give now. */
  | { readonly kind: 'stale'; readonly cause: Cause }
  /** `asset` came to a version by a run, which in turn had a cause. */
  | { readonly kind: 'made'; readonly version: string; readonly at: number; readonly runId: string; readonly because: string }
  /** `asset` came to a version by another writer. */
  | { readonly kind: 'written by others'; readonly version: string; readonly at: number | undefined }
)

/** Records looked at of each asset. */
const HISTORY = 500
/** How far up the walk goes: beyond it, nobody reads on. */
const DEPTH = 8

interface Walk {
  readonly loaded: LoadedManifest
  readonly inspection: Inspection
  readonly now: number
}

/** Why partitions of an asset are not fresh, down to the roots; empty where they are. */
export async function explain(walk: Walk, spec: AssetSpec, partitions: PartitionSet, depth = 0): Promise<readonly Reason[]> {
  const { states } = walk.inspection
  const exist = universe(spec.partitions, walk.now)
  const status = versionStatus(spec, states.get(spec.key) ?? NOTHING_KNOWN, exist, (key) => states.get(key))
  const reasons: Reason[] = []
  const missing = intersect(status.missing, partitions)
  if (spec.kind !== 'external' && !isEmpty(missing))
    reasons.push({ kind: 'never made', asset: spec.key, partitions: missing, from: await dueUpstream(walk, spec, missing, depth) })
  for (const { cause, partitions: all } of status.because) {
    const affected = intersect(all, partitions)
    if (isEmpty(affected)) continue
    const from = cause.kind === 'input changed' ? await arrivals(walk, cause, depth + 1) : []
    reasons.push({ kind: 'stale', asset: spec.key, partitions: affected, cause, from })
  }
  return reasons
}

/** Inputs that were never made either. */
async function dueUpstream(walk: Walk, spec: AssetSpec, partitions: PartitionSet, depth: number): Promise<readonly Reason[]> {
  if (depth >= DEPTH) return []
  const reasons: Reason[] = []
  for (const dep of spec.deps) {
    const upstream = walk.loaded.asset(dep.asset)
    if (upstream === undefined) continue
    const all = universe(upstream.partitions, walk.now)
    const looked = dep.mapping.kind === 'identity' ? intersect(all, partitions) : all
    reasons.push(...(await explain(walk, upstream, looked, depth + 1)).filter((reason) => reason.kind === 'never made'))
  }
  return reasons
}

/** How an input came to its new versions. */
async function arrivals(walk: Walk, cause: Cause & { kind: 'input changed' }, depth: number): Promise<readonly Reason[]> {
  const history = await walk.inspection.storage.materializations({ asset: cause.asset, limit: HISTORY })
  const reasons: Reason[] = []
  for (const version of cause.to) reasons.push(await arrival(walk, { ...cause, version, history }, depth))
  return reasons
}

interface Moved {
  readonly asset: AssetKey
  readonly partitions: PartitionSet
  readonly version: string
  readonly history: readonly Materialization[]
}

async function arrival(walk: Walk, { asset, partitions, version, history }: Moved, depth: number): Promise<Reason> {
  const made = history.find((record) => record.dataVersion === version)
  if (made === undefined)
    return { kind: 'written by others', asset, partitions, version, at: writtenAt(walk.inspection.heads.get(asset), version), from: [] }
  const older = history.slice(history.indexOf(made) + 1).find((record) => !isEmpty(intersect(record.partitions, made.partitions)))
  const { words, moved } = madeBecause(made, older)
  const from: Reason[] = []
  if (depth < DEPTH) {
    for (const { asset: upstream, versions, partitions: slices } of moved) {
      const records = await walk.inspection.storage.materializations({ asset: upstream, limit: HISTORY })
      for (const next of versions)
        from.push(await arrival(walk, { asset: upstream, partitions: slices, version: next, history: records }, depth + 1))
    }
  }
  return { kind: 'made', asset, partitions: made.partitions, version, at: made.at, runId: made.runId, because: words, from }
}

const writtenAt = (table: LoadedTable | undefined, version: string): number | undefined =>
  table?.metadata.snapshots.find((s) => s.id === version)?.timestamp

interface MovedInput {
  readonly asset: AssetKey
  readonly versions: readonly string[]
  readonly partitions: PartitionSet
}

/** Why a materialization followed another of the same partitions: what differs between what they were made from. */
function madeBecause(
  made: Materialization,
  older: Materialization | undefined,
): { readonly words: string; readonly moved: readonly MovedInput[] } {
  if (older === undefined) return { words: 'for the first time', moved: [] }
  const moved = Object.entries(made.inputs).flatMap(([name, input]): readonly MovedInput[] => {
    const before = older.inputs[name]?.versions ?? []
    const partitions = difference(before, input.versions)
    const versions = [...new Set(restrict(input.versions, partitions).map((entry) => entry.value))]
    return isEmpty(partitions) || valueAt(input.versions, partitions[0]?.[0] ?? 0) === undefined
      ? []
      : [{ asset: input.asset, versions, partitions }]
  })
  if (made.codeVersion !== older.codeVersion) return { words: 'because its code changed', moved }
  return { words: moved.length === 0 ? 'by force' : `because ${moved.map((input) => input.asset).join(' and ')} moved`, moved }
}
