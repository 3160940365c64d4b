import fc from 'fast-check'
import { expect } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { quoteText } from '../../src/schema/iceberg-type.ts'
import type { SqlSession } from '../../src/sql/engine.ts'
import { lineageOf } from '../../src/sql/lineage.ts'
import type { Lineage } from '../../src/sql/lineage-sources.ts'
import { randomQuery, TABLES } from './random-query.ts'

let aggregates: ReadonlySet<string> | undefined

/** The lineage of a statement that the session can bind. */
export async function lineageIn(session: SqlSession, inputs: Readonly<Record<string, readonly string[]>>, sql: string): Promise<Lineage> {
  aggregates ??= new Set(
    (await session.rows(`SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type = 'aggregate'`)).map((row) =>
      String(row['name']),
    ),
  )
  const [parsed] = await session.rows(`SELECT json_serialize_sql(${quoteText(sql)}) AS ast`)
  const yields = (await session.describe(sql)).map(({ name }) => name)
  return lineageOf({ ast: JSON.parse(String(parsed?.['ast'])), inputs, yields, aggregates })
}

const SIZE = 8
const NAMES = Object.entries(TABLES).flatMap(([table, columns]) => columns.map((column) => [table, column] as const))
const keyOf = (table: string, column: string): string => `${table}.${column}`

/**
 * Runs random statements, changes one input column after the other, and runs them again: an output column may change
 * only where the column is among its sources, or among those of the rows.
 */
export async function soundness(numRuns: number): Promise<void> {
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const permutation = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: SIZE })
  const cells = fc.record(Object.fromEntries(NAMES.map(([table, column]) => [keyOf(table, column), permutation])))
  const values = fc.record(
    Object.fromEntries(
      NAMES.map(([table, column]) => [
        keyOf(table, column),
        fc.uniqueArray(fc.integer({ min: 0, max: 12 }), { minLength: SIZE, maxLength: SIZE }),
      ]),
    ),
  )
  try {
    await fc.assert(
      fc.asyncProperty(randomQuery(), cells, values, async (sql, before, after) => {
        await fill(session, before)
        // Some shapes do not go together in DuckDB: an alias of an expression with a subquery, for one; on a few it fails itself.
        fc.pre(
          await session.rows(sql).then(
            () => true,
            () => false,
          ),
        )
        const lineage = await lineageIn(session, TABLES, sql)
        expect(lineage.unknown).toBeUndefined()
        const names = Object.keys(lineage.columns)
        const expected = await columnsOf(session, sql, names)
        for (const [table, column] of NAMES) {
          const free = names.filter((name) => !named(lineage, name, table, column))
          if (free.length === 0) continue
          await fill(session, { ...before, [keyOf(table, column)]: after[keyOf(table, column)] ?? [] }, [table])
          const actual = await columnsOf(session, sql, names)
          for (const name of free) expect(actual[name], `${name} by ${table}.${column}`).toEqual(expected[name])
          await fill(session, before, [table])
        }
      }),
      { numRuns, endOnFailure: true },
    )
  } finally {
    session.close()
    engine.close()
  }
}

const named = ({ columns, rows = [] }: Lineage, name: string, table: string, column: string): boolean =>
  [...(columns[name] ?? []), ...rows].some(([input, source]) => input === table && source === column)

async function fill(session: SqlSession, cells: Readonly<Record<string, readonly number[]>>, names = Object.keys(TABLES)): Promise<void> {
  const tables = names.map((table) => {
    const columns = TABLES[table] ?? []
    const rows = Array.from({ length: SIZE }, (_, i) => `(${columns.map((column) => cells[keyOf(table, column)]?.[i]).join(', ')})`)
    return `CREATE OR REPLACE TABLE ${table} AS SELECT * FROM (VALUES ${rows.join(', ')}) v(${columns.join(', ')});`
  })
  await session.run(tables.join(' '))
}

/** The values of each column, in no order. */
async function columnsOf(session: SqlSession, sql: string, names: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const rows = await session.rows(sql)
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => String(row[name])).toSorted()]))
}
