import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { postgresUri } from '../../scripts/engines/postgres.ts'
import type { Catalog } from '../../src/iceberg/catalog.ts'
import { sqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openPostgres } from '../../src/resources/postgres.ts'
import { catalogConformance } from '../conformance/catalog.ts'
import { writeMetadata } from '../conformance/empty-table.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { type LosingProxy, losingProxy } from './postgres/proxy.ts'

const ORDERS = { namespace: 'silver', name: 'orders' }
/** The whole lakehouse, or with --smoke a small one. */
const SIZE = process.env['ASSAY_SMOKE'] === '1' ? { events: 2_000, days: 2, retailDays: [] } : { events: 100_000, days: 10, retailDays: [] }

/** A schema of its own in the one database, which nobody else looks into. */
interface Schema {
  readonly name: string
  readonly uri: string
  readonly root: string
  open(uri?: string): Catalog
  foreign(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  dispose(): Promise<void>
}

async function newSchema(): Promise<Schema> {
  const name = `t${randomBytes(6).toString('hex')}`
  const uri = `${postgresUri()}?options=${encodeURIComponent(`-c search_path=${name}`)}`
  const foreign = (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
    connected(uri, async (client) => (await client.query<Readonly<Record<string, unknown>>>(sql)).rows ?? [])
  await foreign(`CREATE SCHEMA ${name}`)
  const root = await mkdtemp(join(tmpdir(), 'assay-postgres-'))
  return {
    name,
    uri,
    root,
    foreign,
    open: (other = uri) => sqlCatalog(openPostgres(other), { warehouse: root, name: 'assay', store: localStore() }),
    dispose: async () => {
      await foreign(`DROP SCHEMA ${name} CASCADE`)
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function connected<T>(uri: string, action: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: uri })
  await client.connect()
  try {
    return await action(client)
  } finally {
    await client.end()
  }
}

const withPort = (uri: string, port: number): string => uri.replace(/:\d+\//, `:${port}/`)

catalogConformance('PostgreSQL', async () => {
  const schema = await newSchema()
  const proxies: LosingProxy[] = []
  return {
    open: () => schema.open(),
    place: { kind: 'postgres', uri: schema.uri },
    writeMetadata: () => writeMetadata(schema.root),
    foreign: schema.foreign,
    lock: async () => {
      const holder = new Client({ connectionString: schema.uri })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE iceberg_tables IN EXCLUSIVE MODE')
      return async () => {
        await untilSomeoneWaits(holder)
        await holder.query('COMMIT')
        await holder.end()
      }
    },
    losing: async (moment) => {
      const proxy = await losingProxy(Number(new URL(schema.uri).port), moment)
      proxies.push(proxy)
      return schema.open(withPort(schema.uri, proxy.port))
    },
    dispose: async () => {
      for (const proxy of proxies) proxy.close()
      await schema.dispose()
    },
  }
})

async function untilSomeoneWaits(client: Client): Promise<void> {
  const waiting = 'SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass($1)'
  while ((await client.query(waiting, ['iceberg_tables'])).rows.length === 0);
}

describe('the catalog in PostgreSQL', () => {
  let schema: Schema
  let catalog: Catalog
  beforeEach(async () => {
    schema = await newSchema()
    catalog = schema.open()
  })
  afterEach(async () => {
    catalog.close()
    await schema.dispose()
  })
  const put = async (expected?: string) => ({ id: ORDERS, expected, metadataLocation: await writeMetadata(schema.root) })

  /** What a call fails with; it names the server, and never the password. */
  async function failing(uri: string, act: (catalog: Catalog) => Promise<unknown>, password: string): Promise<unknown> {
    const failing = schema.open(uri)
    const error = await act(failing).then(
      () => expect.fail('it did not fail'),
      (caught: unknown) => caught,
    )
    failing.close()
    expect(JSON.stringify(error) + String(error)).not.toContain(password)
    return error
  }

  it('says ASSAY-2010 for a wrong password, a database that is not there, and a server that does not listen', async () => {
    const { password } = new URL(schema.uri)
    const uris = [schema.uri.replace(password, 'mistaken'), schema.uri.replace('/postgres?', '/elsewhere?'), withPort(schema.uri, 1)]
    const says = [/password authentication failed/, /database "elsewhere" does not exist/, /ECONNREFUSED/]
    for (const [i, uri] of uris.entries()) {
      for (const act of [(c: Catalog) => c.locations(), async (c: Catalog) => c.commit([await put()])]) {
        expect(await failing(uri, act, i === 0 ? 'mistaken' : password)).toMatchObject({
          code: 'ASSAY-2010',
          message: expect.stringMatching(says[i] ?? ''),
        })
      }
    }
  })

  it('reads what it may not write, and says ASSAY-2001 for a commit', async () => {
    const first = await put()
    await catalog.commit([first])
    const { name } = schema
    const reader = `reader_${name}`
    await schema.foreign(
      `CREATE ROLE ${reader} LOGIN PASSWORD 'reading'; GRANT USAGE ON SCHEMA ${name} TO ${reader}; GRANT SELECT ON ALL TABLES IN SCHEMA ${name} TO ${reader}`,
    )
    const uri = schema.uri.replace(/\/\/[^@]*@/, `//${reader}:reading@`)
    const readOnly = schema.open(uri)
    expect(await readOnly.load(ORDERS)).toMatchObject({ metadataLocation: first.metadataLocation })
    readOnly.close()
    const refused = { code: 'ASSAY-2001', message: expect.stringContaining('permission denied for table iceberg_tables') }
    expect(await failing(uri, async (c) => c.commit([await put(first.metadataLocation)]), 'reading')).toMatchObject(refused)
    const inReadOnly = schema.uri.replace('options=', 'options=-c%20default_transaction_read_only%3Don%20')
    expect(await failing(inReadOnly, async (c) => c.commit([await put(first.metadataLocation)]), 'reading')).toMatchObject({
      code: 'ASSAY-2001',
    })
    await schema.foreign(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`)
  })

  it('fails for sure when the connection is lost before COMMIT is sent, and connects again', async () => {
    const first = await put()
    await catalog.commit([first])
    const holder = new Client({ connectionString: schema.uri })
    await holder.connect()
    await holder.query('BEGIN; LOCK TABLE iceberg_tables IN EXCLUSIVE MODE')
    const second = await put(first.metadataLocation)
    const attempt = catalog.commit([second]).catch((error: unknown) => error)
    await untilSomeoneWaits(holder)
    await holder.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'assay' AND wait_event_type = 'Lock'",
    )
    expect(await attempt).toMatchObject({ code: 'ASSAY-2010' })
    await holder.query('COMMIT')
    await holder.end()
    expect(await catalog.load(ORDERS)).toMatchObject({ metadataLocation: first.metadataLocation })
    expect(await catalog.commit([second])).toEqual({ kind: 'committed' })
  })

  it('is made once when many handles make it at the same moment', async () => {
    const handles = Array.from({ length: 4 }, () => schema.open())
    const outcomes = await Promise.all(
      handles.map(async (handle, i) => handle.commit([{ ...(await put()), id: { namespace: 'silver', name: `t${i}` } }])),
    )
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(handles.map(() => 'committed'))
    for (const handle of handles) handle.close()
    expect(await catalog.locations()).toHaveLength(4)
  })
})

describe('a lakehouse with its catalog in PostgreSQL', () => {
  let schema: Schema
  let shop: Shop
  beforeAll(async () => {
    schema = await newSchema()
    vi.stubEnv('ASSAY_CATALOG', schema.uri)
    shop = await openShop(SIZE)
  })
  afterAll(async () => {
    await shop.remove()
    await schema.dispose()
  })

  it('is made, read and found up to date, and nothing printed holds the password', async () => {
    const { password } = new URL(schema.uri)
    const made = await shop.assay('materialize')
    expect(made.code, made.stdout + made.stderr).toBe(0)
    expect(made.stdout).toContain('postgresql+psycopg2://assay@127.0.0.1')
    expect(made.stdout + made.stderr).not.toContain(password)
    const rows = await schema.foreign('SELECT count(*)::int AS tables FROM iceberg_tables')
    expect(rows[0]?.['tables']).toBeGreaterThan(5)
    const [sum] = await shop.rows('select sum(revenue) > 0 as sold from gold.daily_revenue')
    expect(sum).toEqual({ sold: true })
    expect((await shop.assay('materialize', 'gold.daily_revenue', '--json')).stdout).not.toContain('step.started')
  })
})
