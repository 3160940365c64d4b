import { asset, t } from 'assay'
import { clickstreamDays } from '../days.ts'

/** One row per product of an order, on the day of the order. Made together with silver.orders. */
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
