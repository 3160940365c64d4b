import { asset, duckdb, sql, t } from 'assay'
import { retailDays } from '../days.ts'
import { retailOrders } from '../silver/retail_orders.ts'

/** Net is over all lines, cancellations and adjustments included; gross over what was sold. Rounded once, per day. */
export const retailDailyRevenue = asset('gold.retail_daily_revenue', {
  description: 'Net and gross revenue of Online Retail on each day with trade, in pounds.',
  group: 'revenue',
  partitions: retailDays.on('day'),
  schema: {
    day: t.date().describe('Local day of the shop.'),
    net: t.decimal(18, 2).describe('Σ quantity × price, rounded to the penny.'),
    gross: t.decimal(18, 2).describe('The same over lines with both above zero that are not of a cancellation.'),
    net_exact: t.decimal(18, 4).describe('net before rounding, so that days add up.'),
    invoices: t.long(),
    lines: t.long(),
    cancellation_lines: t.long(),
    adjustment_lines: t.long(),
    zero_price_lines: t.long(),
    lines_without_customer: t.long(),
    customers: t.long().describe('Different known customers with any invoice.'),
  },
  key: ['day'],
  checks: (c) => [
    c.gross.between(0, 10_000_000),
    c.lines.between(1, 1_000_000),
    c.$rows.sql('net is rounded by less than a penny', (r) => sql`select * from ${r} where abs(${r.net} - ${r.net_exact}) > 0.005`),
  ],
  backfill: { partitionsPerStep: 366 },
})

retailDailyRevenue.from(
  { orders: retailOrders },
  duckdb(({ orders }) => {
    const o = orders.as('o')
    return sql`
    select ${o.invoiced_at}::date as day,
      cast(round(sum(${o.net}), 2) as decimal(18, 2)) as net, cast(round(sum(${o.gross}), 2) as decimal(18, 2)) as gross,
      cast(sum(${o.net}) as decimal(18, 4)) as net_exact,
      count(*) as invoices, cast(sum(${o.lines}) as bigint) as lines,
      cast(coalesce(sum(${o.lines}) filter (${o.kind} = 'cancellation'), 0) as bigint) as cancellation_lines,
      cast(coalesce(sum(${o.lines}) filter (${o.kind} = 'adjustment'), 0) as bigint) as adjustment_lines,
      cast(sum(${o.zero_price_lines}) as bigint) as zero_price_lines,
      cast(coalesce(sum(${o.lines}) filter (${o.customer_id} is null), 0) as bigint) as lines_without_customer,
      count(distinct ${o.customer_id}) as customers
    from ${o}
    group by ${o.invoiced_at}::date`
  }),
)
