import { asset, duckdb, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events } from '../silver/events.ts'

export const topProductsDaily = asset('gold.top_products_daily', {
  description: 'The five products with the highest revenue of each day, and how people engaged with them.',
  partitions: clickstreamDays.on('day'),
  schema: {
    day: t.date(),
    rank: t.int().describe('1 to 5, by revenue, then units; on a tie by product id.'),
    product_id: t.string(),
    category: t.string().nullable(),
    revenue: t.decimal(18, 2),
    units: t.long().describe('Pieces sold.'),
    views: t.long(),
    carts: t.long(),
    viewers: t.long().describe('Different users who looked at it.'),
  },
  key: ['day', 'rank'],
  checks: (c) => [c.rank.between(1, 5), c.revenue.between(0, 1_000_000_000)],
  backfill: { partitionsPerStep: 31 },
})

topProductsDaily.from(
  { events },
  duckdb(({ events }) => {
    const e = events.as('e')
    return sql`
    with products as (
      select ${e.ts}::date as day, ${e.product_id} as product_id, max(${e.category}) as category,
        cast(coalesce(sum(${e.price} * ${e.quantity}) filter (${e.type} = 'purchase'), 0) as decimal(18, 2)) as revenue,
        cast(coalesce(sum(${e.quantity}) filter (${e.type} = 'purchase'), 0) as bigint) as units,
        cast(count_if(${e.type} in ('product_view', 'view')) as bigint) as views,
        cast(count_if(${e.type} = 'add_to_cart') as bigint) as carts,
        count(distinct case when ${e.type} in ('product_view', 'view') then ${e.user_id} end) as viewers
      from ${e}
      where ${e.product_id} is not null
      group by ${e.ts}::date, ${e.product_id}
    )
    select day, cast(row_number() over (partition by day order by revenue desc, units desc, product_id) as integer) as rank,
      product_id, category, revenue, units, views, carts, viewers
    from products
    qualify rank <= 5`
  }),
)
