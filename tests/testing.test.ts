import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  all,
  asset,
  byTable,
  daily,
  duckdb,
  externalAsset,
  Instant,
  last,
  product,
  resource,
  secret,
  skip,
  sql,
  staticPartitions,
  t,
  timeWindow,
  typescript,
} from 'assay'
import { blank, fake, fixedClock, given, materialize, steppedClock } from 'assay/testing'
import { describe, expect, it } from 'vitest'
import { parseFrame } from '../src/call-site.ts'
import type { SourceLocation } from '../src/errors.ts'

const days = daily({ start: '2026-01-01' })
const clock = fixedClock('2026-01-31T12:00:00Z')
const at = Instant.parse

const events = asset('bronze.events', {
  partitions: days.on('ts'),
  schema: { user_id: t.long().nullable(), ts: t.timestamptz(), amount: t.decimal(18, 2) },
})
const spend = asset('gold.spend', {
  partitions: days.on('day'),
  schema: { day: t.date(), user_id: t.long(), spend: t.decimal(18, 2) },
  key: ['day', 'user_id'],
  checks: (c) => [c.spend.between(0, 100), c.$rows.count.between(1, 2, { mode: 'warn' })],
})
spend.from(
  { events },
  duckdb(
    ({ events: e }) => sql`
    select ${e.ts}::date as day, ${e.user_id}, sum(${e.amount})::decimal(18, 2) as spend
    from ${e} where ${e.user_id} is not null group by all`,
  ),
)
const bought = (user_id: bigint, ts: string, amount: '1.50' | '2.00' | '101.00') => ({ user_id, ts: at(ts), amount })
const FEW = [
  bought(7n, '2026-01-02T10:00:00Z', '1.50'),
  bought(3n, '2026-01-02T23:59:59Z', '2.00'),
  bought(7n, '2026-01-02T11:00:00Z', '2.00'),
  bought(7n, '2026-01-03T00:00:00Z', '2.00'),
]

describe('an asset by SQL', () => {
  it('is made of the given rows of its partition, sorted by its key', async () => {
    const rows = [...FEW, { ts: at('2026-01-02T10:00:00Z'), amount: '1.50' } as const]
    const made = await materialize(spend, { given: [given(events, rows)], partitions: '2026-01-02', clock })
    expect(made.rows).toEqual([
      { day: '2026-01-02', user_id: 3n, spend: '2.00' },
      { day: '2026-01-02', user_id: 7n, spend: '3.50' },
    ])
    expect(made).toMatchObject({ state: 'made', rejects: [], logs: [], skipped: undefined })
  })

  it('tells its lineage by column', async () => {
    const { lineage } = await materialize(spend, { given: [given(events, [])], partitions: '2026-01-02', clock })
    expect(lineage).toEqual({
      day: ['events.ts'],
      user_id: ['events.user_id'],
      spend: ['events.amount'],
      $rows: ['events.ts', 'events.user_id'],
    })
  })

  it('is made step by step for several partitions, each checked by itself', async () => {
    const made = await materialize(spend, { given: [given(events, FEW)], partitions: '2026-01-02..2026-01-04', clock })
    expect(made.rows.map((row) => [row.day, row.user_id])).toEqual([
      ['2026-01-02', 3n],
      ['2026-01-02', 7n],
      ['2026-01-03', 7n],
    ])
    // The third day has no rows.
    expect(made.checks['rows.count']).toMatchObject({ outcome: 'warn', rows: 3, blocking: false })
    expect(made.checks['spend.between']).toMatchObject({ outcome: 'pass', rows: 3, failing: 0 })
  })

  it('replaces the rows of its partition, and leaves the others as they are', async () => {
    const before = (['2026-01-02', '2026-01-04'] as const).map((day) => ({ day, user_id: 1n, spend: '9.99' as const }))
    const made = await materialize(spend, { given: [given(events, FEW), given(spend, before)], partitions: '2026-01-02', clock })
    expect(made.rows.map((row) => [row.day, row.user_id, row.spend])).toEqual([
      ['2026-01-02', 3n, '2.00'],
      ['2026-01-02', 7n, '3.50'],
      ['2026-01-04', 1n, '9.99'],
    ])
  })

  it('shows what a blocking check holds against it, and publishes nothing', async () => {
    const rows = [bought(7n, '2026-01-02T10:00:00Z', '101.00'), bought(8n, '2026-01-02T10:00:00Z', '2.00')]
    const made = await materialize(spend, { given: [given(events, rows)], partitions: '2026-01-02', clock })
    expect(made).toMatchObject({ state: 'blocked', rows: [] })
    expect(made.checks['spend.between']).toEqual({
      outcome: 'fail',
      blocking: true,
      rows: 2,
      failing: 1,
      observed: '1 of 2 rows do not hold',
      samples: [{ day: '2026-01-02', user_id: 7, spend: 101 }],
    })
  })

  it('names the column that its statement does not find, before anything runs', async () => {
    const wrong = asset('gold.wrong', { schema: { n: t.long() } })
    wrong.from(
      { events: all(events) },
      duckdb(() => sql`select amont::bigint as n from events`),
    )
    const error = await materialize(wrong, { given: [given(events, [])], clock }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ASSAY-1012', where: { file: expect.stringContaining('testing.test.ts') } })
    expect(String(error)).toContain('amont')
    // What a test runner shows.
    expect((error as Error).stack?.split('\n')[1]).toMatch(/^ {4}at \/.*\/tests\/testing\.test\.ts:\d+:\d+$/)
  })

  it('names the place in its function that asks for what is not there', async () => {
    const wrong = asset('gold.unknown', { schema: { n: t.long() } })
    let asked: SourceLocation | undefined
    wrong.from(
      { events: all(events) },
      duckdb(({ events: e }) => {
        asked = placeOf(new Error('here'))
        return sql`select ${e['userid' as 'user_id']} as n from ${e}`
      }),
    )
    const error = await materialize(wrong, { given: [given(events, [])], clock }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ASSAY-1014', next: 'Did you mean user_id?', where: { line: (asked?.line ?? 0) + 1 } })
  })

  it('fails by what DuckDB says of the rows', async () => {
    const cast = asset('gold.cast', { schema: { n: t.int() } })
    cast.from(
      { events: all(events) },
      duckdb(({ events: e }) => sql`select ('x' || ${e.user_id})::int as n from ${e}`),
    )
    await expect(materialize(cast, { given: [given(events, FEW)], clock })).rejects.toMatchObject({ code: 'ASSAY-3008' })
  })
})

describe('partitions', () => {
  const countries = staticPartitions(['de', 'fr', 'us'])
  const perCountry = asset('silver.sales', { partitions: countries.on('country'), schema: { country: t.string(), n: t.long() } })
  const sales = [
    { country: 'de', n: 1n },
    { country: 'fr', n: 2n },
    { country: 'us', n: 4n },
  ]

  it('are read as a table of values says', async () => {
    const regions = asset('gold.regions', {
      partitions: staticPartitions(['eu', 'us']).on('region'),
      schema: { region: t.string(), n: t.long() },
    })
    regions.from(
      { sales: byTable(perCountry, { eu: ['de', 'fr'], us: ['us'] }) },
      duckdb(({ sales: s }, { partition }) => sql`select ${partition.keys()}[1] as region, sum(${s.n})::bigint as n from ${s}`),
    )
    const made = await materialize(regions, { given: [given(perCountry, sales)], partitions: 'eu' })
    expect(made.rows).toEqual([{ region: 'eu', n: 3n }])
  })

  it('of a product are named by dimension', async () => {
    const cells = asset('gold.cells', {
      partitions: product({ day: days.on('day'), country: countries.on('country') }),
      schema: { day: t.date(), country: t.string(), n: t.long() },
      backfill: { partitionsPerStep: 10 },
    })
    cells.from(
      { sales: perCountry },
      duckdb(({ sales: s }, { partition }) => sql`select ${partition.start} as day, ${s.country}, ${s.n} from ${s}`),
    )
    const made = await materialize(cells, { given: [given(perCountry, sales)], partitions: 'day=2026-01-02/country=de,us', clock })
    expect(made.rows).toEqual([
      { day: '2026-01-02', country: 'de', n: 1n },
      { day: '2026-01-02', country: 'us', n: 4n },
    ])
  })

  it('read the window before, and the last one that has rows', async () => {
    const trail = asset('gold.trail', { partitions: days.on('day'), schema: { day: t.date(), n: t.long(), latest: t.long() } })
    trail.from(
      { near: timeWindow(events, { startOffset: -1, endOffset: 0, allowHoleAtStart: true }), latest: last(events) },
      duckdb(
        ({ near, latest }, { partition }) => sql`
        select ${partition.start} as day, (select count(*) from ${near}) as n, (select count(*) from ${latest}) as latest`,
      ),
    )
    const made = await materialize(trail, { given: [given(events, FEW)], partitions: '2026-01-03..2026-01-04', clock })
    expect(made.rows).toEqual([
      { day: '2026-01-03', n: 4n, latest: 1n },
      { day: '2026-01-04', n: 1n, latest: 1n },
    ])
  })

  it('must exist by the clock', async () => {
    const asked = materialize(spend, { given: [given(events, [])], partitions: '2026-01-30..2026-02-01', clock })
    await expect(asked).rejects.toMatchObject({
      code: 'ASSAY-4004',
      message: 'gold.spend has no partition 2026-01-31..2026-02-01',
      next: 'It has 2026-01-01..2026-01-30.',
    })
    const rows = [bought(1n, '2025-12-31T00:00:00Z', '1.50')]
    await expect(materialize(spend, { given: [given(events, rows)], partitions: '2026-01-01', clock })).rejects.toMatchObject({
      code: 'ASSAY-5002',
      message: expect.stringContaining('among the rows given of bronze.events: '),
    })
  })
})

describe('an asset by a function', () => {
  interface Crm {
    readonly customers: () => Promise<readonly string[]>
  }
  const crm = resource<Crm>('crm', { open: () => ({ customers: () => Promise.reject(new Error('the real one')) }) })
  const customers = asset('bronze.customers', {
    schema: { name: t.string(), kind: t.enum(['person', 'company']), since: t.date().nullable() },
    quarantine: true,
    checks: (c) => [c.$rows.count.between(1, 10)],
  })
  customers.from(
    {},
    typescript(async function* (_inputs, row, { use, log }) {
      for (const name of await (await use(crm)).customers()) {
        log.info(`hello ${name}`)
        yield row({ name, kind: name.endsWith('ltd') ? 'company' : ('robot' as 'person'), since: null })
      }
    }),
  )

  it('gets fakes for its resources, and its logs are kept without secrets', async () => {
    const token = secret('sesame-open')
    const made = await materialize(customers, { resources: [fake(crm, { customers: async () => ['ada ltd', token.reveal()] })] })
    expect(made.rows).toEqual([{ name: 'ada ltd', kind: 'company', since: null }])
    expect(made.rejects).toEqual([{ name: 'sesame-open', kind: 'robot', since: null, reject_reason: 'kind.in' }])
    expect(made.logs).toEqual(['hello ada ltd', 'hello [secret]'])
    expect(made.lineage).toEqual({})
  })

  it('opens nothing that is not faked', async () => {
    await expect(materialize(customers, {})).rejects.toMatchObject({ code: 'ASSAY-3041', next: 'Add fake(crm, …) to `resources`.' })
  })

  it('throws what it throws, with the place', async () => {
    const asked = materialize(customers, { resources: [fake(crm, { customers: () => Promise.reject(new Error('no line')) })] })
    await expect(asked).rejects.toMatchObject({
      code: 'ASSAY-3003',
      message: 'Error: no line',
      where: { file: expect.stringContaining('testing.test.ts') },
    })
  })

  it('reads typed rows, and is tried again without waiting', async () => {
    let tries = 0
    const doubled = asset('gold.doubled', {
      partitions: days.on('ts'),
      schema: { ts: t.timestamptz(), n: t.long() },
      retry: { max: 1, delay: 60_000 },
    })
    doubled.from(
      { events },
      typescript(async function* ({ events: read }, row, { partitions }) {
        if (++tries === 1) throw new Error('not yet')
        for await (const { ts, user_id } of read.rows()) yield row({ ts, n: (user_id ?? 0n) * 2n + BigInt(partitions.length) })
      }),
    )
    const made = await materialize(doubled, { given: [given(events, FEW.slice(3))], partitions: '2026-01-03', clock })
    expect(made.rows).toEqual([{ ts: at('2026-01-03T00:00:00Z'), n: 15n }])
    expect(tries).toBe(2)
  })

  it('may skip, or have no table', async () => {
    const absent = asset('bronze.absent', { schema: { n: t.int() } })
    absent.from(
      {},
      typescript(() => skip('no files')),
    )
    expect(await materialize(absent, {})).toMatchObject({ state: 'skipped', skipped: 'no files', rows: [] })
    const sent: string[] = []
    const mail = asset('gold.mail', { partitions: days })
    mail.from(
      { events },
      typescript(async ({ events: read }, _row, { partitions }) => {
        for await (const { user_id } of read.rows()) sent.push(`${partitions.map(({ key }) => key).join()} ${user_id}`)
      }),
    )
    const made = await materialize(mail, { given: [given(events, FEW)], partitions: '2026-01-03', clock })
    expect(made).toMatchObject({ state: 'made', rows: [], checks: {} })
    expect(sent).toEqual(['2026-01-03 7'])
    const afterwards = asset('gold.afterwards', { partitions: days.on('day'), schema: { day: t.date() } })
    afterwards.from(
      { mail },
      duckdb((_deps, { partition }) => sql`select ${partition.start} as day`),
    )
    expect((await materialize(afterwards, { partitions: '2026-01-03', clock })).rows).toEqual([{ day: '2026-01-03' }])
  })
})

describe('what is given', () => {
  const visits = externalAsset('web.visits', { schema: { page: t.string(), seconds: t.int(), tags: t.list(t.string()) } })
  const time = asset('gold.time', { schema: { page: t.string(), seconds: t.long() } })
  time.from(
    { visits },
    duckdb(({ visits: v }) => sql`select ${v.page}, sum(${v.seconds})::bigint as seconds from ${v} group by all`),
  )

  it('may be rows of what others make, blank but for what matters', async () => {
    expect(blank(visits)).toEqual({ page: '', seconds: 0, tags: [] })
    const rows = [
      { ...blank(visits), page: 'home', seconds: 2 },
      { ...blank(visits), page: 'home', seconds: 3 },
      { ...blank(visits), page: 'cart' },
    ]
    const { rows: found } = await materialize(time, { given: [given(visits, rows)] })
    expect(found).toEqual([
      { page: 'cart', seconds: 0n },
      { page: 'home', seconds: 5n },
    ])
  })

  it('is all that is read, and nothing else', async () => {
    await expect(materialize(time, {})).rejects.toMatchObject({
      code: 'ASSAY-3041',
      message: 'gold.time reads web.visits, and no rows of it are given',
    })
    await expect(materialize(time, { given: [given(visits, []), given(events, [])] })).rejects.toMatchObject({
      code: 'ASSAY-3041',
      next: 'It reads web.visits.',
    })
  })

  it('fits its columns, which a program that was not checked hears of', async () => {
    const rows = [{ ...blank(visits), seconds: 'many' as unknown as number }]
    await expect(materialize(time, { given: [given(visits, rows)] })).rejects.toMatchObject({ code: 'ASSAY-5003' })
  })

  it('has a blank cell of every type', () => {
    const every = externalAsset('a.every', {
      schema: {
        ...{
          b: t.boolean(),
          f: t.float(),
          d: t.double(),
          l: t.long(),
          dec: t.decimal(4, 2),
          day: t.date(),
          tm: t.time(),
          ts: t.timestamp(),
        },
        ...{ tz: t.timestamptz(), u: t.uuid(), fx: t.fixed(2), bin: t.binary(), e: t.enum(['x', 'y']), m: t.map(t.string(), t.int()) },
        ...{ st: t.struct({ n: t.int(), inner: t.struct({ at: t.date(), e: t.enum(['z']) }) }), no: t.string().nullable() },
      },
    })
    for (const [name, cell] of Object.entries(blank(every)))
      expect([name, every.schema[name as 'b'].zod().safeParse(cell).success]).toEqual([name, true])
  })
})

it('says what is wrong with the definition, all at once', async () => {
  const bare = asset('gold.bare', { schema: { n: t.long() }, key: ['m' as 'n'] })
  const error = await materialize(bare, {}).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ problems: [{ code: 'ASSAY-1007' }, { code: 'ASSAY-1011' }] })
  bare.from(
    {},
    duckdb(() => sql`select 1::bigint as n`),
  )
  await expect(materialize(bare, {})).rejects.toMatchObject({ code: 'ASSAY-1011' })
})

it('makes several at once, and leaves nothing behind', async () => {
  const before = leftovers()
  const one = (amount: '1.50' | '2.00') =>
    materialize(spend, {
      given: [given(events, [bought(1n, '2026-01-05T00:00:00Z', amount)])],
      partitions: '2026-01-05',
      clock: steppedClock('2026-02-01T00:00:00Z', 10),
    })
  const both = await Promise.all([one('1.50'), one('2.00')])
  expect(both.map(({ rows }) => rows[0]?.spend)).toEqual(['1.50', '2.00'])
  expect(leftovers()).toEqual(before)
})

const placeOf = (error: Error): SourceLocation | undefined => parseFrame(error.stack?.split('\n')[1] ?? '')

const leftovers = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('assay-rehearsal'))
