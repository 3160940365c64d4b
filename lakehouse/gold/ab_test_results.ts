import { all, asset, duckdb, dynamic, sql, t } from 'assay'
import { events } from '../silver/events.ts'
import { orders } from '../silver/orders.ts'

/** Experiments come and go without a change of code: `assay partitions experiments add checkout`. */
const experiments = dynamic('experiments')

/** Each user sees one variant. Bots do not count. */
export const abTestResults = asset('gold.ab_test_results', {
  description: 'How the variants of each experiment did, over all days.',
  owners: ['experimentation'],
  kinds: ['report'],
  partitions: experiments.on('experiment'),
  schema: {
    experiment: t.string(),
    variant: t.string(),
    users: t.long().describe('Different users who saw the variant.'),
    buyers: t.long().describe('Of these, with an order under the variant.'),
    conversion: t.double().describe('buyers ÷ users.'),
    orders: t.long(),
    revenue: t.decimal(18, 2).describe('In euros.'),
  },
  key: ['experiment', 'variant'],
  checks: (c) => [c.users.between(1, 1_000_000_000), c.conversion.between(0, 1), c.revenue.between(0, 1_000_000_000)],
})

abTestResults.from(
  { events: all(events), orders: all(orders) },
  duckdb(({ events, orders }, { partition }) => {
    const e = events.as('e')
    const o = orders.as('o')
    return sql`
    with saw as (
      select ${e.experiment} as label, ${e.user_id} as user_id from ${e}
      where ${e.device} <> 'bot' and list_contains(${partition.keys()}, split_part(${e.experiment}, ':', 1))
      group by all
    ),
    bought as (
      select ${o.experiment} as label, ${o.user_id} as user_id, count(*) as orders, sum(${o.amount}) as amount from ${o} group by all
    )
    select split_part(saw.label, ':', 1) as experiment, split_part(saw.label, ':', 2) as variant,
      count(*) as users, count(bought.orders) as buyers, count(bought.orders) / count(*) as conversion,
      cast(coalesce(sum(bought.orders), 0) as bigint) as orders, cast(coalesce(sum(bought.amount), 0) as decimal(18, 2)) as revenue
    from saw left join bought on bought.label = saw.label and bought.user_id = saw.user_id
    group by saw.label`
  }),
)
