import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AssayError } from '../errors.ts'
import { isBusy, storeError } from './sqlite-file.ts'

/** Held by the one process that writes. */
export interface WriterLock {
  release(): void
}

/**
 * Takes the lock of a folder: a transaction that never ends on a SQLite file of its own. It rests on a lock of the
 * operating system, which lets go of it when the process dies, however it dies. The file is never read in another way:
 * closing any handle on it would drop a POSIX lock. Who holds it stands in a text file beside it.
 * @throws ASSAY-3001 when another process, or this one, holds it
 */
export function takeLock(folder: string): WriterLock {
  const holder = join(folder, 'lock.txt')
  const db = holdExclusively(join(folder, 'lock.db'), holder)
  attempt(() => writeFileSync(holder, `process ${process.pid} (${commandLine()})`))
  return {
    release: () => {
      attempt(() => rmSync(holder, { force: true }))
      db.close()
    },
  }
}

function holdExclusively(file: string, holder: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file)
    db.exec('begin exclusive')
    return db
  } catch (error) {
    db?.close()
    if (!isBusy(error)) throw storeError(error, file)
    const who = attempt(() => readFileSync(holder, 'utf8')) ?? 'another process'
    throw new AssayError('ASSAY-3001', `the store is in use by ${who}`, { cause: error })
  }
}

const commandLine = (): string => [basename(process.argv[1] ?? 'node'), ...process.argv.slice(2)].join(' ')

/** The text file only helps a reader: without it the lock holds all the same. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
