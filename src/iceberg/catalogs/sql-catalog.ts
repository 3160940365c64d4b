import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AssayError } from '../../errors.ts'
import { makeFolders } from '../../folders.ts'
import { type Catalog, type CommitOutcome, formatTableId, type LoadedTable, type TableChange, type TableId } from '../catalog.ts'
import { readMetadata } from '../metadata.ts'
import type { Store } from '../store.ts'

export interface SqlCatalogOptions {
  /** The SQLite file. It is made by the first commit. */
  readonly file: string
  /** Folder that new tables go into. */
  readonly warehouse: string
  /** Name of the catalog; engines that open the file use the same, or they see no tables. */
  readonly name: string
  readonly store: Store
}

/** How long to wait for another engine that holds the file, milliseconds. */
const BUSY = 30_000

/** The tables of Iceberg's own JDBC catalog, version 1, to the letter: Spark, Flink and PyIceberg open the same file. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255) NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties(catalog_name VARCHAR(255) NOT NULL,namespace VARCHAR(255) NOT NULL,property_key VARCHAR(255),property_value VARCHAR(1000),PRIMARY KEY (catalog_name, namespace, property_key));
`

/** An Iceberg catalog in a SQLite file. */
export function openSqlCatalog({ file, warehouse, name, store }: SqlCatalogOptions): Catalog {
  let db: DatabaseSync | undefined
  /** Undefined while there is no file: reading does not make one. */
  const existing = (): DatabaseSync | undefined => {
    if (db === undefined && existsSync(file)) db = opened(file)
    return db !== undefined && isCatalog(db, file) ? db : undefined
  }
  const made = (): DatabaseSync => {
    db ??= existsSync(file) ? opened(file) : created(file)
    if (!isCatalog(db, file)) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`)
    return db
  }
  return {
    warehouse: store.normalise(warehouse),
    load: async (id) => {
      const location = guarded(file, () => locationOf(existing(), name, id))
      return location === undefined ? undefined : loaded(store, id, location)
    },
    locations: async () => guarded(file, () => allLocations(existing(), name)),
    commit: async (changes) => guarded(file, () => commit(made(), name, changes)),
    close: () => {
      db?.close()
      db = undefined
    },
  }
}

async function loaded(store: Store, id: TableId, metadataLocation: string): Promise<LoadedTable> {
  return { id, metadataLocation, metadata: await readMetadata(store, metadataLocation) }
}

/** @throws ASSAY-2001, ASSAY-2002, ASSAY-2010 in place of what SQLite says */
function guarded<T>(file: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof AssayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    if (/disk is full/.test(reason)) throw new AssayError('ASSAY-2002', `No space is left to write ${file}`, { cause: error })
    if (/readonly database|EACCES|EROFS|ENOTDIR|unable to open/.test(reason)) {
      throw new AssayError('ASSAY-2001', `${file} cannot be written: ${reason}`, { cause: error })
    }
    if (/database is locked/.test(reason)) {
      const next = 'Nothing was published. Run the same command again when the other writer is done.'
      throw new AssayError('ASSAY-2001', `another writer holds ${file}`, { next, cause: error })
    }
    throw new AssayError('ASSAY-2010', `${file} cannot be used as a catalog: ${reason}`, { cause: error })
  }
}

function opened(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY })
  db.exec('PRAGMA synchronous = FULL')
  return db
}

/** Two processes may get here at once; the one that makes the file decides its journal. */
function created(file: string): DatabaseSync {
  makeFolders(dirname(file))
  const isOurs = claim(file)
  const db = opened(file)
  if (isOurs) setWal(db)
  return db
}

function claim(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
  return true
}

/** Readers then never wait for a writer. When another process already uses the file, its rollback journal serves too. */
function setWal(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA journal_mode = WAL')
  } catch (error) {
    if (!(error instanceof Error && /locked/.test(error.message))) throw error
  }
}

/** False for a file without any tables. @throws ASSAY-2010 when it holds something else */
function isCatalog(db: DatabaseSync, file: string): boolean {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
  if (tables.some((row) => row['name'] === 'iceberg_tables')) return true
  if (tables.length === 0) return false
  throw new AssayError('ASSAY-2010', `${file} is a SQLite file, but not an Iceberg catalog`)
}

/** PyIceberg has no column for the type, and leaves it null in a file of others. */
const isTable = (row: Record<string, unknown>): boolean =>
  row['iceberg_type'] === undefined || row['iceberg_type'] === null || row['iceberg_type'] === 'TABLE'

function locationOf(db: DatabaseSync | undefined, name: string, id: TableId): string | undefined {
  const row = db
    ?.prepare('SELECT * FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?')
    .get(name, id.namespace, id.name)
  return row !== undefined && isTable(row) && row['metadata_location'] !== null ? String(row['metadata_location']) : undefined
}

function allLocations(db: DatabaseSync | undefined, name: string): { id: TableId; metadataLocation: string }[] {
  const rows = db?.prepare('SELECT * FROM iceberg_tables WHERE catalog_name = ? ORDER BY table_namespace, table_name').all(name) ?? []
  return rows
    .filter((row) => isTable(row) && row['metadata_location'] !== null)
    .map((row) => ({
      id: { namespace: String(row['table_namespace']), name: String(row['table_name']) },
      metadataLocation: String(row['metadata_location']),
    }))
}

/** One transaction for all tables. */
function commit(db: DatabaseSync, name: string, changes: readonly TableChange[]): CommitOutcome {
  db.exec('BEGIN IMMEDIATE')
  let moved: TableId[]
  try {
    moved = changes.filter((change) => !swapped(db, name, change)).map((change) => change.id)
    if (moved.length === 0) for (const { id } of changes) registerNamespace(db, name, id.namespace)
  } catch (error) {
    rollback(db)
    throw error
  }
  if (moved.length > 0) {
    rollback(db)
    return { kind: 'rejected', moved }
  }
  try {
    db.exec('COMMIT')
    return { kind: 'committed' }
  } catch (cause) {
    rollback(db)
    return { kind: 'unknown', cause }
  }
}

function rollback(db: DatabaseSync): void {
  if (db.isTransaction) db.exec('ROLLBACK')
}

function swapped(db: DatabaseSync, name: string, { id, expected, metadataLocation }: TableChange): boolean {
  if (metadataLocation.length > 1000)
    throw new AssayError('ASSAY-2001', `The path of ${formatTableId(id)} is longer than the catalog can hold`)
  if (expected !== undefined) {
    const update = db.prepare(
      'UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ? WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?',
    )
    return update.run(metadataLocation, expected, name, id.namespace, id.name, expected).changes === 1
  }
  const typed = db.prepare("SELECT 1 FROM pragma_table_info('iceberg_tables') WHERE name = 'iceberg_type'").get() !== undefined
  const insert = db.prepare(
    `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location${typed ? ', iceberg_type' : ''}) VALUES (?, ?, ?, ?${typed ? ", 'TABLE'" : ''}) ON CONFLICT DO NOTHING`,
  )
  return insert.run(name, id.namespace, id.name, metadataLocation).changes === 1
}

function registerNamespace(db: DatabaseSync, name: string, namespace: string): void {
  db.prepare(
    "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING",
  ).run(name, namespace)
}
