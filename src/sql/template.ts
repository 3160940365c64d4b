import { callSite } from '../call-site.ts'
import type { SourceLocation } from '../errors.ts'
import type { Kind, Schema } from '../schema/column.ts'
import { quoteText } from '../schema/iceberg-type.ts'

/** A column of an input, to be interpolated into `sql`. Renaming it upstream breaks the reader when it is compiled. */
export interface ColumnRef<out K extends Kind = Kind, out T = unknown> {
  readonly $piece: SqlPiece
  /** For the type checker only. */
  readonly $kind?: K
  /** For the type checker only. */
  readonly $cell?: T
}

/** An input as a table, to be interpolated into `sql`. */
export interface TableRef {
  readonly $piece: SqlPiece
}

/** An input: itself a table, its columns by name. `as('o')` gives it a short name: `from ${o}` becomes `from orders as o`. */
export type Handle<S extends Schema> = TableRef & { readonly as: (alias: string) => Handle<S> } & {
  readonly [C in keyof S]: ColumnRef<S[C]['kind'], S[C]['cell']>
}

/** A bound of the partitions being made: a value of the type of the partition column. `end` is exclusive. */
export interface ParamRef {
  readonly $piece: SqlPiece
}
/** The keys of the partitions being made, as a list of texts: `list_contains(${partition.keys()}, country)`. */
export interface KeyParams {
  keys(): ParamRef
}
export interface WindowParams extends KeyParams {
  readonly start: ParamRef
  readonly end: ParamRef
}
export interface PartitionParams {
  /** Of the first dimension of time. */
  readonly start: ParamRef
  readonly end: ParamRef
  /** See {@link KeyParams}; of a product those of one dimension, by its name. */
  keys(dimension?: string): ParamRef
}

/** What is asked of the partitions, and the dimension that is named, if one is. */
export type ParamName = `partition.${'start' | 'end' | 'keys'}${'' | `.${string}`}`

/** The dimension that a parameter names; `''` where it names none. */
export const dimensionNamed = (param: ParamName): string => param.split('.')[2] ?? ''

/** Whether a parameter is a bound in time, and no list of keys. */
export const isBound = (param: ParamName): boolean => !param.startsWith('partition.keys')

/** One piece of a statement, as plain data; `origin` is where its text stands in the user's file. */
export type SqlPiece =
  | { readonly kind: 'text'; readonly text: string; readonly site?: TemplateSite; readonly origin?: SourceLocation }
  | { readonly kind: 'table'; readonly dep: string; readonly alias?: string }
  | { readonly kind: 'column'; readonly dep: string; readonly column: string; readonly alias?: string }
  | { readonly kind: 'param'; readonly name: ParamName }

/** Which text of which template call a piece is. */
export interface TemplateSite {
  readonly call: SourceLocation
  readonly quasi: number
}

/** A statement, or a part of one. */
export interface Sql {
  readonly pieces: readonly SqlPiece[]
  readonly where: SourceLocation | undefined
}

/** What may stand in `${…}`. Texts become string literals, lists become list literals; nothing is pasted as raw SQL. */
export type SqlValue = ColumnRef | TableRef | ParamRef | Sql | string | number | bigint | boolean | null | readonly string[]

/**
 * SQL as a template that takes assets, columns, partition bounds, other statements and values.
 * @example sql`select ${o.order_id}, sum(${o.amount}) as total from ${o} group by all`
 */
export function sql(strings: TemplateStringsArray, ...values: readonly SqlValue[]): Sql {
  const call = callSite(sql)
  const pieces: SqlPiece[] = []
  strings.forEach((text, quasi) => {
    if (text !== '') pieces.push({ kind: 'text', text, ...(call === undefined ? {} : { site: { call, quasi } }) })
    if (quasi < values.length) pieces.push(...piecesOf(values[quasi] as SqlValue))
  })
  return Object.freeze({ pieces: Object.freeze(pieces), where: call })
}

function piecesOf(value: SqlValue): readonly SqlPiece[] {
  if (typeof value === 'object' && value !== null) {
    if ('$piece' in value) return [value.$piece]
    if ('pieces' in value) return value.pieces
  }
  return [{ kind: 'text', text: literal(value) }]
}

/** @throws TypeError for values that have no meaning in SQL, which only unchecked code can bring here */
function literal(value: unknown): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return quoteText(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return `'${value}'::DOUBLE`
  // In brackets when negative: behind a minus it would begin a comment.
  if (typeof value === 'number' || typeof value === 'bigint') return value < 0 ? `(${value})` : String(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  const what = value === undefined ? 'undefined' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
  throw new TypeError(`${what} cannot stand in sql\`…\``)
}

/** The handle of an input named `dep` with these columns. */
export function handleOf<S extends Schema>(dep: string, columns: readonly string[], alias?: string): Handle<S> {
  const named = alias === undefined ? {} : { alias }
  const refs: Record<string, unknown> = {}
  for (const column of columns) refs[column] = { $piece: { kind: 'column', dep, column, ...named } }
  refs['as'] = (name: string) => handleOf<S>(dep, columns, name)
  refs['$piece'] = { kind: 'table', dep, ...named }
  return Object.freeze(refs) as Handle<S>
}

/** The bounds and keys of the partitions being made. @param dimensions names of the dimensions of a product */
export function partitionParams(dimensions: readonly string[] = []): PartitionParams & Readonly<Record<string, WindowParams>> {
  const of = (name: string): WindowParams => ({
    start: param(`partition.start.${name}`),
    end: param(`partition.end.${name}`),
    keys: () => param(`partition.keys.${name}`),
  })
  return {
    ...Object.fromEntries(dimensions.map((name) => [name, of(name)])),
    start: param('partition.start'),
    end: param('partition.end'),
    keys: (dimension?: string) => param(dimension === undefined ? 'partition.keys' : `partition.keys.${dimension}`),
  } as PartitionParams & Readonly<Record<string, WindowParams>>
}

function param(name: ParamName): ParamRef {
  return Object.freeze({ $piece: Object.freeze({ kind: 'param', name }) })
}
