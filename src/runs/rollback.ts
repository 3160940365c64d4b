import type { AssetSpec } from '../assets/spec.ts'
import type { Clock } from '../clock.ts'
import type { Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import { formatTableId, type LoadedTable, type TableId } from '../iceberg/catalog.ts'
import { type Committed, commitMetadata, type Tables } from '../iceberg/commit-metadata.ts'
import { type Move, moveBetween } from '../iceberg/diff.ts'
import { type Snapshot, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { fastForward, isAncestor, MAIN, rollback } from '../iceberg/refs.ts'
import { parseAt, snapshotAt } from '../iceberg/snapshot-at.ts'
import type { Store } from '../iceberg/store.ts'
import { localStore } from '../iceberg/stores/local.ts'
import type { AssetKey } from '../keys.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { openStorage } from '../storage/sqlite.ts'
import { locatorOf } from '../tables/asset-table.ts'
import { loadHeads, type Observation, observe, touchedBy, withObservations } from '../tables/observe.ts'
import { adoption, knownStates } from './environment.ts'
import { openCatalog } from './launch.ts'
import { NOTHING_KNOWN } from '../assets/status.ts'
import { recover } from './recover.ts'
import { endPromotions } from './take-over.ts'

/** What a rollback changes: shown, then done as shown or not at all. */
export interface RollbackPlan {
  readonly asset: AssetKey
  readonly from: Snapshot
  readonly to: Snapshot
  /** `forward` takes back a rollback: `main` goes on to a snapshot that descends from it. */
  readonly direction: 'back' | 'forward'
  /** Partitions whose files change. */
  readonly partitions: PartitionSet
  /** Rows that readers see from then on, and those that they see no more. */
  readonly rows: Move['rows']
}

/**
 * Plans to move `main` of an asset's table to another version; undefined where it stands there already. Writes nothing.
 * @param to a snapshot, time, branch or tag, as people write it
 * @throws ASSAY-2008 without a table, ASSAY-2009, ASSAY-2031 for a version of another line or a table that others write
 */
export async function planRollback(
  store: Store,
  spec: AssetSpec,
  table: LoadedTable | undefined,
  to: string,
): Promise<RollbackPlan | undefined> {
  if (spec.kind === 'external') throw new AssayError('ASSAY-2031', `${spec.key} is external: only who writes it may take it back`)
  if (table === undefined) throw new AssayError('ASSAY-2008', `${spec.key} has no table`)
  const { metadata } = table
  const target = snapshotAt(metadata, parseAt(metadata, to))
  const head = snapshotOf(metadata)
  if (head === undefined || head.id === target.id) return undefined
  const direction = directionOf(table, head, target)
  const { files, rows } = await moveBetween(store, metadata, { from: head, to: target })
  return {
    asset: spec.key,
    from: head,
    to: target,
    direction,
    partitions: touchedBy(spec, files, locatorOf(metadata, spec.partitions)),
    rows,
  }
}

/** @throws ASSAY-2031 */
function directionOf({ id, metadata }: LoadedTable, head: Snapshot, target: Snapshot): RollbackPlan['direction'] {
  if (isAncestor(metadata, target.id, head.id)) return 'back'
  if (isAncestor(metadata, head.id, target.id)) return 'forward'
  throw new AssayError(
    'ASSAY-2031',
    `${formatTableId(id)} cannot be rolled back to snapshot ${target.id}: it is on another line than ${MAIN}`,
  )
}

export interface RollbackOptions {
  readonly settings: Settings
  readonly loaded: LoadedManifest
  readonly clock: Clock
  readonly spec: AssetSpec
  readonly to: string
}

/** A rollback that was done, and what the store was told of it. */
export interface RolledBack {
  readonly plan: RollbackPlan
  readonly observations: readonly Observation[]
}

/**
 * Plans and does a rollback: one commit. What it took away is then observed as if others had done it, so that everything
 * downstream is stale, also when this process dies in between.
 * @throws ASSAY-3001 when another process is writing, ASSAY-2006 when another writer moved the table; as {@link planRollback}
 */
export async function rollBack({ settings, loaded, clock, spec, to }: RollbackOptions): Promise<RolledBack | undefined> {
  const storage = openStorage({ folder: settings.home, clock })
  const store = localStore()
  const catalog = openCatalog(settings, store)
  try {
    await recover(storage, { catalog, store, now: () => clock.now() })
    if (settings.environment === undefined) await endPromotions({ storage, catalog, loaded }, settings.home, clock)
    const { assets } = loaded.manifest
    const heads = await loadHeads(catalog, assets)
    const { states: known, isOwn } = await knownStates(settings, storage, catalog, loaded)
    const before = await observe(store, assets, heads, known)
    await storage.append(before.map((o) => ({ type: 'table.observed' as const, ...o })))
    const table = heads.get(spec.key)
    const plan = await planRollback(store, spec, table, to)
    if (plan === undefined || table === undefined) return undefined
    if (!isOwn(spec)) await storage.append(adoption(spec.key, withObservations(known, before).get(spec.key) ?? NOTHING_KNOWN))
    const { after } = await moveMain({ catalog, store }, table.id, plan, clock.now())
    const observations = await observe(store, [spec], new Map([[spec.key, after]]), withObservations(known, before))
    await storage.append(observations.map((o) => ({ type: 'table.observed' as const, ...o })))
    return { plan, observations }
  } finally {
    catalog.close()
    storage.close()
  }
}

/** Does what was planned, and records nothing. @throws ASSAY-2006 when another writer moved the table, ASSAY-2010 */
export const moveMain = (tables: Tables, id: TableId, plan: RollbackPlan, now: number): Promise<Committed> =>
  commitMetadata(tables, id, (metadata) => moved(metadata, plan, now))

/** Not rebuilt on what others committed since: what they wrote was not in the plan. */
function moved(metadata: TableMetadata, { asset, from, to, direction }: RollbackPlan, now: number): TableMetadata {
  if (metadata.currentSnapshotId !== from.id)
    throw new AssayError('ASSAY-2006', `${asset} was moved by another writer from snapshot ${from.id} to ${metadata.currentSnapshotId}`)
  return direction === 'forward' ? fastForward(metadata, MAIN, to.id, now) : rollback(metadata, { id: to.id }, now)
}
