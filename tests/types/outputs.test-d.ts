import { all, asset, daily, duckdb, outputs, sql, staticPartitions, t, typescript } from 'assay'

const days = daily({ start: '2026-01-01' })
const events = asset('bronze.events', { partitions: days.on('ts'), schema: { ts: t.timestamptz(), order: t.string(), product: t.string(), price: t.decimal(18, 2) } })
const headers = asset('silver.headers', { partitions: days.on('day'), schema: { day: t.date(), order: t.string() }, key: ['order'] })
const lines = asset('silver.lines', { partitions: days.on('day'), schema: { day: t.date(), order: t.string(), n: t.int() } })
const both = outputs({ headers, lines })
const some = outputs({ headers, lines }, { partial: true })

both.from({ events }, duckdb(({ events: e }, { partition }) => ({
  headers: sql`select ${partition.start} as day, ${e.order} from ${e}`,
  lines: sql`select ${e.ts}::date as day, ${e.order}, 1 as n from ${e}`,
})))
some.from({ events }, typescript(async function* ({ events }, emit, { outputs, partitions }) {
  for await (const { order } of events.rows()) {
    if (outputs.has('headers')) yield emit.headers({ day: partitions[0] as '2026-01-01', order })
    yield emit.lines({ day: '2026-01-01', order, n: 1 })
  }
}, { lineage: { headers: { order: ['events.order'] }, lines: { $rows: ['events.ts'] } } }))
some.from({ events }, typescript(async ({ events: _ }, _emit, { outputs }) => (outputs.has('lines') ? { lines: sql`select 1` } : { headers: sql`select 2` })))
both.from({}, typescript(function* (_inputs, emit) { yield emit.headers({ day: '2026-01-01', order: 'a' }) }))

// @ts-expect-error an output without a statement
both.from({ events }, duckdb(() => ({ headers: sql`select 1` })))
// @ts-expect-error a statement for what is no output
both.from({ events }, duckdb(() => ({ headers: sql`select 1`, lines: sql`select 1`, rest: sql`select 1` })))
// @ts-expect-error one statement for two outputs
both.from({ events }, duckdb(() => sql`select 1`))
// @ts-expect-error statements for one asset
headers.from({ events }, duckdb(() => ({ headers: sql`select 1` })))
// @ts-expect-error a column that the dep does not have
both.from({ events }, duckdb(({ events: e }) => ({ headers: sql`select ${e.odrer} from ${e}`, lines: sql`select 1` })))
// @ts-expect-error an output that is not declared
both.from({}, typescript(async function* (_i, emit) { yield emit.header({ day: '2026-01-01', order: 'a' }) }))
// @ts-expect-error a column of another output
both.from({}, typescript(async function* (_i, emit) { yield emit.headers({ day: '2026-01-01', order: 'a', n: 1 }) }))
// @ts-expect-error a column is missing
both.from({}, typescript(async function* (_i, emit) { yield emit.lines({ day: '2026-01-01', order: 'a' }) }))
// @ts-expect-error a value of another type
both.from({}, typescript(async function* (_i, emit) { yield emit.lines({ day: '2026-01-01', order: 'a', n: 1n }) }))
// @ts-expect-error a row without its output
both.from({}, typescript(async function* () { yield { day: '2026-01-01', order: 'a' } }))
// @ts-expect-error a name that is no output
some.from({}, typescript(async (_i, _emit, { outputs }) => { outputs.has('rest') }))
// @ts-expect-error lineage of a column that the output does not have
both.from({ events }, typescript(function* (_i, emit) { yield emit.headers({ day: '2026-01-01', order: 'a' }) }, { lineage: { headers: { n: ['events.ts'] } } }))
// @ts-expect-error values into days
both.from({ values: asset('a.b', { partitions: staticPartitions(['x']) }) }, duckdb(() => ({ headers: sql`x`, lines: sql`x` })))
// @ts-expect-error what is no asset
outputs({ headers: 1 })
// @ts-expect-error no outputs in the context of a single asset
headers.from({ events: all(events) }, typescript(async (_i, _row, { outputs }) => { outputs }))
