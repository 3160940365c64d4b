import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { KNOWN, perDayFromFiles, RETAIL_FOLDER, rfmFromFiles } from './retail-known.ts'

if (RETAIL_FOLDER === undefined) console.log('skipped: no Online Retail files at ../shared/data/online-retail or ASSAY_RETAIL_DIR')

describe.skipIf(RETAIL_FOLDER === undefined)('the published retail tables', () => {
  const folder = RETAIL_FOLDER ?? ''
  let shop: Shop
  beforeAll(async () => {
    const retailDays = readdirSync(folder)
      .filter((name) => name.endsWith('.csv.gz'))
      .map((name) => name.slice(0, 10))
    shop = await openShop({ events: 100, days: 1, retailDays })
    const { code, stderr, stdout } = await shop.assay('materialize', '+gold.retail_monthly_revenue', '+gold.rfm')
    expect(code, stderr + stdout).toBe(0)
  }, 120_000)
  afterAll(() => shop.remove())

  it('hold net and gross of every day to the penny, as a query over the raw files has them', async () => {
    const ours = await shop.rows(
      `select day::varchar as day, net::varchar as net, gross::varchar as gross, net_exact::varchar as net_exact, lines::integer as lines
       from gold.retail_daily_revenue order by day`,
    )
    expect(ours).toEqual(await fromFiles(perDayFromFiles(folder)))
    expect(ours).toHaveLength(KNOWN.days)
    expect(ours[0]).toMatchObject(KNOWN.firstDay)
  })

  it('hold the same by month, rounded once', async () => {
    const ours = await shop.rows(
      'select month::varchar as month, trading_days::integer as days, net::varchar as net from gold.retail_monthly_revenue order by month',
    )
    const months = `select date_trunc('month', day::date)::date::varchar as month, count(*)::integer as days,
      round(sum(net_exact::decimal(18, 4)), 2)::decimal(18, 2)::varchar as net from (${perDayFromFiles(folder)}) group by all order by month`
    expect(ours).toEqual(await fromFiles(months))
    expect(ours).toHaveLength(9)
  })

  it('hold the known totals', async () => {
    const [totals] = await shop.rows(
      `select sum(net_exact)::decimal(18, 3)::varchar as net, sum(lines)::integer as lines, sum(cancellation_lines)::integer as "cancellationLines",
         sum(adjustment_lines)::integer as "adjustmentLines", sum(zero_price_lines)::integer as "zeroPriceLines",
         sum(lines_without_customer)::integer as "linesWithoutCustomer" from gold.retail_daily_revenue`,
    )
    const { net, lines, cancellationLines, adjustmentLines, zeroPriceLines, linesWithoutCustomer } = KNOWN
    expect(totals).toEqual({ net, lines, cancellationLines, adjustmentLines, zeroPriceLines, linesWithoutCustomer })
  })

  it('hold recency, frequency and value of every customer, as a query over the raw files has them', async () => {
    const columns =
      'customer_id::bigint as customer_id, recency_days::bigint as recency_days, frequency::bigint as frequency, monetary::varchar as monetary'
    const ours = await shop.rows(`select ${columns} from gold.rfm order by customer_id`)
    expect(ours).toEqual(await fromFiles(`select ${columns} from (${rfmFromFiles(folder)}) order by customer_id`))
    expect(ours).toHaveLength(KNOWN.rfmCustomers)
  })
})

/** The answer of a DuckDB that knows nothing of Assay, with whole numbers as JSON has them. */
async function fromFiles(query: string): Promise<readonly object[]> {
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const rows = await session.rows(query)
  session.close()
  engine.close()
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value])),
  )
}
