import { type Filter, filterSql, matchOf } from './filter.ts'
import { liveRowsSql, rewritable, ROW_PATH, ROW_POS } from './live-rows.ts'
import type { TableMetadata } from './metadata.ts'
import type { StagedRewrite, WriteMode } from './rewrite.ts'
import { stageRewrite, type Tools, type WriteRequest } from './stage-rewrite.ts'

export interface DeleteRequest extends WriteRequest {
  readonly base: TableMetadata
  readonly where: Filter
  readonly mode: WriteMode
  /** A SELECT of rows that come in their place. */
  readonly replacement?: string
}

const HITS = '__deleted'

/**
 * Takes the rows that a filter matches out of a table, and puts others in their place when asked to. Only files that may
 * hold such rows are read; those that hold nothing else go by metadata alone.
 * @throws ASSAY-2004 for tables that Assay cannot rewrite; what staging throws
 */
export async function deleteWhere(tools: Tools, request: DeleteRequest): Promise<StagedRewrite> {
  const { session, store } = tools
  const { base, where, mode, replacement, ...write } = request
  const live = await rewritable(store, base)
  const matches = live.data.map((entry) => ({ entry, match: matchOf(where, base, request.schema, entry) }))
  const of = (wanted: 'all' | 'some') => matches.filter(({ match }) => match === wanted).map(({ entry }) => entry)
  const rows = await liveRowsSql({ ...tools, base, schema: request.schema, live }, of('some'))
  await session.run(
    `CREATE OR REPLACE TABLE ${HITS} AS SELECT ${ROW_PATH}, ${ROW_POS} FROM (${rows}) WHERE ${filterSql(where, request.schema)}`,
  )
  try {
    const plan = { base, live, mode, wholly: of('all'), hits: HITS, scope: where }
    return await stageRewrite(tools, write, replacement === undefined ? plan : { ...plan, added: replacement })
  } finally {
    await session.run(`DROP TABLE ${HITS}`)
  }
}
