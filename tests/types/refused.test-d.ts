/**
 * What must not compile: `check` holds that each of these lines is refused. messages.test.ts holds that the first line of the
 * compiler's message has the words behind the arrow; those before a colon are what it underlines.
 */
import { all, asset, byTable, daily, defineProject, duckdb, externalAsset, history, hourly, Instant, last, merge, perDimension, product, resource, type RowOf, sql, staticPartitions, swap, t, timeWindow, typescript } from 'assay'
import { blank, fake, given, materialize } from 'assay/testing'

const days = daily({ start: '2026-01-01' })
const countries = staticPartitions(['de', 'fr', 'us'])
const events = asset('bronze.events', { partitions: days.on('ts'), schema: { event_id: t.string(), user_id: t.long().nullable(), ts: t.timestamptz(), amount: t.decimal(18, 2), kind: t.enum(['view', 'buy']) } })
const spend = asset('gold.spend', { partitions: days.on('day'), schema: { day: t.date(), user_id: t.long(), spend: t.double() } })
const total = asset('gold.total', { schema: { n: t.long() } })
const perCountry = asset('silver.countries', { partitions: countries.on('country'), schema: { country: t.string(), n: t.long() } })
const regions = asset('gold.regions', { partitions: staticPartitions(['eu', 'us']).on('region'), schema: { region: t.string(), n: t.long() } })
const sales = asset('silver.sales', { partitions: product({ day: days.on('day'), country: countries.on('country') }), schema: { day: t.date(), country: t.string() } })
const nested = asset('bronze.nested', { schema: { l: t.list(t.long()), s: t.struct({ at: t.timestamptz(), deep: t.int() }) } })
const wide = asset('silver.wide', { partitions: days.on('c01'), schema: { c01: t.date(), c02: t.string(), c03: t.long(), c04: t.timestamptz(), c05: t.enum(['some', 'other']), c06: t.decimal(18, 2), c07: t.string().nullable(), c08: t.double(), c09: t.int(), c10: t.long().nullable(), c11: t.boolean(), c12: t.list(t.string()) } })
const crm = resource('crm', { open: () => ({ customers: async (): Promise<readonly string[]> => [] }) })
const mail = resource('mail', { open: () => ({ send: (text: string): void => void text }) })

// Columns and keys

// @ts-expect-error a column that is none → n: Type 'string' is not assignable to type 'Column<
asset('a.b', { schema: { n: 'long' } })
// @ts-expect-error a key column that is not declared → "m"
asset('a.b', { schema: { n: t.string() }, key: ['m'] })
// @ts-expect-error a key column in another case → "N"
asset('a.b', { schema: { n: t.string() }, key: ['N'] })
// @ts-expect-error an option that there is not → 'unique'
asset('a.b', { schema: { n: t.string() }, unique: ['n'] })
// @ts-expect-error an external asset has no key → 'key'
externalAsset('a.b', { schema: { n: t.string() }, key: ['n'] })
// @ts-expect-error an external asset is not made → 'from'
externalAsset('a.b', { schema: { n: t.string() } }).from({}, duckdb(() => sql`select 1`))
// @ts-expect-error a type that there is not → 'varchar'
asset('a.b', { schema: { n: t.varchar() } })

// Checks

// @ts-expect-error a check on a column that is not declared → 'm'
asset('a.b', { schema: { n: t.long() }, checks: (c) => [c.m.notNull()] })
// @ts-expect-error a check that the type does not have → 'between'
asset('a.b', { schema: { n: t.string() }, checks: (c) => [c.n.between(1, 2)] })
// @ts-expect-error nested columns are not compared → 'unique'
asset('a.b', { schema: { l: t.list(t.int()) }, checks: (c) => [c.l.unique()] })
// @ts-expect-error a bound that is no number → to parameter of type 'number'
asset('a.b', { schema: { n: t.int() }, checks: (c) => [c.n.between(0, '10')] })
// @ts-expect-error a date as a number → '20260101' is not assignable to parameter of type '`${number}-${number}-${number}`'
asset('a.b', { schema: { d: t.date() }, checks: (c) => [c.d.between(20260101, 20260131)] })
// @ts-expect-error an option of a check that there is not → 'mosty'
asset('a.b', { schema: { n: t.int() }, checks: (c) => [c.n.notNull({ mosty: 0.9 })] })
// @ts-expect-error a mode that there is not → mode: Type '"warning"'
asset('a.b', { schema: { n: t.int() }, checks: (c) => [c.n.notNull({ mode: 'warning' })] })
// @ts-expect-error a column in the sql of a check that is not declared → 'spent'
asset('a.b', { schema: { spend: t.int() }, checks: (c) => [c.$rows.sql('positive', (r) => sql`select * from ${r} where ${r.spent} < 0`)] })
// @ts-expect-error a count of nothing → 'counts'
asset('a.b', { schema: { spend: t.int() }, checks: (c) => [c.$rows.counts.between(0, 1)] })

// Partitions and the columns that hold them

// @ts-expect-error days on a column that is not declared → 'day' partitions are held by 'm', which is no column of the schema
asset('a.b', { schema: { n: t.date() }, partitions: days.on('m') })
// @ts-expect-error a daily table without the column that holds the day → 'day' partitions are held by a column of the schema: write .on(
asset('a.b', { schema: { n: t.date() }, partitions: days })
// @ts-expect-error a dimension without a column → 'product' partitions are held by a column of the schema: write .on(
asset('a.b', { schema: { day: t.date() }, partitions: product({ day: days.on('day'), country: staticPartitions(['de']) }) })
// @ts-expect-error a dimension on a column that is not declared → 'product' partitions are held by 'land', which is no column of the schema
asset('a.b', { schema: { day: t.date() }, partitions: product({ day: days.on('day'), country: staticPartitions(['de']).on('land') }) })
// @ts-expect-error an option of a window that there is not → 'until'
daily({ start: '2026-01-01', until: '2026-02-01' })
// @ts-expect-error a window without its start → 'start'
hourly({ end: '2026-01-01' })
// @ts-expect-error values that are not texts → 'number'
staticPartitions([1, 2])

// Mappings

// @ts-expect-error days into an unpartitioned asset → 'day' partitions do not line up with 'unpartitioned'
total.from({ spend }, duckdb(({ spend: s }) => sql`select count(*) as n from ${s}`))
// @ts-expect-error the same of a wide table → 'day' partitions do not line up with 'unpartitioned'
total.from({ wide }, duckdb(({ wide: w }) => sql`select count(*) as n from ${w}`))
// @ts-expect-error days into values → 'day' partitions do not line up with 'static'
perCountry.from({ spend }, duckdb(({ spend: s }) => sql`select 1 from ${s}`))
// @ts-expect-error values that the dep does not have → 'static' partitions do not line up with 'static'
regions.from({ perCountry }, duckdb(({ perCountry: c }) => sql`select 1 from ${c}`))
// @ts-expect-error a product into days → 'product' partitions do not line up with 'day'
spend.from({ sales }, duckdb(({ sales: s }) => sql`select 1 from ${s}`))
// @ts-expect-error a table that names a value that the dep does not have → "it"
byTable(perCountry, { eu: ['it'] })
// @ts-expect-error a table for other values than those of the reader → 'static' partitions do not line up with 'static'
regions.from({ c: byTable(perCountry, { eu: ['de'], asia: ['us'] }) }, duckdb(({ c }) => sql`select 1 from ${c}`))
// @ts-expect-error a dimension without a rule → 'country'
perDimension(sales, { day: 'same' })
// @ts-expect-error a dimension that the product does not have → 'region'
perDimension(sales, { day: 'same', country: 'all', region: 'all' })
// @ts-expect-error a rule that there is not → country: Type '"every"'
perDimension(sales, { day: 'same', country: 'every' })
// @ts-expect-error a window over values → 'static' partitions are no windows of time: take all(), byTable() or perDimension()
timeWindow(perCountry, { startOffset: -1, endOffset: 0 })
// @ts-expect-error a window without its end → 'endOffset'
timeWindow(spend, { startOffset: -1 })
// @ts-expect-error the last of values → 'static' partitions are no windows of time: take all(), byTable() or perDimension()
last(perCountry)

// Deps and SQL

// @ts-expect-error a dep that is not there → 'evnts'
spend.from({ events }, duckdb(({ evnts }) => sql`select 1 from ${evnts}`))
// @ts-expect-error a column that the dep does not have → 'userid'
spend.from({ events }, duckdb(({ events: e }) => sql`select ${e.userid} from ${e}`))
// @ts-expect-error a column that the dep does not have, under a short name → 'userid'
spend.from({ events }, duckdb(({ events: e }) => sql`select ${e.as('e').userid} from ${e}`))
// @ts-expect-error a bound that there is not → 'begin'
spend.from({ events }, duckdb(({ events: e }, { partition }) => sql`select ${partition.begin} from ${e}`))
// @ts-expect-error a value that has no meaning in SQL → 'Date'
sql`select ${new Date(0)}`
// @ts-expect-error an instant as a value → 'Instant'
sql`select ${Instant.fromMillis(0)}`
// @ts-expect-error a query as text → 'string'
total.from({}, duckdb(() => 'select 1 as n'))
// @ts-expect-error a dep that is no asset → events: Type 'string' is not assignable to type 'Dep<
total.from({ events: 'bronze.events' }, duckdb(() => sql`select 1 as n`))

// Rows that a function yields

// @ts-expect-error a column is missing → 'n'
total.from({}, typescript(function* (_i, row) { yield row({}) }))
// @ts-expect-error a column too many → 'm'
total.from({}, typescript(function* (_i, row) { yield row({ n: 1n, m: 2 }) }))
// @ts-expect-error a number in a long → n: Type 'number' is not assignable to type 'bigint'
total.from({}, typescript(function* (_i, row) { yield row({ n: 1 }) }))
// @ts-expect-error null in a column that is not nullable → n: Type 'null' is not assignable to type 'bigint'
total.from({}, typescript(function* (_i, row) { yield row({ n: null }) }))
// @ts-expect-error an enum value that does not exist → k: Type '"payed"' is not assignable to type '"new" | "paid"'
asset('a.b', { schema: { k: t.enum(['new', 'paid']) } }).from({}, typescript(function* (_i, row) { yield row({ k: 'payed' }) }))
// @ts-expect-error a number as a decimal → d: Type 'number' is not assignable to type '`${number}`'
asset('a.b', { schema: { d: t.decimal(10, 2) } }).from({}, typescript(function* (_i, row) { yield row({ d: 12.5 }) }))
// @ts-expect-error a decimal with a unit → d: Type '"12 EUR"'
asset('a.b', { schema: { d: t.decimal(10, 2) } }).from({}, typescript(function* (_i, row) { yield row({ d: '12 EUR' }) }))
// @ts-expect-error a Date as an instant → at: Type 'Date' is missing the following properties from type 'Instant'
asset('a.b', { schema: { at: t.timestamptz() } }).from({}, typescript(function* (_i, row) { yield row({ at: new Date(0) }) }))
// @ts-expect-error a date in another order → d: Type '"1/31/2026"'
asset('a.b', { schema: { d: t.date() } }).from({}, typescript(function* (_i, row) { yield row({ d: '1/31/2026' }) }))
// @ts-expect-error null in a list of what is not nullable → 'null'
nested.from({}, typescript(function* (_i, row) { yield row({ l: [1n, null], s: { at: Instant.fromMillis(0), deep: 1 } }) }))
// @ts-expect-error a field of a struct is missing → 'deep'
nested.from({}, typescript(function* (_i, row) { yield row({ l: [], s: { at: Instant.fromMillis(0) } }) }))
// @ts-expect-error a nullable cell into one that is not → n: Type 'bigint | null' is not assignable to type 'bigint'
total.from({ events: all(events) }, typescript(async function* ({ events: e }, row) { for await (const { user_id } of e.rows()) yield row({ n: user_id }) }))
// @ts-expect-error a column that the rows of a dep do not have → 'usr_id'
total.from({ events: all(events) }, typescript(async function* ({ events: e }, row) { for await (const { usr_id } of e.rows()) yield row({ n: usr_id }) }))
// @ts-expect-error an input that is no dep → 'orders'
total.from({ events: all(events) }, typescript(async function* ({ orders }, row) { yield row({ n: BigInt(orders.length) }) }))

// Lineage that a function tells

// @ts-expect-error lineage of a column that is not declared → 'm'
total.from({ events: all(events) }, typescript(function* (_i, row) { yield row({ n: 1n }) }, { lineage: { m: ['events.amount'] } }))
// @ts-expect-error lineage from a column that the dep does not have → "events.amuont"
total.from({ events: all(events) }, typescript(function* (_i, row) { yield row({ n: 1n }) }, { lineage: { n: ['events.amuont'] } }))
// @ts-expect-error lineage from a dep that there is not → "orders.amount"
total.from({ events: all(events) }, typescript(function* (_i, row) { yield row({ n: 1n }) }, { lineage: { n: ['orders.amount'] } }))

// Resources, profiles, metadata

// @ts-expect-error what a resource does not have → 'users'
total.from({}, typescript(async function* (_i, row, { use }) { for (const _ of await (await use(crm)).users()) yield row({ n: 1n }) }))
// @ts-expect-error one resource in the place of another → Resource<{ send:
swap(mail, crm)
// @ts-expect-error something that is no resource → settings, open
total.from({}, typescript(async function* (_i, row, { use }) { await use({ name: 'crm' }); yield row({ n: 1n }) }))
// @ts-expect-error owners are a list → owners: Type 'string' is not assignable to type 'readonly string[]'
asset('a.b', { owners: 'shop' })
// @ts-expect-error tags are texts → level: Type 'number' is not assignable to type 'string'
asset('a.b', { tags: { level: 1 } })
// @ts-expect-error a retry without its delay → 'delay'
asset('a.b', { retry: { max: 1 } })
// @ts-expect-error a project of a list of names → events: Type 'string' is not assignable to type 'object'
defineProject({ name: 'p', assets: { events: 'bronze.events' } })
// @ts-expect-error a row type of a column that there is not → 'user'
type User = RowOf<typeof events>['user']

// Tests of users

// @ts-expect-error a given column that there is not → 'amuont'
given(spend, [{ day: '2026-01-01', user_id: 1n, spend: 1, amuont: 1 }])
// @ts-expect-error a given row without a column that may not be null → 'spend'
given(spend, [{ day: '2026-01-01', user_id: 1n }])
// @ts-expect-error a given cell of another type → user_id: Type 'number' is not assignable to type 'bigint'
given(spend, [{ day: '2026-01-01', user_id: 1, spend: 1 }])
// @ts-expect-error an asset with partitions is made for some → partitions: string
void materialize(spend, {})
// @ts-expect-error an asset without partitions is made as a whole → partitions: Type 'string' is not assignable to type 'never'
void materialize(total, { partitions: '2026-01-01' })
// @ts-expect-error a fake that lacks what the resource has → 'customers'
fake(crm, {})
// @ts-expect-error a column of a made row that there is not → 'spent'
void materialize(spend, { partitions: '2026-01-01' }).then(({ rows }) => rows.map((row) => row.spent))
// @ts-expect-error a blank row is that of its asset → 'spent'
blank(spend).spent

// Write modes

const past = asset('silver.past', { schema: { id: t.long(), city: t.string() }, key: ['id'], write: history({ deleteWhen: 'gone' }) })
// @ts-expect-error a merge without a key → rows are found by the key
asset('a.b', { schema: { id: t.long() }, write: merge() })
// @ts-expect-error a history without a column in its key → rows are found by the key
asset('a.b', { schema: { id: t.long() }, key: [], write: history() })
// @ts-expect-error the latest by a column that is not declared → 'Merge<never, "at">' is not assignable
asset('a.b', { schema: { id: t.long() }, key: ['id'], write: merge({ latestBy: 'at' }) })
// @ts-expect-error an unknown write mode → "upsert"
asset('a.b', { schema: { id: t.long() }, write: 'upsert' })
// @ts-expect-error sorted by a column that is not declared → "at"
asset('a.b', { schema: { id: t.long() }, sortBy: ['at'] })
// @ts-expect-error a history without the time of its rows → valid_from
past.from({}, typescript(async function* (_i, row) { yield row({ id: 1n, city: 'x', gone: false }) }))
// @ts-expect-error a history without its delete flag → gone
past.from({}, typescript(async function* (_i, row) { yield row({ id: 1n, city: 'x', valid_from: Instant.fromMillis(0) }) }))
// @ts-expect-error a column that readers of a history do not see → 'gone' does not exist
total.from({ past }, duckdb(({ past: p }) => sql`select ${p.gone} from ${p}`))
