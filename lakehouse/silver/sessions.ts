import { asset, duckdb, sql, t, timeWindow } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events, TRAFFIC_SOURCES } from './events.ts'

/**
 * Sessions: a user's events with no more than 30 minutes between them. A session belongs to the day on which it started
 * and takes its events from that day and the next.
 *
 * Whether the first event of a user on a day starts a session or goes on with one of the day before is told by the visit
 * that it belongs to: the tracker's visit id holds the time at which the visit began. So a day needs no look at the day
 * before it, a lost line at midnight changes nothing, and a day comes out the same alone or in a range.
 */
export const sessions = asset('silver.sessions', {
  description: 'Sessions by 30 minutes of inactivity, on the day they started.',
  partitions: clickstreamDays.on('started_at'),
  schema: {
    session_id: t.string().describe('Visit id of the first event.'),
    user_id: t.long(),
    started_at: t.timestamptz(),
    ended_at: t.timestamptz().describe('Time of the last event.'),
    duration_s: t.int().describe('Whole seconds from first to last event.'),
    events: t.int(),
    views: t.int().describe('Products looked at.'),
    carts: t.int().describe('Products put into the cart.'),
    purchases: t.int().describe('Lines bought.'),
    revenue: t.decimal(18, 2),
    traffic_source: t.enum(TRAFFIC_SOURCES),
    country: t.string().nullable(),
    device: t.enum(['mobile', 'tablet', 'desktop', 'bot']),
    is_open: t.boolean().describe('Fewer than 30 minutes of data follow its last event, so more events may belong to it.'),
  },
  key: ['user_id', 'started_at'],
  checks: (c) => [
    c.events.between(1, 10_000),
    c.revenue.between(0, 1_000_000),
    c.$rows.sql('a session ends after it starts', (r) => sql`select * from ${r} where ${r.ended_at} < ${r.started_at}`),
    c.$rows.sql('revenue means purchases', (r) => sql`select * from ${r} where (${r.revenue} > 0) <> (${r.purchases} > 0)`),
    c.$rows.sql(
      'sessions of a user lie apart',
      (r) => sql`
      select * from (select *, lead(${r.started_at}) over (partition by ${r.user_id} order by ${r.started_at}) as next_start from ${r})
      where next_start <= ended_at`,
    ),
  ],
  backfill: { partitionsPerStep: 31 },
})

const window = timeWindow(events, { startOffset: 0, endOffset: 1, allowHoleAtEnd: true })

sessions.from(
  { events: window },
  duckdb(({ events }, { partition }) => {
    const e = events.as('e')
    return sql`
    with ordered as (
      select ${e.user_id} as user_id, ${e.session_id} as session_id, ${e.ts} as ts, ${e.event_id} as event_id, ${e.type} as type,
        ${e.price} as price, ${e.quantity} as quantity, ${e.traffic_source} as traffic_source, ${e.country} as country, ${e.device} as device,
        ${e.visit_started_at} as visit_started_at,
        lag(${e.ts}) over (partition by ${e.user_id}, ${e.ts}::date order by ${e.ts}, ${e.event_id}) as before
      from ${e}
    ),
    numbered as (
      select *,
        count_if(case when before is null then visit_started_at >= date_trunc('day', ts) else ts - before > interval 30 minutes end)
          over (partition by user_id order by ts, event_id rows unbounded preceding) as run
      from ordered
    ),
    placed as (
      select *, first_value(ts) over (partition by user_id, run order by ts, event_id) as started_at from numbered where run > 0
    ),
    horizon as (
      select case when max(${e.ts}) >= ${partition.end} then ${partition.end} + interval 1 day else ${partition.end} end as data_until from ${e}
    )
    select
      arg_min(session_id, ts) as session_id, user_id, started_at, max(ts) as ended_at,
      cast(epoch(max(ts) - started_at) as integer) as duration_s,
      cast(count(*) as integer) as events,
      cast(count_if(type in ('product_view', 'view')) as integer) as views,
      cast(count_if(type = 'add_to_cart') as integer) as carts,
      cast(count_if(type = 'purchase') as integer) as purchases,
      cast(coalesce(sum(price * quantity) filter (type = 'purchase'), 0) as decimal(18, 2)) as revenue,
      arg_min(traffic_source, ts) as traffic_source, arg_min(country, ts) as country, arg_min(device, ts) as device,
      max(ts) > least(any_value(data_until), date_trunc('day', started_at) + interval 2 days) - interval 30 minutes as is_open
    from placed cross join horizon
    where started_at >= ${partition.start} and started_at < ${partition.end} and ts < date_trunc('day', started_at) + interval 2 days
    group by user_id, run, started_at`
  }),
)
