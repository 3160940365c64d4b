import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, DuckDBMapValue, type DuckDBType, type DuckDBValue } from '@duckdb/node-api'
import type { ColumnSpec } from '../schema/column.ts'
import {
  duckdbType,
  fixedLength,
  type IcebergSchema,
  type IcebergType,
  leavesOf,
  type NestedField,
  quoteIdentifier,
  quoteText,
} from '../schema/iceberg-type.ts'
import {
  type EngineRow,
  type ParquetTarget,
  type SqlEngine,
  SqlError,
  type SqlSession,
  type WrittenColumn,
  type WrittenFile,
} from '../sql/engine.ts'
import { guarded } from './duckdb-errors.ts'
import { addFunctions } from './duckdb-functions.ts'
import { streamed } from './duckdb-stream.ts'
import { misfit, rowsOfChunk, writerOf } from './duckdb-values.ts'

export interface DuckdbOptions {
  readonly threads?: number
  /** For example `2GB`. */
  readonly memoryLimit?: string
  /** Folder that the engine spills to when memory runs short; else that of the system. */
  readonly tempFolder?: string
}

/** Rows of a chunk: DuckDB's vector size. */
const CHUNK = 2048

/** Two engines that spill into one folder give their files the same names, so each has a folder below. */
let engines = 0

/**
 * A DuckDB in memory: truth lies in Iceberg, and opening one database file twice in a process corrupts it. Its time zone
 * is UTC, and it neither installs nor loads extensions.
 */
export async function openDuckdb(options: DuckdbOptions = {}): Promise<SqlEngine> {
  const tempFolder = options.tempFolder ?? tmpdir()
  await mkdir(tempFolder, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: join(tempFolder, `assay-${process.pid}-${++engines}`),
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
  })
  const first = await instance.connect()
  addFunctions(first)
  first.closeSync()
  const open = new Set<DuckDBConnection>()
  let sessions = 0
  let stops = 0
  const connections: Connections = {
    open: async (schema) => {
      const connection = await instance.connect()
      await connection.run(
        `SET TimeZone = 'UTC'; SET errors_as_json = true; CREATE SCHEMA IF NOT EXISTS ${schema}; SET schema = '${schema}'`,
      )
      open.add(connection)
      return connection
    },
    release: (connection) => open.delete(connection),
    stops: () => stops,
  }
  return {
    session: () => openSession(connections, `session_${++sessions}`),
    interrupt: () => {
      stops++
      for (const connection of open) connection.interrupt()
    },
    close: () => {
      stops++
      for (const connection of open) connection.closeSync()
      open.clear()
      instance.closeSync()
    },
  }
}

/** What a session has of its engine. */
interface Connections {
  /** A connection whose names are looked up in a schema, which is made if absent. */
  open(schema: string): Promise<DuckDBConnection>
  /** The engine looks after it no more. */
  release(connection: DuckDBConnection): void
  /** Grows when all that runs is stopped. */
  stops(): number
}

/**
 * A session is a schema, not a connection: the next statement of a connection ends the stream that is open on it, as does
 * an appender that flushes, so each stream has a connection of its own.
 */
async function openSession(connections: Connections, schema: string): Promise<SqlSession> {
  const connection = await connections.open(schema)
  const streams = new Set<DuckDBConnection>()
  let closed = 0
  const leave = (own: DuckDBConnection): void => {
    streams.delete(own)
    connections.release(own)
    own.closeSync()
  }
  const source = {
    open: () => connections.open(schema),
    started: (own: DuckDBConnection) => streams.add(own),
    leave,
    stops: () => connections.stops() + closed,
  }
  return {
    run: async (sql) => {
      await guarded(sql, () => connection.run(sql))
    },
    rows: (sql) => queried(connection, sql),
    stream: (sql) => streamed(source, sql),
    describe: (sql) => described(connection, sql),
    load: (name, columns, rows) => loaded(connection, { schema, name, columns }, rows),
    writeParquet: (query, target) => writeParquet(connection, query, target),
    close: () => {
      closed++
      for (const own of streams) {
        own.interrupt()
        leave(own)
      }
      connections.release(connection)
      // Nobody waits for it: what is left when it fails goes with the engine.
      const dropped = connection.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).catch(() => undefined)
      void dropped.then(() => connection.closeSync())
    },
  }
}

/** Not streamed: a stream does not tell its errors, see `duckdb-stream`. */
async function queried(connection: DuckDBConnection, sql: string): Promise<EngineRow[]> {
  const result = await guarded(sql, () => connection.run(sql))
  const names = result.deduplicatedColumnNames()
  const chunks = await result.fetchAllChunks()
  return chunks.flatMap((chunk) => [...rowsOfChunk(chunk, names)])
}

const DESCRIBE = 'DESCRIBE '

async function described(connection: DuckDBConnection, sql: string): Promise<{ name: string; type: string }[]> {
  const statement = `${DESCRIBE}${sql}`
  const reader = await guarded(statement, () => connection.runAndReadAll(statement), DESCRIBE.length)
  return reader.getRowObjects().map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }))
}

/** A table to be made in the schema of a session. */
interface NewTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly ColumnSpec[]
}

async function loaded(
  connection: DuckDBConnection,
  table: NewTable,
  rows: AsyncIterable<EngineRow> | Iterable<EngineRow>,
): Promise<number> {
  const definition = table.columns.map((column) => `${quoteIdentifier(column.name)} ${duckdbType(column.type)}`).join(', ')
  const create = `CREATE TABLE ${quoteIdentifier(table.name)} (${definition})`
  await guarded(create, () => connection.run(create))
  try {
    return await appended(connection, table, rows)
  } catch (error) {
    await connection.run(`DROP TABLE ${quoteIdentifier(table.name)}`)
    throw error
  }
}

/** Column by column in chunks: the fastest way in from JavaScript that was measured. */
async function appended(
  connection: DuckDBConnection,
  { schema, name, columns }: NewTable,
  rows: AsyncIterable<EngineRow> | Iterable<EngineRow>,
): Promise<number> {
  const appender = await connection.createAppender(name, schema)
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

/**
 * One COPY for all files; its own statistics are all that a manifest needs, so nothing is read back.
 * HUGEINT would be written as DOUBLE, hence the casts.
 */
async function writeParquet(
  connection: DuckDBConnection,
  query: string,
  { folder, schema, partitionBy, orderBy = '' }: ParquetTarget,
): Promise<WrittenFile[]> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new SqlError(error instanceof Error ? error.message : String(error), 'io')
  })
  const names = hiddenNames(schema, Object.keys(partitionBy))
  const hidden = [...names].map(([name, alias]) => `${partitionBy[name] ?? 'NULL'} AS ${quoteIdentifier(alias)}`)
  const casts = schema.fields.map((field) => `${stored(field)} AS ${quoteIdentifier(field.name)}`)
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
  const sorted = orderBy === '' ? '' : ` ORDER BY ${orderBy}`
  const sql = `${head}${query}\n)${divided ? ')' : ''}${sorted}) TO ${quoteText(to)} (${options.join(', ')})`
  const copy = () => guarded(sql, () => connection.runAndReadAll(sql), head.length)
  const reader = divided && sorted !== '' ? await onOneThread(connection, copy) : await copy()
  const ids = idsByName(schema)
  const written = reader.getRowObjects().map((row) => writtenFile(row, ids, names))
  await Promise.all(written.filter((file) => file.rows === 0).map((file) => rm(file.path, { force: true })))
  return written.filter((file) => file.rows > 0)
}

/** A column as the type that it is stored as. The engine has no bytes of a fixed number, so the number is looked at. */
function stored({ name, type }: NestedField): string {
  const value = `CAST(${quoteIdentifier(name)} AS ${duckdbType(type)})`
  const length = fixedLength(type)
  if (length === undefined) return value
  const wrong = quoteText(`column ${name} holds a value that has not ${length} bytes`)
  return `CASE WHEN octet_length(${value}) <> ${length} THEN error(${wrong}) ELSE ${value} END`
}

/** Several threads that write into several files mix up the order of rows. The setting is that of the engine as a whole. */
async function onOneThread<T>(connection: DuckDBConnection, action: () => Promise<T>): Promise<T> {
  const setting = await connection.runAndReadAll(`SELECT current_setting('threads') AS threads`)
  const threads = Number(setting.getRowObjects()[0]?.['threads'])
  await connection.run('SET threads = 1')
  try {
    return await action()
  } finally {
    await connection.run(`SET threads = ${threads}`)
  }
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

/** RETURN_STATS quotes each name of a path. */
const idsByName = (schema: IcebergSchema): ReadonlyMap<string, number> =>
  new Map(leavesOf(schema.fields).map((leaf) => [leaf.path.map(quoteIdentifier).join('.'), leaf.id]))

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
