import type { SourceLocation } from '../errors.ts'
import type { Decimal, IsoDate, IsoTime, Kind, LocalDateTime, Schema } from '../schema/column.ts'
import type { IcebergType } from '../schema/iceberg-type.ts'
import type { Handle, Sql, SqlPiece } from '../sql/template.ts'

/** `block` keeps the rows from being published; `warn` is shown. */
export type CheckMode = 'block' | 'warn'

/** A check as plain data. `name` is unique within its asset. */
export type CheckSpec = {
  readonly name: string
  readonly mode: CheckMode
  /** Derived from the schema, not written by the user. */
  readonly automatic: boolean
  readonly where?: SourceLocation
} & CheckRule

export type CheckRule =
  /** `within`: of a nested column, what lies in it and may not be null there. */
  | { readonly rule: 'notNull'; readonly column: string; readonly mostly: number; readonly within?: IcebergType }
  | { readonly rule: 'unique'; readonly columns: readonly string[] }
  /** Bounds are SQL literals without quotes: numbers or ISO times; both included, null for none. */
  | { readonly rule: 'between'; readonly column: string; readonly min: string | null; readonly max: string | null; readonly mostly: number }
  | { readonly rule: 'in'; readonly column: string; readonly values: readonly string[] }
  | { readonly rule: 'rowCount'; readonly min: number | null; readonly max: number | null }
  /** The query yields the rows that do not hold. The dep `rows` is what is being checked. */
  | { readonly rule: 'sql'; readonly query: readonly SqlPiece[] }

/** Name of the relation that holds the checked rows, in a `sql` check. */
export const CHECKED_ROWS = 'rows'

/** A check as `checks: (c) => […]` returns it. */
export interface Check {
  readonly spec: CheckSpec
}

export interface CheckOptions {
  readonly mode?: CheckMode
}
/** `mostly`: the share of rows, 0 to 1, that must hold; null rows do not count, except for notNull. Term: Great Expectations. */
export interface RowCheckOptions extends CheckOptions {
  readonly mostly?: number
}

/** Further rules about nested columns are written as `$rows.sql`. */
export interface NestedChecks {
  notNull(options?: RowCheckOptions): Check
}
export interface AnyChecks extends NestedChecks {
  unique(options?: CheckOptions): Check
}
export interface OrderedChecks<B> extends AnyChecks {
  /** Both bounds are included; an infinite one is none. */
  between(min: B, max: B, options?: RowCheckOptions): Check
}
export interface ChecksByKind {
  string: AnyChecks
  boolean: AnyChecks
  enum: AnyChecks
  uuid: AnyChecks
  fixed: AnyChecks
  binary: AnyChecks
  int: OrderedChecks<number>
  long: OrderedChecks<number | bigint>
  float: OrderedChecks<number>
  double: OrderedChecks<number>
  decimal: OrderedChecks<number | Decimal>
  date: OrderedChecks<IsoDate>
  time: OrderedChecks<IsoTime>
  timestamp: OrderedChecks<LocalDateTime>
  timestamptz: OrderedChecks<string>
  list: NestedChecks
  map: NestedChecks
  struct: NestedChecks
}

/** What `checks: (c) => …` gets: the columns by name, each with the checks that its type has, and the rows as a whole. */
export type Checks<S extends Schema> = { readonly [C in keyof S]: ChecksByKind[S[C]['kind'] & Kind] } & {
  readonly $rows: {
    readonly count: { between(min: number, max: number, options?: CheckOptions): Check }
    /** Rows that the query yields are the ones that do not hold. */
    sql(name: string, query: (rows: Handle<S>) => Sql, options?: CheckOptions): Check
  }
}
