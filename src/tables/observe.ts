import type { AssetSpec } from '../assets/spec.ts'
import { type Catalog, formatTableId, type LoadedTable } from '../iceberg/catalog.ts'
import type { TableMetadata } from '../iceberg/metadata.ts'
import { changesSince } from '../iceberg/scan.ts'
import type { Store } from '../iceberg/store.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import { assign, domain, type IntervalMap } from '../partitions/interval-map.ts'
import { type Interval, normalise, type PartitionSet, WHOLE } from '../partitions/partition-set.ts'
import type { AssetState } from '../storage/storage.ts'
import { partitionOf, tablesOf } from './asset-table.ts'

/** A table that moved without Assay: by another engine, or by a process that died before it could record. */
export interface Observation {
  readonly asset: AssetKey
  /** The head of the table now. */
  readonly snapshotId: string
  /** Data versions of the partitions that were touched: ids of the snapshots that did it. */
  readonly versions: IntervalMap<string>
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
    const head = heads.get(spec.key)
    const current = head?.metadata.currentSnapshotId
    const known = states.get(spec.key)
    if (head === undefined || current === undefined || current === known?.snapshotId) continue
    observations.push({
      asset: spec.key,
      snapshotId: current,
      versions: await touched(store, spec, head.metadata, { known: known?.snapshotId }),
    })
  }
  return observations
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
  return { asset: spec.key, snapshotId: parent, versions }
}

/** Data versions of the partitions that were touched after `known`, by all but the snapshot `ours`. */
async function touched(
  store: Store,
  spec: AssetSpec,
  metadata: TableMetadata,
  { known, ours }: { readonly known: string | undefined; readonly ours?: string },
): Promise<IntervalMap<string>> {
  let versions: IntervalMap<string> = []
  for (const change of await changesSince(store, metadata, known)) {
    if (change.snapshotId === ours) continue
    const partitions = change.partitions.map(partitionOf).filter((p) => p !== undefined)
    versions = assign(versions, partitionsTouched(spec, partitions), change.snapshotId)
  }
  return versions
}

const partitionsTouched = (spec: AssetSpec, partitions: readonly number[]): PartitionSet =>
  spec.partitions.dim === 'none' ? WHOLE : normalise(partitions.map((p): Interval => [p, p + 1]))

/** The states as they are with the observations taken in. */
export function withObservations(
  states: ReadonlyMap<AssetKey, AssetState>,
  observations: readonly Observation[],
): ReadonlyMap<AssetKey, AssetState> {
  if (observations.length === 0) return states
  const out = new Map(states)
  for (const { asset, snapshotId, versions } of observations) {
    const state = out.get(asset) ?? { versions: [], made: [], snapshotId: undefined, lastAttempt: [] }
    let merged = state.versions
    for (const { from, to, value } of versions) merged = assign(merged, [[from, to]], value)
    out.set(asset, { ...state, snapshotId, versions: merged })
  }
  return out
}

/** The partitions that observations touched, for messages. */
export const touchedPartitions = (observation: Observation): PartitionSet => domain(observation.versions)
