import { asset, duckdb, outputs, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events, TRAFFIC_SOURCES } from './events.ts'

/** One row per order; its lines are silver.order_lines. Its purchase events have the same time, so an order never lies on two days. */
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

/** One row per product of an order, on the day of the order. */
export const orderLines = asset('silver.order_lines', {
  description: 'Order lines of the clickstream.',
  partitions: clickstreamDays.on('ts'),
  schema: {
    order_id: t.string(),
    line: t.int().describe('In the order, from 1, by product.'),
    ts: t.timestamptz(),
    user_id: t.long(),
    product_id: t.string(),
    category: t.string().nullable(),
    quantity: t.int().describe('Pieces.'),
    price: t.decimal(18, 2).describe('Of one piece.'),
    amount: t.decimal(18, 2).describe('Price × quantity.'),
    currency: t.enum(['EUR']),
  },
  key: ['order_id', 'line'],
  checks: (c) => [c.line.between(1, 1_000), c.quantity.between(1, 1_000), c.amount.between(0, 100_000)],
  backfill: { partitionsPerStep: 31 },
})

// Each has a statement of its own, so that a change of one makes nothing stale of the other.
outputs({ orders, orderLines }, { partial: true }).from(
  { events },
  duckdb(({ events }) => {
    const e = events.as('e')
    const purchases = sql`from ${e} where ${e.type} = 'purchase' and ${e.order_id} is not null`
    return {
      orders: sql`
      select ${e.order_id} as order_id, ${e.user_id} as user_id, ${e.session_id} as session_id, ${e.ts} as ts,
        cast(count(*) as integer) as lines, cast(sum(${e.quantity}) as integer) as units,
        cast(sum(${e.price} * ${e.quantity}) as decimal(18, 2)) as amount,
        ${e.currency} as currency, ${e.traffic_source} as traffic_source, ${e.country} as country, ${e.store} as store, ${e.experiment} as experiment
      ${purchases}
      group by all`,
      orderLines: sql`
      select ${e.order_id} as order_id,
        cast(row_number() over (partition by ${e.order_id} order by ${e.product_id}, ${e.event_id}) as integer) as line,
        ${e.ts} as ts, ${e.user_id} as user_id, ${e.product_id} as product_id, ${e.category} as category, ${e.quantity} as quantity,
        ${e.price} as price, cast(${e.price} * ${e.quantity} as decimal(18, 2)) as amount, ${e.currency} as currency
      ${purchases}`,
    }
  }),
)
