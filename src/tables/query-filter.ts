import type { Literal, Predicate } from '../iceberg/prune.ts'
import { type IcebergSchema, type IcebergType, quoteText } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { type Condition, type Constant, conditionsOf } from '../sql/where.ts'

/**
 * What a statement asks of the rows of tables, for planning their scans: files that surely hold no such rows are not
 * opened. What cannot be told for sure is left out, so that a filter never spares too much.
 * @param schemas by full name. @returns by the same names; absent where any row may be asked for
 */
export async function queryFilters(
  session: SqlSession,
  statement: string,
  schemas: ReadonlyMap<string, IcebergSchema>,
): Promise<ReadonlyMap<string, Predicate>> {
  const ast = await syntaxOf(session, statement)
  const named = new Map([...schemas].map(([name, schema]) => [name.toLowerCase(), schema]))
  const conditions = conditionsOf(ast, (table) => named.get(table)?.fields.map((field) => field.name))
  const filters = new Map<string, Predicate>()
  for (const [name, schema] of schemas) {
    const condition = conditions.get(name.toLowerCase())
    const filter = condition && predicateOf(condition, schema, await valuesIn(session, condition, schema))
    if (filter !== undefined) filters.set(name, filter)
  }
  return filters
}

/** What is no SELECT has no tree, and is refused when it is run. */
async function syntaxOf(session: SqlSession, statement: string): Promise<unknown> {
  const [row] = await session.rows(`SELECT json_serialize_sql(${quoteText(statement)}) AS ast`)
  return JSON.parse(String(row?.['ast']))
}

/** How the engine sees a constant beside a column of a type, as text in the form of partition tuples; undefined: not told here. */
function literalSql(type: IcebergType, { kind, text, as }: Constant): string | undefined {
  const plain = as === undefined
  const value = plain ? quoteText(text) : `TRY_CAST(${quoteText(text)} AS ${as})`
  switch (type) {
    case 'int':
    case 'long':
      return kind === 'number' && plain ? value : undefined
    case 'string':
      return kind === 'text' && (plain || as === 'VARCHAR') ? value : undefined
    case 'date':
      return kind === 'text' && (plain || as === 'DATE') ? `(TRY_CAST(${value} AS DATE) - DATE '1970-01-01')` : undefined
    case 'timestamp':
      return kind === 'text' && (plain || as === 'DATE' || as === 'TIMESTAMP') ? `epoch_us(TRY_CAST(${value} AS TIMESTAMP))` : undefined
    case 'timestamptz':
      return kind === 'text' && (plain || ZONED.has(as)) ? `epoch_us(TRY_CAST(${value} AS TIMESTAMPTZ))` : undefined
    default:
      return undefined
  }
}

const ZONED: ReadonlySet<string> = new Set(['DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE'])

/** The literals of a condition, each under the SQL that gives it. */
type Values = ReadonlyMap<string, string>

const typeOf = (schema: IcebergSchema, column: string): IcebergType | undefined =>
  schema.fields.find((field) => field.name === column)?.type

/** All constants of a condition in one query, so that they are read as the statement's own are: by the session. */
async function valuesIn(session: SqlSession, condition: Condition, schema: IcebergSchema): Promise<Values> {
  const wanted = [...new Set(expressionsIn(condition, schema))]
  if (wanted.length === 0) return new Map()
  const [row] = await session.rows(`SELECT ${wanted.map((sql, i) => `CAST(${sql} AS VARCHAR) AS v${i}`).join(', ')}`)
  return new Map(
    wanted.flatMap((sql, i): readonly [string, string][] => {
      const value = row?.[`v${i}`]
      return typeof value === 'string' ? [[sql, value]] : []
    }),
  )
}

function expressionsIn(condition: Condition, schema: IcebergSchema): readonly string[] {
  if ('of' in condition) return condition.of.flatMap((part) => expressionsIn(part, schema))
  const type = typeOf(schema, condition.column)
  const constants = condition.op === 'in' ? condition.values : [condition.value]
  return type === undefined ? [] : constants.flatMap((constant) => literalSql(type, constant) ?? [])
}

/** Undefined where any row may meet it. */
function predicateOf(condition: Condition, schema: IcebergSchema, values: Values): Predicate | undefined {
  if ('of' in condition) {
    const parts = condition.of.map((part) => predicateOf(part, schema, values))
    const known = parts.filter((part) => part !== undefined)
    if (condition.op === 'or' && known.length < parts.length) return undefined
    return known.length === 0 ? undefined : { op: condition.op, of: known }
  }
  const { column } = condition
  const type = typeOf(schema, column)
  const constants = condition.op === 'in' ? condition.values : [condition.value]
  const literals = constants.map((constant) => (type === undefined ? undefined : literalOf(type, constant, values)))
  const known = literals.filter((literal) => literal !== undefined)
  const [value] = known
  if (value === undefined || known.length < literals.length) return undefined
  return condition.op === 'in' ? { op: 'in', column, values: known } : { op: condition.op, column, value }
}

/** Numbers of 32 bits are numbers, of 64 text, as in partition tuples. */
function literalOf(type: IcebergType, constant: Constant, values: Values): Literal | undefined {
  const sql = literalSql(type, constant)
  const text = sql === undefined ? undefined : values.get(sql)
  if (text === undefined) return undefined
  return type === 'date' || type === 'int' ? Number(text) : text
}
