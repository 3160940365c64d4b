import { type AssetSpec, REJECT_REASON } from '../assets/spec.ts'
import { isRowCheck, reasonExpression } from '../checks/planner.ts'
import { AssayError } from '../errors.ts'
import type { TableId } from '../iceberg/catalog.ts'
import type { DataFile, StagedFiles } from '../iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../iceberg/evolve.ts'
import { parseMetadata, schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import type { Rewrite } from '../iceberg/rewrite.ts'
import { scanSql } from '../iceberg/scan.ts'
import { ascending, sortOrder } from '../iceberg/sort-order.ts'
import { discardStaged, type StageRequest, stageFiles } from '../iceberg/stage.ts'
import type { Store } from '../iceberg/store.ts'
import type { AssetKey } from '../keys.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { formatSet, partitionKey } from '../partitions/texts.ts'
import { type PartitionSpec, quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { type AssetTable, inPartitions, partitionOf, tablesOf } from './asset-table.ts'
import { timelessRows } from './column-changes.ts'
import { acceptedSql, CANDIDATES, isGoneSql, mergedBy, missingFrom, REASON, stageChange } from './stage-merge.ts'

/** Rows of one table, staged by a step. */
export interface StagedTable {
  /** The asset that it belongs to. */
  readonly asset: AssetKey
  readonly role: AssetTable['role']
  readonly id: TableId
  readonly staged: StagedFiles
  /** The schema that the table had then; absent for a table that was not there. */
  readonly schemaId?: number
  /** What goes when it is published. Absent: what lies in the partitions that the step makes. */
  readonly overwrite?: 'nothing' | Rewrite
  /** Rows that are new, changed or gone, where that is not all that the files hold. */
  readonly changed?: number
}

/** The rows that a step made, for people. */
export const rowsMade = ({ staged, changed }: StagedTable): number => changed ?? staged.rows

/** Where one table of an asset is staged. */
export interface StagingTarget {
  readonly role: AssetTable['role']
  readonly metadataLocation?: string
  readonly snapshotId: string
  readonly location: string
  readonly attemptName: string
}

interface Staging {
  readonly session: SqlSession
  readonly store: Store
  readonly spec: AssetSpec
  readonly partitions: PartitionSet
}

/**
 * Writes the rows of a query as the next version of an asset's tables, without publishing them. Rows that a quarantining
 * asset refuses go to its rejects table. On an error nothing stays.
 * @throws ASSAY-5002 for a row outside the partitions, ASSAY-2007, ASSAY-2011, and what the engine throws
 */
export async function stageRows(staging: Staging, targets: readonly StagingTarget[], query: string): Promise<readonly StagedTable[]> {
  const divided = await divide(staging, query)
  const done: StagedTable[] = []
  try {
    for (const table of tablesOf(staging.spec)) {
      const target = targets.find((t) => t.role === table.role)
      if (target === undefined) throw new Error(`no target for the ${table.role} of ${staging.spec.key}`)
      done.push(await stageTable(staging, table, target, divided[table.role]))
    }
    return done
  } catch (error) {
    await Promise.all(targets.map((t) => discardStaged(staging.store, { location: t.location, attempt: t.attemptName })))
    throw error
  }
}

/**
 * The query of each table: with a rejects table, one pass computes the reason of every row. A row that takes another out
 * need hold no more than the key.
 */
async function divide({ session, spec }: Staging, query: string): Promise<Record<AssetTable['role'], string>> {
  if (spec.rejects === undefined && mergedBy(spec) === undefined) return { rows: query, rejects: '' }
  const gating = spec.checks.filter(isRowCheck).filter((check) => check.mode === 'block' && (check.rule === 'in' || check.mostly === 1))
  const why = spec.rejects === undefined ? 'NULL' : `CASE WHEN NOT ${isGoneSql(spec)} THEN ${reasonExpression(gating)} END`
  await session.run(`CREATE OR REPLACE TABLE ${CANDIDATES} AS SELECT *, ${why} AS ${REASON} FROM (${query})`)
  return {
    rows: `SELECT * EXCLUDE (${REASON}) FROM ${CANDIDATES} WHERE ${REASON} IS NULL`,
    rejects: `SELECT *, ${REASON} AS ${quoteIdentifier(REJECT_REASON)} FROM ${CANDIDATES} WHERE ${REASON} IS NOT NULL`,
  }
}

/** The rows that the checks of a step look at: all that it has staged, or where it merges, those that it merges. */
export const checkedRows = (store: Store, spec: AssetSpec, { staged }: StagedTable): string =>
  mergedBy(spec) === undefined ? scanSql(store, staged.schema, staged.files) : acceptedSql(spec)

async function stageTable(staging: Staging, table: AssetTable, target: StagingTarget, query: string): Promise<StagedTable> {
  const { store } = staging
  const existing = target.metadataLocation === undefined ? undefined : await metadataAt(store, target.metadataLocation)
  const timeless = existing === undefined || table.role === 'rejects' ? undefined : timelessRows(staging.spec, existing)
  if (timeless !== undefined) throw timeless
  const before =
    existing === undefined ? undefined : { schema: schemaOf(existing), lastColumnId: existing.lastColumnId, specs: existing.specs }
  const { schema } = evolveSchema(before, table.columns, table.key)
  const spec = partitionSpec(schema, table.partitionFields, existing)
  refuseMixedLayout(table, spec, existing)
  const { snapshotId, location, attemptName: attempt } = target
  const sorted = table.sortBy === undefined ? {} : { sortOrder: sortOrder(schema, ascending(table.sortBy), existing) }
  const write = { snapshotId, location, attempt, schema, knownColumnId: existing?.lastColumnId, spec, ...sorted }
  const staged = await stageAs(staging, table, { existing, write, query })
  await refuseOutsiders(staging, table, staged)
  const schemaId = existing === undefined ? {} : { schemaId: existing.currentSchemaId }
  return { asset: staging.spec.key, role: table.role, id: table.id, ...staged, ...schemaId }
}

interface Written {
  readonly existing: TableMetadata | undefined
  readonly write: Omit<StageRequest, 'query'>
  readonly query: string
}

/** By the write mode of the asset. Beside rows that are merged or added, rejected rows are added. */
async function stageAs(
  staging: Staging,
  table: AssetTable,
  { existing, write, query }: Written,
): Promise<Omit<StagedTable, 'asset' | 'role' | 'id'>> {
  const { session, store, spec } = staging
  const change = table.role === 'rows' ? await stageChange(staging, spec, { base: existing, write }) : undefined
  if (change !== undefined) return change
  if (spec.write === undefined) return { staged: await stageFiles(session, store, { ...write, query }) }
  const added = table.role === 'rows' ? query : await missingFrom(staging, table, { query, existing })
  const staged = await stageFiles(session, store, { ...write, query: added })
  return { staged, overwrite: 'nothing', changed: staged.rows }
}

export async function metadataAt(store: Store, location: string): Promise<TableMetadata> {
  return parseMetadata(await store.read(location), location)
}

/** Partitions cannot be overwritten one by one while rows of the same table are laid out in another way. */
function refuseMixedLayout(table: AssetTable, spec: PartitionSpec, existing: TableMetadata | undefined): void {
  const changed = existing?.currentSnapshotId !== undefined && !existing.specs.some((known) => known['spec-id'] === spec['spec-id'])
  if (!changed || table.partitionFields.length === 0) return
  const [before, now] = [existing.specs.find((known) => known['spec-id'] === existing.defaultSpecId), spec].map(
    (s) => s?.fields.map((field) => field.name).join(', ') || 'nothing',
  )
  throw new AssayError('ASSAY-2011', `The table of ${table.key} is partitioned by ${before}, not by ${now}`)
}

/** Files that lose rows by a merge. */
const lessened = ({ overwrite }: Pick<StagedTable, 'overwrite'>): readonly DataFile[] =>
  typeof overwrite === 'object' ? [...overwrite.removed, ...overwrite.deletedFrom] : []

/** A compute that was asked for some partitions and yields a row of another would silently overwrite or lose it. */
async function refuseOutsiders(
  { session, store, spec, partitions }: Staging,
  table: AssetTable,
  made: Pick<StagedTable, 'staged' | 'overwrite'>,
): Promise<void> {
  const inside = inPartitions(spec, partitions)
  const { staged } = made
  const outsider = [...staged.files, ...lessened(made)].find((file) => !inside(file.partition))
  if (outsider === undefined) return
  const at = partitionOf(spec, outsider.partition)
  const sample = await session.rows(`SELECT to_json(r)::VARCHAR AS row FROM (${scanSql(store, staged.schema, [outsider])}) r LIMIT 1`)
  const where = at === undefined ? 'of no partition' : `of partition ${partitionKey(spec.partitions, at)}`
  throw new AssayError(
    'ASSAY-5002',
    `${table.key} yielded ${outsider.rows} ${outsider.rows === 1 ? 'row' : 'rows'} ${where}, but was asked for ${formatSet(spec.partitions, partitions)}`,
    {
      where: spec.where,
      details: sample.map((r) => `for example ${String(r['row'])}`),
    },
  )
}
