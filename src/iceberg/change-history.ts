import { duckdbType, quoteIdentifier } from '../schema/iceberg-type.ts'
import { matchOf } from './filter.ts'
import type { LiveEntries } from './live-entries.ts'
import { liveRowsSql, rewritable, ROW_PATH, ROW_POS } from './live-rows.ts'
import { keyRange, loadSource, SOURCE } from './merge-source.ts'
import type { TableMetadata } from './metadata.ts'
import type { StagedRewrite, WriteMode } from './rewrite.ts'
import { IS_CURRENT, VALID_FROM, VALID_TO } from './scd2.ts'
import { stageRewrite, type Tools, type WriteRequest } from './stage-rewrite.ts'

export interface ChangesRequest extends WriteRequest {
  /** The version to add to; undefined for a table that is not there yet. */
  readonly base: TableMetadata | undefined
  /** A SELECT of changes, in no order: the columns of the schema with `valid_from` alone of those of the history, and the flag. */
  readonly source: string
  /** Columns that together name a thing. */
  readonly keys: readonly string[]
  /** A boolean column of the source: true where from then on the thing is not there. */
  readonly deleteFlag?: string | undefined
  readonly mode: WriteMode
}

/** A history with how many versions were written, anew or changed. */
export interface ChangedHistory extends StagedRewrite {
  readonly versions: number
}

/** Versions of the things in the source: those of the table, and those that there will be. */
const BEFORE = '__before'
const AFTER = '__after'
const HITS = '__outdated'

/**
 * Takes changes into a history of rows (slowly changing dimension, type 2), each at its own time: also one that comes late,
 * between two that are there. So the order in which changes come does not matter, and a change that is there already does
 * nothing; one of the same time takes its place. A thing ends where a version ends and none begins; the end of a thing that
 * is not there is forgotten.
 * @throws ASSAY-5007 where keys or times are null, or a thing changes twice at one time; ASSAY-2004 as a merge
 */
export async function changeHistoryFiles(tools: Tools, request: ChangesRequest): Promise<ChangedHistory> {
  const { session, store } = tools
  const { base, source, keys, deleteFlag: _flag, mode, ...write } = request
  // Copies of one change are one.
  await loadSource(session, { query: `SELECT DISTINCT * FROM (${source})`, keys: [...keys, VALID_FROM] })
  const live: LiveEntries = base === undefined ? { data: [], deletes: [] } : await rewritable(store, base)
  const scope = await keyRange(session, request.schema, keys)
  const files =
    base === undefined || scope === undefined ? [] : live.data.filter((entry) => matchOf(scope, base, request.schema, entry) !== 'none')
  const rows = await liveRowsSql({ ...tools, base, schema: request.schema, live }, files)
  await session.run(
    `CREATE OR REPLACE TABLE ${BEFORE} AS SELECT r.* FROM (${rows}) r SEMI JOIN ${SOURCE} s ON ${equal(keys, 'r', 's')};
     CREATE OR REPLACE TABLE ${AFTER} AS ${afterSql(request)}`,
  )
  try {
    const same = request.schema.fields.map(({ name }) => `b.${quoteIdentifier(name)} IS NOT DISTINCT FROM a.${quoteIdentifier(name)}`)
    await session.run(
      `CREATE OR REPLACE TABLE ${HITS} AS SELECT b.${ROW_PATH}, b.${ROW_POS} FROM ${BEFORE} b ANTI JOIN ${AFTER} a ON ${same.join(' AND ')}`,
    )
    const added = `SELECT a.* FROM ${AFTER} a ANTI JOIN ${BEFORE} b ON ${same.join(' AND ')}`
    const staged = await stageRewrite(tools, write, { base, live, mode, wholly: [], hits: HITS, added, seen: BEFORE, scope })
    const [counted] = await session.rows(`SELECT count(*) AS n FROM (${added})`)
    return { ...staged, versions: Number(counted?.['n']) }
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${HITS}; DROP TABLE ${AFTER}; DROP TABLE ${BEFORE}; DROP TABLE ${SOURCE}`)
  }
}

const equal = (columns: readonly string[], a: string, b: string): string =>
  columns.map((column) => `${a}.${quoteIdentifier(column)} = ${b}.${quoteIdentifier(column)}`).join(' AND ')

/** The versions that follow from all changes: those of the source, those that began the versions before, and ends without a beginning. */
function afterSql({ schema, keys, deleteFlag }: ChangesRequest): string {
  const fields = schema.fields.filter(({ name }) => name !== VALID_TO && name !== IS_CURRENT)
  const names = fields.map(({ name }) => quoteIdentifier(name)).join(', ')
  const cast = fields
    .map(({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`)
    .join(', ')
  const isGone = deleteFlag === undefined ? 'false' : `coalesce(${quoteIdentifier(deleteFlag)}, false)`
  const ended = fields.map(({ name }) =>
    keys.includes(name) ? `b.${quoteIdentifier(name)}` : name === VALID_FROM ? `b.${VALID_TO}` : 'NULL',
  )
  const goesOn = `SELECT 1 FROM ${BEFORE} n WHERE ${equal(keys, 'n', 'b')} AND n.${VALID_FROM} = b.${VALID_TO}`
  const changes = [
    `SELECT ${cast}, ${isGone} AS __gone, 0 AS __rank FROM ${SOURCE}`,
    `SELECT ${names}, false, 1 FROM ${BEFORE}`,
    `SELECT ${ended.join(', ')}, true, 2 FROM ${BEFORE} b WHERE b.${VALID_TO} IS NOT NULL AND NOT EXISTS (${goesOn})`,
  ]
  const key = keys.map(quoteIdentifier).join(', ')
  const ordered = `SELECT * FROM (${changes.join(' UNION ALL ')}) QUALIFY row_number() OVER (PARTITION BY ${key}, ${VALID_FROM} ORDER BY __rank) = 1`
  const next = `SELECT *, lead(${VALID_FROM}) OVER (PARTITION BY ${key} ORDER BY ${VALID_FROM}) AS ${VALID_TO} FROM (${ordered})`
  const columns = schema.fields.map(({ name }) => (name === IS_CURRENT ? `${VALID_TO} IS NULL AS ${IS_CURRENT}` : quoteIdentifier(name)))
  return `SELECT ${columns.join(', ')} FROM (${next}) WHERE NOT __gone`
}
