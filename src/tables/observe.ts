import { remaining } from '../assets/column-versions.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { type Catalog, formatTableId, type LoadedTable } from '../iceberg/catalog.ts'
import type { FilePlace } from '../iceberg/data-file.ts'
import { ancestors, type TableMetadata } from '../iceberg/metadata.ts'
import { ancestorsSince, changesSince } from '../iceberg/scan.ts'
import type { Store } from '../iceberg/store.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import { assign, difference, domain, type IntervalMap, override, remove } from '../partitions/interval-map.ts'
import { EMPTY, type Interval, normalise, type PartitionSet, union, WHOLE } from '../partitions/partition-set.ts'
import type { AssetState } from '../storage/storage.ts'
import { withRemoved } from '../partitions/bind.ts'
import { universe } from '../partitions/partitions.ts'
import { locatorOf, tablesOf } from './asset-table.ts'

/** A table that moved without Assay: by another engine, or by a process that died before it could record. */
export interface Observation {
  readonly asset: AssetKey
  /** The head of the table now; undefined when the table is gone. */
  readonly snapshotId: string | undefined
  /** Data versions of the partitions that were touched: ids of the snapshots that did it. */
  readonly versions: IntervalMap<string>
  /** Partitions whose known version is gone, because the table was rolled back or dropped. */
  readonly lost: PartitionSet
}

/** Current tables of the assets, those of rejected rows too, by key. What has no table, or none yet, is left out. */
export type Heads = ReadonlyMap<AssetKey, LoadedTable>

/** @throws ASSAY-2003, ASSAY-2004, ASSAY-2010 */
export async function loadHeads(catalog: Catalog, assets: readonly AssetSpec[]): Promise<Heads> {
  const stored = new Set((await catalog.locations()).map((row) => formatTableId(row.id)))
  const heads = new Map<AssetKey, LoadedTable>()
  for (const key of assets.flatMap(tableKeys)) {
    const id = tableNameOf(key)
    const loaded = stored.has(formatTableId(id)) ? await catalog.load(id) : undefined
    if (loaded !== undefined) heads.set(key, loaded)
  }
  return heads
}

const tableKeys = (spec: AssetSpec): readonly AssetKey[] =>
  spec.kind === 'external' ? [spec.key] : tablesOf(spec).map((table) => table.key)

/** What others have done to the tables since the store last knew of them. */
export async function observe(
  store: Store,
  assets: readonly AssetSpec[],
  heads: Heads,
  states: ReadonlyMap<AssetKey, AssetState>,
): Promise<readonly Observation[]> {
  const observations: Observation[] = []
  for (const spec of assets) {
    // Its version function is asked by steps of their own.
    if (spec.observe !== undefined) continue
    const metadata = heads.get(spec.key)?.metadata
    const known = states.get(spec.key)
    if (metadata?.currentSnapshotId === known?.snapshotId) continue
    observations.push(await observeOne(store, spec, metadata, known))
  }
  return observations
}

async function observeOne(
  store: Store,
  spec: AssetSpec,
  metadata: TableMetadata | undefined,
  known: AssetState | undefined,
): Promise<Observation> {
  const snapshotId = metadata?.currentSnapshotId
  const before = known?.versions ?? []
  if (metadata === undefined || snapshotId === undefined)
    return { asset: spec.key, snapshotId: undefined, versions: [], lost: domain(before) }
  const versions = await touched(store, spec, metadata, { known: known?.snapshotId })
  return { asset: spec.key, snapshotId, versions, lost: isRewound(metadata, known?.snapshotId) ? difference(before, versions) : [] }
}

/**
 * Whether a table was taken back behind a snapshot, or made anew: what was known of it then does not count any more. A
 * snapshot that has only been expired leaves the line of ancestors cut short.
 */
function isRewound(metadata: TableMetadata, known: string | undefined): boolean {
  if (known === undefined || ancestorsSince(metadata, known) !== undefined) return false
  const isRetained = metadata.snapshots.some((snapshot) => snapshot.id === known)
  return isRetained || ancestors(metadata).at(-1)?.parentId === undefined
}

/** What others did to a table after `known` and before `ours`, when `ours` was committed on top of it. */
export async function observeBefore(
  store: Store,
  spec: AssetSpec,
  metadata: TableMetadata,
  between: { readonly known: string | undefined; readonly ours: string },
): Promise<Observation | undefined> {
  const parent = metadata.snapshots.find((snapshot) => snapshot.id === between.ours)?.parentId
  if (parent === undefined || parent === between.known) return undefined
  const versions = await touched(store, spec, metadata, between)
  return { asset: spec.key, snapshotId: parent, versions, lost: [] }
}

/** Data versions of the partitions that were touched after `known`, by all but the snapshot `ours`. */
async function touched(
  store: Store,
  spec: AssetSpec,
  metadata: TableMetadata,
  { known, ours }: { readonly known: string | undefined; readonly ours?: string },
): Promise<IntervalMap<string>> {
  const locate = locatorOf(metadata, spec.partitions)
  let versions: IntervalMap<string> = []
  for (const change of await changesSince(store, metadata, known)) {
    if (change.snapshotId !== ours) versions = assign(versions, touchedBy(spec, change.partitions, locate), change.snapshotId)
  }
  return versions
}

/** 2100-01-01: far beyond any partition of an open end. */
const FAR = 4_102_444_800_000

/** Files that do not tell their partition may hold any; files without one hold none. */
export function touchedBy(spec: AssetSpec, files: readonly FilePlace[], locate: ReturnType<typeof locatorOf>): PartitionSet {
  if (files.length === 0) return EMPTY
  if (spec.partitions.dim === 'none') return WHOLE
  const partitions = files.map(locate)
  if (partitions.includes('any')) return universe(withRemoved(spec.partitions), FAR)
  return normalise(partitions.filter((at) => typeof at === 'number').map((at): Interval => [at, at + 1]))
}

/** The states as they are with the observations taken in. */
export function withObservations(
  states: ReadonlyMap<AssetKey, AssetState>,
  observations: readonly Observation[],
): ReadonlyMap<AssetKey, AssetState> {
  if (observations.length === 0) return states
  const out = new Map(states)
  for (const { asset, snapshotId, versions, lost } of observations) {
    const state = out.get(asset) ?? { versions: [], made: [], snapshotId: undefined, lastAttempt: [] }
    const merged = override(remove(state.versions, lost), versions)
    const columnVersions = remaining(state.columnVersions, union(lost, domain(versions)))
    out.set(asset, { ...state, snapshotId, versions: merged, columnVersions, made: remove(state.made, lost) })
  }
  return out
}

/** The partitions that observations touched, for messages. */
export const touchedPartitions = (observation: Observation): PartitionSet => domain(observation.versions)
