import type { AssetSpec } from '../assets/spec.ts'
import type { Settings } from '../config.ts'
import { type Catalog, formatTableId } from '../iceberg/catalog.ts'
import type { EnvironmentCatalog } from '../iceberg/catalogs/environment-catalog.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import { difference, domain, type IntervalMap, override, remove, restrict, where } from '../partitions/interval-map.ts'
import { type Interval, normalise, type PartitionSet, subtract } from '../partitions/partition-set.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { Materialization, StoreEvent } from '../storage/events.ts'
import { openStorageReader } from '../storage/sqlite.ts'
import type { AssetState, StorageReader } from '../storage/storage.ts'
import { NOTHING_KNOWN } from '../assets/status.ts'

/** What is known of all assets, and which of them have a table of the environment; all, outside of environments. */
export interface Known {
  readonly states: ReadonlyMap<AssetKey, AssetState>
  isOwn(spec: AssetSpec): boolean
}

/**
 * What is known of the assets. Within an environment: of a table of its own what the environment recorded, of all others
 * what `main` knows.
 */
export async function knownStates(settings: Settings, storage: StorageReader, catalog: Catalog, loaded: LoadedManifest): Promise<Known> {
  const recorded = await storage.assetStates()
  if (settings.environment === undefined || !isEnvironment(catalog)) return { states: recorded, isOwn: () => true }
  const reader = openStorageReader({ folder: settings.environment.mainHome })
  const main = await reader.assetStates().finally(() => reader.close())
  const own = new Set((await catalog.own()).map(({ id }) => formatTableId(id)))
  const isOwn = (spec: AssetSpec): boolean => spec.kind !== 'table' || own.has(formatTableId(tableNameOf(spec.key)))
  const states = new Map<AssetKey, AssetState>()
  for (const spec of loaded.manifest.assets) {
    const [under, over] = [main.get(spec.key), recorded.get(spec.key)]
    const state = over === undefined ? under : spec.kind === 'table' && isOwn(spec) ? over : laidOver(under ?? NOTHING_KNOWN, over, spec)
    if (state !== undefined) states.set(spec.key, state)
  }
  return { states, isOwn }
}

const isEnvironment = (catalog: Catalog): catalog is EnvironmentCatalog => 'own' in catalog

/**
 * What an environment knows of an asset that has no table of its own in it. Of one whose table is that of `main`, that its
 * rows turned out as they are there; what it did to a version that it has not is in vain, but for the telling of it.
 */
export function laidOver(main: AssetState, own: AssetState, { kind }: AssetSpec): AssetState {
  if (kind === 'external') return (own.observedAt ?? 0) > (main.observedAt ?? 0) ? own : main
  const later = kind === 'table' ? laterRecords(own, main) : newerRecords(own, main)
  const lastAttempt = override(remove(main.lastAttempt, domain(later)), own.lastAttempt)
  if (kind === 'table') return { ...main, made: override(main.made, later), lastAttempt }
  const versions = later.map(({ from, to, value }) => ({ from, to, value: value.dataVersion }))
  return { ...main, versions: override(main.versions, versions), made: override(main.made, later), lastAttempt }
}

/** The records of one state that were made after those of another. */
const newerRecords = ({ made }: AssetState, than: AssetState): IntervalMap<Materialization> =>
  made.flatMap(({ from, to, value }) =>
    subtract(
      [[from, to]],
      where(than.made, (record) => record.at >= value.at),
    ).map(([start, end]) => ({ from: start, to: end, value })),
  )

/** Those of them that are about the very data versions that the other state has. */
export const laterRecords = (state: AssetState, than: AssetState): IntervalMap<Materialization> =>
  restrict(newerRecords(state, than), subtract(domain(than.versions), difference(state.versions, than.versions)))

/** Wider than any partition. */
const EVERYTHING: PartitionSet = [[Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]]

/**
 * Events by which a store takes over what another knows of an asset.
 * @param replaced the partitions of which the store then knows nothing else; all of them by default
 */
export function adoption(
  asset: AssetKey,
  { snapshotId, versions, made, columnVersions = [], observedAt }: AssetState,
  replaced = EVERYTHING,
): readonly StoreEvent[] {
  const records = new Map<string, { readonly materialization: Materialization; readonly intervals: Interval[] }>()
  for (const { from, to, value } of made) {
    const record = records.get(value.id) ?? { materialization: value, intervals: [] }
    record.intervals.push([from, to])
    records.set(value.id, record)
  }
  return [
    {
      type: 'table.observed',
      asset,
      snapshotId,
      versions,
      lost: replaced,
      ...(columnVersions.length === 0 ? {} : { columnVersions }),
      ...(observedAt === undefined ? {} : { observedAt }),
    },
    ...[...records.values()].map(({ materialization, intervals }): StoreEvent => {
      return { type: 'materialization.adopted', materialization, partitions: normalise(intervals) }
    }),
  ]
}

/** The records of an environment, and beside them those of `main` that it stands on. */
export function environmentReader(own: StorageReader, main: StorageReader): StorageReader {
  return {
    ...own,
    registries: () => main.registries(),
    materializations: async (filter) => {
      const mine = await own.materializations(filter)
      const known = new Set(mine.map(({ id }) => id))
      const others = (await main.materializations(filter)).filter(({ id }) => !known.has(id))
      return [...mine, ...others].toSorted((a, b) => b.at - a.at).slice(0, filter.limit)
    },
    checkResults: async (asset) => {
      const mine = await own.checkResults(asset)
      return mine.length > 0 ? mine : main.checkResults(asset)
    },
    close: () => {
      own.close()
      main.close()
    },
  }
}
