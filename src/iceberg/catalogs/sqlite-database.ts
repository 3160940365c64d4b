import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AssayError } from '../../errors.ts'
import { makeFolders } from '../../folders.ts'
import { type ChangeOutcome, type ChangeStatement, type Database, DatabaseError, type Statement } from '../../sql/database.ts'

/** How long to wait for another engine that holds the file, milliseconds. */
const BUSY = 30_000

/** A SQLite file as the database of a catalog. The first change makes the file; reading does not. */
export function sqliteDatabase(file: string): Database {
  let db: DatabaseSync | undefined
  const existing = (): DatabaseSync | undefined => {
    if (db === undefined && existsSync(file)) db = opened(file)
    return db
  }
  const made = (): DatabaseSync => {
    db = existing() ?? created(file)
    return db
  }
  return databaseOf(file, existing, made, () => {
    db?.close()
    db = undefined
  })
}

/** A database in memory, for tables that go with the process. */
export function memoryDatabase(): Database {
  const db = new DatabaseSync(':memory:')
  const same = (): DatabaseSync => db
  return databaseOf('in memory', same, same, () => db.close())
}

function databaseOf(name: string, existing: () => DatabaseSync | undefined, made: () => DatabaseSync, close: () => void): Database {
  return {
    name,
    columns: async (table) => guarded(() => columnsOf(existing(), name, table)),
    rows: async (statement) => guarded(() => rowsOf(existing(), statement)),
    change: async (statements) => guarded(() => change(made(), statements)),
    close,
  }
}

/** @throws DatabaseError in place of what SQLite and the file system say */
function guarded<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof AssayError) throw error
    throw new DatabaseError(kindOf(error instanceof Error ? error.message : String(error)), error)
  }
}

function kindOf(reason: string): DatabaseError['kind'] {
  if (/disk is full|ENOSPC|EDQUOT/.test(reason)) return 'full'
  if (/readonly database|EACCES|EPERM|EROFS|ENOTDIR|unable to open/.test(reason)) return 'readonly'
  return /database (table )?is locked|busy/.test(reason) ? 'busy' : 'other'
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

/** @throws ASSAY-2010 when the file holds other tables: a file belongs to one program */
function columnsOf(db: DatabaseSync | undefined, file: string, table: string): readonly string[] {
  const columns = db?.prepare('SELECT name FROM pragma_table_info(?)').all(table) ?? []
  if (columns.length === 0 && db?.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table'").get() !== undefined)
    throw new AssayError('ASSAY-2010', `${file} is a SQLite file, but not an Iceberg catalog`)
  return columns.map((row) => String(row['name']))
}

const rowsOf = (db: DatabaseSync | undefined, { text, values }: Statement): Record<string, unknown>[] =>
  db?.prepare(text).all(...values) ?? []

function change(db: DatabaseSync, statements: readonly ChangeStatement[]): ChangeOutcome {
  db.exec('BEGIN IMMEDIATE')
  let unchanged: number[]
  try {
    const changes = statements.map(({ text, values }) => Number(db.prepare(text).run(...values).changes))
    unchanged = [...statements.keys()].filter((at) => statements[at]?.mustChange === true && changes[at] !== 1)
  } catch (error) {
    rollback(db)
    throw error
  }
  if (unchanged.length > 0) {
    rollback(db)
    return { kind: 'rejected', unchanged }
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
