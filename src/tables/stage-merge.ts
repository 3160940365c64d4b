import type { AssetSpec } from '../assets/spec.ts'
import { candidateColumns, type WriteSpec } from '../assets/write-mode.ts'
import { changeHistoryFiles } from '../iceberg/change-history.ts'
import type { StagedFiles } from '../iceberg/data-file.ts'
import { mergeFiles } from '../iceberg/merge.ts'
import type { TableMetadata } from '../iceberg/metadata.ts'
import type { Rewrite } from '../iceberg/rewrite.ts'
import type { Tools, WriteRequest } from '../iceberg/stage-rewrite.ts'
import { duckdbType, quoteIdentifier } from '../schema/iceberg-type.ts'
import type { AssetTable } from './asset-table.ts'
import { relationOf } from './read.ts'

/** The table of the session that holds what a compute yielded, with the reason of each row that is rejected. */
export const CANDIDATES = '__candidates'
/** Its column that says why a row is rejected; null for one that is not. */
export const REASON = '__reason'

/** How rows are found by their key: undefined where a step does not look at those that are there. */
export const mergedBy = ({ write }: Pick<AssetSpec, 'write'>): Exclude<WriteSpec, { kind: 'append' }> | undefined =>
  write === undefined || write.kind === 'append' ? undefined : write

/** A condition on candidates: true for one that takes a row out. */
export function isGoneSql(spec: AssetSpec): string {
  const flag = mergedBy(spec)?.deleteWhen
  return flag === undefined ? 'false' : `coalesce(${quoteIdentifier(flag)}, false)`
}

/** The candidates that are to be in the table: those that checks look at. */
export function acceptedSql(spec: AssetSpec): string {
  const names = candidateColumns(spec.columns, spec.write).map(({ name }) => quoteIdentifier(name))
  return `SELECT ${names.join(', ')} FROM ${CANDIDATES} WHERE ${REASON} IS NULL AND NOT ${isGoneSql(spec)}`
}

/** Files of a change that was planned on a version of a table. */
export interface StagedChange {
  readonly staged: StagedFiles
  readonly overwrite: Rewrite
  /** Rows that are new, changed or gone. */
  readonly changed: number
}

/** Merges the candidates into a table, or takes them into its history. @throws ASSAY-5007, ASSAY-2004 */
export async function stageChange(
  tools: Tools,
  spec: AssetSpec,
  { base, write }: { readonly base: TableMetadata | undefined; readonly write: WriteRequest },
): Promise<StagedChange | undefined> {
  const mode = mergedBy(spec)
  if (mode === undefined) return undefined
  const source = `SELECT * EXCLUDE (${REASON}) FROM ${CANDIDATES} WHERE ${REASON} IS NULL`
  const request = { ...write, base, source, keys: spec.rowKey, deleteFlag: mode.deleteWhen, mode: mode.as }
  if (mode.kind === 'history') {
    const { staged, rewrite, versions, changes } = await changeHistoryFiles(tools, request)
    return { staged, overwrite: rewrite, changed: changes ? Math.max(1, versions) : 0 }
  }
  const { staged, rewrite, inserted, updated, deleted } = await mergeFiles(tools, { ...request, latestBy: mode.latestBy })
  return { staged, overwrite: rewrite, changed: inserted + updated + deleted }
}

/** The rows of a query that a table does not have: rejected rows are kept, each once. */
export async function missingFrom(
  tools: Tools,
  table: AssetTable,
  { query, existing }: { readonly query: string; readonly existing: TableMetadata | undefined },
): Promise<string> {
  const columns = table.columns.map(({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`)
  const rows = `SELECT ${columns.join(', ')} FROM (${query})`
  const snapshotId = existing?.currentSnapshotId
  if (existing === undefined || snapshotId === undefined) return rows
  const there = await relationOf(tools, existing, { snapshotId })
  return `${rows} EXCEPT SELECT ${columns.join(', ')} FROM (${there})`
}
