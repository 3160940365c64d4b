import { all, asset, duckdb, sql, t } from 'assay'
import { retailOrders } from '../silver/retail_orders.ts'

/**
 * Recency, frequency and monetary value of the customers who have an invoice that is not a cancellation. Scores are
 * fifths, 5 the best; equal values may fall on both sides of a border, then the customer number decides.
 */
export const rfm = asset('gold.rfm', {
  description: 'RFM scores of the customers of Online Retail.',
  schema: {
    customer_id: t.long(),
    recency_days: t.int().describe('Days from the last invoice of the customer to the last day with data.'),
    frequency: t.long().describe('Invoices that are not cancellations.'),
    monetary: t.decimal(18, 2).describe('Σ quantity × price of what was sold, in pounds, rounded to the penny.'),
    r_score: t.int(),
    f_score: t.int(),
    m_score: t.int(),
    segment: t.enum(['champion', 'loyal', 'promising', 'at risk', 'lost', 'other']),
  },
  key: ['customer_id'],
  checks: (c) => [
    c.recency_days.between(0, 10_000),
    c.frequency.between(1, 100_000),
    c.monetary.between(0, 100_000_000),
    c.r_score.between(1, 5),
    c.f_score.between(1, 5),
    c.m_score.between(1, 5),
  ],
})

rfm.from(
  { orders: all(retailOrders) },
  duckdb(({ orders }) => {
    const o = orders.as('o')
    return sql`
    with last_day as (select max(${o.invoiced_at})::date as last_day from ${o}),
    customers as (
      select ${o.customer_id} as customer_id, cast(max(last_day) - max(${o.invoiced_at})::date as integer) as recency_days,
        count(distinct ${o.invoice_no}) as frequency, cast(round(sum(${o.gross}), 2) as decimal(18, 2)) as monetary
      from ${o} cross join last_day
      where ${o.customer_id} is not null and ${o.kind} <> 'cancellation'
      group by ${o.customer_id}
    ),
    scored as (
      select *,
        cast(ntile(5) over (order by recency_days desc, customer_id) as integer) as r_score,
        cast(ntile(5) over (order by frequency, customer_id) as integer) as f_score,
        cast(ntile(5) over (order by monetary, customer_id) as integer) as m_score
      from customers
    )
    select *,
      case
        when r_score >= 4 and f_score >= 4 and m_score >= 4 then 'champion'
        when r_score >= 3 and f_score >= 4 then 'loyal'
        when r_score >= 4 then 'promising'
        when r_score <= 2 and f_score >= 3 then 'at risk'
        when r_score = 1 then 'lost'
        else 'other'
      end as segment
    from scored`
  }),
)
