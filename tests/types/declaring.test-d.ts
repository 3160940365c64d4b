import { all, asset, byTable, changed, daily, defineProject, duckdb, history, hourly, Instant, last, merge, monthly, perDimension, product, type RowOf, sql, staticPartitions, t, timeWindow, typescript } from 'assay'

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
marker.from({}, typescript(async (_inputs, _row, context) => { context.log.info(context.partitions.join()) }))
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

const past = asset('silver.past', { schema: { id: t.long(), city: t.string() }, key: ['id'], write: history({ deleteWhen: 'gone' }), checks: (c) => [c.city.unique()], sortBy: ['city'] })
past.from({ events: changed(events) }, typescript(async function* ({ events }, row) {
  for await (const e of events.rows()) yield row({ id: 1n, city: e.event_id, valid_from: e.ts, gone: false })
}))
export const version: RowOf<typeof past> = { id: 1n, city: 'x', valid_from: Instant.fromMillis(0), valid_to: null, is_current: true }
const current = asset('gold.current', { schema: { id: t.long(), city: t.string(), at: t.timestamptz() }, key: ['id'], write: merge({ latestBy: 'at' }) })
current.from({ past }, duckdb(({ past: p }) => sql`select ${p.id}, ${p.city}, ${p.valid_from} as at from ${p} where ${p.is_current}`))
export const one: RowOf<typeof current> = { id: 1n, city: 'x', at: Instant.fromMillis(0) }
asset('silver.log', { schema: { id: t.long() }, write: 'append', timeout: 1000, codeVersion: '2' }).from({ past: changed(past) }, duckdb(({ past: p }) => sql`select ${p.id} from ${p}`))

// @ts-expect-error a merge without a key
asset('a.b', { schema: { id: t.long() }, write: merge() })
// @ts-expect-error a history without a column in its key
asset('a.b', { schema: { id: t.long() }, key: [], write: history() })
// @ts-expect-error the latest by a column that is not declared
asset('a.b', { schema: { id: t.long() }, key: ['id'], write: merge({ latestBy: 'at' }) })
// @ts-expect-error an unknown write mode
asset('a.b', { schema: { id: t.long() }, write: 'upsert' })
// @ts-expect-error sorted by a column that is not declared
asset('a.b', { schema: { id: t.long() }, sortBy: ['at'] })
// @ts-expect-error a history without the time of its rows
past.from({}, typescript(async function* (_i, row) { yield row({ id: 1n, city: 'x', gone: false }) }))
// @ts-expect-error a history without its delete flag
past.from({}, typescript(async function* (_i, row) { yield row({ id: 1n, city: 'x', valid_from: Instant.fromMillis(0) }) }))
// @ts-expect-error a column that readers of a history do not see
current.from({ past }, duckdb(({ past: p }) => sql`select ${p.gone} from ${p}`))
// @ts-expect-error nested columns are not compared
asset('a.b', { schema: { l: t.list(t.int()) }, checks: (c) => [c.l.unique()] })
// @ts-expect-error null in a list of elements that are not nullable
nested.from({}, typescript(async function* (_i, row) { yield row({ ...cells, m: new Map([['a', null]]) }) }))
// @ts-expect-error a wrong dep name
spend.from({ events }, duckdb(({ evnts }) => sql`select 1`))
// @ts-expect-error a column that the dep does not have
spend.from({ events }, duckdb(({ events }) => sql`select ${events.userid} from ${events}`))
// @ts-expect-error a check on a column that is not declared
asset('a.b', { schema: { n: t.long() }, checks: (c) => [c.m.notNull()] })
// @ts-expect-error between() on text
asset('a.b', { schema: { n: t.string() }, checks: (c) => [c.n.between(1, 2)] })
// @ts-expect-error a key column that is not declared
asset('a.b', { schema: { n: t.string() }, key: ['m'] })
// @ts-expect-error days on a column that is not declared
asset('a.b', { schema: { n: t.date() }, partitions: days.on('m') })
// @ts-expect-error a daily table without the column that holds the day
asset('a.b', { schema: { n: t.date() }, partitions: days })
// @ts-expect-error daily into unpartitioned needs all()
total.from({ spend }, duckdb(({ spend }) => sql`select count(*) as n from ${spend}`))
// @ts-expect-error days into values
countries.from({ spend }, duckdb(({ spend: s }) => sql`select 1 from ${s}`))
// @ts-expect-error values that the dep does not have
regions.from({ countries }, duckdb(({ countries: c }) => sql`select 1 from ${c}`))
// @ts-expect-error a table that names a value that the dep does not have
byTable(countries, { eu: ['it'] })
// @ts-expect-error a dimension without a rule
perDimension(sales, { day: 'same' })
// @ts-expect-error a dimension without a column
asset('a.b', { schema: { day: t.date() }, partitions: product({ day: days.on('day'), country: staticPartitions(['de']) }) })
// @ts-expect-error a column is missing
total.from({}, typescript(async function* (_i, row) { yield row({}) }))
// @ts-expect-error a column too many
total.from({}, typescript(async function* (_i, row) { yield row({ n: 1n, m: 2 }) }))
// @ts-expect-error a value of another type
total.from({}, typescript(async function* (_i, row) { yield row({ n: 1 }) }))
// @ts-expect-error null in a column that is not nullable
total.from({}, typescript(async function* (_i, row) { yield row({ n: null }) }))
// @ts-expect-error an enum value that does not exist
asset('a.b', { schema: { k: t.enum(['x']) } }).from({}, typescript(async function* (_i, row) { yield row({ k: 'y' }) }))
// @ts-expect-error lineage of a column that is not declared
paid.from({ events: all(events) }, typescript(async function* (_i, row) { yield row({ n: 1n }) }, { lineage: { m: ['events.amount'] } }))
// @ts-expect-error lineage from a column that the dep does not have
paid.from({ events: all(events) }, typescript(async function* (_i, row) { yield row({ n: 1n }) }, { lineage: { n: ['events.amuont'] } }))
