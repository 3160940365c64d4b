import { asset, duckdb, sql, t } from 'assay'
import { retailMonths } from '../days.ts'
import { retailDailyRevenue } from './retail_daily_revenue.ts'

/** Made of the exact sums of the days, so that it is rounded once. */
export const retailMonthlyRevenue = asset('gold.retail_monthly_revenue', {
  description: 'Net and gross revenue of Online Retail by month, in pounds.',
  group: 'revenue',
  partitions: retailMonths.on('month'),
  schema: {
    month: t.date().describe('Its first day.'),
    trading_days: t.long(),
    net: t.decimal(18, 2),
    invoices: t.long(),
  },
  key: ['month'],
  checks: (c) => [c.trading_days.between(1, 31), c.net.between(-10_000_000, 100_000_000)],
  backfill: { partitionsPerStep: 12 },
})

retailMonthlyRevenue.from(
  { days: retailDailyRevenue },
  duckdb(({ days }) => {
    const d = days.as('d')
    return sql`
    select date_trunc('month', ${d.day})::date as month, count(*) as trading_days, cast(round(sum(${d.net_exact}), 2) as decimal(18, 2)) as net,
      cast(sum(${d.invoices}) as bigint) as invoices
    from ${d}
    group by date_trunc('month', ${d.day})::date`
  }),
)
