import type { AssetKey } from '../keys.ts'
import { difference, domain, equalMaps, type IntervalMap, restrict } from '../partitions/interval-map.ts'
import type { ConsumedInput } from '../storage/events.ts'
import { downstreamOf, reachOf } from '../partitions/reach.ts'
import { equals, intersect, type Interval, isEmpty, normalise, type PartitionSet, subtract, union } from '../partitions/partition-set.ts'
import { columnsRead, overlaid, type Versions, versionsSeen } from './column-versions.ts'
import type { AssetSpec, DepSpec } from './spec.ts'

/** What a materialization remembers, as far as staleness needs it. */
export interface MadeFrom {
  readonly codeVersion: string
  readonly inputs: Readonly<Record<string, ConsumedInput>>
}

/** What is known of an asset: see `storage.AssetState`, of which this is a part. */
export interface VersionState {
  readonly made: IntervalMap<MadeFrom>
}

/** Why partitions of an asset are not what its inputs and code would give now. */
export type Cause =
  | { readonly kind: 'code changed'; readonly from: string; readonly to: string }
  | {
      readonly kind: 'input changed'
      readonly dep: string
      readonly asset: AssetKey
      /** The partitions of the input that moved. */
      readonly partitions: PartitionSet
      readonly from: readonly string[]
      readonly to: readonly string[]
    }
  | { readonly kind: 'dependency added' | 'dependency removed'; readonly dep: string }
  | { readonly kind: 'forced' }

export interface Stale {
  readonly partitions: PartitionSet
  readonly cause: Cause
}

/** Version status of all partitions of an asset. The four sets are disjoint and cover `exist`. */
export interface VersionStatus {
  readonly fresh: PartitionSet
  readonly missing: PartitionSet
  readonly stale: PartitionSet
  readonly because: readonly Stale[]
}

/**
 * Compares what each partition was made from with what is there now. Exact for any number of upstream partitions: the
 * maps of consumed and current versions are compared interval by interval. An input that was written anew but looks as
 * before through the columns that are read has not changed.
 * @param exist all partitions of the asset. @param versionsOf what is there now of any asset.
 */
export function versionStatus(
  spec: AssetSpec,
  state: VersionState,
  exist: PartitionSet,
  versionsOf: (key: AssetKey) => Versions | undefined,
): VersionStatus {
  const made = intersect(domain(state.made), exist)
  const because: Stale[] = []
  const records = byRecord(state.made, exist)
  const inputs = records.size === 0 ? [] : spec.deps.map((dep) => inputNow(spec, dep, versionsOf(dep.asset)))
  for (const [record, partitions] of records) {
    if (record.codeVersion !== spec.codeVersion)
      because.push({ partitions, cause: { kind: 'code changed', from: record.codeVersion, to: spec.codeVersion } })
    for (const input of inputs) because.push(...inputCauses(input, record, partitions))
    for (const name of Object.keys(record.inputs)) {
      if (!spec.deps.some((dep) => dep.name === name)) because.push({ partitions, cause: { kind: 'dependency removed', dep: name } })
    }
  }
  const stale = union(...because.map((s) => s.partitions))
  return { fresh: subtract(made, stale), missing: subtract(exist, made), stale, because }
}

/** The partitions of each materialization that is still the last one somewhere. */
function byRecord(made: IntervalMap<MadeFrom>, exist: PartitionSet): ReadonlyMap<MadeFrom, PartitionSet> {
  const intervals = new Map<MadeFrom, Interval[]>()
  for (const { from, to, value } of made) {
    const list = intervals.get(value)
    if (list) list.push([from, to])
    else intervals.set(value, [[from, to]])
  }
  const sets = new Map<MadeFrom, PartitionSet>()
  for (const [record, list] of intervals) {
    const set = intersect(normalise(list), exist)
    if (!isEmpty(set)) sets.set(record, set)
  }
  return sets
}

/** A dep, and what is there of it now. */
interface InputNow {
  readonly dep: DepSpec
  readonly versions: IntervalMap<string>
  readonly made: () => PartitionSet
  /** Found out when the input has moved, as lineage lies in the file of the manifest until it is asked for. */
  readonly seen: () => Seen
}

interface Seen {
  readonly columns: readonly string[] | undefined
  /** As seen through the columns. */
  readonly versions: IntervalMap<string>
}

function inputNow(spec: AssetSpec, dep: DepSpec, now: Versions = { versions: [] }): InputNow {
  let seen: Seen | undefined
  let made: PartitionSet | undefined
  const look = (): Seen => {
    const columns = columnsRead(spec, dep.name)
    return { columns, versions: versionsSeen(now, columns) }
  }
  return { dep, versions: now.versions, made: () => (made ??= domain(now.versions)), seen: () => (seen ??= look()) }
}

function inputCauses(now: InputNow, record: MadeFrom, partitions: PartitionSet): readonly Stale[] {
  const { dep } = now
  const consumed = record.inputs[dep.name]
  if (consumed === undefined || consumed.asset !== dep.asset) return [{ partitions, cause: { kind: 'dependency added', dep: dep.name } }]
  const before = restrict(
    consumed.versions,
    reachOf(dep.mapping, partitions, () => domain(consumed.versions)),
  )
  const after = restrict(now.versions, reachOf(dep.mapping, partitions, now.made))
  if (equalMaps(before, after)) return []
  const moved = changedIn(now, consumed, difference(before, after))
  const reading = downstreamOf(dep.mapping, moved, partitions)
  if (isEmpty(reading)) return []
  // One set for both where they are the same: there may be millions of these.
  const affected = equals(reading, moved) ? moved : reading
  const values = (map: IntervalMap<string>): readonly string[] => [...new Set(restrict(map, moved).map((e) => e.value))]
  return [
    {
      partitions: affected,
      cause: { kind: 'input changed', dep: dep.name, asset: dep.asset, partitions: moved, from: values(before), to: values(after) },
    },
  ]
}

/** The partitions of a dep that have come, gone, or look different to an asset since it consumed it. */
export const changedSince = (spec: AssetSpec, dep: DepSpec, consumed: ConsumedInput, now: Versions): PartitionSet =>
  changedIn(inputNow(spec, dep, now), consumed, difference(consumed.versions, now.versions))

/** Of the partitions that were written anew, those that look different through the columns that are read. */
function changedIn(now: InputNow, { versions, through }: ConsumedInput, written: PartitionSet): PartitionSet {
  if (isEmpty(written)) return written
  const { columns, versions: seen } = now.seen()
  if (columns === undefined) return written
  const covers = through !== undefined && columns.every((column) => through.columns.includes(column))
  const before = restrict(versions, written)
  return difference(covers ? overlaid(before, through.versions) : before, restrict(seen, written))
}
