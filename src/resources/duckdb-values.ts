import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  type DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimeValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBUUIDValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { decimalOf, fixedLength, type IcebergType, typeName } from '../schema/iceberg-type.ts'
import { Instant } from '../schema/instant.ts'
import type { Cell, EngineRow } from '../sql/engine.ts'

/** The first rows of a chunk, of its first columns under these names. */
export function* rowsOfChunk(chunk: DuckDBDataChunk, names: readonly string[], count = chunk.rowCount): Generator<EngineRow> {
  const columns = names.map((_, i) => chunk.getColumnValues(i))
  for (let row = 0; row < count; row++) {
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
  if (value instanceof DuckDBMapValue) return new Map(value.entries.map(({ key, value: inner }) => [cellOf(key), cellOf(inner)]))
  if (value instanceof DuckDBBlobValue) return new Uint8Array(value.bytes)
  return value.toString()
}

/** `YYYY-MM-DDTHH:MM:SS`, with six decimals where there is a fraction. */
function wallTime(micros: bigint): string {
  const text = new Instant(micros).toString().slice(0, -1)
  return text.endsWith('.000000') ? text.slice(0, -7) : text
}

/** ASSAY-5003 for a cell that does not fit its column. Rows count from 1. */
export function misfit(column: ColumnSpec, cell: Cell, row: number): AssayError {
  const type = typeName(column.type)
  return new AssayError('ASSAY-5003', `Row ${row}: ${spelt(cell)} does not fit column ${column.name} of type ${type}`, {
    next: `A ${type} is ${wanted(column.type)}. Convert the value, or change the type of the column.`,
  })
}

function spelt(cell: unknown): string {
  if (typeof cell === 'bigint') return `${cell}n`
  if (cell instanceof Date) return 'a Date'
  if (cell instanceof Uint8Array) return `${cell.length} bytes`
  if (cell instanceof Map) return `a Map of ${cell.size}`
  const text = JSON.stringify(cell, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner))
  return text?.slice(0, 80) ?? String(cell)
}

/** What a cell of a type looks like in JavaScript. */
function wanted(type: IcebergType): string {
  if (typeof type !== 'string') return WANTED[type.type] ?? type.type
  if (decimalOf(type)) return "exact decimal text such as '12.50'"
  const length = fixedLength(type)
  return length === undefined ? (WANTED[type] ?? type) : `a Uint8Array of ${length} bytes`
}

const WANTED: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  int: 'a whole number of 32 bits',
  long: 'a bigint of 64 bits',
  float: 'a number',
  double: 'a number',
  date: "a day such as '2026-01-31'",
  time: "a time of day such as '12:00:00'",
  timestamp: "wall time such as '2026-01-31T12:00:00'",
  timestamptz: 'an Instant: Instant.parse(text) or Instant.fromMillis(date.getTime())',
  string: 'text',
  uuid: "text such as 'f79c3e09-677c-4bbd-a479-3f349cb785e7'",
  binary: 'a Uint8Array',
  list: 'an array of such elements',
  map: 'a Map of such keys and values, no key twice',
  struct: 'an object of such fields and no others',
}

type Writer = (cell: NonNullable<unknown>) => DuckDBValue | undefined

/** How a cell becomes a value of the engine; undefined when it does not fit. */
export function writerOf(type: IcebergType): Writer {
  if (typeof type !== 'string') return nestedWriter(type)
  const decimal = decimalOf(type)
  if (decimal) return (cell) => decimalValue(cell, decimal.precision, decimal.scale)
  const length = fixedLength(type)
  if (length !== undefined) return (cell) => (cell instanceof Uint8Array && cell.length === length ? new DuckDBBlobValue(cell) : undefined)
  return WRITERS[type] ?? (() => undefined)
}

function nestedWriter(type: Exclude<IcebergType, string>): Writer {
  if (type.type === 'list') return listWriter(orNull(type.element, type['element-required']))
  if (type.type === 'map') return mapWriter(orNull(type.key, true), orNull(type.value, type['value-required']))
  return structWriter(new Map(type.fields.map((field) => [field.name, orNull(field.type, field.required)])))
}

/** A writer of what may be null. At the top of a row checks look for nulls; further down nothing would find them. */
function orNull(type: IcebergType, required: boolean): (cell: unknown) => DuckDBValue | undefined {
  const write = writerOf(type)
  return (cell) => (cell === null || cell === undefined ? (required ? undefined : null) : write(cell))
}

type InnerWriter = ReturnType<typeof orNull>

const listWriter =
  (write: InnerWriter): Writer =>
  (cell) => {
    const items = Array.isArray(cell) ? written(cell, write) : undefined
    return items && new DuckDBListValue(items)
  }

const mapWriter =
  (writeKey: InnerWriter, writeValue: InnerWriter): Writer =>
  (cell) => {
    if (!(cell instanceof Map)) return undefined
    const keys = written([...cell.keys()], writeKey)
    const values = written([...cell.values()], writeValue)
    if (keys === undefined || values === undefined || new Set(keys.map(String)).size < keys.length) return undefined
    return new DuckDBMapValue(keys.map((key, i) => ({ key, value: values[i] ?? null })))
  }

const structWriter =
  (fields: ReadonlyMap<string, InnerWriter>): Writer =>
  (cell) => {
    if (typeof cell !== 'object' || Object.keys(cell).some((name) => !fields.has(name))) return undefined
    const given = new Map<string, unknown>(Object.entries(cell))
    const values = written([...fields], ([name, write]) => write(given.get(name)))
    return values && new DuckDBStructValue(Object.fromEntries([...fields.keys()].map((name, i) => [name, values[i] ?? null])))
  }

/** All of them, or undefined when one does not fit. */
function written<T>(cells: readonly T[], write: (cell: T) => DuckDBValue | undefined): DuckDBValue[] | undefined {
  const values: DuckDBValue[] = []
  for (const cell of cells) {
    const value = write(cell)
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

const WRITERS: Readonly<Record<string, Writer>> = {
  string: (cell) => (typeof cell === 'string' ? cell : undefined),
  boolean: (cell) => (typeof cell === 'boolean' ? cell : undefined),
  int: (cell) => (typeof cell === 'number' && (cell | 0) === cell ? cell : undefined),
  long: (cell) => {
    const value = typeof cell === 'number' && Number.isSafeInteger(cell) ? BigInt(cell) : cell
    return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined
  },
  float: (cell) => (typeof cell === 'number' && Number.isFinite(Math.fround(cell)) === Number.isFinite(cell) ? cell : undefined),
  double: (cell) => (typeof cell === 'number' ? cell : undefined),
  date: (cell) => {
    const millis = typeof cell === 'string' && /^\d{4}-\d\d-\d\d$/.test(cell) ? Date.parse(cell) : Number.NaN
    return isDay(cell, millis) ? new DuckDBDateValue(millis / 86_400_000) : undefined
  },
  time: (cell) => {
    const micros = typeof cell === 'string' ? microsOf(`1970-01-01T${cell}`) : undefined
    return micros === undefined ? undefined : new DuckDBTimeValue(micros)
  },
  uuid: (cell) =>
    typeof cell === 'string' && UUID.test(cell) ? DuckDBUUIDValue.fromUint128(BigInt(`0x${cell.replaceAll('-', '')}`)) : undefined,
  timestamp: (cell) => {
    const micros = typeof cell === 'string' ? microsOf(cell) : undefined
    return micros === undefined ? undefined : new DuckDBTimestampValue(micros)
  },
  timestamptz: (cell) => (cell instanceof Instant ? new DuckDBTimestampTZValue(cell.micros) : undefined),
  binary: (cell) => (cell instanceof Uint8Array ? new DuckDBBlobValue(cell) : undefined),
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

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

function decimalValue(cell: unknown, precision: number, scale: number): DuckDBValue | undefined {
  const match = typeof cell === 'string' ? /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(cell) : null
  const [, sign = '', whole = '', fraction = ''] = match ?? []
  const digits = fraction.replace(/0+$/, '')
  if (!match || !/\d/.test(String(cell)) || digits.length > scale || whole.length > precision - scale) return undefined
  const value = BigInt(`${whole}${digits.padEnd(scale, '0')}` || '0')
  return new DuckDBDecimalValue(sign === '-' ? -value : value, precision, scale)
}
