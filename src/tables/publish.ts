import type { AssetSpec } from '../assets/spec.ts'
import { AssayError } from '../errors.ts'
import { type Catalog, type CommitOutcome, formatTableId } from '../iceberg/catalog.ts'
import { type PreparedCommit, prepareCommit } from '../iceberg/commit.ts'
import { allLiveEntries } from '../iceberg/live-entries.ts'
import { ancestors, type TableMetadata } from '../iceberg/metadata.ts'
import { discardStaged } from '../iceberg/stage.ts'
import { removeAll, type Store } from '../iceberg/store.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { Materialization, PublishIntent } from '../storage/events.ts'
import { inPartitions } from './asset-table.ts'
import type { StagedTable } from './stage.ts'

/** Summary properties by which a snapshot says who made it; recovery and other tools read them. */
export const MATERIALIZATION_ID = 'assay.materialization-id'
const CODE_VERSION = 'assay.code-version'
const INPUT_VERSIONS = 'assay.input-versions'

export interface Lake {
  readonly catalog: Catalog
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** How often a commit is rebuilt when another writer moved a table between reading and writing it. */
const MAX_REBUILDS = 8

/** An asset that a step makes, with the record of it. */
export interface Output {
  readonly spec: AssetSpec
  readonly materialization: Materialization
}

export interface Publishing {
  readonly outputs: readonly Output[]
  readonly partitions: PartitionSet
  readonly tables: readonly StagedTable[]
  /** Where `main` of each table stood when the step began, by name; absent for a table that was not there. */
  readonly readFrom: ReadonlyMap<string, string>
}

/** Metadata of the tables after a publish, by name, with the location that the catalog now stores. */
export type Published = ReadonlyMap<string, { readonly metadataLocation: string; readonly metadata: TableMetadata }>

/**
 * Moves all tables of a step to their staged version in one catalog transaction. When another writer was faster, the
 * commit is rebuilt on the new head, unless it touched the same partitions.
 * @throws ASSAY-2006 when it did; the staged files are then removed
 */
export async function publish(lake: Lake, publishing: Publishing): Promise<Published> {
  for (let rebuild = 0; rebuild < MAX_REBUILDS; rebuild++) {
    const prepared = await prepareAll(lake, publishing)
    const outcome = await lake.catalog
      .commit(prepared.map((p) => p.change))
      .catch((error: unknown) => takeBack(lake.store, prepared, error))
    if (outcome.kind === 'committed') return publishedOf(prepared)
    if (outcome.kind === 'unknown' && (await landed(lake, publishing))) return publishedOf(prepared)
    if (outcome.kind === 'unknown') throw unknownOutcome(publishing, outcome)
    await removeWritten(lake.store, prepared)
  }
  throw new AssayError('ASSAY-2006', `${namesOf(publishing)} was moved by other writers ${MAX_REBUILDS} times in a row`)
}

const namesOf = ({ outputs }: Publishing): string => outputs.map(({ spec }) => spec.key).join(' or ')

const publishedOf = (prepared: readonly PreparedCommit[]): Published =>
  new Map(prepared.map((p) => [formatTableId(p.change.id), { metadataLocation: p.change.metadataLocation, metadata: p.metadata }]))

/** All tables are done with, one way or the other, when this ends: nothing is written behind the back of who cleans up. */
async function prepareAll(lake: Lake, publishing: Publishing): Promise<readonly PreparedCommit[]> {
  const results = await Promise.allSettled(publishing.tables.map((table) => prepare(lake, publishing, table)))
  const prepared = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find((result) => result.status === 'rejected')
  return failed === undefined ? prepared : takeBack(lake.store, prepared, failed.reason)
}

const removeWritten = (store: Store, prepared: readonly PreparedCommit[]): Promise<void> =>
  removeAll(
    store,
    prepared.flatMap((p) => p.written),
  )

/** For a commit that surely was not made. What made it fail is thrown on, also where its files cannot be removed. */
async function takeBack(store: Store, prepared: readonly PreparedCommit[], error: unknown): Promise<never> {
  await removeWritten(store, prepared).catch(() => {})
  throw error
}

async function prepare(lake: Lake, publishing: Publishing, table: StagedTable): Promise<PreparedCommit> {
  const { outputs, partitions, readFrom } = publishing
  const { spec, materialization } = outputs.find((output) => output.spec.key === table.asset) as Output
  return prepareCommit(lake.store, await lake.catalog.load(table.id), {
    id: table.id,
    staged: table.staged,
    ...(table.schemaId === undefined ? {} : { schemaId: table.schemaId }),
    overwrite: table.overwrite ?? (spec.partitions.dim === 'none' ? 'everything' : inPartitions(spec, partitions)),
    readFrom: readFrom.get(formatTableId(table.id)) ?? 'nothing',
    summary: {
      [MATERIALIZATION_ID]: materialization.id,
      [CODE_VERSION]: materialization.codeVersion,
      [INPUT_VERSIONS]: JSON.stringify(materialization.inputs),
    },
    now: lake.now(),
  })
}

/** What the newest version of a table that Assay has made was made from: a fact of the table, also after a rollback. */
export function inputsOf(metadata: TableMetadata): Materialization['inputs'] | undefined {
  const told = ancestors(metadata).find(({ summary }) => summary[INPUT_VERSIONS] !== undefined)?.summary[INPUT_VERSIONS]
  return told === undefined ? undefined : (JSON.parse(told) as Materialization['inputs'])
}

/** Whether the snapshots of a commit are in their tables. A table that cannot be read does not tell. */
async function landed(lake: Lake, publishing: Publishing): Promise<boolean> {
  const found = await Promise.all(
    publishing.tables.map(({ id, staged }) =>
      isThere(lake, { ...id, snapshotId: staged.snapshotId, folder: staged.folder }).catch(() => false),
    ),
  )
  return found.length > 0 && found.every(Boolean)
}

/**
 * Whether a table has a snapshot, or had it: others may have expired it since, but its files, in a folder that no other
 * snapshot writes to, are then those of a later one.
 */
async function isThere(lake: Lake, table: PublishIntent['tables'][number]): Promise<boolean> {
  const loaded = await lake.catalog.load(table)
  if (loaded === undefined) return false
  if (loaded.metadata.snapshots.some((snapshot) => snapshot.id === table.snapshotId)) return true
  if (loaded.metadata.currentSnapshotId === undefined) return false
  const folder = `${lake.store.normalise(table.folder)}/`
  const { data, deletes } = await allLiveEntries(lake.store, loaded.metadata)
  return [...data, ...deletes].some(({ file }) => lake.store.normalise(file.path).startsWith(folder))
}

const unknownOutcome = (publishing: Publishing, { cause }: CommitOutcome & { kind: 'unknown' }): AssayError =>
  new AssayError('ASSAY-2010', `the catalog did not say whether ${namesOf(publishing)} was published`, {
    next: 'Its files stay. Run the same command again: Assay reads the table and records what happened.',
    cause,
  })

/**
 * What became of a publishing that was begun by a process that is gone: all its tables moved in one transaction, so one
 * answer holds for all. `rejected`: it did not happen, and what was staged is removed. `unknown`: a table cannot be read
 * now; everything stays as it is.
 */
export async function resolveIntent(lake: Lake, intent: PublishIntent): Promise<CommitOutcome['kind']> {
  try {
    const found = await Promise.all(intent.tables.map((table) => isThere(lake, table)))
    if (found.some(Boolean)) return 'committed'
  } catch {
    return 'unknown'
  }
  await removeAll(
    lake.store,
    intent.tables.map((table) => table.folder),
  )
  return 'rejected'
}

export const discard = async (store: Store, tables: readonly StagedTable[]): Promise<void> => {
  await Promise.all(tables.map((table) => discardStaged(store, table.staged)))
}
