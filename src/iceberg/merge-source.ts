import { AssayError } from '../errors.ts'
import { type IcebergSchema, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { valueOfText } from './bounds.ts'
import type { Filter } from './filter.ts'

/** The table of the session that holds the rows to be merged. */
export const SOURCE = '__source'

/** Examples of a complaint. */
const SHOWN = 3

/** What is to be merged. */
export interface Source {
  readonly query: string
  /** Columns that together name a row. */
  readonly keys: readonly string[]
  /** Of the rows with one key, the one with the greatest value of this column counts. Absent: each key has one row. */
  readonly latestBy?: string | undefined
}

/**
 * Keeps the rows of a query as the table {@link SOURCE}, since they are looked at several times, and sees to it that each
 * key is there once.
 * @throws ASSAY-5007 naming the keys that are null or occur twice
 */
export async function loadSource(session: SqlSession, { query, keys, latestBy }: Source): Promise<void> {
  if (keys.length === 0) throw new AssayError('ASSAY-5007', 'a merge needs at least one key column')
  const names = keys.map(quoteIdentifier)
  const latest =
    latestBy === undefined
      ? `SELECT * FROM (${query})`
      : `SELECT DISTINCT * FROM (${query}) QUALIFY rank() OVER (PARTITION BY ${names.join(', ')} ORDER BY ${quoteIdentifier(latestBy)} DESC) = 1`
  await session.run(`CREATE OR REPLACE TABLE ${SOURCE} AS ${latest}`)
  const spelt = `concat_ws(', ', ${keys.map((key) => `concat(${quoteText(`${key} `)}, ${quoteIdentifier(key)})`).join(', ')})`
  const nulls = await session.rows(`SELECT count(*) AS n FROM ${SOURCE} WHERE ${names.map((name) => `${name} IS NULL`).join(' OR ')}`)
  if (Number(nulls[0]?.['n']) > 0)
    throw new AssayError('ASSAY-5007', `${Number(nulls[0]?.['n'])} rows of the source have a null in the key ${keys.join(', ')}`)
  const twice = await session.rows(
    `SELECT ${spelt} AS key, count(*) AS n FROM ${SOURCE} GROUP BY ${names.join(', ')} HAVING count(*) > 1 ORDER BY key LIMIT ${SHOWN}`,
  )
  if (twice.length === 0) return
  throw new AssayError('ASSAY-5007', `the source has ${Number(twice[0]?.['n'])} rows for the key ${String(twice[0]?.['key'])}`, {
    details: twice.slice(1).map((row) => `${Number(row['n'])} rows for ${String(row['key'])}`),
  })
}

/** Between the least and the greatest value of each key in the source; undefined where the source is empty. */
export async function keyRange(session: SqlSession, schema: IcebergSchema, keys: readonly string[]): Promise<Filter | undefined> {
  const ends = keys.flatMap((key, i) => [
    `min(${quoteIdentifier(key)})::VARCHAR AS l${i}`,
    `max(${quoteIdentifier(key)})::VARCHAR AS u${i}`,
  ])
  const [row] = await session.rows(`SELECT count(*) AS n, ${ends.join(', ')} FROM ${SOURCE}`)
  if (row === undefined || Number(row['n']) === 0) return undefined
  const of = keys.flatMap((column, i): Filter[] => {
    const type = schema.fields.find((field) => field.name === column)?.type
    const [lower, upper] = [row[`l${i}`], row[`u${i}`]].map((text) => (type === undefined ? undefined : valueOfText(type, String(text))))
    // The engine sorts NaN above all numbers, and bounds know nothing of it.
    if (lower === undefined || upper === undefined || lower === 'NaN' || upper === 'NaN') return []
    return [
      { op: '>=', column, value: lower },
      { op: '<=', column, value: upper },
    ]
  })
  return { op: 'and', of }
}
