import { mkdir, rm } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import {
  decimalOf,
  duckdbType,
  type IcebergSchema,
  type IcebergType,
  type PrimitiveType,
  quoteIdentifier,
  quoteText,
} from '../schema/iceberg-type.ts'
import { Instant } from '../schema/instant.ts'
import {
  type Cell,
  type EngineRow,
  type ParquetTarget,
  type SqlEngine,
  SqlError,
  type SqlSession,
  type WrittenColumn,
  type WrittenFile,
} from '../sql/engine.ts'
import { sqlError } from './duckdb-errors.ts'

export interface DuckdbOptions {
  readonly threads?: number
  /** For example `2GB`. */
  readonly memoryLimit?: string
  /** Folder that the engine spills to when memory runs short. */
  readonly tempFolder?: string
}

/** Rows of a chunk: DuckDB's vector size. */
const CHUNK = 2048

/**
 * A DuckDB in memory: truth lies in Iceberg, and opening one database file twice in a process corrupts it. Its time zone
 * is UTC, and it neither installs nor loads extensions.
 */
export async function openDuckdb(options: DuckdbOptions = {}): Promise<SqlEngine> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
    ...(options.tempFolder === undefined ? {} : { temp_directory: options.tempFolder }),
  })
  const open = new Set<DuckDBConnection>()
  return {
    session: async () => {
      const connection = await instance.connect()
      await connection.run("SET TimeZone = 'UTC'; SET errors_as_json = true")
      open.add(connection)
      return sessionOf(connection, () => open.delete(connection))
    },
    interrupt: () => {
      for (const connection of open) connection.interrupt()
    },
    close: () => {
      for (const connection of open) connection.closeSync()
      open.clear()
      instance.closeSync()
    },
  }
}

function sessionOf(connection: DuckDBConnection, closed: () => void): SqlSession {
  return {
    run: async (sql) => {
      await guarded(sql, () => connection.run(sql))
    },
    rows: (sql) => queried(connection, sql),
    stream: (sql) => streamed(connection, sql),
    describe: (sql) => described(connection, sql),
    load: (name, columns, rows) => loaded(connection, name, columns, rows),
    writeParquet: (query, target) => writeParquet(connection, query, target),
    close: () => {
      closed()
      connection.closeSync()
    },
  }
}

/** @throws SqlError in place of what DuckDB says */
async function guarded<T>(sql: string, action: () => Promise<T>, prefix = 0): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw sqlError(error, sql, prefix)
  }
}

async function queried(connection: DuckDBConnection, sql: string): Promise<EngineRow[]> {
  const rows: EngineRow[] = []
  for await (const row of streamed(connection, sql)) rows.push(row)
  return rows
}

/** One statement of a session at a time: running another ends the stream. */
async function* streamed(connection: DuckDBConnection, sql: string): AsyncGenerator<EngineRow> {
  const result = await guarded(sql, () => connection.stream(sql))
  const names = result.deduplicatedColumnNames()
  for (;;) {
    const chunk = await guarded(sql, () => result.fetchChunk())
    if (chunk === null || chunk.rowCount === 0) return
    yield* rowsOfChunk(chunk, names)
  }
}

function* rowsOfChunk(chunk: DuckDBDataChunk, names: readonly string[]): Generator<EngineRow> {
  const columns = names.map((_, i) => chunk.getColumnValues(i))
  for (let row = 0; row < chunk.rowCount; row++) {
    const cells: Record<string, Cell> = {}
    for (let i = 0; i < names.length; i++) cells[names[i] ?? ''] = cellOf(columns[i]?.[row] ?? null)
    yield cells
  }
}

/** A value as `t` in `schema/column` says. What JavaScript has nothing for is the engine's text. */
function cellOf(value: DuckDBValue): Cell {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof DuckDBTimestampTZValue) return value.isFinite ? new Instant(value.micros) : value.toString()
  if (value instanceof DuckDBTimestampValue) return value.isFinite ? wallTime(value.micros) : value.toString()
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(cellOf)
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([name, inner]) => [name, cellOf(inner)]))
  if (value instanceof DuckDBMapValue)
    return Object.fromEntries(value.entries.map(({ key, value: inner }) => [String(cellOf(key)), cellOf(inner)]))
  if (value instanceof DuckDBBlobValue) return new Uint8Array(value.bytes)
  return value.toString()
}

/** `YYYY-MM-DDTHH:MM:SS`, with six decimals where there is a fraction. */
function wallTime(micros: bigint): string {
  const text = new Instant(micros).toString().slice(0, -1)
  return text.endsWith('.000000') ? text.slice(0, -7) : text
}

const DESCRIBE = 'DESCRIBE '

async function described(connection: DuckDBConnection, sql: string): Promise<{ name: string; type: string }[]> {
  const statement = `${DESCRIBE}${sql}`
  const reader = await guarded(statement, () => connection.runAndReadAll(statement), DESCRIBE.length)
  return reader.getRowObjects().map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }))
}

async function loaded(
  connection: DuckDBConnection,
  name: string,
  columns: readonly ColumnSpec[],
  rows: AsyncIterable<EngineRow> | Iterable<EngineRow>,
): Promise<number> {
  const definition = columns.map((column) => `${quoteIdentifier(column.name)} ${duckdbType(column.type)}`).join(', ')
  const create = `CREATE TEMP TABLE ${quoteIdentifier(name)} (${definition})`
  await guarded(create, () => connection.run(create))
  try {
    return await appended(connection, name, columns, rows)
  } catch (error) {
    await connection.run(`DROP TABLE ${quoteIdentifier(name)}`)
    throw error
  }
}

/** Column by column in chunks: the fastest way in from JavaScript that was measured. */
async function appended(
  connection: DuckDBConnection,
  name: string,
  columns: readonly ColumnSpec[],
  rows: AsyncIterable<EngineRow> | Iterable<EngineRow>,
): Promise<number> {
  const appender = await connection.createAppender(name, 'main', 'temp')
  const types = columns.map((_, i): DuckDBType => appender.columnType(i))
  const buffers = columns.map((): DuckDBValue[] => [])
  const writers = columns.map((column) => ({ column, write: writerOf(column.type) }))
  let count = 0
  const flush = (): void => {
    const size = buffers[0]?.length ?? 0
    if (size === 0) return
    const chunk = DuckDBDataChunk.create(types, size)
    chunk.setColumns(buffers)
    appender.appendDataChunk(chunk)
    for (const buffer of buffers) buffer.length = 0
  }
  try {
    for await (const row of rows) {
      count++
      writers.forEach(({ column, write }, i) => {
        const cell = row[column.name] ?? null
        const value = cell === null ? null : write(cell)
        if (value === undefined) throw misfit(column, cell, count)
        buffers[i]?.push(value)
      })
      if (count % CHUNK === 0) flush()
    }
    flush()
  } finally {
    appender.closeSync()
  }
  return count
}

function misfit(column: ColumnSpec, cell: Cell, row: number): AssayError {
  const spelt =
    typeof cell === 'bigint' ? `${cell}n` : cell instanceof Date ? 'a Date' : (JSON.stringify(cell)?.slice(0, 80) ?? String(cell))
  const wants = WANTED[column.type] ?? (decimalOf(column.type) ? "exact decimal text such as '12.50'" : undefined)
  return new AssayError('ASSAY-5003', `Row ${row}: ${spelt} does not fit column ${column.name} of type ${column.type}`, {
    ...(wants === undefined ? {} : { next: `A ${column.type} is ${wants}. Convert the value, or change the type of the column.` }),
  })
}

const WANTED: Readonly<Partial<Record<PrimitiveType, string>>> = {
  boolean: 'true or false',
  int: 'a whole number of 32 bits',
  long: 'a bigint of 64 bits',
  double: 'a number',
  date: "a day such as '2026-01-31'",
  timestamp: "wall time such as '2026-01-31T12:00:00'",
  timestamptz: 'an Instant: Instant.parse(text) or Instant.fromMillis(date.getTime())',
  string: 'text',
}

type Writer = (cell: NonNullable<Cell>) => DuckDBValue | undefined

/** How a cell becomes a value of the engine; undefined when it does not fit. */
function writerOf(type: PrimitiveType): Writer {
  const decimal = decimalOf(type)
  return decimal ? (cell) => decimalValue(cell, decimal.precision, decimal.scale) : (WRITERS[type] ?? (() => undefined))
}

const WRITERS: Readonly<Partial<Record<PrimitiveType, Writer>>> = {
  string: (cell) => (typeof cell === 'string' ? cell : undefined),
  boolean: (cell) => (typeof cell === 'boolean' ? cell : undefined),
  int: (cell) => (typeof cell === 'number' && (cell | 0) === cell ? cell : undefined),
  long: (cell) => {
    const value = typeof cell === 'number' && Number.isSafeInteger(cell) ? BigInt(cell) : cell
    return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined
  },
  float: (cell) => (typeof cell === 'number' ? cell : undefined),
  double: (cell) => (typeof cell === 'number' ? cell : undefined),
  date: (cell) => {
    const millis = typeof cell === 'string' && /^\d{4}-\d\d-\d\d$/.test(cell) ? Date.parse(cell) : Number.NaN
    return isDay(cell, millis) ? new DuckDBDateValue(millis / 86_400_000) : undefined
  },
  timestamp: (cell) => {
    const micros = typeof cell === 'string' ? microsOf(cell) : undefined
    return micros === undefined ? undefined : new DuckDBTimestampValue(micros)
  },
  timestamptz: (cell) => (cell instanceof Instant ? new DuckDBTimestampTZValue(cell.micros) : undefined),
  binary: (cell) => (cell instanceof Uint8Array ? new DuckDBBlobValue(cell) : undefined),
}

/** JavaScript takes the 30th of February for the 1st of March. */
const isDay = (cell: unknown, millis: number): boolean =>
  !Number.isNaN(millis) && new Date(millis).toISOString().slice(0, 10) === String(cell).slice(0, 10)

function microsOf(text: string): bigint | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text) || !isDay(text, Date.parse(text.slice(0, 10)))) return undefined
  try {
    return Instant.parse(`${text}Z`).micros
  } catch {
    return undefined
  }
}

function decimalValue(cell: Cell, precision: number, scale: number): DuckDBValue | undefined {
  const match = typeof cell === 'string' ? /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(cell) : null
  const [, sign = '', whole = '', fraction = ''] = match ?? []
  const digits = fraction.replace(/0+$/, '')
  if (!match || !/\d/.test(String(cell)) || digits.length > scale || whole.length > precision - scale) return undefined
  const value = BigInt(`${whole}${digits.padEnd(scale, '0')}` || '0')
  return new DuckDBDecimalValue(sign === '-' ? -value : value, precision, scale)
}

/**
 * One COPY for all files; its own statistics are all that a manifest needs, so nothing is read back.
 * HUGEINT would be written as DOUBLE, hence the casts.
 */
async function writeParquet(
  connection: DuckDBConnection,
  query: string,
  { folder, schema, partitionBy }: ParquetTarget,
): Promise<WrittenFile[]> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new SqlError(error instanceof Error ? error.message : String(error), 'io')
  })
  const names = hiddenNames(schema, Object.keys(partitionBy))
  const hidden = [...names].map(([name, alias]) => `${partitionBy[name] ?? 'NULL'} AS ${quoteIdentifier(alias)}`)
  const casts = schema.fields.map(
    (field) => `CAST(${quoteIdentifier(field.name)} AS ${duckdbType(field.type)}) AS ${quoteIdentifier(field.name)}`,
  )
  const divided = hidden.length > 0
  const select = `SELECT ${casts.join(', ')} FROM (`
  const head = divided ? `COPY (SELECT *, ${hidden.join(', ')} FROM (${select}` : `COPY (${select}`
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    `FIELD_IDS {${schema.fields.map((field) => `${quoteIdentifier(field.name)}: ${fieldIds(field.id, field.type)}`).join(', ')}}`,
    'RETURN_STATS',
    ...(divided ? [`PARTITION_BY (${[...names.values()].map(quoteIdentifier).join(', ')})`] : []),
  ]
  const to = divided ? folder : `${folder}/data.parquet`
  const sql = `${head}${query}\n)${divided ? ')' : ''}) TO ${quoteText(to)} (${options.join(', ')})`
  const reader = await guarded(sql, () => connection.runAndReadAll(sql), head.length)
  const ids = idsByName(schema)
  const written = reader.getRowObjects().map((row) => writtenFile(row, ids, names))
  await Promise.all(written.filter((file) => file.rows === 0).map((file) => rm(file.path, { force: true })))
  return written.filter((file) => file.rows > 0)
}

/** Partition columns are not written into the files, so each needs a name that no column has. */
function hiddenNames(schema: IcebergSchema, names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(schema.fields.map((field) => field.name.toLowerCase()))
  return new Map(
    names.map((name) => {
      let alias = name
      while (taken.has(alias.toLowerCase())) alias = `_${alias}`
      taken.add(alias.toLowerCase())
      return [name, alias]
    }),
  )
}

function fieldIds(id: number, type: IcebergType): string {
  if (typeof type === 'string') return String(id)
  const inner =
    type.type === 'list'
      ? [`element: ${fieldIds(type['element-id'], type.element)}`]
      : type.type === 'map'
        ? [`key: ${fieldIds(type['key-id'], type.key)}`, `value: ${fieldIds(type['value-id'], type.value)}`]
        : type.fields.map((field) => `${quoteIdentifier(field.name)}: ${fieldIds(field.id, field.type)}`)
  return `{__duckdb_field_id: ${id}, ${inner.join(', ')}}`
}

/** RETURN_STATS quotes names. Top-level columns only: engines prune by those. */
const idsByName = (schema: IcebergSchema): ReadonlyMap<string, number> =>
  new Map(schema.fields.map((field) => [quoteIdentifier(field.name), field.id]))

function writtenFile(
  row: Readonly<Record<string, DuckDBValue>>,
  ids: ReadonlyMap<string, number>,
  names: ReadonlyMap<string, string>,
): WrittenFile {
  const keys = row['partition_keys'] instanceof DuckDBMapValue ? row['partition_keys'].entries : []
  const keyOf = (alias: string): string | null => {
    const value = keys.find((entry) => entry.key === alias)?.value ?? null
    return value === null ? null : String(value)
  }
  const statistics = row['column_statistics'] instanceof DuckDBMapValue ? row['column_statistics'].entries : []
  const columns = statistics.flatMap(({ key, value }): WrittenColumn[] => {
    const id = ids.get(String(key))
    return id === undefined || !(value instanceof DuckDBMapValue) ? [] : writtenColumn(id, value)
  })
  const path = String(row['filename'])
  if (!isAbsolute(path)) throw new Error(`the engine named a file by the relative path ${path}`)
  return {
    path,
    rows: Number(row['count']),
    size: Number(row['file_size_bytes']),
    columns: columns.toSorted((a, b) => a.id - b.id),
    partition: Object.fromEntries([...names].map(([name, alias]) => [name, keyOf(alias)])),
  }
}

/** Nothing rather than a guess where the engine does not count: readers skip files by these numbers. */
function writtenColumn(id: number, statistics: DuckDBMapValue): WrittenColumn[] {
  const facts = new Map(statistics.entries.map(({ key, value }) => [String(key), String(value)]))
  const [size, values, nulls] = ['column_size_bytes', 'num_values', 'null_count'].map((name) => facts.get(name))
  if (size === undefined || values === undefined || nulls === undefined) return []
  const [min, max] = [facts.get('min'), facts.get('max')]
  return [
    {
      id,
      size: Number(size),
      values: Number(values),
      nulls: Number(nulls),
      hasNan: facts.get('has_nan') === 'true',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    },
  ]
}
