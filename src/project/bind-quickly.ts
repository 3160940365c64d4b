import type { ColumnSpec } from '../schema/column.ts'
import { quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { SqlEngine, SqlSession } from '../sql/engine.ts'
import { lineageOf } from '../sql/lineage.ts'
import { aggregatesOf, type BoundStatement, columnFault, definitionOf, type StatementFacts, textOf } from './analyse.ts'

/** Statements whose syntax trees are asked for at once: for each alone, that takes eight times as long. */
const BATCH = 50

/**
 * Binds many statements. One table serves all inputs of the same columns, so nothing is made and dropped for each
 * statement. Undefined for one that cannot be bound so, or does not yield what it must: what is wrong with it is for
 * `bindStatement` to say, which shows DuckDB the inputs and nothing else.
 */
export async function bindQuickly(statements: readonly BoundStatement[]): Promise<readonly (StatementFacts | undefined)[]> {
  if (statements.length === 0) return []
  const { openDuckdb } = await import('../resources/duckdb.ts')
  const engine: SqlEngine = await openDuckdb({ threads: 1 })
  try {
    const session = await engine.session()
    const binder: QuickBinder = { session, aggregates: await aggregatesOf(session), tables: new Map() }
    const facts: (StatementFacts | undefined)[] = []
    for (let at = 0; at < statements.length; at += BATCH) facts.push(...(await bindBatch(binder, statements.slice(at, at + BATCH))))
    return facts
  } finally {
    engine.close()
  }
}

interface QuickBinder {
  readonly session: SqlSession
  readonly aggregates: ReadonlySet<string>
  /** Tables by their columns, as words. */
  readonly tables: Map<string, string>
}

async function bindBatch(binder: QuickBinder, statements: readonly BoundStatement[]): Promise<readonly (StatementFacts | undefined)[]> {
  const described: (StatementFacts['yields'] | undefined)[] = []
  for (const statement of statements) described.push(await describe(binder, statement))
  const bound = statements.filter((_, i) => described[i] !== undefined)
  const trees = bound.length === 0 ? [] : await syntaxTrees(binder.session, bound)
  return statements.map((statement, i) => {
    const yields = described[i]
    if (yields === undefined) return undefined
    const inputs = Object.fromEntries(tablesOf(statement).map(([name, columns]) => [name, columns.map((column) => column.name)]))
    const ast: unknown = JSON.parse(trees[bound.indexOf(statement)] ?? 'null')
    const lineage = lineageOf({ ast, inputs, yields: yields.map(({ name }) => name), aggregates: binder.aggregates })
    return columnFault(statement, { yields, lineage }) === undefined ? { yields, lineage } : undefined
  })
}

async function describe(binder: QuickBinder, statement: BoundStatement): Promise<StatementFacts['yields'] | undefined> {
  try {
    const inputs: string[] = []
    for (const [name, columns] of tablesOf(statement)) inputs.push(`${quoteIdentifier(name)} AS (FROM ${await tableOf(binder, columns)})`)
    const query = `(${textOf(statement)})`
    return await binder.session.describe(inputs.length === 0 ? query : `(WITH ${inputs.join(', ')} SELECT * FROM ${query})`)
  } catch {
    return undefined
  }
}

const tablesOf = (statement: BoundStatement): readonly (readonly [string, readonly ColumnSpec[]])[] =>
  Object.entries(statement.inputs).filter(([, columns]) => columns.length > 0)

/** An empty table of these columns. */
async function tableOf({ session, tables }: QuickBinder, columns: readonly ColumnSpec[]): Promise<string> {
  const definition = columns.map(definitionOf).join(', ')
  const known = tables.get(definition)
  if (known !== undefined) return known
  const table = `__assay_columns_${tables.size}`
  await session.run(`CREATE TABLE ${table} (${definition})`)
  tables.set(definition, table)
  return table
}

async function syntaxTrees(session: SqlSession, statements: readonly BoundStatement[]): Promise<readonly string[]> {
  const texts = statements.map((statement) => quoteText(textOf(statement)))
  const rows = await session.rows(`SELECT json_serialize_sql(text) AS ast FROM unnest([${texts.join(', ')}]) each(text)`)
  return rows.map((row) => String(row['ast']))
}
