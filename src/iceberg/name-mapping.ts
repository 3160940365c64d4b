import { AssayError } from '../errors.ts'
import { duckdbType, type IcebergType, type NestedField, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import type { PartitionTuple, PartitionValue } from './data-file.ts'
import type { SelectPlaced } from './deletes.ts'
import { parseLossless } from './json.ts'
import type { TableMetadata } from './metadata.ts'
import type { ScanFile } from './plan-scan.ts'
import { literalGlob } from './scan.ts'
import type { Store } from './store.ts'

/**
 * Columns of files that were written without field ids, such as a Hive table's, by their names. Source: table
 * specification, "Name Mapping Serialization" and "Column Projection".
 */
interface MappedField {
  readonly id: number | undefined
  readonly names: readonly string[]
  readonly fields: readonly MappedField[]
}

/** A column as a Parquet file has it. */
interface Physical {
  readonly name: string
  readonly hasId: boolean
  readonly children: readonly Physical[]
}

/** Files that are read alike. */
export interface Source {
  readonly files: readonly ScanFile[]
  /** Undefined: by field ids, as files have them. */
  readonly select: SelectPlaced | undefined
}

const PROPERTY = 'schema.name-mapping.default'
/** The engine's own name for this would give way to a column of the file. */
const FILE_NAME = '__assay_filename'

/**
 * Tells files with field ids from those without. The footers are read only where the table has a mapping.
 * @throws ASSAY-2003 for a mapping that is none; ASSAY-2004 for nesting that is not mapped
 */
export async function sourcesOf(
  { store, session }: { readonly store: Store; readonly session: Pick<SqlSession, 'rows'> },
  metadata: TableMetadata,
  files: readonly ScanFile[],
): Promise<readonly Source[]> {
  const property = metadata.properties[PROPERTY]
  if (property === undefined || files.length === 0) return [{ files, select: undefined }]
  const mapping = parsedMapping(property, metadata)
  const footers = await footersOf(store, session, files)
  const groups = Map.groupBy(files, (target) => {
    const columns = footers.get(store.normalise(target.file.path)) ?? []
    return columns.some(hasIds) ? '' : JSON.stringify([target.file.specId, identitiesOf(metadata, target), columns])
  })
  return [...groups].map(([key, alike]): Source => {
    const [first] = alike
    if (key === '' || first === undefined) return { files: alike, select: undefined }
    const columns = footers.get(store.normalise(first.file.path)) ?? []
    const naming: Naming = { metadata, mapping, columns, constants: identitiesOf(metadata, first) }
    return { files: alike, select: (schema, some) => selectByName(store, naming, schema.fields, some) }
  })
}

const hasIds = (column: Physical): boolean => column.hasId || column.children.some(hasIds)

/** The values of partition fields that are columns themselves: a Hive table has them in its folders only. */
function identitiesOf({ specs }: TableMetadata, { file }: ScanFile): PartitionTuple {
  const fields = specs.find((spec) => spec['spec-id'] === file.specId)?.fields ?? []
  const identities = fields.filter((field) => field.transform === 'identity')
  return Object.fromEntries(identities.map((field) => [field['source-id'], file.partition[field.name] ?? null]))
}

function parsedMapping(property: string, metadata: TableMetadata): readonly MappedField[] {
  try {
    const json = parseLossless(property)
    if (Array.isArray(json)) return json.map(mappedField)
  } catch (error) {
    throw notAMapping(metadata, error)
  }
  throw notAMapping(metadata)
}

const notAMapping = ({ location }: TableMetadata, cause?: unknown): AssayError =>
  new AssayError('ASSAY-2003', `The property ${PROPERTY} of the table at ${location} is not a name mapping`, { cause })

function mappedField(json: unknown): MappedField {
  if (typeof json !== 'object' || json === null) throw new Error('a mapping of something else than fields')
  const [id, names, fields] = ['field-id', 'names', 'fields'].map((key) => Reflect.get(json, key) as unknown)
  return {
    id: typeof id === 'number' ? id : undefined,
    names: Array.isArray(names) ? names.map(String) : [],
    fields: Array.isArray(fields) ? fields.map(mappedField) : [],
  }
}

type Footers = ReadonlyMap<string, readonly Physical[]>

async function footersOf(store: Store, session: Pick<SqlSession, 'rows'>, files: readonly ScanFile[]): Promise<Footers> {
  const paths = files.map((target) => quoteText(literalGlob(store.normalise(target.file.path))))
  const rows = await session.rows(
    `SELECT file_name, name, coalesce(num_children, 0)::INTEGER AS children, field_id IS NOT NULL AS has_id FROM parquet_schema([${paths.join(', ')}])`,
  )
  const byFile = Map.groupBy(rows, (row) => String(row['file_name']))
  return new Map([...byFile].map(([path, elements]) => [path, treeOf(elements)]))
}

/** Parquet lists the columns depth first, the root at the head. */
function treeOf(rows: readonly Readonly<Record<string, unknown>>[]): readonly Physical[] {
  let at = 0
  const next = (): Physical => {
    const row = rows[at++] ?? {}
    const children = Array.from({ length: Number(row['children'] ?? 0) }, next)
    return { name: String(row['name']), hasId: row['has_id'] === true, children }
  }
  return next().children
}

interface Naming {
  readonly metadata: TableMetadata
  readonly mapping: readonly MappedField[]
  readonly columns: readonly Physical[]
  /** Values by field id, for columns that the files do not have. */
  readonly constants: PartitionTuple
}

function selectByName(store: Store, naming: Naming, fields: readonly NestedField[], files: Parameters<SelectPlaced>[1]): string {
  if (naming.columns.some((column) => column.name.toLowerCase() === 'file_row_number')) {
    throw refused(naming, `has files without field ids that have a column file_row_number, such as ${files[0]?.path}`)
  }
  const columns = fields.map((field) => `${columnSql(naming, field)} AS ${quoteIdentifier(field.name)}`)
  const paths = files.map((file) => quoteText(literalGlob(store.normalise(file.path))))
  return (
    `SELECT ${columns.join(', ')}, ${FILE_NAME} AS filename, file_row_number` +
    ` FROM read_parquet([${paths.join(', ')}], filename = '${FILE_NAME}', hive_partitioning = false)`
  )
}

const refused = ({ metadata }: Naming, what: string): AssayError =>
  new AssayError('ASSAY-2004', `The table at ${metadata.location} ${what}`)

function columnSql(naming: Naming, field: NestedField): string {
  const found = mapped(naming.mapping, naming.columns, field.id)
  if (found !== undefined) return castSql(naming, { sql: quoteIdentifier(found.column.name), ...found }, field.type)
  return constantSql(naming.constants[field.id] ?? null, field.type)
}

interface Found {
  readonly column: Physical
  readonly mapping: MappedField
}

function mapped(mapping: readonly MappedField[], columns: readonly Physical[], id: number): Found | undefined {
  const entry = mapping.find((field) => field.id === id)
  const column = columns.find(({ name }) => entry?.names.includes(name))
  return entry === undefined || column === undefined ? undefined : { column, mapping: entry }
}

function castSql(naming: Naming, from: Found & { readonly sql: string }, type: IcebergType): string {
  if (typeof type === 'string' || isPlain(type)) return `CAST(${from.sql} AS ${duckdbType(type)})`
  if (type.type !== 'struct') throw refused(naming, `has the nested column ${from.column.name} in files without field ids`)
  const fields = type.fields.map((field) => {
    const found = mapped(from.mapping.fields, from.column.children, field.id)
    const sql = found === undefined ? undefined : `struct_extract(${from.sql}, ${quoteText(found.column.name)})`
    const value = found === undefined || sql === undefined ? constantSql(null, field.type) : castSql(naming, { ...found, sql }, field.type)
    return `${quoteIdentifier(field.name)} := ${value}`
  })
  return `CASE WHEN ${from.sql} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`
}

/** Lists and maps without names inside. */
const isPlain = (type: Exclude<IcebergType, string>): boolean =>
  type.type === 'list'
    ? typeof type.element === 'string'
    : type.type === 'map' && typeof type.key === 'string' && typeof type.value === 'string'

function constantSql(value: PartitionValue, type: IcebergType): string {
  const name = duckdbType(type)
  if (value === null) return `CAST(NULL AS ${name})`
  if (type === 'date') return `(DATE '1970-01-01' + ${Number(value)})`
  if (type === 'timestamp') return `make_timestamp(${value})`
  if (type === 'timestamptz') return `make_timestamptz(${value})`
  if (type === 'binary') return `from_base64(${quoteText(String(value))})`
  return `CAST(${quoteText(String(value))} AS ${name})`
}
