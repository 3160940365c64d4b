import type { Pool } from 'pg'
import { AssayError } from '../errors.ts'
import { type ChangeOutcome, type ChangeStatement, type Database, DatabaseError } from '../sql/database.ts'

/** How long to wait for a server to answer at all, for another that holds a lock, and for any answer. Milliseconds. */
const CONNECT = 10_000
const LOCKED = 30_000
const ANSWER = 60_000

/** Read committed: an UPDATE that waited for another writer then sees what that one wrote, and finds its row moved. */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = ${LOCKED}`

/**
 * A PostgreSQL database by its URI (`postgres://user:password@host/database`); what the URI leaves out comes from the
 * PG… variables. Connects at the first use, and again when the connection was lost.
 * @throws ASSAY-2010, from each method, when the package `pg` is not installed
 */
export function openPostgres(uri: string): Database {
  let pool: Promise<Pool> | undefined
  const open = (): Promise<Pool> => {
    pool ??= connect(uri)
    return pool
  }
  return {
    name: withoutPassword(uri),
    columns: (table) =>
      guarded(async () => {
        const text = 'SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum'
        return (await (await open()).query<{ readonly attname: string }>(text, [table])).rows.map((row) => row.attname)
      }),
    rows: ({ text, values }) => guarded(async () => (await (await open()).query(numbered(text), [...values])).rows),
    change: (statements) => guarded(async () => change(await open(), statements)),
    close: () => {
      pool?.then((opened) => opened.end()).catch(() => {})
      pool = undefined
    },
  }
}

/** The URI without what is secret: its password, and its query, which can hold one too. */
export function withoutPassword(uri: string): string {
  const { protocol, username, host, pathname } = URL.parse(uri) ?? { protocol: 'postgres:', username: '', host: '', pathname: '' }
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

/** The package is loaded only here: who keeps the catalog in a file does not need it. */
async function connect(uri: string): Promise<Pool> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw new AssayError('ASSAY-2010', `${withoutPassword(uri)} needs the package pg, which is not installed`, {
      next: 'Run `npm install pg`.',
      cause,
    })
  })
  const pool = new pg.Pool({
    connectionString: uri,
    application_name: 'assay',
    connectionTimeoutMillis: CONNECT,
    query_timeout: ANSWER,
    keepAlive: true,
    max: 4,
    allowExitOnIdle: true,
  })
  // An idle connection that the server ended is taken out of the pool; without a listener it would end the process.
  pool.on('error', () => {})
  return pool
}

/** `?` as `$1`, `$2` … */
function numbered(text: string): string {
  let count = 0
  return text.replaceAll('?', () => `$${++count}`)
}

async function change(pool: Pool, statements: readonly ChangeStatement[]): Promise<ChangeOutcome> {
  const client = await pool.connect()
  let isClean = false
  // The connection may be lost between two statements; the next one then says so.
  client.on('error', () => {})
  try {
    await client.query(BEGIN)
    const unchanged: number[] = []
    for (const [at, { text, values, mustChange }] of statements.entries()) {
      const { rowCount } = await client.query(numbered(text), [...values])
      if (mustChange && rowCount !== 1) unchanged.push(at)
    }
    if (unchanged.length > 0) {
      await client.query('ROLLBACK')
      isClean = true
      return { kind: 'rejected', unchanged }
    }
    const outcome = await client.query('COMMIT').then(
      (): ChangeOutcome => ({ kind: 'committed' }),
      (cause: unknown): ChangeOutcome => ({ kind: 'unknown', cause }),
    )
    isClean = outcome.kind === 'committed'
    return outcome
  } finally {
    // What is not clean is closed, and the server takes its transaction back.
    client.release(!isClean)
  }
}

async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof AssayError) throw error
    throw new DatabaseError(kindOf(error), error)
  }
}

/** By the classes of SQLSTATE (PostgreSQL, appendix A). */
function kindOf(error: unknown): DatabaseError['kind'] {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === '42501' || code === '25006') return 'readonly'
  if (code === '55P03' || code === '40P01') return 'busy'
  return code === '53100' ? 'full' : 'other'
}
