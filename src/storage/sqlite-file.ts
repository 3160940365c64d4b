import { closeSync, fsyncSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { ErrorCode } from '../error-catalogue.ts'
import { AssayError } from '../errors.ts'
import { makeFolders } from '../folders.ts'

export const storeFile = (folder: string): string => join(folder, 'state.db')

/** `PRAGMA application_id` of every store: "ASSY". It tells a store from any other SQLite file. */
const APPLICATION_ID = 0x41535359

const SQL = new URL('./sql/', import.meta.url)

interface Migration {
  readonly version: number
  readonly url: URL
}

/** `sql/0001-….sql` and so on, in order. */
const MIGRATIONS: readonly Migration[] = readdirSync(SQL)
  .filter((name) => /^\d{4}-.+\.sql$/.test(name))
  .sort()
  .map((name) => ({ version: Number(name.slice(0, 4)), url: new URL(name, SQL) }))

/**
 * The schema number of a store; 0 when the file is still empty.
 * @throws ASSAY-3007 when the file is something else, or newer than this version of Assay
 */
export function schemaVersion(db: DatabaseSync, file: string): number {
  const version = pragma(db, 'user_version')
  const application = pragma(db, 'application_id')
  const { objects } = db.prepare('select count(*) as objects from sqlite_schema').get() ?? {}
  if (version === 0 && application === 0 && objects === 0) return 0
  if (application !== APPLICATION_ID) throw new AssayError('ASSAY-3007', `${file} is not a store of Assay`)
  const newest = MIGRATIONS.at(-1)?.version ?? 0
  if (version > newest) {
    throw new AssayError(
      'ASSAY-3007',
      `${file} was written by a newer version of Assay (schema ${version}; this one knows up to ${newest})`,
    )
  }
  return version
}

const pragma = (db: DatabaseSync, name: 'user_version' | 'application_id'): number => Number(db.prepare(`pragma ${name}`).get()?.[name])

/** @throws ASSAY-3007 for a store of an older version, which only a writer may bring up to date */
export function refuseOlder(version: number, file: string): void {
  const newest = MIGRATIONS.at(-1)?.version ?? 0
  if (version === newest) return
  throw new AssayError('ASSAY-3007', `${file} was written by an older version of Assay (schema ${version}; this one reads ${newest})`, {
    next: 'Run `assay materialize`: it brings the store up to date.',
  })
}

/** Brings the schema up to date, in one transaction. @throws ASSAY-3007 see {@link schemaVersion} */
export function migrate(db: DatabaseSync, file: string): void {
  const from = schemaVersion(db, file)
  const due = MIGRATIONS.filter(({ version }) => version > from)
  if (due.length === 0) return
  inTransaction(db, () => {
    for (const { version, url } of due) db.exec(`${readFileSync(url, 'utf8')}; pragma user_version = ${version}`)
    db.exec(`pragma application_id = ${APPLICATION_ID}`)
  })
}

/** All of it or nothing; durable when this returns. */
export function inTransaction(db: DatabaseSync, body: () => void): void {
  db.exec('begin immediate')
  try {
    body()
    db.exec('commit')
  } catch (error) {
    if (db.isTransaction) db.exec('rollback')
    throw error
  }
}

/** Makes the folder durably: an acknowledged event must not go with a directory entry that was never written out. */
export function makeFolder(folder: string): void {
  try {
    const first = makeFolders(folder)
    // Windows has no handle on a directory that could be synced.
    if (first === undefined || process.platform === 'win32') return
    for (let made = folder; made.length >= first.length; made = dirname(made)) syncFolder(dirname(made))
  } catch (error) {
    throw storeError(error, folder)
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

const IOERR_SHMSIZE = 4874
const BY_SQLITE_CODE: Readonly<Record<number, ErrorCode>> = {
  3: 'ASSAY-2001', // PERM
  5: 'ASSAY-3001', // BUSY
  8: 'ASSAY-2001', // READONLY
  11: 'ASSAY-3007', // CORRUPT
  13: 'ASSAY-2002', // FULL
  14: 'ASSAY-2001', // CANTOPEN
  26: 'ASSAY-3007', // NOTADB
  [IOERR_SHMSIZE]: 'ASSAY-2002',
}
const BY_SYSTEM_CODE: Readonly<Record<string, ErrorCode>> = { ENOSPC: 'ASSAY-2002', EDQUOT: 'ASSAY-2002' }

/** What SQLite or the file system threw, as an error of the catalogue. */
export function storeError(error: unknown, file: string): AssayError {
  if (error instanceof AssayError) return error
  const text = error instanceof Error ? error.message : String(error)
  return new AssayError(codeOf(error), `${file}: ${text}`, { cause: error })
}

function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof Error)) return 'ASSAY-9001'
  if ('errcode' in error && typeof error.errcode === 'number') {
    return BY_SQLITE_CODE[error.errcode] ?? BY_SQLITE_CODE[error.errcode & 0xff] ?? 'ASSAY-9001'
  }
  return 'syscall' in error && 'code' in error ? (BY_SYSTEM_CODE[String(error.code)] ?? 'ASSAY-2001') : 'ASSAY-9001'
}

/** Another connection holds a lock that this one needs. */
export const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === 5
