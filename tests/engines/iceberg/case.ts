import type { Predicate } from '../../../src/iceberg/prune.ts'
import type { SqlSession } from '../../../src/sql/engine.ts'
import type { IcebergType, NestedField } from '../../../src/schema/iceberg-type.ts'
import type { LakeTable } from './lake.ts'

export type EngineName = 'spark' | 'pyiceberg' | 'chdb' | 'duckdb-iceberg'

/**
 * A cell as text that is the same whoever read it: `12.50`, `2024-02-29`, `2024-02-29T12:00:00.000000`, the same with `Z` for
 * an instant, `0x00ff`. Lists are lists, structs objects, and maps lists of pairs in order of their keys.
 */
export type Cell = string | null | readonly Cell[] | { readonly [name: string]: Cell }

/** What was read: names in order, and rows in any order. */
export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** A version of the case's table, and what is known of it from elsewhere. */
export interface Read {
  /** A branch or tag. Absent: `main`. */
  readonly ref?: string
  /** A condition that all engines understand, to see that no file is left out wrongly. */
  readonly where?: string
  /** The same for Assay, by which it leaves out files. */
  readonly filter?: Predicate
  /** Names in order, where they are the point. */
  readonly columns?: readonly string[]
  /** By hand, or by a query over plain DuckDB that yields the columns of the table. */
  readonly rows: readonly (readonly Cell[])[] | string
}

/** A table that Assay writes and every engine reads. */
export interface Case {
  readonly group: string
  readonly name: string
  readonly write: (table: LakeTable) => Promise<unknown>
  readonly reads: readonly Read[]
  /** Engines that do not read it, with a part of what they say, or of what they read instead. Held by the tests. */
  readonly refused?: Partial<Readonly<Record<EngineName, Refusal>>>
  /** Among the few that run with --smoke. */
  readonly smoke?: true
}

/**
 * Why an engine does not read a table: `says` is in its error; `otherwise` is what differs from what is there: `rows`, only
 * `rows under a condition`, or only the `names` of columns.
 */
export type Refusal = { readonly why: string } & (
  | { readonly says: string }
  | { readonly otherwise: 'rows' | 'rows under a condition' | 'names' }
)

/** Rows of a query as text. */
export async function rowsOf(session: Pick<SqlSession, 'rows'>, query: string, fields: readonly NestedField[]): Promise<Table> {
  const rows = await session.rows(query)
  return { columns: fields.map((field) => field.name), rows: rows.map((row) => fields.map((field) => cellOf(row[field.name], field.type))) }
}

/** A cell of ours as text. */
function cellOf(value: unknown, type: IcebergType): Cell {
  if (value === null || value === undefined) return null
  if (typeof type === 'string') return plainCell(value, type)
  if (type.type === 'list') return (value as readonly unknown[]).map((one) => cellOf(one, type.element))
  if (type.type === 'map')
    return [...(value as Map<unknown, unknown>)].map(([key, one]) => [cellOf(key, type.key), cellOf(one, type.value)])
  const named = value as Readonly<Record<string, unknown>>
  return Object.fromEntries(type.fields.map((field) => [field.name, cellOf(named[field.name], field.type)]))
}

function plainCell(value: unknown, type: string): Cell {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  const text = String(value)
  if (type === 'float' || type === 'double') return Object.is(value, -0) ? '-0.0' : /^-?\d+$/.test(text) ? `${text}.0` : text
  if (type === 'time' || type === 'timestamp') return text.includes('.') ? text.padEnd(text.indexOf('.') + 7, '0') : `${text}.000000`
  return text
}

/** Rows and maps in an order of their own, so that those of two readers can be compared. */
export const sorted = ({ columns, rows }: Table): Table => ({ columns, rows: rows.toSorted(byText) })

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
