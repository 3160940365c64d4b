import { quoteIdentifier } from '../schema/iceberg-type.ts'
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
  /** A boolean column of the source that is not one of the schema: true takes the row out. */
  readonly deleteFlag?: string
  readonly mode: WriteMode
}

export interface Merged extends StagedRewrite {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

const HITS = '__merged'

/**
 * Merges rows into a table by key: a row of the source takes the place of that with the same key, or is new, or takes it
 * out. Only files whose bounds may hold a key of the source are read.
 * @throws ASSAY-5007 for keys that are null or occur twice in the source; ASSAY-2004 for tables that cannot be rewritten
 */
export async function mergeFiles(tools: Tools, request: MergeRequest): Promise<Merged> {
  const { session, store } = tools
  const { base, source, keys, deleteFlag, mode, ...write } = request
  await loadSource(session, source, keys)
  const live: LiveEntries = base === undefined ? { data: [], deletes: [] } : await rewritable(store, base)
  const scope = await keyRange(session, request.schema, keys)
  const isDeleted = deleteFlag === undefined ? 'false' : `coalesce(s.${quoteIdentifier(deleteFlag)}, false)`
  const rows = await liveRowsSql({ ...tools, base, schema: request.schema, live }, mayMatch(request, live, scope))
  const on = keys.map((key) => `r.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`).join(' AND ')
  await session.run(
    `CREATE OR REPLACE TABLE ${HITS} AS SELECT r.${ROW_PATH}, r.${ROW_POS}, ${isDeleted} AS __gone FROM (${rows}) r JOIN ${SOURCE} s ON ${on}`,
  )
  try {
    const added = `SELECT ${columnsOf(request)} FROM ${SOURCE} s WHERE NOT ${isDeleted}`
    const staged = await stageRewrite(tools, write, { base, live, mode, wholly: [], hits: HITS, gone: { table: SOURCE, on }, added, scope })
    const [counts] = await session.rows(
      `SELECT (SELECT count(*) FROM (${added})) AS added, count(*) FILTER (__gone) AS gone, count(*) FILTER (NOT __gone) AS updated FROM ${HITS}`,
    )
    const [upserted, deleted, updated] = ['added', 'gone', 'updated'].map((name) => Number(counts?.[name] ?? 0))
    return { ...staged, inserted: (upserted ?? 0) - (updated ?? 0), updated: updated ?? 0, deleted: deleted ?? 0 }
  } finally {
    await session.run(`DROP TABLE ${HITS}; DROP TABLE ${SOURCE}`)
  }
}

const columnsOf = ({ schema }: MergeRequest): string => schema.fields.map((field) => `s.${quoteIdentifier(field.name)}`).join(', ')

function mayMatch({ base, schema }: MergeRequest, live: LiveEntries, scope: Filter | undefined): LiveEntries['data'] {
  if (base === undefined || scope === undefined) return []
  return live.data.filter((entry) => matchOf(scope, base, schema, entry) !== 'none')
}
