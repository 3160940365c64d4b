import { asset, duckdb, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events } from '../silver/events.ts'

/** Each step counts the visits that did it and the step before, so the numbers never rise along the funnel. */
export const funnelDaily = asset('gold.funnel_daily', {
  description: 'How many visits of a day viewed a product, put it into the cart and bought.',
  partitions: clickstreamDays.on('day'),
  schema: {
    day: t.date(),
    visits: t.long().describe('Different visits with an event on the day.'),
    viewed: t.long().describe('Of these, with a product view.'),
    carted: t.long().describe('Of these, with something put into the cart.'),
    bought: t.long().describe('Of these, with a purchase.'),
    conversion: t.double().nullable().describe('bought ÷ viewed; null without a view.'),
  },
  key: ['day'],
  checks: (c) => [
    c.conversion.between(0, 1),
    c.$rows.sql(
      'a funnel only narrows',
      (r) => sql`select * from ${r} where ${r.viewed} > ${r.visits} or ${r.carted} > ${r.viewed} or ${r.bought} > ${r.carted}`,
    ),
  ],
  backfill: { partitionsPerStep: 31 },
})

funnelDaily.from(
  { events },
  duckdb(({ events }) => {
    const e = events.as('e')
    return sql`
    with visits as (
      select ${e.ts}::date as day, ${e.session_id} as session_id,
        bool_or(${e.type} in ('product_view', 'view')) as viewed,
        bool_or(${e.type} = 'add_to_cart') as carted,
        bool_or(${e.type} = 'purchase') as bought
      from ${e}
      group by all
    )
    select day, count(*) as visits, cast(count_if(viewed) as bigint) as viewed, cast(count_if(viewed and carted) as bigint) as carted,
      cast(count_if(viewed and carted and bought) as bigint) as bought,
      count_if(viewed and carted and bought) / nullif(count_if(viewed), 0) as conversion
    from visits
    group by day`
  }),
)
