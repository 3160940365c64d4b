import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  type DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { decimalOf, type PrimitiveType } from '../schema/iceberg-type.ts'
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

/** ASSAY-5003 for a cell that does not fit its column. Rows count from 1. */
export function misfit(column: ColumnSpec, cell: Cell, row: number): AssayError {
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
export function writerOf(type: PrimitiveType): Writer {
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
