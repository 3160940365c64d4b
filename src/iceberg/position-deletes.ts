import { type IcebergSchema, quoteText } from '../schema/iceberg-type.ts'
import type { SqlSession, WrittenFile } from '../sql/engine.ts'
import type { AvroValue } from './avro.ts'
import type { DataFile, ManifestFile } from './data-file.ts'
import { FILE_PATH_ID, POSITION_ID } from './delete-index.ts'
import { metric } from './filter.ts'
import { ROW_PATH, ROW_POS } from './live-rows.ts'
import { encodeManifest, type ManifestEntry } from './manifests.ts'
import type { SnapshotId, TableMetadata } from './metadata.ts'
import type { StagedDeletes } from './rewrite.ts'
import { fieldsOf } from './stage.ts'
import type { Store } from './store.ts'

const SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: FILE_PATH_ID, name: 'file_path', type: 'string', required: true },
    { id: POSITION_ID, name: 'pos', type: 'long', required: true },
  ],
}

/** Where position deletes are written. */
export interface DeletePlace {
  readonly snapshotId: SnapshotId
  /** Folder of the attempt. */
  readonly folder: string
  readonly metadata: TableMetadata
}

/**
 * Writes the positions in the table `hits` as delete files, one for each data file, so that a delete file goes when its
 * data file does. All durable, and in the folder of the attempt, manifests too.
 */
export async function stagePositionDeletes(
  { session, store }: { readonly session: SqlSession; readonly store: Store },
  place: DeletePlace,
  { hits, targets }: { readonly hits: string; readonly targets: readonly ManifestEntry[] },
): Promise<StagedDeletes> {
  const root = `${place.folder}/deletes`
  const entries: ManifestEntry[] = []
  await store.makeFolder(root)
  for (const [i, target] of targets.entries()) {
    // Readers compare paths as they are spelt in the manifest.
    const path = String(target.fields['file_path'])
    const query = `SELECT ${quoteText(path)} AS file_path, ${ROW_POS} AS pos FROM ${hits} WHERE ${ROW_PATH} = ${quoteText(target.file.path)} ORDER BY pos`
    const written = await session.writeParquet(query, { folder: `${root}/${i}`, schema: SCHEMA, partitionBy: {} })
    entries.push(...written.map((file) => entryOf(file, target, path, place.snapshotId)))
  }
  const files = entries.map((entry) => entry.file)
  const manifests = await stageManifests(store, place, root, entries)
  await store.sync(
    files.map((file) => file.path),
    root,
  )
  return { manifests, files, rows: sum(files, (file) => file.rows), size: sum(files, (file) => file.size) }
}

/** A manifest holds files of one spec, and deletes have that of the files which they are about. */
async function stageManifests(
  store: Store,
  { snapshotId, metadata }: DeletePlace,
  root: string,
  entries: readonly ManifestEntry[],
): Promise<readonly ManifestFile[]> {
  const manifests: ManifestFile[] = []
  for (const [specId, own] of Map.groupBy(entries, (entry) => entry.file.specId)) {
    const spec = metadata.specs.find((one) => one['spec-id'] === specId)
    const schema = metadata.schemas.find((one) => one['schema-id'] === metadata.currentSchemaId)
    if (spec === undefined || schema === undefined) throw new Error(`no spec ${specId}`)
    const path = `${root}/m${specId}.avro`
    const made = encodeManifest({ path, content: 'deletes', snapshotId, spec, schema, schemas: metadata.schemas, entries: own })
    await store.write(path, made.bytes)
    manifests.push(made.manifest)
  }
  return manifests
}

/** Both bounds of the path are the path itself, whole, by which readers see that the deletes are about one file. */
function entryOf(written: WrittenFile, target: ManifestEntry, path: string, snapshotId: SnapshotId): ManifestEntry {
  const { partition, specId } = target.file
  const file: DataFile = { path: written.path, partition, specId, rows: written.rows, size: written.size }
  const fields = fieldsOf(written, SCHEMA)
  const bounds = (name: string): AvroValue => [
    { key: FILE_PATH_ID, value: Buffer.from(path) },
    ...[metric(fields, name, POSITION_ID)].flatMap((value) => (value === undefined ? [] : [{ key: POSITION_ID, value }])),
  ]
  const own = { content: 1, lower_bounds: bounds('lower_bounds'), upper_bounds: bounds('upper_bounds') }
  return { status: 'added', snapshotId, sequenceNumber: undefined, fileSequenceNumber: undefined, file, fields: { ...fields, ...own } }
}

const sum = (files: readonly DataFile[], of: (file: DataFile) => number): number => files.reduce((total, file) => total + of(file), 0)
