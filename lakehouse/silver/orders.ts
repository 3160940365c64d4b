import { asset, duckdb, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events, TRAFFIC_SOURCES } from './events.ts'

/** One row per order. Its purchase events have the same time, so an order never lies on two days. */
export const orders = asset('silver.orders', {
  description: 'Orders of the clickstream.',
  partitions: clickstreamDays.on('ts'),
  schema: {
    order_id: t.string(),
    user_id: t.long(),
    session_id: t.string(),
    ts: t.timestamptz(),
    lines: t.int().describe('Different products.'),
    units: t.int().describe('Pieces in all.'),
    amount: t.decimal(18, 2).describe('Σ price × quantity.'),
    currency: t.enum(['EUR']),
    traffic_source: t.enum(TRAFFIC_SOURCES),
    country: t.string().nullable(),
    store: t.string().nullable(),
    experiment: t.string().nullable(),
  },
  key: ['order_id'],
  checks: (c) => [c.amount.between(0, 100_000), c.lines.between(1, 1_000), c.units.between(1, 100_000)],
  // What is asked of orders is mostly about one customer.
  sortBy: ['user_id', 'ts'],
  backfill: { partitionsPerStep: 31 },
})

orders.from(
  { events },
  duckdb(({ events }) => {
    const e = events.as('e')
    return sql`
    select ${e.order_id} as order_id, ${e.user_id} as user_id, ${e.session_id} as session_id, ${e.ts} as ts,
      cast(count(*) as integer) as lines, cast(sum(${e.quantity}) as integer) as units,
      cast(sum(${e.price} * ${e.quantity}) as decimal(18, 2)) as amount,
      ${e.currency} as currency, ${e.traffic_source} as traffic_source, ${e.country} as country, ${e.store} as store, ${e.experiment} as experiment
    from ${e}
    where ${e.type} = 'purchase' and ${e.order_id} is not null
    group by all`
  }),
)
