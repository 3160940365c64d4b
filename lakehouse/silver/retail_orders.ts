import { asset, duckdb, sql, t } from 'assay'
import { retailLines } from '../bronze/retail_lines.ts'
import { retailDays } from '../days.ts'

/** One row per invoice. Sums are exact: nothing is rounded here. */
export const retailOrders = asset('silver.retail_orders', {
  description: 'Invoices of Online Retail.',
  partitions: retailDays.on('invoiced_at'),
  schema: {
    invoice_no: t.string(),
    invoiced_at: t.timestamp().describe('Local time of its first line.'),
    kind: t.enum(['order', 'cancellation', 'adjustment']).describe('By the first letter of its number.'),
    customer_id: t.long().nullable(),
    country: t.string(),
    lines: t.int(),
    zero_price_lines: t.int(),
    units: t.int().describe('Σ quantity.'),
    net: t.decimal(18, 4).describe('Σ quantity × price over all lines, in pounds.'),
    gross: t.decimal(18, 4).describe('The same over lines with both above zero; 0 for a cancellation.'),
  },
  key: ['invoice_no'],
  checks: (c) => [
    c.lines.between(1, 10_000),
    c.gross.between(0, 1_000_000),
    c.$rows.sql(
      'a cancellation sells nothing',
      (r) => sql`select * from ${r} where ${r.kind} = 'cancellation' and (${r.gross} <> 0 or ${r.net} > 0)`,
    ),
  ],
  backfill: { partitionsPerStep: 366 },
})

retailOrders.from(
  { lines: retailLines },
  duckdb(({ lines }) => {
    const l = lines.as('l')
    return sql`
    select ${l.invoice_no} as invoice_no, min(${l.invoiced_at}) as invoiced_at,
      case left(${l.invoice_no}, 1) when 'C' then 'cancellation' when 'A' then 'adjustment' else 'order' end as kind,
      min(${l.customer_id}) as customer_id, min(${l.country}) as country,
      cast(count(*) as integer) as lines, cast(count_if(${l.unit_price} = 0) as integer) as zero_price_lines,
      cast(sum(${l.quantity}) as integer) as units,
      cast(sum(${l.quantity} * ${l.unit_price}) as decimal(18, 4)) as net,
      cast(coalesce(sum(${l.quantity} * ${l.unit_price})
        filter (${l.quantity} > 0 and ${l.unit_price} > 0 and ${l.invoice_no} not like 'C%'), 0) as decimal(18, 4)) as gross
    from ${l}
    group by ${l.invoice_no}, ${l.invoiced_at}::date`
  }),
)
