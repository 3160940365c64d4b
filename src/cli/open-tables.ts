import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import { type Catalog, formatTableId, type TableId } from '../iceberg/catalog.ts'
import { METADATA_TABLES, type MetadataTable, metadataTableSql } from '../iceberg/metadata-tables.ts'
import { schemaOf, type SnapshotId, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { planScan, type ScanCounts } from '../iceberg/plan-scan.ts'
import type { Predicate } from '../iceberg/prune.ts'
import { rowsSql } from '../iceberg/rows-sql.ts'
import { parseAt, snapshotAt } from '../iceberg/snapshot-at.ts'
import type { Store } from '../iceberg/store.ts'
import { type IcebergSchema, quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { queryFilters } from '../tables/query-filter.ts'

interface Opening {
  readonly catalog: Catalog
  readonly store: Store
  readonly session: SqlSession
}

interface Mentioned {
  readonly id: TableId
  /** What is asked about the table itself. */
  readonly about: readonly MetadataTable[]
  /** Undefined where it has no version yet. */
  readonly version: { readonly metadata: TableMetadata; readonly snapshotId: SnapshotId | undefined } | undefined
}

/** What a statement reads of a table, and what its filters spare. */
export interface Opened {
  readonly table: string
  readonly read: ScanCounts
  readonly skipped: ScanCounts
}

/** What there is to ask, and what of it was opened. */
export interface OpenedTables {
  /** Names of all tables. */
  readonly names: readonly string[]
  readonly opened: readonly Opened[]
}

/**
 * Makes a view of each table that the statements mention, and of its metadata tables that they mention. One statement reads
 * only files that may hold what its WHERE clauses ask for.
 * @param pins versions by table, as typed
 * @throws ASSAY-2008, ASSAY-2009
 */
export async function openTables(
  opening: Opening,
  statements: readonly string[],
  pins: ReadonlyMap<string, string>,
): Promise<OpenedTables> {
  const tables = await opening.catalog.locations()
  const names = tables.map(({ id }) => formatTableId(id))
  const stray = [...pins.keys()].find((name) => !names.includes(name))
  if (stray !== undefined)
    throw new AssayError('ASSAY-2008', `there is no table ${stray}`, {
      next: didYouMean(stray, names) ?? 'List the tables with `assay ls`.',
    })
  const plain = statements.join('\n').toLowerCase().replaceAll('"', '')
  const mentioned: Mentioned[] = []
  for (const { id } of tables) {
    const name = formatTableId(id)
    if (!plain.includes(name.toLowerCase())) continue
    const about = METADATA_TABLES.filter((table) => plain.includes(`${name}.${table}`.toLowerCase()))
    mentioned.push({ id, about, version: await versionOf(opening.catalog, id, pins.get(name)) })
  }
  const filters = await filtersOf(opening.session, statements, mentioned)
  const opened: Opened[] = []
  for (const namespace of new Set(mentioned.map(({ id }) => id.namespace))) {
    const own = mentioned.filter(({ id }) => id.namespace === namespace)
    opened.push(...(await openNamespace(opening, namespace, own, filters)))
  }
  return { names, opened }
}

async function versionOf(catalog: Catalog, id: TableId, pinned: string | undefined): Promise<Mentioned['version']> {
  const metadata = (await catalog.load(id))?.metadata
  if (metadata === undefined) return undefined
  return { metadata, snapshotId: pinned === undefined ? metadata.currentSnapshotId : snapshotAt(metadata, parseAt(metadata, pinned)).id }
}

type Filters = ReadonlyMap<string, Predicate>

/** Several statements share one view of a table, so that each would have to be asked. */
async function filtersOf(session: SqlSession, statements: readonly string[], mentioned: readonly Mentioned[]): Promise<Filters> {
  const [statement, ...others] = statements
  if (statement === undefined || others.length > 0) return new Map()
  const schemas = mentioned.flatMap(({ id, version }): readonly [string, IcebergSchema][] =>
    version === undefined ? [] : [[formatTableId(id), schemaOf(version.metadata, snapshotOf(version.metadata, version.snapshotId))]],
  )
  return queryFilters(session, statement, new Map(schemas))
}

/**
 * A namespace is a schema of the engine. Where `silver.orders.snapshots` is asked for it has to be a database: then
 * `silver.orders` is found in its schema `main`, and `orders` is a schema beside that.
 */
async function openNamespace(
  opening: Opening,
  namespace: string,
  tables: readonly Mentioned[],
  filters: Filters,
): Promise<readonly Opened[]> {
  const { session } = opening
  const quoted = quoteIdentifier(namespace)
  const isDatabase = tables.some(({ about }) => about.length > 0)
  await session.run(isDatabase ? `ATTACH ':memory:' AS ${quoted}` : `CREATE SCHEMA IF NOT EXISTS ${quoted}`)
  const opened: Opened[] = []
  for (const table of tables) {
    const one = await openTable(opening, table, isDatabase ? `${quoted}.main` : quoted, filters.get(formatTableId(table.id)))
    if (one !== undefined) opened.push(one)
  }
  return opened
}

async function openTable(
  { store, session }: Opening,
  { id, about, version }: Mentioned,
  schema: string,
  filter: Predicate | undefined,
): Promise<Opened | undefined> {
  if (version === undefined) return undefined
  const { metadata, snapshotId } = version
  const name = quoteIdentifier(id.name)
  const beside = `${quoteIdentifier(id.namespace)}.${name}`
  if (about.length > 0) await session.run(`CREATE SCHEMA ${beside}`)
  for (const table of about)
    await session.run(`CREATE VIEW ${beside}.${table} AS ${await metadataTableSql({ store, metadata, snapshotId }, table)}`)
  if (snapshotId === undefined) return undefined
  const plan = await planScan(store, metadata, { snapshotId, filter })
  await session.run(`CREATE VIEW ${schema}.${name} AS ${await rowsSql({ store, session }, plan)}`)
  return { table: formatTableId(id), read: plan.read, skipped: plan.skipped }
}
