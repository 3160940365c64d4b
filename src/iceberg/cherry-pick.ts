import { randomUUID } from 'node:crypto'
import { AssayError } from '../errors.ts'
import type { LoadedTable, TableId } from './catalog.ts'
import { prepareCommit } from './commit.ts'
import { type BuiltCommit, type Committed, commitTable, type Tables, writeMetadata } from './commit-metadata.ts'
import type { StagedFiles } from './data-file.ts'
import { allLiveEntries } from './live-entries.ts'
import { encodeManifest, type ManifestEntry, readManifest, readManifestList } from './manifests.ts'
import { type Snapshot, type SnapshotId, schemaOf, type TableMetadata } from './metadata.ts'
import { fastForward, isAncestor, MAIN } from './refs.ts'
import { snapshotAt } from './snapshot-at.ts'
import { type Store, writeAll } from './store.ts'

/** Summary property that names the snapshot which was picked, as Iceberg's Java library writes it. */
const SOURCE = 'source-snapshot-id'

export interface CherryPick {
  readonly id: TableId
  readonly snapshotId: SnapshotId
  /** The id of the snapshot that is made, where one is. */
  readonly newId: SnapshotId
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Appends to `main` what a snapshot elsewhere appended; one that stands right on top of `main` becomes its head as it is.
 * @throws ASSAY-2031 for a snapshot that is no append, or whose rows `main` has already; ASSAY-2009; as {@link commitTable}
 */
export const cherryPick = (tables: Tables, pick: CherryPick): Promise<Committed> =>
  commitTable(tables, pick.id, (base) => build(tables.store, base, pick))

async function build(store: Store, base: LoadedTable, pick: CherryPick): Promise<BuiltCommit | undefined> {
  const { metadata } = base
  const picked = snapshotAt(metadata, { id: pick.snapshotId })
  refuseUnpickable(metadata, picked)
  if (picked.parentId === metadata.currentSnapshotId) return writeMetadata(store, base, fastForward(metadata, MAIN, picked.id, pick.now))
  const staged = await restage(store, metadata, picked, pick.newId)
  const { id, now } = pick
  try {
    const prepared = await prepareCommit(store, base, { id, staged, overwrite: 'nothing', summary: { [SOURCE]: picked.id }, now })
    const { metadataLocation } = prepared.change
    return { metadata: prepared.metadata, metadataLocation, written: [...prepared.written, staged.folder] }
  } catch (error) {
    await store.remove(staged.folder).catch(() => {})
    throw error
  }
}

function refuseUnpickable(metadata: TableMetadata, picked: Snapshot): void {
  if (picked.operation !== 'append')
    throw unpickable(metadata, picked, `it is of the operation ${picked.operation}, and only appends can be put onto another head`)
  if (isAncestor(metadata, picked.id, metadata.currentSnapshotId)) throw unpickable(metadata, picked, `${MAIN} descends from it`)
}

const unpickable = (metadata: TableMetadata, picked: Snapshot, why: string): AssayError =>
  new AssayError('ASSAY-2031', `Snapshot ${picked.id} of the table at ${metadata.location} cannot be cherry-picked: ${why}`)

/** By an earlier pick, or by an ancestor that has expired since: a file named twice would double its rows. */
async function refuseTwice(store: Store, metadata: TableMetadata, picked: Snapshot, entries: readonly ManifestEntry[]): Promise<void> {
  const live = new Set((await allLiveEntries(store, metadata)).data.map(({ file }) => file.path))
  if (entries.some((entry) => live.has(entry.file.path))) throw unpickable(metadata, picked, `${MAIN} has its rows already`)
}

/** The files that a snapshot added, under a manifest of their own for another snapshot. */
async function restage(store: Store, metadata: TableMetadata, picked: Snapshot, snapshotId: SnapshotId): Promise<StagedFiles> {
  const own = (await readManifestList(store, picked.manifestList)).filter((manifest) => manifest.addedSnapshotId === picked.id)
  const read = (await Promise.all(own.map((manifest) => readManifest(store, metadata, manifest)))).flat()
  const entries = read
    .filter((entry) => entry.status === 'added' && entry.snapshotId === picked.id)
    .map((entry): ManifestEntry => ({ ...entry, snapshotId, sequenceNumber: undefined, fileSequenceNumber: undefined }))
  const specId = entries[0]?.file.specId ?? metadata.defaultSpecId
  const spec = metadata.specs.find((known) => known['spec-id'] === specId)
  if (spec === undefined || entries.some((entry) => entry.file.specId !== specId))
    throw new AssayError('ASSAY-2004', `Snapshot ${picked.id} of the table at ${metadata.location} was written by several partition specs`)
  await refuseTwice(store, metadata, picked, entries)
  const path = `${store.normalise(metadata.location)}/metadata/${snapshotId}-${randomUUID()}-picked.avro`
  const schema = schemaOf(metadata)
  const { bytes, manifest } = encodeManifest({ path, snapshotId, spec, schema, schemas: metadata.schemas, entries })
  await writeAll(store, [{ path, bytes }])
  const files = entries.map((entry) => entry.file)
  const sum = (of: 'rows' | 'size'): number => files.reduce((total, file) => total + file[of], 0)
  return { snapshotId, location: metadata.location, folder: path, schema, spec, manifest, files, rows: sum('rows'), size: sum('size') }
}
