import { type AssetSpec, REJECT_REASON } from '../assets/spec.ts'
import { isRowCheck, reasonExpression } from '../checks/planner.ts'
import { AssayError } from '../errors.ts'
import type { TableId } from '../iceberg/catalog.ts'
import type { StagedFiles } from '../iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../iceberg/evolve.ts'
import { parseMetadata, schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { scanSql } from '../iceberg/scan.ts'
import { discardStaged, stageFiles } from '../iceberg/stage.ts'
import type { Store } from '../iceberg/store.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { formatSet, partitionKey } from '../partitions/texts.ts'
import { type PartitionSpec, quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { type AssetTable, inPartitions, partitionOf, tablesOf } from './asset-table.ts'

/** Rows of one table, staged by a step. */
export interface StagedTable {
  readonly role: AssetTable['role']
  readonly id: TableId
  readonly staged: StagedFiles
}

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

/** The query of each table: with a rejects table, one pass computes the reason of every row. */
async function divide({ session, spec }: Staging, query: string): Promise<Record<AssetTable['role'], string>> {
  if (spec.rejects === undefined) return { rows: query, rejects: '' }
  const reason = quoteIdentifier(REJECT_REASON)
  const checks = spec.checks.filter(isRowCheck).filter((check) => check.mode === 'block' && (check.rule === 'in' || check.mostly === 1))
  await session.run(`CREATE OR REPLACE TABLE __candidates AS SELECT *, ${reasonExpression(checks)} AS ${reason} FROM (${query})`)
  return {
    rows: `SELECT * EXCLUDE (${reason}) FROM __candidates WHERE ${reason} IS NULL`,
    rejects: `SELECT * FROM __candidates WHERE ${reason} IS NOT NULL`,
  }
}

async function stageTable(staging: Staging, table: AssetTable, target: StagingTarget, query: string): Promise<StagedTable> {
  const { session, store } = staging
  const existing = target.metadataLocation === undefined ? undefined : await metadataAt(store, target.metadataLocation)
  const before =
    existing === undefined ? undefined : { schema: schemaOf(existing), lastColumnId: existing.lastColumnId, specs: existing.specs }
  const { schema } = evolveSchema(before, table.columns, table.key)
  const spec = partitionSpec(schema, table.partitionFields, existing)
  refuseMixedLayout(table, spec, existing)
  const { snapshotId, location, attemptName: attempt } = target
  const knownColumnId = existing?.lastColumnId
  const staged = await stageFiles(session, store, { snapshotId, location, attempt, schema, knownColumnId, spec, query })
  await refuseOutsiders(staging, table, staged)
  return { role: table.role, id: table.id, staged }
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

/** A compute that was asked for some partitions and yields a row of another would silently overwrite or lose it. */
async function refuseOutsiders({ session, store, spec, partitions }: Staging, table: AssetTable, staged: StagedFiles): Promise<void> {
  const inside = inPartitions(spec, partitions)
  const outsider = staged.files.find((file) => !inside(file.partition))
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
