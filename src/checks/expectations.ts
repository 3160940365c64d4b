import { callSite } from '../call-site.ts'
import { AssayError } from '../errors.ts'
import type { ColumnSpec, Schema } from '../schema/column.ts'
import type { IcebergType } from '../schema/iceberg-type.ts'
import { handleOf, type Sql } from '../sql/template.ts'
import { CHECKED_ROWS, type Check, type CheckOptions, type CheckRule, type Checks, type CheckSpec, type RowCheckOptions } from './check.ts'

/** The builder that `checks: (c) => […]` of an asset is called with. */
export function checksFor<S extends Schema>(columns: readonly ColumnSpec[]): Checks<S> {
  const builder: Record<string, unknown> = { $rows: rowsBuilder(columns) }
  for (const { name } of columns) builder[name] = columnBuilder(name)
  return Object.freeze(builder) as Checks<S>
}

function columnBuilder(column: string): object {
  const notNull = (o: RowCheckOptions = {}): Check => check(notNull, `${column}.not_null`, { rule: 'notNull', column, mostly: share(o) }, o)
  const unique = (o: CheckOptions = {}): Check => check(unique, `${column}.unique`, { rule: 'unique', columns: [column] }, o)
  const between = (min: string | number | bigint, max: string | number | bigint, o: RowCheckOptions = {}): Check =>
    check(between, `${column}.between`, { rule: 'between', column, min: textOf(lower(min)), max: textOf(upper(max)), mostly: share(o) }, o)
  return { notNull, unique, between }
}

function rowsBuilder(columns: readonly ColumnSpec[]): object {
  const between = (min: number, max: number, o: CheckOptions = {}): Check =>
    check(between, 'rows.count', { rule: 'rowCount', min: lower(min), max: upper(max) }, o)
  const sql = (name: string, query: (rows: never) => Sql, o: CheckOptions = {}): Check => {
    const rows = handleOf(
      CHECKED_ROWS,
      columns.map((c) => c.name),
    )
    return check(sql, name, { rule: 'sql', query: query(rows as never).pieces }, o)
  }
  return { count: { between }, sql }
}

function check(callee: (...args: never[]) => unknown, name: string, rule: CheckRule, options: CheckOptions): Check {
  const where = callSite(callee)
  const spec: CheckSpec = { name, mode: options.mode ?? 'block', automatic: false, ...(where === undefined ? {} : { where }), ...rule }
  return Object.freeze({ spec: Object.freeze(spec) })
}

/** An infinite bound is none, as null: JSON has no other way to say so. @throws ASSAY-1011 for one that nothing can keep to */
const lower = <B extends string | number | bigint>(min: B): B | null => (min === Number.NEGATIVE_INFINITY ? null : finite(min))
const upper = <B extends string | number | bigint>(max: B): B | null => (max === Number.POSITIVE_INFINITY ? null : finite(max))

function finite<B extends string | number | bigint>(bound: B): B {
  if (typeof bound !== 'number' || Number.isFinite(bound)) return bound
  throw new AssayError('ASSAY-1011', `a bound of between() is ${bound}`, {
    next: 'Write -Infinity as min, or Infinity as max, where there is no bound.',
  })
}

const textOf = (bound: string | number | bigint | null): string | null => (bound === null ? null : String(bound))

function share({ mostly = 1 }: RowCheckOptions): number {
  if (mostly > 0 && mostly <= 1) return mostly
  throw new AssayError('ASSAY-1011', `mostly is ${mostly}`, { next: 'mostly is a share above 0 and up to 1.' })
}

/** The checks that follow from the schema itself: not null, the values of an enum, the key is unique. */
export function schemaChecks(columns: readonly ColumnSpec[], key: readonly string[]): readonly CheckSpec[] {
  const specs: CheckSpec[] = []
  for (const column of columns) {
    const base = { mode: 'block', automatic: true } as const
    if (!column.nullable) specs.push({ ...base, name: `${column.name}.not_null`, rule: 'notNull', column: column.name, mostly: 1 })
    if (mayMiss(column.type)) {
      const name = `${column.name}.not_null_within`
      specs.push({ ...base, name, rule: 'notNull', column: column.name, mostly: 1, within: column.type })
    }
    if (column.values) specs.push({ ...base, name: `${column.name}.in`, rule: 'in', column: column.name, values: column.values })
  }
  if (key.length > 0) specs.push({ mode: 'block', automatic: true, name: `${key.join('+')}.unique`, rule: 'unique', columns: key })
  return specs
}

/** True for a nested type with something in it that may not be null. */
function mayMiss(type: IcebergType): boolean {
  if (typeof type === 'string') return false
  if (type.type === 'list') return type['element-required'] || mayMiss(type.element)
  if (type.type === 'map') return type['value-required'] || mayMiss(type.value)
  return type.fields.some((field) => field.required || mayMiss(field.type))
}
