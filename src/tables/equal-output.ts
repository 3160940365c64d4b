import type { AssetSpec } from '../assets/spec.ts'
import type { FilePlace } from '../iceberg/data-file.ts'
import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { cachedEntries } from '../iceberg/manifest-cache.ts'
import { planScan } from '../iceberg/plan-scan.ts'
import { rowsSql } from '../iceberg/rows-sql.ts'
import { liveEntries, scanSql } from '../iceberg/scan.ts'
import { sameStatistics, statisticsOf } from '../iceberg/statistics.ts'
import type { Store } from '../iceberg/store.ts'
import { contains, type PartitionSet } from '../partitions/partition-set.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { locatorOf } from './asset-table.ts'
import { metadataAt, type StagedTable, type StagingTarget } from './stage.ts'

/** A step whose rows are compared with those that are published. */
export interface Compared {
  readonly session: SqlSession
  readonly store: Store
  readonly spec: AssetSpec
  readonly partitions: PartitionSet
}

/**
 * Whether staged rows are those that the tables hold in these partitions already, in whatever order: then there is nothing
 * to publish, and what reads them stays fresh. Rows are compared only where counts, nulls and bounds do not tell them
 * apart already, by a hash over the multiset of rows. Idea: early cutoff, as build
 * systems have it (Mokhov, Mitchell, Peyton Jones: Build systems à la carte, 2018).
 */
export async function equalsPublished(
  compared: Compared,
  tables: readonly StagedTable[],
  targets: readonly StagingTarget[],
): Promise<boolean> {
  for (const table of tables) {
    const location = targets.find((target) => target.role === table.role)?.metadataLocation
    if (location === undefined || !(await isEqual(compared, table, await metadataAt(compared.store, location)))) return false
  }
  return tables.length > 0
}

async function isEqual(compared: Compared, { staged, overwrite, changed }: StagedTable, head: TableMetadata): Promise<boolean> {
  const { session, store, spec, partitions } = compared
  const schema = schemaOf(head)
  if (JSON.stringify(schema.fields) !== JSON.stringify(staged.schema.fields)) return false
  // Rows that are added or merged have been compared by their keys already.
  if (overwrite !== undefined) return changed === 0
  const locate = locatorOf(head, spec.partitions)
  const sliced = spec.partitions.dim !== 'none'
  const plan = await planScan(store, head)
  // A file that does not tell its partition holds rows of other partitions too: who knows which. Of one with deletes, counts say nothing.
  if (plan.files.some(({ file, deletes }) => deletes.length > 0 || (sliced && locate(file) === 'any'))) return false
  const isThere = (file: FilePlace): boolean => !sliced || isIn(partitions, locate(file))
  const there = (await liveEntries(store, head)).filter(({ file }) => isThere(file))
  const made = staged.manifest === undefined ? [] : await cachedEntries(store, { ...head, specs: [staged.spec] }, staged.manifest)
  if (!sameStatistics(statisticsOf(schema, there), statisticsOf(schema, made))) return false
  const columns = [schema.fields.map((field) => field.name)]
  const before = await rowsSql({ store, session }, { ...plan, files: plan.files.filter(({ file }) => isThere(file)) })
  const [was] = await fingerprints(session, before, columns)
  const [is] = await fingerprints(session, scanSql(store, schema, staged.files), columns)
  return was === is
}

const isIn = (partitions: PartitionSet, day: unknown): boolean => typeof day === 'number' && contains(partitions, day)

/**
 * Of a multiset of rows, cut to each of some sets of columns: two sums of independent 64-bit hashes, so that neither order
 * nor pairs of equal rows hide a change. Of no columns, the number of rows.
 */
export async function fingerprints(
  session: Pick<SqlSession, 'rows'>,
  rows: string,
  sets: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const sums = sets.map((columns) => {
    const list = columns.map(quoteIdentifier).join(', ')
    return columns.length === 0 ? 'count(*)::VARCHAR' : `concat_ws(' ', count(*), sum(hash(${list})), sum(hash(1, ${list})))`
  })
  const [found = {}] = await session.rows(`SELECT ${sums.map((sum, i) => `${sum} AS f${i}`).join(', ')} FROM (${rows})`)
  return sets.map((_, i) => String(found[`f${i}`]))
}
