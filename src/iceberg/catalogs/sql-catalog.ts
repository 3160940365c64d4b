import { AssayError } from '../../errors.ts'
import { type ChangeStatement, type Database, DatabaseError } from '../../sql/database.ts'
import {
  type Catalog,
  type CommitOutcome,
  formatTableId,
  type LoadedTable,
  type TableChange,
  type TableId,
  type TableRemoval,
} from '../catalog.ts'
import { cachedMetadata } from '../manifest-cache.ts'
import type { Store } from '../store.ts'
import { sqliteDatabase } from './sqlite-database.ts'

export interface CatalogOptions {
  /** Folder that new tables go into. */
  readonly warehouse: string
  /** Name of the catalog; engines that open the database use the same, or they see no tables. */
  readonly name: string
  readonly store: Store
}

/** The tables of Iceberg's own JDBC catalog, version 1, to the letter: Spark, Flink and PyIceberg open the same database. */
const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255) NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),PRIMARY KEY (catalog_name, table_namespace, table_name))',
  'CREATE TABLE IF NOT EXISTS iceberg_namespace_properties(catalog_name VARCHAR(255) NOT NULL,namespace VARCHAR(255) NOT NULL,property_key VARCHAR(255),property_value VARCHAR(1000),PRIMARY KEY (catalog_name, namespace, property_key))',
]
const LONGEST_LOCATION = 1000

/** An Iceberg catalog in a SQLite file, which the first commit makes. */
export const openSqlCatalog = ({ file, ...options }: CatalogOptions & { readonly file: string }): Catalog =>
  sqlCatalog(sqliteDatabase(file), options)

/** An Iceberg catalog in a database, in the tables of Iceberg's JDBC catalog. Closing it closes the database. */
export function sqlCatalog(database: Database, { warehouse, name, store }: CatalogOptions): Catalog {
  const rowsOf = rowsIn(database, name)
  return {
    warehouse: store.normalise(warehouse),
    load: async (id) => {
      const location = await guarded(database, async () => (await rowsOf(id))[0]?.metadataLocation)
      return location === undefined ? undefined : loaded(store, id, location)
    },
    locations: () => guarded(database, rowsOf),
    commit: (changes) => guarded(database, () => commit(database, name, changes)),
    close: () => database.close(),
  }
}

async function loaded(store: Store, id: TableId, metadataLocation: string): Promise<LoadedTable> {
  return { id, metadataLocation, metadata: await cachedMetadata(store, metadataLocation) }
}

/** @throws ASSAY-2001, ASSAY-2002, ASSAY-2010 in place of what the database says */
async function guarded<T>(database: Database, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw catalogError(database, error)
  }
}

function catalogError({ name }: Database, cause: DatabaseError): AssayError {
  switch (cause.kind) {
    case 'full':
      return new AssayError('ASSAY-2002', `No space is left to write the catalog ${name}`, { cause })
    case 'readonly':
      return new AssayError('ASSAY-2001', `The catalog ${name} cannot be written: ${cause.message}`, { cause })
    case 'busy':
      return new AssayError('ASSAY-2001', `Another writer holds the catalog ${name}: ${cause.message}`, {
        next: 'Nothing was published. Run the same command again when the other writer is done.',
        cause,
      })
    case 'other':
      return new AssayError('ASSAY-2010', `${name} cannot be used as a catalog: ${cause.message}`, { cause })
  }
}

type Location = Pick<LoadedTable, 'id' | 'metadataLocation'>

/** Asks for the rows of all tables, or of one. Whether the tables are there is asked until they are. */
function rowsIn(database: Database, catalog: string): (id?: TableId) => Promise<readonly Location[]> {
  let isThere = false
  return async (id) => {
    isThere ||= (await database.columns('iceberg_tables')).length > 0
    if (!isThere) return []
    const one = id === undefined ? '' : ' AND table_namespace = ? AND table_name = ?'
    const rows = await database.rows({
      text: `SELECT * FROM iceberg_tables WHERE catalog_name = ?${one} ORDER BY table_namespace, table_name`,
      values: [catalog, ...(id === undefined ? [] : [id.namespace, id.name])],
    })
    return rows
      .filter((row) => isTable(row) && row['metadata_location'] !== null)
      .map((row) => ({
        id: { namespace: String(row['table_namespace']), name: String(row['table_name']) },
        metadataLocation: String(row['metadata_location']),
      }))
  }
}

/** Views have a type. PyIceberg and the first version of the schema have no column for it; PyIceberg leaves it null in a database of others. */
const isTable = (row: Readonly<Record<string, unknown>>): boolean =>
  row['iceberg_type'] === undefined || row['iceberg_type'] === null || row['iceberg_type'] === 'TABLE'

/** One transaction for all tables, in the order of their names: two that took rows in opposite order would lock each other out. */
async function commit(database: Database, catalog: string, changes: readonly (TableChange | TableRemoval)[]): Promise<CommitOutcome> {
  const ordered = changes.toSorted((a, b) => (formatTableId(a.id) < formatTableId(b.id) ? -1 : 1))
  const columns = await madeSchema(database)
  const namespaces = new Set(ordered.flatMap(({ id, metadataLocation }) => (metadataLocation === undefined ? [] : [id.namespace])))
  const outcome = await database.change([
    ...ordered.map((change) => swap(catalog, change, columns)),
    ...[...namespaces].map((namespace) => registered(catalog, namespace)),
  ])
  return outcome.kind === 'rejected' ? { kind: 'rejected', moved: moved(ordered, outcome.unchanged) } : outcome
}

const moved = (changes: readonly { readonly id: TableId }[], places: readonly number[]): readonly TableId[] =>
  changes.filter((_, at) => places.includes(at)).map(({ id }) => id)

/** The columns of the catalog's table, which is made where it is not there. */
async function madeSchema(database: Database): Promise<readonly string[]> {
  const columns = await database.columns('iceberg_tables')
  if (columns.length > 0) return columns
  try {
    await database.change(SCHEMA.map((text) => ({ text, values: [], mustChange: false })))
  } catch (error) {
    // Another process made them at the same moment: some databases then fail in spite of IF NOT EXISTS.
    if ((await database.columns('iceberg_tables')).length === 0) throw error
  }
  return database.columns('iceberg_tables')
}

function swap(catalog: string, change: TableChange | TableRemoval, columns: readonly string[]): ChangeStatement {
  const { id, expected, metadataLocation } = change
  const isTable = columns.includes('iceberg_type') ? " AND (iceberg_type IS NULL OR iceberg_type = 'TABLE')" : ''
  const asExpected = `WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?${isTable}`
  if (metadataLocation === undefined)
    return { text: `DELETE FROM iceberg_tables ${asExpected}`, values: [catalog, id.namespace, id.name, expected], mustChange: true }
  if (metadataLocation.length > LONGEST_LOCATION)
    throw new AssayError('ASSAY-2001', `The path of ${formatTableId(id)} is longer than the catalog can hold`)
  if (expected === undefined) {
    const isTyped = columns.includes('iceberg_type')
    const columnNames = `catalog_name, table_namespace, table_name, metadata_location${isTyped ? ', iceberg_type' : ''}`
    return {
      text: `INSERT INTO iceberg_tables (${columnNames}) VALUES (?, ?, ?, ?${isTyped ? ", 'TABLE'" : ''}) ON CONFLICT DO NOTHING`,
      values: [catalog, id.namespace, id.name, metadataLocation],
      mustChange: true,
    }
  }
  return {
    text: `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ? ${asExpected}`,
    values: [metadataLocation, expected, catalog, id.namespace, id.name, expected],
    mustChange: true,
  }
}

const registered = (catalog: string, namespace: string): ChangeStatement => ({
  text: "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING",
  values: [catalog, namespace],
  mustChange: false,
})
