import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { definitionOf } from '../../src/assets/define-asset.ts'
import { handleOf, partitionParams, type Sql } from '../../src/sql/template.ts'
import { byDepName, render } from '../../src/sql/render.ts'

export type Rows = readonly Record<string, unknown>[]

/** A database of its own that counts in UTC. */
export async function openDatabase(): Promise<{
  readonly run: (sql: string) => Promise<void>
  readonly rows: (sql: string) => Promise<Rows>
  readonly close: () => void
}> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection: DuckDBConnection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  return {
    run: async (sql) => void (await connection.run(sql)),
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson(),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** The statement of an asset for the days `from` to `to` (both included); deps are relations of their own name. */
export async function statementOf(asset: object, from?: string, to = from): Promise<string> {
  const made = definitionOf(asset)?.made
  if (made === undefined) throw new Error('not an asset with a compute')
  const param = (name: string): string =>
    name === 'partition.start' ? `TIMESTAMPTZ '${from} 00:00:00+00'` : `TIMESTAMPTZ '${to} 00:00:00+00' + INTERVAL 1 DAY`
  const handles = Object.fromEntries(Object.entries(made.deps).map(([name, dep]) => [name, handleOf(name, Object.keys(dep.schema))]))
  const context = { partitions: daysOf(from, to).map((key) => ({ key })), log: silent }
  const { compute } = made
  const sql =
    compute.kind === 'duckdb'
      ? compute.query(handles as never, { partition: partitionParams() as never })
      : ((await compute.run({}, same as never, context as never)) as Sql)
  return render(sql.pieces, { table: byDepName, param })
}

const same = (row: unknown): unknown => row
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function daysOf(from: string | undefined, to: string | undefined): readonly string[] {
  const days: string[] = []
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10))
  return days
}
