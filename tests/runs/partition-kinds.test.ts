import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assetKey } from '../../src/keys.ts'
import { daily, product, staticPartitions } from '../../src/partitions/declare.ts'
import { parseSet } from '../../src/partitions/texts.ts'
import { type TestProject, type RanProject, testProject } from '../support/project.ts'

/** Sales around the night in which Berlin's clocks go back, and the end of a month. */
const SALES = `
  ('2026-10-24 21:59:00+00', 'de', 1), ('2026-10-24 22:00:00+00', 'fr', 2), ('2026-10-25 00:30:00+00', 'de', 3),
  ('2026-10-25 01:30:00+00', 'de', 4), ('2026-10-25 22:59:00+00', 'de', 5), ('2026-10-25 23:00:00+00', 'fr', 6)`

const PROJECT = `
import { all, asset, daily, defineProject, duckdb, hourly, monthly, perDimension, product, sql, staticPartitions, t, weekly } from 'assay'
const timezone = 'Europe/Berlin'
const countries = staticPartitions(['de', 'fr'])
const days = { start: '2026-10-24', end: '2026-10-27', timezone }
const amount = t.long()
export const sales = asset('bronze.sales', { schema: { ts: t.timestamptz(), country: t.string(), amount } })
sales.from({}, duckdb(() => sql\`select ts::timestamptz as ts, country, amount::bigint as amount from (values ${SALES}) v(ts, country, amount)\`))

export const hours = asset('silver.hours', { partitions: hourly({ start: '2026-10-25T02:00', end: '2026-10-25T04:00', timezone }).on('hour'), schema: { hour: t.string(), amount } })
hours.from({ sales: all(sales) }, duckdb(({ sales: s }, { partition }) => sql\`
  select \${partition.keys()}[1] as hour,
    sum(\${s.amount})::bigint as amount from \${s} where \${s.ts} >= \${partition.start} and \${s.ts} < \${partition.end} having count(*) > 0\`))

export const months = asset('silver.months', { partitions: monthly({ start: '2026-10', end: '2026-12' }).on('ts'), schema: { ts: t.timestamptz(), amount } })
months.from({ sales: all(sales) }, duckdb(({ sales: s }, { partition }) => sql\`select \${s.ts}, \${s.amount} from \${s} where \${s.ts} >= \${partition.start} and \${s.ts} < \${partition.end}\`))

export const perCountry = asset('silver.sales', { partitions: product({ day: daily(days).on('day'), country: countries.on('country') }), schema: { day: t.date(), country: t.string(), amount }, backfill: { partitionsPerStep: 3 } })
perCountry.from({ sales: all(sales) }, duckdb(({ sales: s }, { partition }) => sql\`
  with rows as (select (\${s.ts} at time zone 'Europe/Berlin')::date as day, \${s.country}, \${s.amount} from \${s})
  select * from rows where day >= \${partition.start} and day < \${partition.end} and list_contains(\${partition.keys('country')}, country)\`))

export const weeks = asset('gold.weeks', { partitions: weekly({ start: '2026-10-19', end: '2026-10-26', timezone }).on('week'), schema: { week: t.date(), amount } })
weeks.from({ sales: perDimension(perCountry, { day: { timeWindow: { startOffset: 0, endOffset: 0, allowHoleAtStart: true } }, country: 'all' }) }, duckdb(({ sales: s }, { partition }) => sql\`
  select \${partition.start} as week, sum(\${s.amount})::bigint as amount from \${s}\`))

export const ofCountry = asset('gold.countries', { partitions: countries.on('country'), schema: { country: t.string(), amount } })
ofCountry.from({ sales: perDimension(perCountry, { day: 'all', country: 'same' }) }, duckdb(({ sales: s }) => sql\`select \${s.country}, sum(\${s.amount})::bigint as amount from \${s} group by all\`))
`
const DEFINE = `export default defineProject({ name: 'p', assets: { sales, hours, months, perCountry, weeks, ofCountry } })\n`

describe('tables by other partitions than days', () => {
  let project: TestProject
  let first: RanProject
  beforeAll(async () => {
    project = await testProject({ 'project.ts': PROJECT + DEFINE })
    first = await project.run()
  })
  afterAll(() => project.remove())

  it('hold the rows of each partition', async () => {
    expect(first.events.flatMap((e) => (e.type === 'step.failed' ? [e.problem.what] : []))).toEqual([])
    expect(await project.rows('silver.hours')).toEqual([
      { hour: '2026-10-25T02:00+01:00', amount: 4n },
      { hour: '2026-10-25T02:00+02:00', amount: 3n },
    ])
    expect((await project.rows('silver.months')).map((row) => row['amount'])).toEqual([1n, 2n, 3n, 4n, 5n, 6n])
    expect(await project.rows('silver.sales')).toEqual([
      { day: '2026-10-24', country: 'de', amount: 1n },
      { day: '2026-10-25', country: 'de', amount: 3n },
      { day: '2026-10-25', country: 'de', amount: 4n },
      { day: '2026-10-25', country: 'de', amount: 5n },
      { day: '2026-10-25', country: 'fr', amount: 2n },
      { day: '2026-10-26', country: 'fr', amount: 6n },
    ])
    // From Saturday 24 to Sunday 25.
    expect(await project.rows('gold.weeks')).toEqual([{ week: '2026-10-19', amount: 15n }])
    expect(await project.rows('gold.countries')).toEqual([
      { country: 'de', amount: 13n },
      { country: 'fr', amount: 8n },
    ])
  })

  it('are fresh afterwards, and one partition is made again without touching the others', async () => {
    expect((await project.run()).plan.steps).toEqual([])
    const key = assetKey('silver.sales')
    const spec = product({
      day: daily({ start: '2026-10-24', end: '2026-10-27', timezone: 'Europe/Berlin' }),
      country: staticPartitions(['de', 'fr']),
    }).spec
    const one = parseSet(spec, 'day=2026-10-26/country=fr', [])
    const again = await project.run({ partitions: new Map([[key, one]]), force: true, select: key })
    expect(again.plan.steps.map((step) => [step.assets.join(), step.partitions])).toEqual([[key, one]])
    expect((await project.rows(key)).length).toBe(6)
    const after = (await project.run()).plan.steps.map((step) => step.assets.join())
    expect(after).toEqual(['gold.countries'])
  })
})
