import { type SourceLocation, AssayError } from '../errors.ts'
import { boundSql } from '../partitions/holder.ts'
import { dimensionsOf, type PartitionsSpec, timeOf } from '../partitions/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { duckdbType, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import { SqlError, type SqlSession } from '../sql/engine.ts'
import { lineageOf } from '../sql/lineage.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { type Bindings, byDepName, locate, render } from '../sql/render.ts'
import { dimensionNamed, isBound, type ParamName, type SqlPiece } from '../sql/template.ts'
import { compareColumns, type QueryColumn } from './column-match.ts'

/** A statement of the project with all that is needed to bind it. */
export interface BoundStatement {
  /** Names it in messages: `gold.spend`, or `the check 'positive' of gold.spend`. */
  readonly name: string
  /** With origins. */
  readonly pieces: readonly SqlPiece[]
  /** The columns of what it reads, by dep name. */
  readonly inputs: Readonly<Record<string, readonly ColumnSpec[]>>
  readonly partitions: PartitionsSpec
  /** The columns of the asset. */
  readonly columns: readonly ColumnSpec[]
  /** What it must yield; undefined where that does not matter. */
  readonly yields: readonly ColumnSpec[] | undefined
  /** Where it begins, for faults without a place of their own. */
  readonly where: SourceLocation | undefined
}

/** What DuckDB and the analysis of lineage say of a statement that binds. Cached, so plain data. */
export interface StatementFacts {
  readonly yields: readonly QueryColumn[]
  readonly lineage: Lineage
}

/** DuckDB with what is asked of it once. */
export interface Binder {
  readonly session: SqlSession
  /** Names of functions that make one value of many rows. */
  readonly aggregates: ReadonlySet<string>
}

/** Names of functions that make one value of many rows. */
export async function aggregatesOf(session: SqlSession): Promise<ReadonlySet<string>> {
  const rows = await session.rows(`SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type = 'aggregate'`)
  return new Set(rows.map((row) => String(row['name'])))
}

/** The text that DuckDB binds: any bounds of the right type stand for those of the partitions. */
export const textOf = (statement: BoundStatement): string => render(statement.pieces, bindingsOf(statement))

/**
 * Binds a statement in DuckDB over empty tables, and reads where its columns come from. Nothing is run.
 * @throws ASSAY-1012 where DuckDB refuses the statement
 */
export async function bindStatement({ session, aggregates }: Binder, statement: BoundStatement): Promise<StatementFacts> {
  const tables = Object.entries(statement.inputs).filter(([, columns]) => columns.length > 0)
  const all = (texts: readonly string[]): Promise<void> => (texts.length === 0 ? Promise.resolve() : session.run(texts.join('; ')))
  await all(tables.map(([name, columns]) => `CREATE OR REPLACE TABLE ${quoteIdentifier(name)} (${columns.map(definitionOf).join(', ')})`))
  try {
    const yields = await bind(session, statement)
    const [row] = await session.rows(`SELECT json_serialize_sql(${quoteText(textOf(statement))}) AS ast`)
    const ast: unknown = JSON.parse(String(row?.['ast']))
    const inputs = Object.fromEntries(tables.map(([name, columns]) => [name, columns.map((column) => column.name)]))
    return { yields, lineage: lineageOf({ ast, inputs, yields: yields.map(({ name }) => name), aggregates }) }
  } finally {
    await all(tables.map(([name]) => `DROP TABLE ${quoteIdentifier(name)}`))
  }
}

/** ASSAY-1012 for bounds or keys of partitions that an asset does not have; undefined where all is well. */
export const boundsFault = (statement: BoundStatement): AssayError | undefined =>
  statement.pieces
    .map((piece) => (piece.kind === 'param' ? unboundParam(statement, piece.name) : undefined))
    .find((fault) => fault !== undefined)

/** ASSAY-1013 where a statement does not yield the columns that it must. */
export function columnFault({ name, yields, where }: BoundStatement, facts: StatementFacts): AssayError | undefined {
  const details = yields === undefined ? [] : compareColumns(facts.yields, yields)
  return details.length === 0
    ? undefined
    : new AssayError('ASSAY-1013', `the query of ${name} does not yield the columns of its schema`, { where, details })
}

/** A bound or a list of keys that the partitions of the asset do not have. */
function unboundParam({ name, partitions, where }: BoundStatement, param: ParamName): AssayError | undefined {
  const [dimensions, of] = [dimensionsOf(partitions), dimensionNamed(param)]
  if (isBound(param) && timeOf(partitions, of) === undefined) {
    const [what, bounds] = of === '' ? ['no partitions by time', 'partition'] : [`no windows in its dimension ${of}`, `partition.${of}`]
    const next = `Give the asset partitions by time, or take ${bounds}.start and ${bounds}.end out of the query.`
    return new AssayError('ASSAY-1012', `${name} has ${what}, so ${bounds} has no bounds`, { where, next })
  }
  if (isBound(param) || dimensions.some((dimension) => dimension.name === of)) return undefined
  const names = dimensions.filter((dimension) => dimension.name !== '').map((dimension) => dimension.name)
  const next =
    names.length === 0 ? 'Write partition.keys() for an asset with partitions.' : `Write partition.keys(…) with ${names.join(' or ')}.`
  return new AssayError('ASSAY-1012', `${name} has no ${param.replace(/\.(?=[^.]*$)/, ' of ')}`, { where, next })
}

/** A column of a table that a statement is bound over. */
export const definitionOf = (column: ColumnSpec): string => `${quoteIdentifier(column.name)} ${duckdbType(column.type)}`

const bindingsOf = (statement: BoundStatement): Bindings => ({ table: byDepName, param: (name) => sampleOf(statement, name) })

/** In brackets, as it will stand when it runs: so a statement that is not one SELECT is refused here. */
const OPEN = '('

async function bind(session: SqlSession, statement: BoundStatement): Promise<readonly QueryColumn[]> {
  const bindings = bindingsOf(statement)
  try {
    return await session.describe(`${OPEN}${render(statement.pieces, bindings)})`)
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    const position = error.position === undefined ? undefined : Math.max(0, error.position - OPEN.length)
    const where = position === undefined ? undefined : locate(statement.pieces, bindings, position)
    const candidates = error.candidates.map((name) => `candidate: ${name}`)
    throw new AssayError('ASSAY-1012', `${statement.name}: ${error.message.split('\n')[0]}`, {
      where: where ?? statement.where,
      details: candidates,
      cause: error,
    })
  }
}

/** A bound or a list of the type that it will have: binding looks at types alone. */
function sampleOf({ partitions, columns }: BoundStatement, param: ParamName): string {
  if (!isBound(param)) return '([]::VARCHAR[])'
  const time = timeOf(partitions, dimensionNamed(param))
  const type = columns.find((column) => column.name === time?.column)?.type
  return time === undefined ? 'NULL' : boundSql(time, type, 0)
}
