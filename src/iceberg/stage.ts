import { AssayError } from '../errors.ts'
import {
  type IcebergSchema,
  type Leaf,
  leavesOf,
  type PartitionSpec,
  type PrimitiveType,
  quoteIdentifier,
  type SortOrder,
} from '../schema/iceberg-type.ts'
import { SqlError, type SqlSession, type WrittenColumn, type WrittenFile } from '../sql/engine.ts'
import type { AvroRecord, AvroValue } from './avro.ts'
import { lowerBound, upperBound } from './bounds.ts'
import { type DataFile, OWN_FOLDER, type PartitionTuple, type StagedFiles } from './data-file.ts'
import { encodeManifest, type ManifestEntry } from './manifests.ts'
import type { SnapshotId } from './metadata.ts'
import { sortSql } from './sort-order.ts'
import { removeAll, type Store } from './store.ts'
import { partitionValue, transformSql } from './transforms.ts'

export interface StageRequest {
  /** The id that the snapshot will have. */
  readonly snapshotId: SnapshotId
  /** Folder of the table. */
  readonly location: string
  /** Names the files of this attempt; no other attempt at this table has it. */
  readonly attempt: string
  readonly schema: IcebergSchema
  /** The highest field id of the table so far. */
  readonly knownColumnId?: number | undefined
  readonly spec: PartitionSpec
  /** What each file is to be sorted by, and what becomes the order of the table. */
  readonly sortOrder?: SortOrder | undefined
  /** A SELECT that yields the columns of the schema, or several, whose rows go to files of their own. */
  readonly query: string | readonly StagePart[]
}

/** A query whose rows become files of their own. */
export interface StagePart {
  readonly query: string
  /** That of all rows. They then go to one file, in the order of the query. */
  readonly partition?: PartitionTuple
  /** By which the files are sorted: those of one partition by the query already, others when they are written. */
  readonly sortOrder?: SortOrder | undefined
}

/**
 * Writes the rows of a query as data files and a manifest, all durable, that no snapshot names yet. On an error nothing
 * stays.
 * @throws ASSAY-2001, ASSAY-2002, ASSAY-2004 for transforms that are not written, ASSAY-5003; SqlError of the query
 */
export async function stageFiles(session: SqlSession, store: Store, request: StageRequest): Promise<StagedFiles> {
  try {
    return await stage(session, store, request)
  } catch (error) {
    // What made it fail says more than a removal that fails too.
    await discardStaged(store, request).catch(() => {})
    throw diskError(error, request.location)
  }
}

async function stage(session: SqlSession, store: Store, request: StageRequest): Promise<StagedFiles> {
  const { snapshotId, schema, knownColumnId, spec, sortOrder, query } = request
  const location = store.normalise(request.location)
  const { folder, manifestPath } = stagedPlaces({ ...request, location })
  await store.makeFolder(folder)
  const parts = typeof query === 'string' ? [await writePart(session, request, { query, sortOrder }, folder)] : []
  if (typeof query !== 'string')
    for (const [i, part] of query.entries()) parts.push(await writePart(session, request, part, `${folder}/${i}`))
  const entries = parts.flat()
  const files = entries.map((entry) => entry.file)
  const sums = { rows: sum(files, (f) => f.rows), size: sum(files, (f) => f.size) }
  const staged = { snapshotId, location, folder, schema, knownColumnId, spec, sortOrder, files, ...sums }
  if (files.length === 0) return { ...staged, manifest: undefined }
  const { bytes, manifest } = encodeManifest({ path: manifestPath, snapshotId, spec, schema, schemas: [schema], entries })
  const synced = store.sync(
    files.map((file) => file.path),
    folder,
  )
  // Both have ended before an error is known, so that what is removed then is not written after.
  const failed = (await Promise.allSettled([store.write(manifestPath, bytes), synced])).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return { ...staged, manifest }
}

async function writePart(session: SqlSession, request: StageRequest, part: StagePart, folder: string): Promise<ManifestEntry[]> {
  const { schema, spec } = request
  const { query, partition, sortOrder } = part
  const partitionBy = partition === undefined ? partitionExpressions(schema, spec) : {}
  const orderBy = sortOrder === undefined || partition !== undefined ? '' : sortSql(schema, sortOrder)
  const written = await session.writeParquet(query, { folder, schema, partitionBy, orderBy })
  return written.map((file) => entryOf(file, request, { partition: partition ?? partitionOf(file, request), sortOrder }))
}

/** What an attempt writes at most: the folder of its data files, and its manifest. */
export const stagedPlaces = ({
  location,
  attempt,
}: {
  readonly location: string
  readonly attempt: string
}): { folder: string; manifestPath: string } => ({
  folder: `${location}/${OWN_FOLDER}${attempt}`,
  manifestPath: `${location}/metadata/${attempt}-m0.avro`,
})

/** Removes what was staged. Only for files that no snapshot can name. */
export async function discardStaged(
  store: Store,
  staged: StagedFiles | { readonly location: string; readonly attempt: string },
): Promise<void> {
  const { folder, manifestPath } =
    'attempt' in staged ? stagedPlaces(staged) : { folder: staged.folder, manifestPath: staged.manifest?.path }
  await removeAll(store, [folder, ...(manifestPath === undefined ? [] : [manifestPath])])
}

/** The engine reports a full disk as an error of the query, which it is not. */
function diskError(error: unknown, location: string): unknown {
  if (!(error instanceof SqlError) || error.kind !== 'io') return error
  if (/No space left|quota exceeded/i.test(error.message))
    return new AssayError('ASSAY-2002', `The disk of ${location} is full`, { cause: error })
  const refused = /Permission denied|Read-only file system|Not a directory/i.test(error.message) && error.message.includes(location)
  return refused ? new AssayError('ASSAY-2001', `${location} cannot be written: ${error.message}`, { cause: error }) : error
}

const sourceOf = (schema: IcebergSchema, field: PartitionSpec['fields'][number]): IcebergSchema['fields'][number] => {
  const source = schema.fields.find((column) => column.id === field['source-id'])
  if (source === undefined) throw new AssayError('ASSAY-2011', `The partition field ${field.name} has no column in the schema any more`)
  return source
}

const partitionExpressions = (schema: IcebergSchema, spec: PartitionSpec): Readonly<Record<string, string>> =>
  Object.fromEntries(
    spec.fields.map((field) => {
      const source = sourceOf(schema, field)
      return [field.name, transformSql(field.transform, quoteIdentifier(source.name), source.type)]
    }),
  )

const partitionOf = (written: WrittenFile, { schema, spec }: StageRequest): PartitionTuple =>
  Object.fromEntries(
    spec.fields.map((field) => [field.name, partitionValue(field, sourceOf(schema, field).type, written.partition[field.name] ?? null)]),
  )

function entryOf(
  written: WrittenFile,
  { snapshotId, schema, spec }: StageRequest,
  { partition, sortOrder }: { readonly partition: PartitionTuple; readonly sortOrder: SortOrder | undefined },
): ManifestEntry {
  const file: DataFile = { path: written.path, partition, specId: spec['spec-id'], rows: written.rows, size: written.size }
  const fields = { ...fieldsOf(written, schema), sort_order_id: sortOrder?.id ?? 0 }
  return { status: 'added', snapshotId, sequenceNumber: undefined, fileSequenceNumber: undefined, file, fields }
}

/**
 * The data file fields of a manifest. NaN counts are given where they are known, which is where there are none. Of what
 * lies in lists and maps there are sizes and counts of values alone: the engine's null counts are wrong there, and as in
 * Iceberg's Java library there are no bounds.
 */
export function fieldsOf(written: WrittenFile, schema: IcebergSchema): AvroRecord {
  const leaves = new Map(leavesOf(schema.fields).map((leaf) => [leaf.id, leaf]))
  const all = (value: (column: WrittenColumn, leaf: Leaf) => AvroValue | undefined): AvroRecord[] =>
    written.columns.flatMap((column) => {
      const leaf = leaves.get(column.id)
      const found = leaf === undefined ? undefined : value(column, leaf)
      return found === undefined ? [] : [{ key: column.id, value: found }]
    })
  const single = (value: (column: WrittenColumn, type: PrimitiveType) => AvroValue | undefined): AvroRecord[] =>
    all((column, leaf) => (leaf.repeated ? undefined : value(column, leaf.type)))
  return {
    content: 0,
    file_path: written.path,
    file_format: 'PARQUET',
    record_count: written.rows,
    file_size_in_bytes: written.size,
    column_sizes: all((column) => column.size),
    value_counts: all((column) => column.values),
    null_value_counts: single((column) => column.nulls),
    nan_value_counts: single((column, type) => ((type === 'float' || type === 'double') && !column.hasNan ? 0 : undefined)),
    lower_bounds: single((column, type) => (column.min === undefined ? undefined : lowerBound(type, column.min))),
    upper_bounds: single((column, type) => (column.max === undefined ? undefined : upperBound(type, column.max))),
  }
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0)
