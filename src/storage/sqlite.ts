import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../clock.ts'
import type { AssetKey } from '../keys.ts'
import type { Registries } from '../partitions/registry.ts'
import type { StoreEvent } from './events.ts'
import { inTransaction, makeFolder, migrate, refuseOlder, schemaVersion, storeError, storeFile } from './sqlite-file.ts'
import { takeLock, type WriterLock } from './sqlite-lock.ts'
import { recorder } from './sqlite-projection.ts'
import { type Queries, queriesOn } from './sqlite-queries.ts'
import type { AssetState, Storage, StorageReader } from './storage.ts'

/** Milliseconds that a statement waits for another connection. Writers never meet; this is for checkpoints and recovery. */
const BUSY_TIMEOUT = 5_000

/**
 * Opens the store of a folder for writing, making both where they are not there; no other process can until it is closed.
 * @throws ASSAY-2001 when the folder cannot be made or written, ASSAY-2002 when the disk is full
 * @throws ASSAY-3001 when another process writes, ASSAY-3007 when the file is not a store or is of a newer version
 */
export function openStorage(options: { readonly folder: string; readonly clock: Clock }): Storage {
  makeFolder(options.folder)
  const lock = takeLock(options.folder)
  try {
    return writer(openForWriting(storeFile(options.folder)), lock, options.clock)
  } catch (error) {
    lock.release()
    throw error
  }
}

function openForWriting(file: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT })
    schemaVersion(db, file)
    db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on')
    migrate(db, file)
    return db
  } catch (error) {
    db?.close()
    throw storeError(error, file)
  }
}

interface Waiting {
  readonly events: readonly StoreEvent[]
  resolve(): void
  reject(error: Error): void
}

/** Group commit: what was appended in one turn of the event loop is one transaction, and one sync of the disk. */
function writer(db: DatabaseSync, lock: WriterLock, clock: Clock): Storage {
  const record = recorder(db)
  const queries = queriesOn(db)
  let queue: Waiting[] = []
  const flush = (): void => {
    const batch = queue
    queue = []
    if (batch.length === 0) return
    try {
      const at = clock.now()
      inTransaction(db, () => {
        for (const { events } of batch) for (const event of events) record(event, at)
      })
    } catch (error) {
      const failure = storeError(error, 'the store')
      for (const { reject } of batch) reject(failure)
      return
    }
    for (const { resolve } of batch) resolve()
  }
  return {
    ...readerOf((query) => query(queries)),
    append: (events) =>
      new Promise((resolve, reject) => {
        // Not a timer: what arrives during a commit is the next batch, and a lone writer does not wait.
        if (queue.length === 0) setImmediate(flush)
        queue.push({ events, resolve, reject })
      }),
    close: () => {
      if (!db.isOpen) return
      flush()
      try {
        db.close()
      } finally {
        lock.release()
      }
    },
  }
}

/**
 * Opens the store of a folder for reading, beside any writer. Creates no files; where there is no store yet it answers as
 * an empty one, and sees the store as soon as there is one.
 * @throws ASSAY-3007 when the file is not a store or is of a newer version; so does every later call
 */
export function openStorageReader(options: { readonly folder: string }): StorageReader {
  const file = storeFile(options.folder)
  let open: Connection | undefined
  const close = (): void => {
    open?.db.close()
    open = undefined
  }
  const connect = (mode: string): Connection | undefined => {
    if (open?.mode === mode) return open
    close()
    open = connection(file, mode)
    return open
  }
  const read: Read = (query, none) => {
    for (;;) {
      const mode = modeOf(file)
      if (mode === undefined) return none
      try {
        const current = connect(mode)
        const answer = current === undefined ? none : query(current.queries)
        if (isLive(mode) || modeOf(file) === mode) return answer
      } catch (error) {
        if (modeOf(file) === mode) throw storeError(error, file)
      }
    }
  }
  read(() => undefined, undefined)
  return { ...readerOf(read), close }
}

interface Connection {
  readonly db: DatabaseSync
  readonly queries: Queries
  readonly mode: string
}

/**
 * How a store can be read now; undefined when there is none. Beside a writer, or after one that died, through its
 * write-ahead log. Without a log the file cannot change, and is opened as immutable: SQLite would otherwise create the
 * log's files. Then it must be the same file before and after each query.
 */
function modeOf(file: string): string | undefined {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return undefined
  return existsSync(`${file}-wal`) ? `live ${found.ino}` : `still ${found.ino} ${found.size} ${found.mtimeNs}`
}

const isLive = (mode: string): boolean => mode.startsWith('live')

/** Undefined while a writer is still making the store. */
function connection(file: string, mode: string): Connection | undefined {
  let db: DatabaseSync | undefined
  try {
    const url = pathToFileURL(file)
    if (!isLive(mode)) url.searchParams.set('immutable', '1')
    db = new DatabaseSync(url, { readOnly: true, timeout: BUSY_TIMEOUT })
    const version = schemaVersion(db, file)
    if (version > 0) {
      refuseOlder(version, file)
      return { db, queries: queriesOn(db), mode }
    }
    db.close()
    return undefined
  } catch (error) {
    db?.close()
    throw storeError(error, file)
  }
}

/** Runs a query on the store, or answers `none` where there is no store. */
type Read = <T>(query: (queries: Queries) => T, none: T) => T

const NO_REGISTRIES: Registries = new Map()

const readerOf = (read: Read): Omit<StorageReader, 'close'> => ({
  assetStates: async () => read((q) => q.assetStates(), new Map<AssetKey, AssetState>()),
  registries: async () => read((q) => q.registries(), NO_REGISTRIES),
  openPromotions: async () => read((q) => q.openPromotions(), []),
  runs: async (limit) => read((q) => q.runs(limit), []),
  run: async (id) => read((q) => q.run(id), undefined),
  steps: async (runId) => read((q) => q.steps(runId), []),
  openRuns: async () => read((q) => q.openRuns(), []),
  openIntents: async () => read((q) => q.openIntents(), []),
  materializations: async (filter) => read((q) => q.materializations(filter), []),
  durations: async (steps, limit) =>
    read(
      (q) => q.durations(steps, limit),
      steps.map(() => []),
    ),
  checkResults: async (asset) => read((q) => q.checkResults(asset), []),
  events: async (filter) => read((q) => q.events(filter), []),
})
