import { duckdbType, quoteIdentifier } from '../schema/iceberg-type.ts'
import { type Filter, matchOf } from './filter.ts'
import type { LiveEntries } from './live-entries.ts'
import { liveRowsSql, rewritable, ROW_PATH, ROW_POS } from './live-rows.ts'
import { keyRange, loadSource, SOURCE } from './merge-source.ts'
import type { TableMetadata } from './metadata.ts'
import type { StagedRewrite, WriteMode } from './rewrite.ts'
import { stageRewrite, type Tools, type WriteRequest } from './stage-rewrite.ts'

export interface MergeRequest extends WriteRequest {
  /** The version to merge into; undefined for a table that is not there yet. */
  readonly base: TableMetadata | undefined
  /** A SELECT of the columns of the schema, and of the flag. */
  readonly source: string
  /** Columns that together name a row. */
  readonly keys: readonly string[]
  /** A boolean column of the source: true takes the row out. */
  readonly deleteFlag?: string | undefined
  /** A column of the schema: a row of the source counts only if it is not less in it than the row that is there. */
  readonly latestBy?: string | undefined
  readonly mode: WriteMode
}

export interface Merged extends StagedRewrite {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

/** Rows of the table whose key is in the source, with what becomes of them. */
const MATCHED = '__matched'
const HITS = '__merged'
const CHANGED = `(SELECT * FROM ${MATCHED} WHERE __verdict <> 'stays')`

/**
 * Merges rows into a table by key: a row of the source takes the place of that with the same key, or is new, or takes it
 * out. One that is there already, or that is older, changes nothing. Only files whose bounds may hold a key of the source
 * are read.
 * @throws ASSAY-5007 for keys that are null or occur twice in the source; ASSAY-2004 for tables that cannot be rewritten
 */
export async function mergeFiles(tools: Tools, request: MergeRequest): Promise<Merged> {
  const { session, store } = tools
  const { base, source, keys, deleteFlag: _flag, latestBy, mode, ...write } = request
  await loadSource(session, { query: source, keys, latestBy })
  const live: LiveEntries = base === undefined ? { data: [], deletes: [] } : await rewritable(store, base)
  const scope = await keyRange(session, request.schema, keys)
  const rows = await liveRowsSql({ ...tools, base, schema: request.schema, live }, mayMatch(request, live, scope))
  const { on, verdict, isGone } = conditions(request)
  const names = keys.map((key) => `r.${quoteIdentifier(key)}`).join(', ')
  // Rows of a table that has a key twice have one fate.
  const fate = `min(${verdict}) OVER (PARTITION BY ${names})`
  await session.run(
    `CREATE OR REPLACE TABLE ${MATCHED} AS SELECT ${names}, r.${ROW_PATH}, r.${ROW_POS}, ${fate} AS __verdict FROM (${rows}) r JOIN ${SOURCE} s ON ${on};
     CREATE OR REPLACE TABLE ${HITS} AS SELECT ${ROW_PATH}, ${ROW_POS} FROM ${CHANGED}`,
  )
  try {
    const stays = `SELECT 1 FROM ${MATCHED} r WHERE ${on} AND r.__verdict = 'stays'`
    const added = `SELECT ${columnsOf(request)} FROM ${SOURCE} s WHERE NOT ${isGone} AND NOT EXISTS (${stays})`
    const staged = await stageRewrite(tools, write, {
      base,
      live,
      mode,
      wholly: [],
      hits: HITS,
      gone: { table: CHANGED, on },
      added,
      seen: MATCHED,
      scope,
    })
    const [counts] = await session.rows(
      `SELECT (SELECT count(*) FROM (${added})) AS added, count(*) FILTER (__verdict = 'goes') AS gone, count(*) FILTER (__verdict = 'changes') AS updated FROM ${MATCHED}`,
    )
    const [upserted, deleted, updated] = ['added', 'gone', 'updated'].map((name) => Number(counts?.[name] ?? 0))
    return { ...staged, inserted: (upserted ?? 0) - (updated ?? 0), updated: updated ?? 0, deleted: deleted ?? 0 }
  } finally {
    await session.run(`DROP TABLE ${HITS}; DROP TABLE ${MATCHED}; DROP TABLE ${SOURCE}`)
  }
}

/** SQL about a row `r` of the table and a row `s` of the source. */
interface Conditions {
  /** Whether they have the same key. */
  readonly on: string
  readonly isGone: string
  /** What becomes of `r`: it `stays`, `goes` or `changes`. */
  readonly verdict: string
}

function conditions({ schema, keys, deleteFlag, latestBy }: MergeRequest): Conditions {
  const on = keys.map((key) => `r.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`).join(' AND ')
  const isGone = deleteFlag === undefined ? 'false' : `coalesce(s.${quoteIdentifier(deleteFlag)}, false)`
  const isOlder = latestBy === undefined ? 'false' : `s.${quoteIdentifier(latestBy)} < r.${quoteIdentifier(latestBy)}`
  // In the type of the table: a source of another type may hold the same values.
  const differences = schema.fields.map(({ name, type }) => {
    const column = quoteIdentifier(name)
    return `r.${column} IS DISTINCT FROM CAST(s.${column} AS ${duckdbType(type)})`
  })
  const verdict = `CASE WHEN ${isOlder} THEN 'stays' WHEN ${isGone} THEN 'goes' WHEN ${differences.join(' OR ')} THEN 'changes' ELSE 'stays' END`
  return { on, isGone, verdict }
}

const columnsOf = ({ schema }: MergeRequest): string => schema.fields.map((field) => `s.${quoteIdentifier(field.name)}`).join(', ')

function mayMatch({ base, schema }: MergeRequest, live: LiveEntries, scope: Filter | undefined): LiveEntries['data'] {
  if (base === undefined || scope === undefined) return []
  return live.data.filter((entry) => matchOf(scope, base, schema, entry) !== 'none')
}
