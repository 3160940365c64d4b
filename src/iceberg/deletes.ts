import { AssayError } from '../errors.ts'
import { type IcebergSchema, type NestedField, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { DataFile } from './data-file.ts'
import { type DeleteFile, FILE_PATH_ID, POSITION_ID, partitionKey } from './delete-index.ts'
import type { TableMetadata } from './metadata.ts'
import type { ScanFile, ScanPlan } from './plan-scan.ts'
import { readVector } from './puffin.ts'
import { scanSql } from './scan.ts'
import type { Store } from './store.ts'

/**
 * A SELECT of exactly the columns of a schema from data files, then of `filename` and `file_row_number`: how files are
 * read is not the concern of what is deleted from them.
 */
export type SelectPlaced = (schema: IcebergSchema, files: readonly DataFile[]) => string

/**
 * A SELECT of the columns of a plan from those of its files that have deletes, without the deleted rows. Inside, columns
 * are called by their field ids: they may be called anything outside, and rows may be deleted by one that was dropped.
 * @throws ASSAY-2004, ASSAY-2005
 */
export async function withoutDeleted(
  store: Store,
  { metadata, schema }: ScanPlan,
  files: readonly ScanFile[],
  select: SelectPlaced,
): Promise<string> {
  const equality = deletesOf(files, 'equality')
  const inside = [...schema.fields, ...keyFields(metadata, schema, equality)].map(named)
  const rows = select(
    { ...schema, fields: inside },
    files.map((target) => target.file),
  )
  const gone = await goneSql(store, files)
  const joins = [
    ...(gone === undefined ? [] : [`ANTI JOIN (${gone}) g ON g.file = r.filename AND g.pos = r.file_row_number`]),
    ...(equality.length === 0 ? [] : equalityJoins(store, metadata, { schema, files, equality })),
  ]
  const columns = schema.fields.map((field) => `r.${columnOf(field.id)} AS ${quoteIdentifier(field.name)}`)
  return `SELECT ${columns.join(', ')} FROM (${rows}) r ${joins.join(' ')}`
}

const columnOf = (fieldId: number): string => `c${fieldId}`
const named = (field: NestedField): NestedField => ({ ...field, name: columnOf(field.id), required: false })

/** The delete files of a kind, each once. */
const deletesOf = (files: readonly ScanFile[], kind: DeleteFile['kind']): readonly DeleteFile[] => [
  ...new Set(files.flatMap((target) => target.deletes.filter((file) => file.kind === kind))),
]

/** Columns that rows are deleted by and that the schema of the version does not have any more. */
function keyFields(metadata: TableMetadata, schema: IcebergSchema, equality: readonly DeleteFile[]): readonly NestedField[] {
  const ids = [...new Set(equality.flatMap((file) => file.equalityIds))]
  return ids.filter((id) => !schema.fields.some((field) => field.id === id)).map((id) => fieldById(metadata, schema, id))
}

function fieldById(metadata: TableMetadata, schema: IcebergSchema, id: number): NestedField {
  const known = [...metadata.schemas, schema].flatMap((some) => some.fields).findLast((field) => field.id === id)
  if (known !== undefined && typeof known.type === 'string') return known
  throw new AssayError('ASSAY-2004', `The table at ${metadata.location} deletes rows by field ${id}, which is inside a nested column`)
}

/** `(VALUES …) name(columns)` of rows of SQL expressions. */
const valuesSql = (rows: readonly (readonly string[])[], alias: string): string =>
  `(VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')}) ${alias}`

/** The places of all rows that are deleted by position, as `file` and `pos`; undefined when there are none. */
async function goneSql(store: Store, files: readonly ScanFile[]): Promise<string | undefined> {
  const parts = [...positionsSql(store, files), ...(await vectorsSql(store, files))]
  return parts.length === 0 ? undefined : parts.join(' UNION ALL ')
}

const POSITION_SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: FILE_PATH_ID, name: 'file_path', required: true, type: 'string' },
    { id: POSITION_ID, name: 'pos', required: true, type: 'long' },
  ],
}

/** Said by the engine when a delete file lacks what the specification demands: without it nothing would be deleted. */
export const NOT_A_DELETE_FILE = 'is not a file of position deletes'

function positionsSql(store: Store, files: readonly ScanFile[]): readonly string[] {
  const deletes = deletesOf(files, 'position')
  if (deletes.length === 0) return []
  const targets = files.filter((target) => target.deletes.some((file) => file.kind === 'position'))
  const partitions = ordinals(targets)
  const targetRows = targets.map((target) => [
    quoteText(store.normalise(target.file.path)),
    quoteText(target.uri),
    String(partitions.get(partitionKey(target.file))),
    String(target.sequenceNumber),
  ])
  return [
    `SELECT t.file, d.pos FROM (${scanSql(store, POSITION_SCHEMA, deletes.map(asDataFile), { places: 'filename' })}) d` +
      ` JOIN ${valuesSql(deleteRows(store, deletes, partitions), 'x(file, part, seq)')} ON x.file = d.filename` +
      ` JOIN ${valuesSql(targetRows, 't(file, uri, part, seq)')}` +
      ` ON t.uri = regexp_replace(d.file_path, '^file:(//)?/', '/', 'i') AND t.part = x.part AND t.seq <= x.seq` +
      ` WHERE CASE WHEN d.file_path IS NULL OR d.pos IS NULL THEN error(d.filename || ' ${NOT_A_DELETE_FILE}') ELSE true END`,
  ]
}

const deleteRows = (store: Store, deletes: readonly DeleteFile[], partitions: ReadonlyMap<string, number>): string[][] =>
  deletes.map((file) => [quoteText(store.normalise(file.path)), String(partitions.get(file.partition) ?? -1), String(file.sequenceNumber)])

/** Partitions as small numbers. */
function ordinals(files: readonly ScanFile[]): ReadonlyMap<string, number> {
  const keys = new Set(files.map((target) => partitionKey(target.file)))
  return new Map([...keys].map((key, i) => [key, i]))
}

const asDataFile = ({ path, rows, size }: DeleteFile): DataFile => ({ path, rows, size, partition: {}, specId: 0 })

/** Runs of positions as text: the engine takes that many times faster than as many expressions. */
async function vectorsSql(store: Store, files: readonly ScanFile[]): Promise<readonly string[]> {
  const rows = await Promise.all(
    files.flatMap((target) => {
      const vector = target.deletes.find((file) => file.kind === 'vector')
      return vector === undefined ? [] : [vectorRow(store, target, vector)]
    }),
  )
  if (rows.length === 0) return []
  const runs = `SELECT file, unnest(CAST(runs AS BIGINT[][])) AS run FROM ${valuesSql(rows, 'v(file, runs)')}`
  return [`SELECT file, unnest(range(run[1], run[2])) AS pos FROM (${runs})`]
}

async function vectorRow(store: Store, { file }: ScanFile, { path, offset, size: length, rows }: DeleteFile): Promise<string[]> {
  const runs = await readVector(store, { path, offset, length, rows })
  return [quoteText(store.normalise(file.path)), quoteText(JSON.stringify(runs))]
}

interface ByEquality {
  readonly schema: IcebergSchema
  readonly files: readonly ScanFile[]
  readonly equality: readonly DeleteFile[]
}

/** One anti join for each set of columns, in all partitions or in the same one; nulls are equal to nulls. */
function equalityJoins(store: Store, metadata: TableMetadata, { schema, files, equality }: ByEquality): readonly string[] {
  const partitions = ordinals(files)
  const fileRows = files.map((target) => [
    quoteText(store.normalise(target.file.path)),
    String(partitions.get(partitionKey(target.file))),
    String(target.sequenceNumber),
  ])
  const groups = [...Map.groupBy(equality, (file) => `${file.isGlobal} ${file.equalityIds.join()}`).values()]
  const antiJoins = groups.map((group, i) => {
    const { isGlobal, equalityIds } = group[0] ?? { isGlobal: true, equalityIds: [] }
    const fields = equalityIds.map((id) => named(schema.fields.find((field) => field.id === id) ?? fieldById(metadata, schema, id)))
    const keys = fields.map((field) => field.name)
    const scan = scanSql(store, { ...schema, fields }, group.map(asDataFile), { places: 'filename' })
    const scope = isGlobal ? [] : ['part']
    const deleted =
      `SELECT ${[...keys.map((key) => `d.${key}`), ...scope.map((part) => `x.${part}`)].join(', ')}, max(x.seq) AS seq` +
      ` FROM (${scan}) d JOIN ${valuesSql(deleteRows(store, group, partitions), 'x(file, part, seq)')} ON x.file = d.filename GROUP BY ALL`
    const on = [...keys.map((key) => `r.${key} IS NOT DISTINCT FROM e${i}.${key}`), ...scope.map((part) => `f.${part} = e${i}.${part}`)]
    return `ANTI JOIN (${deleted}) e${i} ON ${on.join(' AND ')} AND f.seq < e${i}.seq`
  })
  return [`JOIN ${valuesSql(fileRows, 'f(file, part, seq)')} ON f.file = r.filename`, ...antiJoins]
}
