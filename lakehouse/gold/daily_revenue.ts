import { asset, duckdb, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { orders } from '../silver/orders.ts'

export const dailyRevenue = asset('gold.daily_revenue', {
  description: 'Orders and revenue of each day, UTC, in euros.',
  owners: ['shop-analytics'],
  group: 'revenue',
  tags: { audience: 'management' },
  kinds: ['report'],
  partitions: clickstreamDays.on('day'),
  schema: {
    day: t.date(),
    orders: t.long(),
    customers: t.long().describe('Different users who bought.'),
    units: t.long().describe('Pieces sold.'),
    revenue: t.decimal(18, 2),
    average_order: t.decimal(18, 2).describe('revenue ÷ orders, rounded to the cent.'),
  },
  key: ['day'],
  checks: (c) => [
    c.revenue.between(0, 1_000_000_000),
    c.$rows.sql('no more customers than orders', (r) => sql`select * from ${r} where ${r.customers} > ${r.orders}`),
  ],
  backfill: { partitionsPerStep: 31 },
})

dailyRevenue.from(
  { orders },
  duckdb(({ orders }) => {
    const o = orders.as('o')
    return sql`
    select ${o.ts}::date as day, count(*) as orders, count(distinct ${o.user_id}) as customers, cast(sum(${o.units}) as bigint) as units,
      cast(sum(${o.amount}) as decimal(18, 2)) as revenue, cast(round(sum(${o.amount}) / count(*), 2) as decimal(18, 2)) as average_order
    from ${o}
    group by ${o.ts}::date`
  }),
)
