import { asset, byTable, duckdb, perDimension, sql, t } from 'assay'
import { COUNTRIES_OF, regions } from '../places.ts'
import { stores } from '../silver/stores.ts'
import { revenueByCountry } from './revenue_by_country.ts'

export const revenueByRegion = asset('gold.revenue_by_region', {
  description: 'Orders and revenue of each sales region over all days, in euros, and how many stores it has.',
  owners: ['shop-analytics', 'store-operations'],
  group: 'revenue',
  kinds: ['report'],
  partitions: regions.on('region'),
  schema: {
    region: t.string(),
    stores: t.long(),
    orders: t.long(),
    revenue: t.decimal(18, 2),
    revenue_per_store: t.decimal(18, 2).nullable().describe('revenue ÷ stores, rounded to the cent; null without stores.'),
  },
  key: ['region'],
  checks: (c) => [c.stores.between(0, 100_000), c.revenue.between(0, 1_000_000_000)],
})

revenueByRegion.from(
  {
    revenue: perDimension(revenueByCountry, { day: 'all', country: { table: { ...COUNTRIES_OF, unknown: ['unknown'] } } }),
    stores: byTable(stores, { ...COUNTRIES_OF, unknown: [] }),
  },
  duckdb(({ revenue: r, stores: s }, { partition }) => {
    return sql`
    select ${partition.keys()}[1] as region, n as stores, orders, revenue, cast(round(revenue / nullif(n, 0), 2) as decimal(18, 2)) as revenue_per_store
    from (select count(${s.store}) as n from ${s}),
      (select cast(coalesce(sum(${r.orders}), 0) as bigint) as orders, cast(coalesce(sum(${r.revenue}), 0) as decimal(18, 2)) as revenue from ${r})`
  }),
)
