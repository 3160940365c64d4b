import { asset, duckdb, product, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { orderCountries, orderCountry } from '../places.ts'
import { orders } from '../silver/orders.ts'

export const revenueByCountry = asset('gold.revenue_by_country', {
  description: 'Orders and revenue by day, UTC, and country of the buyer, in euros.',
  owners: ['shop-analytics'],
  group: 'revenue',
  tags: { audience: 'management' },
  partitions: product({ day: clickstreamDays.on('day'), country: orderCountries.on('country') }),
  schema: {
    day: t.date(),
    country: t.string().describe('ISO 3166 code, by the address; unknown where no range holds it.'),
    orders: t.long(),
    customers: t.long().describe('Different users who bought.'),
    revenue: t.decimal(18, 2),
  },
  key: ['day', 'country'],
  checks: (c) => [c.orders.between(1, 1_000_000_000), c.revenue.between(0, 1_000_000_000)],
  backfill: { partitionsPerStep: 1_000 },
})

revenueByCountry.from(
  { orders },
  duckdb(({ orders }, { partition }) => {
    const o = orders.as('o')
    return sql`
    select ${o.ts}::date as day, ${orderCountry(o.country)} as country, count(*) as orders, count(distinct ${o.user_id}) as customers,
      cast(sum(${o.amount}) as decimal(18, 2)) as revenue
    from ${o}
    where list_contains(${partition.country.keys()}, ${orderCountry(o.country)})
    group by all`
  }),
)
