import { duckdbType, type IcebergSchema, type IcebergType, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { AvroValue } from './avro.ts'
import { inBatches } from './batches.ts'
import { decodeValue } from './bounds.ts'
import type { ManifestFile, PartitionTuple } from './data-file.ts'
import { type ManifestEntry, readManifest, readManifestList, specOf } from './manifests.ts'
import { ancestors, type Snapshot, type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from './metadata.ts'
import { retentionOf } from './refs.ts'
import { historyOf } from './snapshot-at.ts'
import type { Store } from './store.ts'
import { partitionTypes } from './transforms.ts'
import { valueText } from './value-text.ts'

/** What is known about a table, as tables, with the columns that Spark and PyIceberg give them. */
export const METADATA_TABLES = ['snapshots', 'files', 'manifests', 'partitions', 'history', 'refs'] as const
export type MetadataTable = (typeof METADATA_TABLES)[number]

/** A type as `from_json` takes it: a DuckDB type, a struct by field name, or a list of one type. */
type JsonType = string | { readonly [name: string]: JsonType } | readonly [JsonType]
type Row = Readonly<Record<string, unknown>>

interface Relation {
  readonly columns: Readonly<Record<string, JsonType>>
  readonly rows: readonly Row[]
  /** Expressions for columns that JSON cannot hold as they are, by column. */
  readonly casts?: Readonly<Record<string, string>>
}

/** What a metadata table is read from. */
export interface MetadataSource {
  readonly store: Store
  readonly metadata: TableMetadata
  /** That `files`, `manifests` and `partitions` are of; undefined for a table without any. */
  readonly snapshotId: SnapshotId | undefined
}

/** A SELECT over a metadata table. @throws ASSAY-2004, ASSAY-2005 */
export async function metadataTableSql(source: MetadataSource, table: MetadataTable): Promise<string> {
  const { columns, rows, casts = {} } = await BUILDERS[table](source)
  const json = JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  const unnested = `SELECT unnest(from_json(${quoteText(json)}, ${quoteText(JSON.stringify([columns]))})) AS r`
  const replaced = Object.entries(casts).map(([name, expression]) => `${expression} AS ${quoteIdentifier(name)}`)
  return `SELECT *${replaced.length === 0 ? '' : ` REPLACE (${replaced.join(', ')})`} FROM (SELECT unnest(r) FROM (${unnested}))`
}

const BUILDERS: Readonly<Record<MetadataTable, (source: MetadataSource) => Relation | Promise<Relation>>> = {
  snapshots,
  history,
  refs,
  manifests,
  files,
  partitions,
}

const boundText = (type: IcebergType, bytes: Uint8Array): string => valueText(type, decodeValue(type, bytes))

const TIME = 'TIMESTAMP WITH TIME ZONE'
const iso = (timestamp: number): string => new Date(timestamp).toISOString()

function snapshots({ metadata }: MetadataSource): Relation {
  return {
    columns: {
      committed_at: TIME,
      snapshot_id: 'BIGINT',
      parent_id: 'BIGINT',
      operation: 'VARCHAR',
      manifest_list: 'VARCHAR',
      summary: 'MAP(VARCHAR, VARCHAR)',
    },
    rows: metadata.snapshots.map(({ id, parentId, timestamp, operation, manifestList, summary }) => ({
      committed_at: iso(timestamp),
      snapshot_id: id,
      parent_id: parentId,
      operation,
      manifest_list: manifestList,
      summary,
    })),
  }
}

function history({ metadata }: MetadataSource): Relation {
  const line = new Set(ancestors(metadata).map((snapshot) => snapshot.id))
  const parents = new Map(metadata.snapshots.map((snapshot) => [snapshot.id, snapshot.parentId]))
  return {
    columns: { made_current_at: TIME, snapshot_id: 'BIGINT', parent_id: 'BIGINT', is_current_ancestor: 'BOOLEAN' },
    rows: historyOf(metadata).map(({ timestamp, snapshotId }) => ({
      made_current_at: iso(timestamp),
      snapshot_id: snapshotId,
      parent_id: parents.get(snapshotId),
      is_current_ancestor: line.has(snapshotId),
    })),
  }
}

function refs({ metadata }: MetadataSource): Relation {
  return {
    columns: {
      name: 'VARCHAR',
      type: 'VARCHAR',
      snapshot_id: 'BIGINT',
      max_reference_age_in_ms: 'BIGINT',
      min_snapshots_to_keep: 'INTEGER',
      max_snapshot_age_in_ms: 'BIGINT',
    },
    rows: Object.entries(metadata.refs).map(([name, ref]) => {
      const { maxRefAge, minSnapshotsToKeep, maxSnapshotAge } = retentionOf(ref)
      return {
        name,
        type: ref.type.toUpperCase(),
        snapshot_id: ref.snapshotId,
        max_reference_age_in_ms: wholeText(maxRefAge),
        min_snapshots_to_keep: minSnapshotsToKeep,
        max_snapshot_age_in_ms: wholeText(maxSnapshotAge),
      }
    }),
  }
}

/** Java writes the largest 64-bit number for "never", which a JavaScript number rounds up beyond it. */
const wholeText = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : value >= 2 ** 63 ? '9223372036854775807' : String(BigInt(value))

async function manifestsOf({ store, metadata, snapshotId }: MetadataSource): Promise<readonly ManifestFile[]> {
  const snapshot: Snapshot | undefined = snapshotId === undefined ? undefined : snapshotOf(metadata, snapshotId)
  return snapshot === undefined ? [] : readManifestList(store, snapshot.manifestList)
}

async function manifests(source: MetadataSource): Promise<Relation> {
  const bound = { contains_null: 'BOOLEAN', contains_nan: 'BOOLEAN', lower_bound: 'VARCHAR', upper_bound: 'VARCHAR' }
  const counts = ['added_data', 'existing_data', 'deleted_data', 'added_delete', 'existing_delete', 'deleted_delete']
  return {
    columns: {
      content: 'INTEGER',
      path: 'VARCHAR',
      length: 'BIGINT',
      partition_spec_id: 'INTEGER',
      added_snapshot_id: 'BIGINT',
      ...Object.fromEntries(counts.map((name) => [`${name}_files_count`, 'INTEGER'])),
      partition_summaries: [bound],
    },
    rows: (await manifestsOf(source)).map((manifest) => ({
      content: manifest.content === 'data' ? 0 : 1,
      path: manifest.path,
      length: manifest.length,
      partition_spec_id: manifest.specId,
      added_snapshot_id: manifest.addedSnapshotId,
      ...countsOf(manifest),
      partition_summaries: summariesOf(source.metadata, manifest),
    })),
  }
}

function countsOf({ content, addedFiles, existingFiles, deletedFiles }: ManifestFile): Row {
  const of = (kind: ManifestFile['content'], count: number): number => (content === kind ? count : 0)
  return {
    added_data_files_count: of('data', addedFiles),
    existing_data_files_count: of('data', existingFiles),
    deleted_data_files_count: of('data', deletedFiles),
    added_delete_files_count: of('deletes', addedFiles),
    existing_delete_files_count: of('deletes', existingFiles),
    deleted_delete_files_count: of('deletes', deletedFiles),
  }
}

function summariesOf(metadata: TableMetadata, manifest: ManifestFile): readonly Row[] {
  const types = partitionTypes(specOf(metadata, manifest), metadata.schemas)
  return manifest.partitions.map(({ containsNull, containsNan, lower, upper }, i) => {
    const text = (bound: string | undefined): string | undefined =>
      bound === undefined ? undefined : boundText(types[i]?.type ?? 'binary', Buffer.from(bound, 'base64'))
    return { contains_null: containsNull, contains_nan: containsNan, lower_bound: text(lower), upper_bound: text(upper) }
  })
}

/** Live files, of data and of deletes. */
async function entriesOf(source: MetadataSource): Promise<readonly ManifestEntry[]> {
  const entries = await inBatches(await manifestsOf(source), (manifest) => readManifest(source.store, source.metadata, manifest))
  return entries.flat().filter((entry) => entry.status !== 'deleted')
}

/** Partition fields of all specs that the table ever had, by name; undefined where it has none, since DuckDB has no empty struct. */
function partitionFields({ specs, schemas }: TableMetadata): ReadonlyMap<string, IcebergType> | undefined {
  const fields = specs.flatMap((spec) => partitionTypes(spec, schemas)).map(({ field, type }): [string, IcebergType] => [field.name, type])
  return fields.length === 0 ? undefined : new Map(fields)
}

const typesOf = (fields: ReadonlyMap<string, IcebergType>): Record<string, string> =>
  Object.fromEntries([...fields].map(([name, type]) => [name, textType(type)]))

/** Bytes are shown in base64. */
const textType = (type: IcebergType): string => (duckdbType(type) === 'BLOB' ? 'VARCHAR' : duckdbType(type))

const tupleOf = (fields: ReadonlyMap<string, IcebergType>, tuple: PartitionTuple): Row =>
  Object.fromEntries(
    [...fields].map(([name, type]) => {
      const value = tuple[name] ?? null
      return [name, value === null ? null : valueText(type, value)]
    }),
  )

const COUNTS = ['column_sizes', 'value_counts', 'null_value_counts', 'nan_value_counts'] as const
const BOUNDS = ['lower_bounds', 'upper_bounds'] as const
const FROM_BASE64 = (name: string): string =>
  `map_from_entries(list_transform(map_entries(${name}), lambda e: {'key': e.key, 'value': from_base64(e.value)}))`

async function files(source: MetadataSource): Promise<Relation> {
  const { metadata } = source
  const fields = partitionFields(metadata)
  const schema = schemaOf(metadata)
  return {
    columns: {
      content: 'INTEGER',
      file_path: 'VARCHAR',
      file_format: 'VARCHAR',
      spec_id: 'INTEGER',
      ...(fields === undefined ? {} : { partition: typesOf(fields) }),
      record_count: 'BIGINT',
      file_size_in_bytes: 'BIGINT',
      ...Object.fromEntries(COUNTS.map((name) => [name, 'MAP(INTEGER, BIGINT)'])),
      ...Object.fromEntries(BOUNDS.map((name) => [name, 'MAP(INTEGER, VARCHAR)'])),
      key_metadata: 'VARCHAR',
      split_offsets: ['BIGINT'],
      equality_ids: ['INTEGER'],
      sort_order_id: 'INTEGER',
      readable_metrics: metricTypes(schema),
    },
    rows: (await entriesOf(source)).map((entry) => fileRow(entry, fields, schema)),
    // Encrypted files are refused, so there is none.
    casts: { ...Object.fromEntries(BOUNDS.map((name) => [name, FROM_BASE64(name)])), key_metadata: 'CAST(NULL AS BLOB)' },
  }
}

function fileRow({ file, fields }: ManifestEntry, partition: ReadonlyMap<string, IcebergType> | undefined, schema: IcebergSchema): Row {
  const pairs = (name: string): readonly (readonly [number, AvroValue])[] => pairsOf(fields[name])
  const filled = (name: string): boolean => Array.isArray(fields[name])
  const bytes = (value: AvroValue): string | null => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : null)
  return {
    content: fields['content'] ?? 0,
    file_path: file.path,
    file_format: fields['file_format'],
    spec_id: file.specId,
    ...(partition === undefined ? {} : { partition: tupleOf(partition, file.partition) }),
    record_count: file.rows,
    file_size_in_bytes: file.size,
    ...Object.fromEntries(COUNTS.filter(filled).map((name) => [name, Object.fromEntries(pairs(name))])),
    ...Object.fromEntries(
      BOUNDS.filter(filled).map((name) => [name, Object.fromEntries(pairs(name).map(([id, value]) => [id, bytes(value)]))]),
    ),
    split_offsets: fields['split_offsets'],
    equality_ids: fields['equality_ids'],
    sort_order_id: fields['sort_order_id'],
    readable_metrics: metricsOf(schema, pairs),
  }
}

/** A map by field id, as Avro holds it: an array of pairs. */
function pairsOf(value: AvroValue | undefined): readonly (readonly [number, AvroValue])[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((pair: AvroValue) =>
    typeof pair === 'object' && pair !== null && 'key' in pair ? [[Number(pair['key']), pair['value'] ?? null] as const] : [],
  )
}

/** Columns of a nested type have statistics of their parts only. */
const flatFields = (schema: IcebergSchema): IcebergSchema['fields'] => schema.fields.filter((field) => typeof field.type === 'string')

const metricTypes = (schema: IcebergSchema): JsonType =>
  Object.fromEntries(
    flatFields(schema).map(({ name, type }) => {
      const counts = ['column_size', 'value_count', 'null_value_count', 'nan_value_count'].map((count) => [count, 'BIGINT'])
      return [name, { ...Object.fromEntries(counts), lower_bound: textType(type), upper_bound: textType(type) }]
    }),
  )

function metricsOf(schema: IcebergSchema, pairs: (name: string) => readonly (readonly [number, AvroValue])[]): Row {
  const byId = Object.fromEntries([...COUNTS, ...BOUNDS].map((name) => [name, new Map(pairs(name))]))
  const of = (name: string, id: number): AvroValue => byId[name]?.get(id) ?? null
  const bound = (name: string, id: number, type: IcebergType): string | null => {
    const bytes = of(name, id)
    return bytes instanceof Uint8Array ? boundText(type, bytes) : null
  }
  return Object.fromEntries(
    flatFields(schema).map(({ id, name, type }) => [
      name,
      {
        column_size: of('column_sizes', id),
        value_count: of('value_counts', id),
        null_value_count: of('null_value_counts', id),
        nan_value_count: of('nan_value_counts', id),
        lower_bound: bound('lower_bounds', id, type),
        upper_bound: bound('upper_bounds', id, type),
      },
    ]),
  )
}

async function partitions(source: MetadataSource): Promise<Relation> {
  const { metadata } = source
  const fields = partitionFields(metadata)
  const groups = new Map<string, ManifestEntry[]>()
  for (const entry of await entriesOf(source)) {
    const key = JSON.stringify([entry.file.specId, entry.file.partition])
    groups.set(key, [...(groups.get(key) ?? []), entry])
  }
  const counts = ['record_count', 'file_count', 'total_data_file_size_in_bytes']
  const deletes = [
    'position_delete_record_count',
    'position_delete_file_count',
    'equality_delete_record_count',
    'equality_delete_file_count',
  ]
  return {
    columns: {
      ...(fields === undefined ? {} : { partition: typesOf(fields), spec_id: 'INTEGER' }),
      ...Object.fromEntries([...counts, ...deletes].map((name) => [name, 'BIGINT'])),
      last_updated_at: TIME,
      last_updated_snapshot_id: 'BIGINT',
    },
    rows: [...groups.values()].map((entries) => partitionRow(metadata, entries, fields)),
  }
}

/** Contents of a file: its rows, or deletes by position or by equality. */
const CONTENTS = [0, 1, 2] as const

function partitionRow(
  metadata: TableMetadata,
  entries: readonly ManifestEntry[],
  fields: ReadonlyMap<string, IcebergType> | undefined,
): Row {
  const [data, position, equality] = CONTENTS.map((content) => entries.filter((entry) => Number(entry.fields['content'] ?? 0) === content))
  const sum = (some: readonly ManifestEntry[] | undefined, of: 'rows' | 'size'): number =>
    (some ?? []).reduce((total, entry) => total + entry.file[of], 0)
  const ids = new Set(entries.map((entry) => entry.snapshotId))
  const last = metadata.snapshots
    .filter((snapshot) => ids.has(snapshot.id))
    .toSorted((a, b) => a.timestamp - b.timestamp)
    .at(-1)
  const [first] = entries
  return {
    ...(fields === undefined || first === undefined
      ? {}
      : { partition: tupleOf(fields, first.file.partition), spec_id: first.file.specId }),
    record_count: sum(data, 'rows'),
    file_count: data?.length,
    total_data_file_size_in_bytes: sum(data, 'size'),
    position_delete_record_count: sum(position, 'rows'),
    position_delete_file_count: position?.length,
    equality_delete_record_count: sum(equality, 'rows'),
    equality_delete_file_count: equality?.length,
    last_updated_at: last === undefined ? null : iso(last.timestamp),
    last_updated_snapshot_id: last?.id,
  }
}
