import type { ColumnSpec } from '../schema/column.ts'
import { decimalOf, duckdbType, typeName } from '../schema/iceberg-type.ts'

/** A column that a query yields, its type as DuckDB prints it. */
export interface QueryColumn {
  readonly name: string
  readonly type: string
}

/**
 * What a query yields against what an asset declares: a sentence for each column that is missing, not declared, there
 * twice, or of a type that cannot be stored as the declared one. The order of columns and the case of names do not count.
 */
export function compareColumns(yielded: readonly QueryColumn[], declared: readonly ColumnSpec[]): readonly string[] {
  const fold = (name: string): string => name.toLowerCase()
  const byName = new Map(yielded.map((column) => [fold(column.name), column]))
  const known = new Set(declared.map((column) => fold(column.name)))
  const twice = yielded.filter((column) => byName.get(fold(column.name)) !== column)
  return [
    ...declared.filter((column) => !byName.has(fold(column.name))).map((column) => `missing: ${column.name} ${typeName(column.type)}`),
    ...[...byName.values()].filter((column) => !known.has(fold(column.name))).map((column) => `unexpected: ${column.name} ${column.type}`),
    ...twice.map((column) => `yielded twice: ${column.name}`),
    ...declared.flatMap((column) => {
      const actual = byName.get(fold(column.name))?.type
      return actual === undefined || fits(actual, column)
        ? []
        : [`${column.name}: query: ${actual}, schema: ${typeName(column.type)}; cast it to ${duckdbType(column.type)}`]
    }),
  ]
}

/** Decimal digits of whole numbers that every value of the type fits into. */
const DIGITS: Readonly<Record<string, number>> = {
  TINYINT: 3,
  UTINYINT: 3,
  SMALLINT: 5,
  USMALLINT: 5,
  INTEGER: 10,
  UINTEGER: 10,
  BIGINT: 19,
  UBIGINT: 20,
}
const FITS_INT = ['TINYINT', 'UTINYINT', 'SMALLINT', 'USMALLINT', 'INTEGER']
/** HUGEINT is what sum() gives; the writer casts it, and a sum that does not fit ends the step. */
const FITS_LONG = [...FITS_INT, 'UINTEGER', 'BIGINT', 'HUGEINT']
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  int: FITS_INT,
  long: FITS_LONG,
  float: ['TINYINT', 'UTINYINT', 'SMALLINT', 'USMALLINT', 'FLOAT'],
  double: [...FITS_INT, 'UINTEGER', 'FLOAT', 'DOUBLE'],
  string: ['VARCHAR', 'UUID'],
  timestamp: ['TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS'],
}
/** Digits that these keep: a decimal of so many comes back the same. */
const DIGITS_KEPT: Readonly<Record<string, number>> = { float: 6, double: 15 }

/** True when every value of `actual` can be stored as the declared type without loss. (A bare NULL is an INTEGER to DuckDB, so it needs a cast.) */
function fits(actual: string, declared: ColumnSpec): boolean {
  if (actual === duckdbType(declared.type)) return true
  const from = decimalOf(actual.toLowerCase() as `decimal(${number},${number})`)
  const to = decimalOf(declared.type)
  if (to !== undefined) return from === undefined ? (DIGITS[actual] ?? 99) <= to.precision - to.scale : decimalFits(from, to)
  if (typeof declared.type !== 'string') return false
  const kept = DIGITS_KEPT[declared.type]
  if (kept !== undefined && from !== undefined) return from.precision <= kept
  if (declared.type === 'string' && actual.startsWith('ENUM(')) return true
  return ACCEPTED[declared.type]?.includes(actual) ?? false
}

interface Digits {
  readonly precision: number
  readonly scale: number
}

/** 38 digits are what sum() gives of any decimal: as with HUGEINT, the cast of the writer decides. */
const decimalFits = (from: Digits, to: Digits): boolean =>
  from.scale <= to.scale && (from.precision === 38 || from.precision - from.scale <= to.precision - to.scale)
