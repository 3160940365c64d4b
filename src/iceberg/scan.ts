import { AssayError } from '../errors.ts'
import { duckdbType, type IcebergSchema, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import { type DataFile, type FilePlace, isOwn, type ManifestFile } from './data-file.ts'
import { cachedEntries, cachedList } from './manifest-cache.ts'
import { hasLive, type LeanEntry, type ManifestEntry } from './manifests.ts'
import { ancestors, type Snapshot, type SnapshotId, snapshotOf, type TableMetadata } from './metadata.ts'
import { markedColumns, readingOf } from './reshape.ts'
import type { Store } from './store.ts'

/** Manifests read at once. */
const READERS = 16

/**
 * The data files of a snapshot, or of the current one; none for a table without snapshots. Not all of their rows need to
 * be live: `planScan` finds the delete files as well.
 * @throws ASSAY-2004, ASSAY-2005, ASSAY-2009
 */
export const liveFiles = async (store: Store, metadata: TableMetadata, snapshotId?: SnapshotId): Promise<DataFile[]> =>
  (await liveEntries(store, metadata, snapshotId)).map((entry) => entry.file)

/** The same with all that manifests say of each file. @throws ASSAY-2004, ASSAY-2005, ASSAY-2009 */
export async function liveEntries(store: Store, metadata: TableMetadata, snapshotId?: SnapshotId): Promise<LeanEntry[]> {
  const snapshot = snapshotOf(metadata, snapshotId)
  if (snapshot === undefined) return []
  const manifests = (await cachedList(store, snapshot.manifestList)).filter((manifest) => hasLive(manifest) && manifest.content === 'data')
  const entries = (await readAll(store, metadata, manifests)).flat()
  return entries.filter((entry) => entry.status !== 'deleted')
}

/**
 * The manifests of a snapshot that name live data files, where these are all there is to know.
 * @throws ASSAY-2004 where rows are deleted by delete files
 */
export async function dataManifests(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<readonly ManifestFile[]> {
  const manifests = (await cachedList(store, snapshot.manifestList)).filter(hasLive)
  if (manifests.some((manifest) => manifest.content === 'deletes')) {
    throw new AssayError('ASSAY-2004', `Snapshot ${snapshot.id} of the table at ${metadata.location} has delete files (merge-on-read)`, {
      next: "Compact the table with the engine that wrote it, and set 'write.delete.mode' to 'copy-on-write'.",
    })
  }
  return manifests
}

async function readAll(store: Store, metadata: TableMetadata, manifests: readonly ManifestFile[]): Promise<(readonly LeanEntry[])[]> {
  const all: (readonly LeanEntry[])[] = []
  for (let i = 0; i < manifests.length; i += READERS) {
    all.push(...(await Promise.all(manifests.slice(i, i + READERS).map((manifest) => cachedEntries(store, metadata, manifest)))))
  }
  return all
}

/** @throws ASSAY-2004 for data files that are not Parquet */
export function refuseForeignFile(metadata: TableMetadata, { file, fields }: ManifestEntry): void {
  const format = String(fields['file_format'])
  if (format.toUpperCase() === 'PARQUET') return
  throw new AssayError('ASSAY-2004', `The table at ${metadata.location} has files in the format ${format}, such as ${file.path}`)
}

export interface ScanOptions {
  /** All schemas of the table; needed for files that are older than a change of nested columns. */
  readonly history?: readonly IcebergSchema[]
  /**
   * After the columns, one of this name with the path of the file, and `file_row_number`. The schema has none of these
   * names then.
   */
  readonly places?: string
}

/**
 * A SELECT that yields exactly the columns of `schema`, in order, from files written under any earlier schema.
 */
export function scanSql(store: Store, schema: IcebergSchema, files: readonly DataFile[], options: ScanOptions = {}): string {
  const { history = [schema], places } = options
  const empty = schema.fields.map((field) => `CAST(NULL AS ${duckdbType(field.type)}) AS ${quoteIdentifier(field.name)}`)
  if (files.length === 0) return `SELECT ${empty.join(', ')} WHERE false`
  const names = options.history !== undefined && files.every(isOwn) ? unchangedNames(schema, options.history) : undefined
  if (names !== undefined) return scanByName(store, { schema, names }, files, places)
  const marks = new Map<string, string>()
  const columns = schema.fields.map((field) => ({ field, name: quoteIdentifier(field.name), reading: readingOf(field, history, marks) }))
  const read = columns.map(({ name, reading }) => (reading.project(name) === name ? name : `${reading.project(name)} AS ${name}`))
  const byId = columns.map(
    ({ reading, field }) => `${field.id}: {name: ${quoteText(field.name)}, type: ${quoteText(reading.type)}, default_value: NULL}`,
  )
  const paths = pathList(store, files)
  const file = places ?? FILE
  const marked = markedColumns(marks, paths, quoteIdentifier(file))
  const named = places === undefined && marked.length === 0 ? [] : [`filename = ${quoteText(file)}`]
  const source = `read_parquet(${paths}, ${[`schema = MAP {${byId.join(', ')}}`, 'hive_partitioning = false', ...named].join(', ')})`
  const place = places === undefined ? [] : [quoteIdentifier(file), ROW_NUMBER]
  const selected = `SELECT ${[...read, ...place].join(', ')} FROM`
  if (marked.length === 0) return `${selected} ${source}`
  return `${selected} (SELECT ${['*', ...place.slice(1), ...marked].join(', ')} FROM ${source})`
}

/**
 * Of a table that has had no other schema, the name that each column has had in all files, by field id. Who scans may call
 * columns otherwise. Undefined for any other table.
 */
function unchangedNames(schema: IcebergSchema, history: readonly IcebergSchema[]): ReadonlyMap<number, string> | undefined {
  const [only, ...others] = history
  if (only === undefined || others.length > 0 || only['schema-id'] !== 0 || schema['schema-id'] !== 0) return undefined
  const distinct = new Set(only.fields.map((field) => field.name.toLowerCase()))
  const names = new Map(only.fields.map((field) => [field.id, field.name]))
  return distinct.size === only.fields.length && schema.fields.every((field) => names.has(field.id)) ? names : undefined
}

/**
 * Found by name, files tell the engine how many rows they have, which a scan by field id does not: without it a join takes
 * the wrong side into memory, at four times the cost.
 */
function scanByName(
  store: Store,
  { schema, names }: { readonly schema: IcebergSchema; readonly names: ReadonlyMap<number, string> },
  files: readonly DataFile[],
  places: string | undefined,
): string {
  const columns = schema.fields.map(
    ({ id, name, type }) => `CAST(${quoteIdentifier(names.get(id) ?? name)} AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`,
  )
  const named = places === undefined ? [] : [`filename = ${quoteText(places)}`]
  const place = places === undefined ? [] : [quoteIdentifier(places), ROW_NUMBER]
  const source = `read_parquet(${[pathList(store, files), 'hive_partitioning = false', ...named].join(', ')})`
  return `SELECT ${[...columns, ...place].join(', ')} FROM ${source}`
}

const pathList = (store: Store, files: readonly DataFile[]): string =>
  `[${files.map((file) => quoteText(literalGlob(store.normalise(file.path)))).join(', ')}]`

/** The column that names the file of a row, where that is needed. */
const FILE = '__file'
/** A column that the engine has for every Parquet file, without `*` meaning it too. */
const ROW_NUMBER = 'file_row_number'

/** The engine takes paths for patterns. */
export const literalGlob = (path: string): string => path.replace(/[*?[]/g, '[$&]')

/** What a snapshot did to the rows of a table. */
export interface SnapshotChange {
  readonly snapshotId: SnapshotId
  readonly operation: Snapshot['operation']
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly summary: Snapshot['summary']
  /** Partitions in which files were added or removed, each once. */
  readonly partitions: readonly FilePlace[]
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
async function touchedBy(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<readonly FilePlace[]> {
  const own = (await cachedList(store, snapshot.manifestList)).filter((manifest) => manifest.addedSnapshotId === snapshot.id)
  const entries = (await readAll(store, metadata, own)).flat()
  return distinctPartitions(
    entries.filter((entry) => entry.status !== 'existing' && entry.snapshotId === snapshot.id).map((entry) => entry.file),
  )
}

/** The partitions that files lie in, each once. */
export function distinctPartitions(files: readonly FilePlace[]): readonly FilePlace[] {
  const places = files.map(({ specId, partition }) => [`${specId} ${JSON.stringify(partition)}`, { specId, partition }] as const)
  return [...new Map(places).values()]
}
