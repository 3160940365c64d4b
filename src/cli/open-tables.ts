import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import { type Catalog, formatTableId, type TableId } from '../iceberg/catalog.ts'
import { METADATA_TABLES, type MetadataTable, metadataTableSql } from '../iceberg/metadata-tables.ts'
import { parseAt, snapshotAt } from '../iceberg/snapshot-at.ts'
import type { Store } from '../iceberg/store.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { relationOf } from '../tables/read.ts'

interface Opening {
  readonly catalog: Catalog
  readonly store: Store
  readonly session: SqlSession
}

interface Mentioned {
  readonly id: TableId
  /** What is asked about the table itself. */
  readonly about: readonly MetadataTable[]
  /** The version asked for, as typed. */
  readonly pinned: string | undefined
}

/**
 * Makes a view of each table that the text mentions, and of its metadata tables that it mentions. Returns the names of all
 * tables.
 * @param pins versions by table, as typed
 * @throws ASSAY-2008, ASSAY-2009
 */
export async function openTables(opening: Opening, text: string, pins: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const tables = await opening.catalog.locations()
  const names = tables.map(({ id }) => formatTableId(id))
  const stray = [...pins.keys()].find((name) => !names.includes(name))
  if (stray !== undefined)
    throw new AssayError('ASSAY-2008', `there is no table ${stray}`, {
      next: didYouMean(stray, names) ?? 'List the tables with `assay ls`.',
    })
  const plain = text.toLowerCase().replaceAll('"', '')
  const mentioned = tables.flatMap(({ id }): readonly Mentioned[] => {
    const name = formatTableId(id)
    const about = METADATA_TABLES.filter((table) => plain.includes(`${name}.${table}`.toLowerCase()))
    return plain.includes(name.toLowerCase()) ? [{ id, about, pinned: pins.get(name) }] : []
  })
  for (const namespace of new Set(mentioned.map(({ id }) => id.namespace)))
    await openNamespace(
      opening,
      namespace,
      mentioned.filter(({ id }) => id.namespace === namespace),
    )
  return names
}

/**
 * A namespace is a schema of the engine. Where `silver.orders.snapshots` is asked for it has to be a database: then
 * `silver.orders` is found in its schema `main`, and `orders` is a schema beside that.
 */
async function openNamespace(opening: Opening, namespace: string, tables: readonly Mentioned[]): Promise<void> {
  const { session } = opening
  const quoted = quoteIdentifier(namespace)
  const isDatabase = tables.some(({ about }) => about.length > 0)
  await session.run(isDatabase ? `ATTACH ':memory:' AS ${quoted}` : `CREATE SCHEMA IF NOT EXISTS ${quoted}`)
  for (const table of tables) await openTable(opening, table, isDatabase ? `${quoted}.main` : quoted)
}

async function openTable({ catalog, store, session }: Opening, { id, about, pinned }: Mentioned, schema: string): Promise<void> {
  const loaded = await catalog.load(id)
  if (loaded === undefined) return
  const { metadata } = loaded
  const snapshotId = pinned === undefined ? metadata.currentSnapshotId : snapshotAt(metadata, parseAt(metadata, pinned)).id
  const name = quoteIdentifier(id.name)
  const beside = `${quoteIdentifier(id.namespace)}.${name}`
  if (about.length > 0) await session.run(`CREATE SCHEMA ${beside}`)
  for (const table of about)
    await session.run(`CREATE VIEW ${beside}.${table} AS ${await metadataTableSql({ store, metadata, snapshotId }, table)}`)
  if (snapshotId !== undefined)
    await session.run(`CREATE VIEW ${schema}.${name} AS ${await relationOf({ store, session }, metadata, { snapshotId })}`)
}
