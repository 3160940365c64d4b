import { type IcebergType, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { CheckRule, CheckSpec } from './check.ts'

/** A rule about single rows, as a predicate that is true for a row that does not hold. */
type RowRule = Extract<CheckRule, { rule: 'notNull' | 'between' | 'in' }>

export const isRowCheck = (check: CheckSpec): check is CheckSpec & RowRule =>
  check.rule === 'notNull' || check.rule === 'between' || check.rule === 'in'

/**
 * The SQL predicate that is true for a row which breaks the rule. Null breaks `notNull` only; NaN, which DuckDB sorts
 * above every number, breaks `between`.
 */
export function violation(rule: RowRule): string {
  const column = quoteIdentifier(rule.column)
  if (rule.rule === 'notNull') return rule.within === undefined ? `${column} IS NULL` : `coalesce(${missingIn(column, rule.within)}, false)`
  if (rule.rule === 'in') return `coalesce(${column} NOT IN (${rule.values.map(quoteText).join(', ')}), false)`
  const above = rule.min === null ? 'true' : `${column} >= ${bound(rule.min)}`
  // Without a bound, which numbers alone can be, NaN must break the rule all the same.
  const below = rule.max === null ? `${column}::DOUBLE <= 'Infinity'::DOUBLE` : `${column} <= ${bound(rule.max)}`
  return `coalesce(NOT (${above} AND ${below}), false)`
}

/** True where a value of a nested type lacks something that it may not lack. Whether the value itself is null is no matter. */
function missingIn(value: string, type: IcebergType, depth = 0): string {
  if (typeof type === 'string') return 'false'
  const item = `e${depth}`
  const anyOf = (list: string, required: boolean, inner: IcebergType): string =>
    `len(list_filter(${list}, lambda ${item}: ${missing(item, required, inner, depth + 1)})) > 0`
  if (type.type === 'list') return anyOf(value, type['element-required'], type.element)
  if (type.type === 'map') return anyOf(`map_values(${value})`, type['value-required'], type.value)
  const fields = type.fields.map((field) => missing(`${value}.${quoteIdentifier(field.name)}`, field.required, field.type, depth))
  return `(${value} IS NOT NULL AND (${fields.join(' OR ')}))`
}

const missing = (value: string, required: boolean, type: IcebergType, depth: number): string =>
  `${required ? `${value} IS NULL OR ` : ''}coalesce(${missingIn(value, type, depth)}, false)`

/** Numbers stay numbers, so that decimals compare exactly; everything else is a text that DuckDB casts to the column. */
const bound = (text: string): string => (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? text : quoteText(text))

/** Names of the row checks that a row breaks, joined by `, `; NULL for a row that holds. */
export function reasonExpression(checks: readonly (CheckSpec & RowRule)[]): string {
  const cases = checks.map((check) => `CASE WHEN ${violation(check)} THEN ${quoteText(check.name)} END`)
  return cases.length === 0 ? 'NULL' : `nullif(concat_ws(', ', ${cases.join(', ')}), '')`
}

/**
 * One aggregate that answers all row checks and counts at once: column 0 is the number of rows, column 2i+1 the rows that
 * break row check i, column 2i+2 the rows that it looked at.
 */
export function fusedAggregate(checks: readonly (CheckSpec & RowRule)[], relation: string): string {
  const columns = checks.flatMap((check, i) => {
    const looked = check.rule === 'notNull' ? 'count(*)' : `count(${quoteIdentifier(check.column)})`
    return [`count_if(${violation(check)}) AS failing_${i}`, `${looked} AS looked_${i}`]
  })
  return `SELECT ${['count(*) AS total', ...columns].join(', ')} FROM ${relation}`
}

/** The number of rows whose key stands more than once, first occurrences not counted. Rows with a null in the key are left out, as in SQL. */
export const duplicatesQuery = (columns: readonly string[], relation: string): string =>
  `SELECT coalesce(sum(n - 1), 0)::BIGINT AS failing FROM (SELECT count(*) AS n ${duplicated(columns, relation)})`

/** Some keys that stand more than once, with their number. */
export const duplicatesSample = (columns: readonly string[], relation: string, limit: number): string =>
  `SELECT ${columns.map(quoteIdentifier).join(', ')}, count(*) AS copies ${duplicated(columns, relation)} ORDER BY ALL LIMIT ${limit}`

function duplicated(columns: readonly string[], relation: string): string {
  const names = columns.map(quoteIdentifier)
  return `FROM ${relation} WHERE ${names.map((n) => `${n} IS NOT NULL`).join(' AND ')} GROUP BY ${names.join(', ')} HAVING count(*) > 1`
}
