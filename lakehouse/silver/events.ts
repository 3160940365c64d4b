import { asset, duckdb, sql, t } from 'assay'
import { events as raw } from '../bronze/events.ts'
import { geoIp } from '../bronze/geo_ip.ts'
import { clickstreamDays } from '../days.ts'

// biome-ignore format: a list to read
const EVENT_TYPES = [
  'session_start', 'page_view', 'search', 'product_view', 'add_to_cart', 'remove_from_cart', 'checkout', 'purchase', 'session_end', 'user_signup', 'view',
] as const
export const TRAFFIC_SOURCES = ['organic', 'paid', 'email', 'social', 'direct'] as const

/**
 * One row per event. The first ingested copy wins, `copies` says how many there were; so the sum of `copies` over this
 * table and its rejects is the number of rows of bronze.events.
 */
export const events = asset('silver.events', {
  description: 'Typed events, one each, with place by address and device by user agent.',
  partitions: clickstreamDays.on('ts'),
  schema: {
    event_id: t.string(),
    ts: t.timestamptz().describe('Time of the event.'),
    event_time: t.timestamptz().describe('The time that the line tells. It is `ts`, or the line is rejected.'),
    ingested_at: t.timestamptz().describe('When the collector took in the first copy.'),
    type: t.enum(EVENT_TYPES),
    user_id: t.long(),
    session_id: t.string().describe('The visit, as the tracker sees it: `<start in milliseconds>.<user>`.'),
    visit_started_at: t.timestamptz().describe('When the visit began, read from its id.'),
    product_id: t.string().nullable(),
    category: t.string().nullable(),
    price: t.decimal(18, 2).nullable().describe('Of one piece. -1 where it cannot be read, which is rejected.'),
    quantity: t.int().nullable().describe('Pieces. -1 where it cannot be read, which is rejected.'),
    currency: t.enum(['EUR']).describe('The shop sells in euros only; another currency must not slip into a sum.'),
    order_id: t.string().nullable().describe('Of a purchase. All lines of an order have it, and the same time.'),
    traffic_source: t.enum(TRAFFIC_SOURCES),
    device: t.enum(['mobile', 'tablet', 'desktop', 'bot']).describe('By the user agent.'),
    reported_device: t.string().nullable().describe('What the producer says.'),
    ip: t.string().nullable(),
    country: t.string().nullable().describe('By the address; null where no range holds it.'),
    city: t.string().nullable().describe('By the address; null where no range holds it.'),
    reported_country: t.string().nullable().describe('What the producer says.'),
    user_agent: t.string().nullable(),
    store: t.string().nullable(),
    page: t.string().nullable(),
    referrer: t.string().nullable(),
    search_term: t.string().nullable(),
    experiment: t.string().nullable().describe('From schema version 2 on: `<experiment>:<variant>`.'),
    schema_version: t.int(),
    copies: t.int().describe('How often the event was ingested.'),
    source_file: t.string(),
    source_line: t.long(),
  },
  key: ['event_id'],
  quarantine: true,
  checks: (c) => [
    c.price.between(0, 100_000),
    c.quantity.between(1, 1_000),
    c.schema_version.between(1, 2),
    c.copies.between(1, 100),
    c.country.notNull({ mostly: 0.9, mode: 'warn' }),
    c.$rows.sql(
      'events of a product name it',
      (r) => sql`
      select * from ${r} where ${r.type} in ('view', 'product_view', 'add_to_cart', 'remove_from_cart', 'purchase') and (${r.product_id} is null or ${r.price} is null)`,
    ),
    c.$rows.sql(
      'a purchase has order and quantity',
      (r) => sql`select * from ${r} where ${r.type} = 'purchase' and (${r.order_id} is null or ${r.quantity} is null)`,
    ),
    c.$rows.sql('nothing is ingested before it happens', (r) => sql`select * from ${r} where ${r.ingested_at} < ${r.ts}`),
    c.$rows.sql('ts is the time that the line tells', (r) => sql`select * from ${r} where ${r.ts} <> ${r.event_time}`),
  ],
  backfill: { partitionsPerStep: 10 },
})

events.from(
  { raw, geoIp },
  duckdb(
    ({ raw, geoIp }) => sql`
  with parsed as (
    select ${raw.ts} as ts, ${raw.ingested_at} as ingested_at, ${raw.source_file} as source_file, ${raw.source_line} as source_line,
      case when json_valid(${raw.line}) then json_transform(${raw.line}, '{
        "event_id": "VARCHAR", "type": "VARCHAR", "ts": "VARCHAR", "user_id": "VARCHAR", "session_id": "VARCHAR", "product_id": "VARCHAR",
        "category": "VARCHAR", "price": "VARCHAR", "quantity": "VARCHAR", "currency": "VARCHAR", "order_id": "VARCHAR",
        "traffic_source": "VARCHAR", "device": "VARCHAR", "ip": "VARCHAR", "country": "VARCHAR", "user_agent": "VARCHAR",
        "store": "VARCHAR", "page": "VARCHAR", "referrer": "VARCHAR", "search_term": "VARCHAR", "experiment": "VARCHAR",
        "schema_version": "VARCHAR" }') end as e
    from ${raw}
  ),
  timed as (
    select *, case when try_cast(e.ts as timestamptz) = ts then ts end as event_time from parsed
  ),
  -- A line without id or time is a copy of nothing.
  keyed as materialized (
    select *, ts::date as day, case when event_time is not null then e.event_id end as copy_of from timed
  ),
  -- Only what came more than once is looked at again; sorting all rows would cost more than reading them.
  repeated as (
    select day, copy_of, count(*) as copies, min(struct_pack(ingested_at, source_file, source_line)) as first
    from keyed where copy_of is not null
    group by day, copy_of having count(*) > 1
  ),
  firsts as (
    select keyed.*, cast(coalesce(repeated.copies, 1) as integer) as copies
    from keyed left join repeated on repeated.day = keyed.day and repeated.copy_of = keyed.copy_of
    where repeated.first is null
      or (repeated.first.source_file = keyed.source_file and repeated.first.source_line = keyed.source_line)
  ),
  addresses as (
    select distinct e.ip as ip from firsts
  ),
  octets as (
    select ip, list_transform(string_split(ip, '.'), lambda octet: try_cast(octet as bigint)) as o from addresses where ip is not null
  ),
  places as (
    select octets.ip, ${geoIp.country} as country, ${geoIp.city} as city
    from octets join ${geoIp} on o[1] * 16777216 + o[2] * 65536 + o[3] * 256 + o[4] between ${geoIp.ip_from} and ${geoIp.ip_to}
  )
  select
    e.event_id as event_id, ts, event_time, ingested_at, e.type as type, try_cast(e.user_id as bigint) as user_id, e.session_id as session_id,
    epoch_ms(try_cast(split_part(e.session_id, '.', 1) as bigint))::timestamptz as visit_started_at,
    e.product_id as product_id, e.category as category,
    case when e.price is not null then coalesce(try_cast(e.price as decimal(18, 2)), -1) end as price,
    case when e.quantity is not null then coalesce(try_cast(e.quantity as integer), -1) end as quantity,
    e.currency as currency, e.order_id as order_id, e.traffic_source as traffic_source,
    case
      when e.user_agent is null then null
      when e.user_agent ilike '%bot%' then 'bot'
      when e.user_agent like '%iPad%' or (e.user_agent like '%Android%' and e.user_agent not like '%Mobile%') then 'tablet'
      when e.user_agent like '%Mobile%' then 'mobile'
      else 'desktop'
    end as device,
    e.device as reported_device, e.ip as ip, places.country as country, places.city as city, e.country as reported_country,
    e.user_agent as user_agent, e.store as store, e.page as page, e.referrer as referrer, e.search_term as search_term,
    e.experiment as experiment, try_cast(e.schema_version as integer) as schema_version, copies, source_file, source_line
  from firsts left join places on places.ip = e.ip`,
  ),
)
