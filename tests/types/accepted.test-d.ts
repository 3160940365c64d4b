/** What must compile, and the types that come of it. `check` holds it. */
import { all, type Asset, asset, byTable, changed, cron, daily, type Decimal, defineProject, duckdb, externalAsset, fromZod, type Handle, history, hourly, Instant, type IsoDate, last, type LocalDateTime, merge, monthly, perDimension, product, type Resource, resource, type RowOf, type SchemaOf, type Secret, secret, skip, sql, staticPartitions, swap, t, timeWindow, typescript, weekly } from 'assay'
import { blank, fake, fixedClock, type Given, type GivenRow, given, type Made, materialize, steppedClock } from 'assay/testing'
import * as z from 'zod'

/** Compiles where both are the same type, and not only alike. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(): T => true as T

const days = daily({ start: '2026-01-01' })
const events = asset('bronze.events', { partitions: days.on('ts'), schema: { event_id: t.string(), user_id: t.long().nullable(), ts: t.timestamptz(), amount: t.decimal(18, 2), kind: t.enum(['view', 'buy']) } })
const spend = asset('gold.spend', {
  partitions: days.on('day'),
  schema: { day: t.date(), user_id: t.long(), spend: t.double() },
  key: ['day', 'user_id'],
  checks: (c) => [c.user_id.unique(), c.spend.between(0, 10, { mostly: 0.9 }), c.$rows.count.between(1, 5), c.$rows.sql('positive', (r) => sql`select * from ${r} where ${r.spend} < 0`)],
})
spend.from({ events }, duckdb(({ events }, { partition }) => sql`select ${events.ts}::date as day, ${events.user_id}, 1.0 as spend from ${events} where ${events.ts} >= ${partition.start}`))
const total = asset('gold.total', { schema: { n: t.long() } })
total.from({ spend: all(spend) }, duckdb(({ spend }) => sql`select count(*) as n from ${spend}`))
const sessions = asset('silver.sessions', { partitions: days.on('start'), schema: { start: t.timestamptz(), n: t.int() } })
sessions.from({ events: timeWindow(events, { startOffset: 0, endOffset: 1, allowHoleAtEnd: true }) }, typescript(async function* ({ events }, row) {
  for await (const e of events.rows()) if (e.user_id !== null) yield row({ start: e.ts, n: 1 })
}))
const paid = asset('silver.paid', { schema: { n: t.long() } })
paid.from({ events: all(events) }, typescript(async function* (_inputs, row) { yield row({ n: 1n }) }, { lineage: { n: ['events.amount'], $rows: ['events.kind'] } }))
const marker = asset('landing.files', { partitions: days })
marker.from({}, typescript(async (_inputs, _row, context) => { context.log.info(context.partitions.map((p) => p.key).join()) }))
const perDay = asset('gold.per_day', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
perDay.from({ total, events }, duckdb(({ total, events: e }) => sql`select ${e.ts}::date as day, ${total.n} from ${total}, ${e}`))
const regions = asset('gold.regions', { partitions: staticPartitions(['eu', 'us']).on('region'), schema: { region: t.string(), n: t.long() } })
const countries = asset('silver.countries', { partitions: staticPartitions(['de', 'fr', 'us']).on('country'), schema: { country: t.string(), n: t.long() } })
regions.from({ countries: byTable(countries, { eu: ['de', 'fr'], us: ['us'] }) }, duckdb(({ countries: c }, { partition }) => sql`select ${partition.keys()}[1] as region, ${c.n} from ${c}`))
const sales = asset('silver.sales', { partitions: product({ day: days.on('day'), country: staticPartitions(['de', 'fr']).on('country') }), schema: { day: t.date(), country: t.string() } })
sales.from({ events, countries }, duckdb(({ events: e }) => sql`select ${e.ts} from ${e}`))
const months = asset('gold.months', { partitions: monthly({ start: '2026-01' }).on('month'), schema: { month: t.date(), n: t.long() } })
months.from({ events, sales: perDimension(sales, { day: 'same', country: 'all' }), latest: last(spend) }, duckdb(({ events: e }) => sql`select ${e.ts} from ${e}`))
asset('gold.hours', { partitions: hourly({ start: '2026-01-01' }) }).from({ months }, typescript(async () => {}))
export const row: RowOf<typeof spend> = { day: '2026-01-01', user_id: 1n, spend: 1 }
export const when: RowOf<typeof events>['ts'] = Instant.parse('2026-01-01T00:00:00Z')
const nested = asset('bronze.nested', {
  schema: { l: t.list(t.long().nullable()), m: t.map(t.string(), t.struct({ at: t.timestamptz(), b: t.binary().nullable() })), u: t.uuid(), tm: t.time(), f: t.float() },
  checks: (c) => [c.l.notNull(), c.f.between(0, 1), c.tm.between('08:00:00', '18:00:00.5')],
})
export const cells: RowOf<typeof nested> = { l: [1n, null], m: new Map([['a', { at: Instant.fromMillis(0), b: null }]]), u: 'x', tm: '12:00:00', f: 1 }
export const project = defineProject({ name: 'p', assets: { events, spend } })

// The cells of rows
type Event = RowOf<typeof events>
holds<Same<Event['user_id'], bigint | null>>()
holds<Same<Event['amount'], Decimal>>()
holds<Same<Event['kind'], 'view' | 'buy'>>()
holds<Same<Event['ts'], Instant>>()
holds<Same<RowOf<typeof nested>['m'], ReadonlyMap<string, { readonly at: Instant; readonly b: Uint8Array | null }>>>()
holds<Same<RowOf<typeof nested>['l'], readonly (bigint | null)[]>>()
const times = asset('a.times', { schema: { d: t.date(), ts: t.timestamp(), u: t.uuid().describe('A number.'), e: t.enum(['x']).nullable(), was: t.int().renamedFrom('before') } })
holds<Same<RowOf<typeof times>, { readonly d: IsoDate; readonly ts: LocalDateTime; readonly u: string; readonly e: 'x' | null; readonly was: number }>>()
export const price: Decimal = '12.50'
export const day: IsoDate = '2026-01-31'
const user = z.object({ id: z.bigint(), name: z.string().nullable() })
const users = asset('crm.users', { schema: fromZod(user) })
holds<Same<RowOf<typeof users>['name'], string | null>>()
export const columns: keyof SchemaOf<typeof user> = 'id'

// Keys, checks, what people say
asset('a.b', { schema: { n: t.int(), m: t.int() }, key: ['m', 'n'], quarantine: true, retry: { max: 2, delay: 10 }, backfill: { partitionsPerStep: 7 } })
asset('a.b', { description: 'x', owners: ['me'], group: 'g', tags: { team: 'growth' }, kinds: ['report'] })
asset('a.b', { schema: { d: t.date(), at: t.timestamptz() }, checks: (c) => [c.d.between('2026-01-01', '2026-12-31'), c.at.between('2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z', { mode: 'warn' })] })
asset('a.b', { schema: { n: t.long(), d: t.decimal(10, 2) }, checks: (c) => [c.n.between(0, 10n), c.d.between(0, '99.99'), c.d.between(-Infinity, 5), c.n.notNull({ mostly: 0.5, mode: 'warn' })] })
asset('a.b', { schema: { e: t.enum(['x']), b: t.boolean() }, checks: (c) => [c.e.unique(), c.b.notNull(), c.$rows.count.between(0, Infinity)] })
asset('a.b', { schema: { n: t.int() }, checks: (c) => [c.$rows.sql('apart', (r) => { const [a, b] = [r.as('a'), r.as('b')]; return sql`select ${a.n} from ${a} join ${b} on ${a.n} = ${b.n}` })] })

// Partitions and mappings
asset('a.b', { schema: { k: t.string() }, partitions: cron('0 6 * * 1-5', { start: '2026-01-01', timezone: 'Europe/Berlin' }).on('k') })
asset('a.b', { schema: { w: t.date() }, partitions: weekly({ start: '2026-01-05', endOffset: 1 }).on('w') })
const weeks = asset('gold.weeks', { schema: { w: t.date() }, partitions: weekly({ start: '2026-01-05' }).on('w') })
weeks.from({ events, spend }, duckdb(({ spend: s }) => sql`select min(${s.day}) as w from ${s}`))
weeks.from({ sales: perDimension(sales, { day: { timeWindow: { startOffset: -6, endOffset: 0 } }, country: { table: { any: ['de'] } } }) }, duckdb(({ sales: s }) => sql`select ${s.day} as w from ${s}`))
sales.from({ events, countries }, duckdb(({ countries: c }, { partition }) => sql`select ${partition.start} as day, ${c.country} from ${c} where list_contains(${partition.keys('country')}, ${c.country})`))
total.from({ a: all(events), b: last(spend), c: all(sales) }, duckdb(({ a, b, c }) => sql`select count(${a.event_id}) as n from ${a}, ${b}, ${c}`))
const visits = externalAsset('web.visits', { partitions: days.on('at'), schema: { at: t.timestamptz() } })
spend.from({ visits, week: timeWindow(visits, { startOffset: -6, endOffset: 0, allowHoleAtStart: true }) }, duckdb(({ visits: v }) => sql`select ${v.at} from ${v}`))

// SQL
const onlyBuys = (e: Handle<(typeof events)['schema']>) => sql`select * from ${e} where ${e.kind} = ${'buy'} and ${e.amount} > ${10n} and ${e.user_id} in ${['1', '2']}`
spend.from({ events }, duckdb(({ events: e }) => sql`select * from (${onlyBuys(e)}) limit ${5} offset ${null}`))
export const anyAsset: Asset = spend

// Functions
total.from({ events: all(events) }, typescript(async ({ events: e }) => { for await (const { kind } of e.rows()) if (kind === 'buy') return sql`select 1::bigint as n`; return skip('none') }))
total.from({}, typescript(() => sql`select 1::bigint as n`))
total.from({}, typescript(function* (_inputs, row, { partitions, log }) { log.warn(String(partitions.length)); yield row({ n: 1n }) }))
times.from({}, typescript(function* (_inputs, row) { yield row({ d: '2026-01-31', ts: '2026-01-31T10:00:00', u: '', e: null, was: 1 }) }))

// Resources
const crm = resource('crm', { settings: z.object({ url: z.url(), token: z.string().transform(secret) }), open: ({ url, token }) => ({ url, token, names: async (): Promise<readonly string[]> => [] }) })
holds<Same<typeof crm extends Resource<infer T extends { readonly token: unknown }> ? T['token'] : never, Secret>>()
total.from({}, typescript(async function* (_inputs, row, { use }) { for (const name of await (await use(crm)).names()) yield row({ n: BigInt(name.length) }) }))
defineProject({ name: 'p', assets: { deep: { er: { events } }, spend }, env: ['X'], profiles: { test: [swap(crm, crm)] } })

// Tests of users
export const rows: readonly GivenRow<(typeof events)['schema']>[] = [{ event_id: 'a', ts: Instant.fromMillis(0), amount: '1', kind: 'buy' }, { ...blank(events), user_id: null }]
export const list: readonly Given[] = [given(events, rows), given(all(events), rows), given(users, []), given(visits, [blank(visits)])]
export const made: Promise<Made<(typeof spend)['schema']>> = materialize(spend, { given: list, partitions: '2026-01-02..2026-01-04', clock: fixedClock('2026-02-01T00:00:00Z') })
void materialize(total, { resources: [fake(crm, { url: '', token: secret('x'), names: async () => [] }), swap(crm, crm)], clock: steppedClock(0, 1) }).then(({ rows: [first] }) => holds<Same<typeof first, { readonly n: bigint } | undefined>>())
void materialize(sales, { partitions: 'day=2026-01-01/country=de' }).then(({ rejects, lineage, checks }) => [rejects[0]?.reject_reason, rejects[0]?.day, lineage.country, lineage.$rows, checks['country.not_null']?.failing])

const past = asset('silver.past', { schema: { id: t.long(), city: t.string() }, key: ['id'], write: history({ deleteWhen: 'gone' }), checks: (c) => [c.city.unique()], sortBy: ['city'] })
past.from({ events: changed(events) }, typescript(async function* ({ events }, row) {
  for await (const e of events.rows()) yield row({ id: 1n, city: e.event_id, valid_from: e.ts, gone: false })
}))
export const version: RowOf<typeof past> = { id: 1n, city: 'x', valid_from: Instant.fromMillis(0), valid_to: null, is_current: true }
const current = asset('gold.current', { schema: { id: t.long(), city: t.string(), at: t.timestamptz() }, key: ['id'], write: merge({ latestBy: 'at' }) })
current.from({ past }, duckdb(({ past: p }) => sql`select ${p.id}, ${p.city}, ${p.valid_from} as at from ${p} where ${p.is_current}`))
export const one: RowOf<typeof current> = { id: 1n, city: 'x', at: Instant.fromMillis(0) }
asset('silver.log', { schema: { id: t.long() }, write: 'append', timeout: 1000, codeVersion: '2' }).from({ past: changed(past) }, duckdb(({ past: p }) => sql`select ${p.id} from ${p}`))
