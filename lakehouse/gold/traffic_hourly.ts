import { asset, duckdb, sql, t } from 'assay'
import { lastHours } from '../days.ts'
import { events } from '../silver/events.ts'

/** A late event makes its day anew, and with it the hours of that day. */
export const trafficHourly = asset('gold.traffic_hourly', {
  description: 'Visits and revenue of each hour of the last seven days, UTC.',
  owners: ['shop-analytics'],
  group: 'traffic',
  kinds: ['dashboard'],
  partitions: lastHours.on('hour'),
  schema: {
    hour: t.timestamptz().describe('Its beginning.'),
    visits: t.long().describe('Different visits with an event in the hour; one that goes on over the full hour counts in both.'),
    views: t.long().describe('Products looked at.'),
    orders: t.long(),
    revenue: t.decimal(18, 2).describe('In euros.'),
  },
  key: ['hour'],
  checks: (c) => [c.visits.between(1, 100_000_000), c.revenue.between(0, 1_000_000_000)],
  backfill: { partitionsPerStep: 7 * 24 },
})

trafficHourly.from(
  { events },
  duckdb(({ events }, { partition }) => {
    const e = events.as('e')
    return sql`
    select date_trunc('hour', ${e.ts}) as hour, count(distinct ${e.session_id}) as visits,
      cast(count_if(${e.type} in ('product_view', 'view')) as bigint) as views,
      count(distinct case when ${e.type} = 'purchase' then ${e.order_id} end) as orders,
      cast(coalesce(sum(${e.price} * ${e.quantity}) filter (${e.type} = 'purchase'), 0) as decimal(18, 2)) as revenue
    from ${e}
    where ${e.ts} >= ${partition.start} and ${e.ts} < ${partition.end}
    group by date_trunc('hour', ${e.ts})`
  }),
)
