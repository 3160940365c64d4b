import { AssayError } from '../errors.ts'
import { duckdbType, type IcebergSchema, quoteIdentifier, quoteText, type StructType } from '../schema/iceberg-type.ts'
import type { DataFile, ManifestFile, PartitionTuple } from './data-file.ts'
import { hasLive, type ManifestEntry, readManifest, readManifestList } from './manifests.ts'
import { ancestors, type Snapshot, type SnapshotId, snapshotOf, type TableMetadata } from './metadata.ts'
import { markedColumns, readingOf } from './reshape.ts'
import type { Store } from './store.ts'

/** Manifests read at once. */
const READERS = 16

/**
 * The data files of a snapshot, or of the current one; none for a table without snapshots.
 * @throws ASSAY-2004 for tables whose rows are not simply those of their files; ASSAY-2005; ASSAY-2009
 */
export async function liveFiles(store: Store, metadata: TableMetadata, snapshotId?: SnapshotId): Promise<DataFile[]> {
  const snapshot = snapshotOf(metadata, snapshotId)
  if (snapshot === undefined) return []
  refuseUnmapped(metadata)
  const manifests = await dataManifests(store, metadata, snapshot)
  const files: DataFile[] = []
  for (const entries of await readAll(store, metadata, manifests)) {
    for (const entry of entries) {
      if (entry.status === 'deleted') continue
      refuseForeignFile(metadata, entry)
      files.push(entry.file)
    }
  }
  return files
}

/** The manifests of a snapshot that name live data files. @throws ASSAY-2004 where rows are deleted by delete files */
export async function dataManifests(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<readonly ManifestFile[]> {
  const manifests = (await readManifestList(store, snapshot.manifestList)).filter(hasLive)
  if (manifests.some((manifest) => manifest.content === 'deletes')) {
    throw new AssayError('ASSAY-2004', `Snapshot ${snapshot.id} of the table at ${metadata.location} has delete files (merge-on-read)`, {
      next: "Compact the table with the engine that wrote it, and set 'write.delete.mode' to 'copy-on-write'.",
    })
  }
  return manifests
}

async function readAll(store: Store, metadata: TableMetadata, manifests: readonly ManifestFile[]): Promise<(readonly ManifestEntry[])[]> {
  const all: (readonly ManifestEntry[])[] = []
  for (let i = 0; i < manifests.length; i += READERS) {
    all.push(...(await Promise.all(manifests.slice(i, i + READERS).map((manifest) => readManifest(store, metadata, manifest)))))
  }
  return all
}

/** Without field ids in the files the engine would silently yield nulls. */
function refuseUnmapped(metadata: TableMetadata): void {
  if (metadata.properties['schema.name-mapping.default'] === undefined) return
  throw new AssayError('ASSAY-2004', `The table at ${metadata.location} maps columns by name, because some of its files have no field ids`)
}

function refuseForeignFile(metadata: TableMetadata, { file, fields }: ManifestEntry): void {
  const format = String(fields['file_format'])
  if (format.toUpperCase() === 'PARQUET') return
  throw new AssayError('ASSAY-2004', `The table at ${metadata.location} has files in the format ${format}, such as ${file.path}`)
}

/**
 * A SELECT that yields exactly the columns of `schema`, in order, from files written under any earlier schema.
 * @param history all schemas of the table; needed where nested columns have changed
 */
export function scanSql(
  store: Store,
  schema: IcebergSchema,
  files: readonly DataFile[],
  history: readonly StructType[] = [schema],
): string {
  const empty = schema.fields.map((field) => `CAST(NULL AS ${duckdbType(field.type)}) AS ${quoteIdentifier(field.name)}`)
  if (files.length === 0) return `SELECT ${empty.join(', ')} WHERE false`
  const marks = new Map<string, string>()
  const columns = schema.fields.map((field) => ({ field, name: quoteIdentifier(field.name), reading: readingOf(field, history, marks) }))
  const selected = columns.map(({ name, reading }) => (reading.project(name) === name ? name : `${reading.project(name)} AS ${name}`))
  const byId = columns.map(
    ({ reading, field }) => `${field.id}: {name: ${quoteText(field.name)}, type: ${quoteText(reading.type)}, default_value: NULL}`,
  )
  const paths = `[${files.map((file) => quoteText(literalGlob(store.normalise(file.path)))).join(', ')}]`
  const marked = markedColumns(marks, paths, FILE)
  const options = [
    `schema = MAP {${byId.join(', ')}}`,
    'hive_partitioning = false',
    ...(marked.length === 0 ? [] : [`filename = '${FILE}'`]),
  ]
  const source = `read_parquet(${paths}, ${options.join(', ')})`
  return `SELECT ${selected.join(', ')} FROM ${marked.length === 0 ? source : `(SELECT *, ${marked.join(', ')} FROM ${source})`}`
}

/** The column that names the file of a row, where that is needed. */
const FILE = '__file'

/** The engine takes paths for patterns. */
const literalGlob = (path: string): string => path.replace(/[*?[]/g, '[$&]')

/** What a snapshot did to the rows of a table. */
export interface SnapshotChange {
  readonly snapshotId: SnapshotId
  readonly operation: Snapshot['operation']
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly summary: Snapshot['summary']
  /** Partitions in which files were added or removed, each once. */
  readonly partitions: readonly PartitionTuple[]
}

/**
 * What happened on `main` since a snapshot, oldest first. Snapshots that only rearranged files (`replace`) are left out.
 * When `after` is no ancestor of the head any more (rolled back, or expired), all ancestors are given: the history that
 * the caller knew does not count.
 */
export async function changesSince(store: Store, metadata: TableMetadata, after: SnapshotId | undefined): Promise<SnapshotChange[]> {
  const newer = (ancestorsSince(metadata, after) ?? ancestors(metadata)).filter((snapshot) => snapshot.operation !== 'replace')
  const changes: SnapshotChange[] = []
  for (const snapshot of newer.toReversed()) {
    const { id, operation, timestamp, summary } = snapshot
    changes.push({ snapshotId: id, operation, timestamp, summary, partitions: await touchedBy(store, metadata, snapshot) })
  }
  return changes
}

/** The snapshots of `main` since another, newest first; undefined when that one is no ancestor of the head. */
export function ancestorsSince(metadata: TableMetadata, after: SnapshotId | undefined): readonly Snapshot[] | undefined {
  const line = ancestors(metadata)
  const known = line.findIndex((snapshot) => snapshot.id === after)
  return known < 0 ? undefined : line.slice(0, known)
}

/** Delete files count as well: they take rows from their partition. */
async function touchedBy(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<readonly PartitionTuple[]> {
  const own = (await readManifestList(store, snapshot.manifestList)).filter((manifest) => manifest.addedSnapshotId === snapshot.id)
  const entries = (await readAll(store, metadata, own)).flat()
  return distinctPartitions(
    entries.filter((entry) => entry.status !== 'existing' && entry.snapshotId === snapshot.id).map((entry) => entry.file),
  )
}

/** The partitions that files lie in, each once. */
export function distinctPartitions(files: readonly DataFile[]): readonly PartitionTuple[] {
  return [...new Map(files.map((file) => [`${file.specId} ${JSON.stringify(file.partition)}`, file.partition])).values()]
}
