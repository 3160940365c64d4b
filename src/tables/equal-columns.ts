import type { FilePlace } from '../iceberg/data-file.ts'
import { cachedEntries } from '../iceberg/manifest-cache.ts'
import type { LeanEntry } from '../iceberg/manifests.ts'
import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { planScan, type ScanPlan } from '../iceberg/plan-scan.ts'
import { rowsSql } from '../iceberg/rows-sql.ts'
import { liveEntries, scanSql } from '../iceberg/scan.ts'
import { sameStatistics, type Statistics, statisticsOf } from '../iceberg/statistics.ts'
import { each, normalise, type PartitionSet, union } from '../partitions/partition-set.ts'
import type { IcebergSchema } from '../schema/iceberg-type.ts'
import { locatorOf } from './asset-table.ts'
import { type Compared, fingerprints } from './equal-output.ts'
import { metadataAt, type StagedTable, type StagingTarget } from './stage.ts'

/** Partitions whose staged rows, cut to some columns, are those that are published there. */
export interface EqualColumns {
  readonly columns: readonly string[]
  readonly partitions: PartitionSet
}

/**
 * Through which of these sets of columns staged rows look as the published ones do, partition by partition: what reads no
 * other columns need not be made again. Counts, nulls and bounds are compared first; only sets that they do not tell apart
 * are hashed, all in one pass over each side.
 */
export async function equalColumns(
  compared: Compared,
  tables: readonly StagedTable[],
  targets: readonly StagingTarget[],
  sets: readonly (readonly string[])[],
): Promise<readonly EqualColumns[]> {
  const location = targets.find((target) => target.role === 'rows')?.metadataLocation
  const table = tables.find(({ role }) => role === 'rows')
  if (sets.length === 0 || table === undefined || location === undefined) return []
  const head = await metadataAt(compared.store, location)
  const usable = sets.filter((columns) => columns.every((name) => isSameColumn(name, schemaOf(head), table.staged.schema)))
  const sides = usable.length === 0 ? undefined : await sidesOf(compared, table, head)
  if (sides === undefined) return []
  const equal = new Map<readonly string[], PartitionSet>()
  for (const partition of each(sides.isSliced ? compared.partitions : [[0, 1]]))
    for (const columns of await equalIn(compared, sides, partition, usable))
      equal.set(columns, union(equal.get(columns) ?? [], normalise([[partition, partition + 1]])))
  return [...equal].map(([columns, partitions]) => ({ columns, partitions }))
}

/** By name, since that is how readers find it, and of the same type. */
function isSameColumn(name: string, before: IcebergSchema, after: IcebergSchema): boolean {
  const [old, young] = [before, after].map((schema) => schema.fields.find((field) => field.name === name))
  return old !== undefined && young !== undefined && old.id === young.id && JSON.stringify(old.type) === JSON.stringify(young.type)
}

/** What is published and what is staged. */
interface Sides {
  readonly table: StagedTable
  readonly schema: IcebergSchema
  readonly plan: ScanPlan
  readonly there: readonly LeanEntry[]
  readonly made: readonly LeanEntry[]
  readonly isSliced: boolean
  readonly locate: ReturnType<typeof locatorOf>
}

/** Undefined where a file does not tell its partition: it may hold rows of others too. */
async function sidesOf({ store, spec }: Compared, table: StagedTable, head: TableMetadata): Promise<Sides | undefined> {
  const { staged } = table
  const isSliced = spec.partitions.dim !== 'none'
  const layout = {
    ...head,
    specs: head.specs.some((known) => known['spec-id'] === staged.spec['spec-id']) ? head.specs : [...head.specs, staged.spec],
  }
  const locate = locatorOf(layout, spec.partitions)
  const plan = await planScan(store, head)
  if (isSliced && plan.files.some(({ file }) => locate(file) === 'any')) return undefined
  const there = await liveEntries(store, head)
  const made = staged.manifest === undefined ? [] : await cachedEntries(store, { ...head, specs: [staged.spec] }, staged.manifest)
  return { table, schema: schemaOf(head), plan, there, made, isSliced, locate }
}

async function equalIn(
  { session, store }: Compared,
  { table, schema, plan, there, made, isSliced, locate }: Sides,
  partition: number,
  sets: readonly (readonly string[])[],
): Promise<readonly (readonly string[])[]> {
  const isIn = (file: FilePlace): boolean => !isSliced || locate(file) === partition
  const old = plan.files.filter(({ file }) => isIn(file))
  const young = table.staged.files.filter(isIn)
  const before = statisticsOf(
    schema,
    there.filter(({ file }) => isIn(file)),
  )
  const after = statisticsOf(
    schema,
    made.filter(({ file }) => isIn(file)),
  )
  // Of files with deletes, counts and bounds say nothing.
  const tells = old.every(({ deletes }) => deletes.length === 0)
  const open = tells ? sets.filter((columns) => sameStatistics(cut(before, schema, columns), cut(after, schema, columns))) : sets
  if (open.length === 0) return []
  const was = await fingerprints(session, await rowsSql({ store, session }, { ...plan, files: old }), open)
  const is = await fingerprints(session, scanSql(store, table.staged.schema, young), open)
  return open.filter((_, i) => was[i] === is[i])
}

function cut({ rows, columns }: Statistics, schema: IcebergSchema, names: readonly string[]): Statistics {
  const ids = new Set(schema.fields.filter((field) => names.includes(field.name)).map((field) => field.id))
  return { rows, columns: new Map([...columns].filter(([id]) => ids.has(id))) }
}
