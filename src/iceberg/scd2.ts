import { AssayError } from '../errors.ts'
import { duckdbType, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import { type Filter, matchOf } from './filter.ts'
import type { LiveEntries } from './live-entries.ts'
import { liveRowsSql, rewritable, ROW_PATH, ROW_POS } from './live-rows.ts'
import { keyRange, loadSource, SOURCE } from './merge-source.ts'
import type { TableMetadata } from './metadata.ts'
import type { StagedRewrite, WriteMode } from './rewrite.ts'
import { stageRewrite, type Tools, type WriteRequest } from './stage-rewrite.ts'

/** The columns that tell when a row held. Intervals are half open: a row ends at the instant at which the next begins. */
export const VALID_FROM = 'valid_from'
export const VALID_TO = 'valid_to'
export const IS_CURRENT = 'is_current'

export interface HistoryRequest extends WriteRequest {
  /** The version to add to; undefined for a table that is not there yet. */
  readonly base: TableMetadata | undefined
  /** A SELECT of the rows that hold now: the columns of the schema but for the three above. */
  readonly source: string
  /** Columns that together name a thing. */
  readonly keys: readonly string[]
  /** Since when they hold, as text of the type of {@link VALID_FROM}. */
  readonly at: string
  /** Whether the source is complete, so that a key which is not in it is gone. */
  readonly isComplete: boolean
  readonly mode: WriteMode
}

const HITS = '__closed'

/**
 * Keeps the history of rows (slowly changing dimension, type 2): a row that differs from the current one of its key closes
 * that and opens a new one. The same source again changes nothing.
 * @throws ASSAY-5007 for keys that are null or occur twice in the source, and for a source that is older than the table
 */
export async function historyFiles(tools: Tools, request: HistoryRequest): Promise<StagedRewrite> {
  const { session, store } = tools
  const { base, source, keys, at: _at, isComplete, mode, ...write } = request
  await loadSource(session, { query: source, keys })
  const live: LiveEntries = base === undefined ? { data: [], deletes: [] } : await rewritable(store, base)
  const scope = await scopeOf(tools, request)
  const files = base === undefined ? [] : live.data.filter((entry) => matchOf(scope, base, request.schema, entry) !== 'none')
  const rows = await liveRowsSql({ ...tools, base, schema: request.schema, live }, files)
  const { on, differs } = conditions(request)
  const gone = isComplete ? `OR s.${quoteIdentifier(keys[0] ?? '')} IS NULL` : ''
  await session.run(`CREATE OR REPLACE TABLE __current AS SELECT * FROM (${rows}) WHERE ${IS_CURRENT}`)
  await session.run(
    `CREATE OR REPLACE TABLE ${HITS} AS SELECT r.* FROM __current r LEFT JOIN ${SOURCE} s ON ${on} WHERE (s.${quoteIdentifier(keys[0] ?? '')} IS NOT NULL AND ${differs}) ${gone}`,
  )
  try {
    await refuseOlder(tools, request)
    const staged = { base, live, mode, wholly: [], hits: HITS, added: addedSql(request), scope }
    return await stageRewrite(tools, write, staged)
  } finally {
    await session.run(`DROP TABLE ${HITS}; DROP TABLE __current; DROP TABLE ${SOURCE}`)
  }
}

/** Closed rows are left alone, and so are their files where they hold nothing else. */
async function scopeOf({ session }: Tools, { schema, keys, isComplete }: HistoryRequest): Promise<Filter> {
  const current: Filter = { op: '=', column: IS_CURRENT, value: true }
  const range = isComplete ? undefined : await keyRange(session, schema, keys)
  return range === undefined ? current : { op: 'and', of: [current, range] }
}

function conditions({ schema, keys }: HistoryRequest): { readonly on: string; readonly differs: string } {
  const on = keys.map((key) => `r.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`).join(' AND ')
  const others = schema.fields.filter((field) => !keys.includes(field.name) && !isOurs(field.name))
  // In the type of the table: a source of another type may hold the same values.
  const differences = others.map(({ name, type }) => {
    const column = quoteIdentifier(name)
    return `r.${column} IS DISTINCT FROM CAST(s.${column} AS ${duckdbType(type)})`
  })
  return { on, differs: `(${differences.join(' OR ') || 'false'})` }
}

const isOurs = (name: string): boolean => name === VALID_FROM || name === VALID_TO || name === IS_CURRENT

/** The closed rows, and those that are new or take their place. */
function addedSql(request: HistoryRequest): string {
  const { schema } = request
  const at = instantSql(request)
  const select = (own: Readonly<Record<string, string>>, from: string): string =>
    `SELECT ${schema.fields.map(({ name }) => `${own[name] ?? `${from}.${quoteIdentifier(name)}`} AS ${quoteIdentifier(name)}`).join(', ')}`
  const closed = select({ [VALID_TO]: at, [IS_CURRENT]: 'false' }, 'h')
  const opened = select({ [VALID_FROM]: at, [VALID_TO]: 'NULL', [IS_CURRENT]: 'true' }, 's')
  const { on } = conditions(request)
  const unchanged = `EXISTS (SELECT 1 FROM __current r ANTI JOIN ${HITS} h USING (${ROW_PATH}, ${ROW_POS}) WHERE ${on})`
  return `${closed} FROM ${HITS} h UNION ALL ${opened} FROM ${SOURCE} s WHERE NOT ${unchanged}`
}

function instantSql({ schema, at }: HistoryRequest): string {
  const type = schema.fields.find((field) => field.name === VALID_FROM)?.type ?? 'timestamptz'
  return `CAST(${quoteText(at)} AS ${duckdbType(type)})`
}

/** A row that ended before it began would be in the history of no instant. */
async function refuseOlder({ session }: Tools, request: HistoryRequest): Promise<void> {
  const names = request.keys.map((key) => `concat(${quoteText(`${key} `)}, ${quoteIdentifier(key)})`)
  const [newer] = await session.rows(
    `SELECT concat_ws(', ', ${names.join(', ')}) AS key, ${VALID_FROM}::VARCHAR AS since FROM ${HITS} WHERE ${VALID_FROM} > ${instantSql(request)} LIMIT 1`,
  )
  if (newer === undefined) return
  throw new AssayError(
    'ASSAY-5007',
    `the source holds since ${request.at}, but ${String(newer['key'])} has a row since ${String(newer['since'])}`,
    { next: 'Give the source the time at which it was taken, and merge sources in their order.' },
  )
}
