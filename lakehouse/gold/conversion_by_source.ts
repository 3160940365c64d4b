import { asset, duckdb, sql, t } from 'assay'
import { clickstreamDays } from '../days.ts'
import { TRAFFIC_SOURCES } from '../silver/events.ts'
import { sessions } from '../silver/sessions.ts'

export const conversionBySource = asset('gold.conversion_by_source', {
  description: 'Sessions with a purchase ÷ sessions with a view, by traffic source and day of start. Bots do not count.',
  partitions: clickstreamDays.on('day'),
  schema: {
    day: t.date(),
    traffic_source: t.enum(TRAFFIC_SOURCES),
    sessions: t.long(),
    with_view: t.long(),
    with_purchase: t.long().describe('With a view and a purchase.'),
    conversion: t.double().nullable().describe('with_purchase ÷ with_view; null without a view.'),
    revenue: t.decimal(18, 2),
  },
  key: ['day', 'traffic_source'],
  checks: (c) => [c.conversion.between(0, 1), c.revenue.between(0, 1_000_000_000)],
  backfill: { partitionsPerStep: 31 },
})

conversionBySource.from(
  { sessions },
  duckdb(({ sessions }) => {
    const s = sessions.as('s')
    return sql`
    select ${s.started_at}::date as day, ${s.traffic_source} as traffic_source, count(*) as sessions,
      cast(count_if(${s.views} > 0) as bigint) as with_view,
      cast(count_if(${s.views} > 0 and ${s.purchases} > 0) as bigint) as with_purchase,
      count_if(${s.views} > 0 and ${s.purchases} > 0) / nullif(count_if(${s.views} > 0), 0) as conversion,
      cast(sum(${s.revenue}) as decimal(18, 2)) as revenue
    from ${s}
    where ${s.device} <> 'bot'
    group by ${s.started_at}::date, ${s.traffic_source}`
  }),
)
