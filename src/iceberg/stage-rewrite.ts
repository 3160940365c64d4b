import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import type { DataFile } from './data-file.ts'
import type { Filter } from './filter.ts'
import { type LiveEntries, onlyTarget } from './live-entries.ts'
import { liveRowsSql, ROW_PATH, ROW_POS } from './live-rows.ts'
import type { ManifestEntry } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'
import { stagePositionDeletes } from './position-deletes.ts'
import type { Rewrite, StagedRewrite, WriteMode } from './rewrite.ts'
import { discardStaged, type StageRequest, stageFiles } from './stage.ts'
import type { Store } from './store.ts'

/** Where and as what a change writes. */
export type WriteRequest = Omit<StageRequest, 'query'>

/** Session and store that a change is made with. */
export interface Tools {
  readonly session: SqlSession
  readonly store: Store
}

/** Rows that go and rows that come. */
export interface RewritePlan {
  readonly base: TableMetadata | undefined
  readonly live: LiveEntries
  readonly mode: WriteMode
  /** Data files that go without having been read. */
  readonly wholly: readonly ManifestEntry[]
  /** A table of the session with the places of the rows that go, in the columns {@link ROW_PATH} and {@link ROW_POS}. */
  readonly hits: string
  /** The rows that go as a join, for those who know them by more than their places: by a key it costs half. */
  readonly gone?: { readonly table: string; readonly on: string }
  /** A SELECT of the rows that come. */
  readonly added?: string
  /** A table of the session with the places, in {@link ROW_PATH}, of all rows that were looked at. Absent: those of `hits`. */
  readonly seen?: string
  readonly scope: Filter | undefined
}

/** Writes what a plan asks for, durable but not yet part of any snapshot. On an error nothing stays. */
export async function stageRewrite(tools: Tools, request: WriteRequest, plan: RewritePlan): Promise<StagedRewrite> {
  try {
    return await stage(tools, request, plan)
  } catch (error) {
    await discardStaged(tools.store, request).catch(() => {})
    throw error
  }
}

async function stage(tools: Tools, request: WriteRequest, plan: RewritePlan): Promise<StagedRewrite> {
  const { session, store } = tools
  const { wholly, partly } = await touchedFiles(session, plan)
  const inPlace = plan.mode === 'merge-on-read'
  const kept = inPlace ? [] : [await keptSql(tools, request, plan, partly)]
  const query = [...kept, ...(plan.added === undefined ? [] : [`SELECT ${columnsOf(request)} FROM (${plan.added})`])]
  const staged = await stageFiles(session, store, {
    ...request,
    query: query.map((part) => `(${part})`).join(' UNION ALL ') || nothing(request),
  })
  const deletes =
    inPlace && partly.length > 0 && plan.base !== undefined
      ? await stagePositionDeletes(tools, { ...staged, metadata: plan.base }, { hits: plan.hits, targets: partly })
      : undefined
  const removed = [...wholly, ...(inPlace ? [] : partly)].map((entry) => entry.file)
  const paths = new Set(removed.map((file) => file.path))
  const removedDeletes = plan.live.deletes.filter((entry) => paths.has(onlyTarget(store, entry) ?? '')).map((entry) => entry.file)
  const rewrite: Rewrite = {
    operation: operationOf({ removed, added: staged.rows, deletes: deletes !== undefined }),
    readFrom: plan.base?.currentSnapshotId ?? 'nothing',
    removed,
    removedDeletes,
    deletedFrom: inPlace ? partly.map((entry) => entry.file) : [],
    deletes,
    relied: plan.seen === undefined ? [] : await reliedOn(session, plan.seen, { live: plan.live, changed: [...wholly, ...partly] }),
    scope: plan.scope,
  }
  return { staged, rewrite, changes: staged.rows > 0 || removed.length > 0 || deletes !== undefined }
}

/** The files that rows go from: those that lose all, and those that keep some. */
async function touchedFiles(
  session: SqlSession,
  { live, wholly, hits }: RewritePlan,
): Promise<{ readonly wholly: readonly ManifestEntry[]; readonly partly: readonly ManifestEntry[] }> {
  const rows = await session.rows(`SELECT ${ROW_PATH} AS path, count(*) AS n FROM ${hits} GROUP BY ALL`)
  const counts = new Map(rows.map((row) => [String(row['path']), Number(row['n'])]))
  const hit = live.data.filter((entry) => counts.has(entry.file.path))
  const emptied = (entry: ManifestEntry): boolean => counts.get(entry.file.path) === entry.file.rows
  return { wholly: [...wholly, ...hit.filter(emptied)], partly: hit.filter((entry) => !emptied(entry)) }
}

async function reliedOn(
  session: SqlSession,
  seen: string,
  { live, changed }: { readonly live: LiveEntries; readonly changed: readonly ManifestEntry[] },
): Promise<readonly DataFile[]> {
  const rows = await session.rows(`SELECT DISTINCT ${ROW_PATH} AS path FROM ${seen}`)
  const paths = new Set(rows.map((row) => String(row['path'])))
  return live.data.filter((entry) => paths.has(entry.file.path) && !changed.includes(entry)).map((entry) => entry.file)
}

async function keptSql(tools: Tools, request: WriteRequest, plan: RewritePlan, files: readonly ManifestEntry[]): Promise<string> {
  const rows = await liveRowsSql({ ...tools, base: plan.base, schema: request.schema, live: plan.live }, files)
  const join = plan.gone === undefined ? `${plan.hits} h USING (${ROW_PATH}, ${ROW_POS})` : `${plan.gone.table} s ON ${plan.gone.on}`
  return `SELECT ${columnsOf(request)} FROM (${rows}) r ANTI JOIN ${join}`
}

const columnsOf = ({ schema }: WriteRequest): string => schema.fields.map((field) => quoteIdentifier(field.name)).join(', ')

const nothing = ({ schema }: WriteRequest): string =>
  `SELECT ${schema.fields.map((field) => `NULL AS ${quoteIdentifier(field.name)}`).join(', ')} WHERE false`

function operationOf(what: {
  readonly removed: readonly DataFile[]
  readonly added: number
  readonly deletes: boolean
}): Rewrite['operation'] {
  if (what.removed.length === 0 && !what.deletes) return 'append'
  return what.added === 0 ? 'delete' : 'overwrite'
}
