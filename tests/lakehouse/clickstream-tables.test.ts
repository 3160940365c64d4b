import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { given, materialize } from 'assay/testing'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { events as bronze } from '../../lakehouse/bronze/events.ts'
import { geoIp } from '../../lakehouse/bronze/geo_ip.ts'
import { clickstream } from '../../lakehouse/generator/clickstream.ts'
import { citiesOf } from '../../lakehouse/generator/geography.ts'
import { clickstreamSettings } from '../../lakehouse/settings.ts'
import { events as silver } from '../../lakehouse/silver/events.ts'
import { sessions } from '../../lakehouse/silver/sessions.ts'
import { openDatabase, statementOf } from './asset-rows.ts'

let folder: string
let database: Awaited<ReturnType<typeof openDatabase>>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-clickstream-'))
  await mkdir(join(folder, 'events'))
  vi.stubEnv('LAKEHOUSE_LANDING', folder)
  database = await openDatabase()
  const ranges = citiesOf(1).flatMap(({ name, country, ranges }) =>
    ranges.map(({ from, to }) => `(${from}, ${to}, '${country}', '${name}')`),
  )
  await database.run(`CREATE TABLE "geoIp" AS SELECT * FROM (VALUES ${ranges.join(', ')}) v(ip_from, ip_to, country, city)`)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  database.close()
  await rm(folder, { recursive: true, force: true })
})

const land = (day: string, lines: readonly string[]): Promise<void> =>
  writeFile(join(folder, 'events', `${day}.ndjson`), lines.map((line) => `${line}\n`).join(''))
const asTable = async (name: string, asset: object, from: string, to = from): Promise<void> =>
  database.run(`CREATE OR REPLACE TABLE "${name}" AS ${await statementOf(asset, from, to)}`)

interface Told {
  readonly id?: string
  readonly ts: string
  readonly at?: string
  readonly visit?: string
  readonly type?: string
}
const event = ({ id, ts, at = ts, visit, type = 'page_view' }: Told): string =>
  JSON.stringify({
    ...(id === undefined ? {} : { event_id: id }),
    type,
    ts,
    user_id: 7,
    session_id: `${Date.parse(visit ?? ts)}.7`,
    currency: 'EUR',
    traffic_source: 'email',
    user_agent: 'Firefox',
    ip: '198.18.0.1',
    schema_version: 1,
    ingested_at: at,
  })

it('bronze: a line stands on the day of its event, or at the start of the day it came when that cannot be', async () => {
  await land('2026-01-02', [
    event({ id: 'a', ts: '2026-01-02T10:00:00.123Z' }),
    '',
    '{"ts":"2026-01-02T1',
    event({ id: 'far', ts: '2020-01-01T00:00:00Z' }),
  ])
  await land('2026-01-03', [
    event({ id: 'late', ts: '2026-01-02T23:00:00Z', at: '2026-01-03T04:00:00Z' }),
    event({ id: 'next', ts: '2026-01-03T05:00:00Z' }),
  ])
  const { rows } = await materialize(bronze, { partitions: '2026-01-02' })
  expect(rows.map((row) => [row.source_file, row.source_line, row.ts.toJSON()])).toEqual([
    ['2026-01-02.ndjson', 1n, '2026-01-02T10:00:00.123000Z'],
    ['2026-01-02.ndjson', 2n, '2026-01-02T00:00:00.000000Z'],
    ['2026-01-02.ndjson', 3n, '2026-01-02T00:00:00.000000Z'],
    ['2026-01-02.ndjson', 4n, '2026-01-02T00:00:00.000000Z'],
    ['2026-01-03.ndjson', 1n, '2026-01-02T23:00:00.000000Z'],
  ])
  expect(rows[1]?.line).toBe('')
})

it('silver: the first ingested copy wins and counts the others; lines without id or time are nobody’s copies', async () => {
  const ts = '2026-01-02T10:00:00.000Z'
  await land('2026-01-02', [
    event({ id: 'a', ts, at: '2026-01-02T10:00:09Z' }),
    event({ id: 'a', ts, at: '2026-01-02T10:00:05Z' }),
    event({ ts }),
    event({ ts }),
    event({ id: 'b', ts: 'soon' }),
    event({ id: 'b', ts: 'soon' }),
  ])
  await land('2026-01-03', [event({ id: 'a', ts, at: '2026-01-03T00:00:05Z' })])
  const lines = (await materialize(bronze, { partitions: '2026-01-02' })).rows
  const place = { ip_from: 3323068416n, ip_to: 3323068671n, country: 'de', city: 'Kassel' }
  const made = await materialize(silver, { given: [given(bronze, lines), given(geoIp, [place])], partitions: '2026-01-02' })
  expect(made.rows).toMatchObject([{ event_id: 'a', copies: 3, source_line: 2n, city: 'Kassel', device: 'desktop' }])
  const told = made.rejects.map((row) => [row.source_line, row.event_id, row.copies, row.reject_reason])
  expect(told.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
    [3n, null, 1, 'event_id.not_null'],
    [4n, null, 1, 'event_id.not_null'],
    // 'soon' is no time, and it is that of the event, of its ingestion and of its visit.
    [5n, 'b', 1, 'event_time.not_null, ingested_at.not_null, visit_started_at.not_null'],
    [6n, 'b', 1, 'event_time.not_null, ingested_at.not_null, visit_started_at.not_null'],
  ])
})

/** Sessions of user 7 on a day, as `start..end × events`, a `+` when open. Sees the day and the next one, as the step does. */
async function sessionsOn(day: string, next: string | undefined): Promise<readonly unknown[]> {
  await database.run(
    `CREATE OR REPLACE VIEW events AS SELECT * FROM all_events WHERE ts::DATE IN (${[day, ...(next === undefined ? [] : [next])].map((d) => `'${d}'`).join(', ')})`,
  )
  const rows =
    await database.rows(`SELECT strftime(started_at, '%dT%H:%M') || '..' || strftime(ended_at, '%dT%H:%M') || ' × ' || events || if(is_open, '+', '') AS s
    FROM (${await statementOf(sessions, day)}) ORDER BY started_at`)
  return rows.map((row) => row['s'])
}

it('sessions: 30 minutes end one, it belongs to the day it started, and midnight neither cuts nor doubles it', async () => {
  const visit = '2026-01-02T23:40:00Z'
  const told = ['2026-01-02T10:00:00Z', '2026-01-02T10:30:00Z', '2026-01-02T11:00:01Z'].map((ts, i) => event({ id: `m${i}`, ts }))
  const night = [visit, '2026-01-02T23:59:00Z'].map((ts, i) => event({ id: `n${i}`, ts, visit }))
  const after = ['2026-01-03T00:20:00Z', '2026-01-03T00:45:00Z'].map((ts, i) => event({ id: `o${i}`, ts, visit }))
  const fresh = [event({ id: 'p', ts: '2026-01-03T09:00:00Z' }), event({ id: 'q', ts: '2026-01-04T00:10:00Z' })]
  await land('2026-01-02', [...told, ...night])
  await land('2026-01-03', [...after, ...fresh.slice(0, 1)])
  await land('2026-01-04', fresh.slice(1))
  await asTable('raw', bronze, '2026-01-02', '2026-01-04')
  await asTable('all_events', silver, '2026-01-02', '2026-01-04')
  expect(await sessionsOn('2026-01-02', '2026-01-03')).toEqual([
    '02T10:00..02T10:30 × 2',
    '02T11:00..02T11:00 × 1',
    '02T23:40..03T00:45 × 4',
  ])
  expect(await sessionsOn('2026-01-02', undefined)).toEqual(['02T10:00..02T10:30 × 2', '02T11:00..02T11:00 × 1', '02T23:40..02T23:59 × 2+'])
  expect(await sessionsOn('2026-01-03', '2026-01-04')).toEqual(['03T09:00..03T09:00 × 1'])
  expect(await sessionsOn('2026-01-04', undefined)).toEqual(['04T00:10..04T00:10 × 1'])
})

it('sessions: one takes events of two days at most, alone as in a range', async () => {
  const visit = '2026-01-02T23:50:00Z'
  const hours = Array.from({ length: 80 }, (_, i) =>
    event({ id: `e${i}`, ts: new Date(Date.parse(visit) + i * 25 * 60_000).toISOString(), visit }),
  )
  for (const day of ['2026-01-02', '2026-01-03', '2026-01-04'])
    await land(
      day,
      hours.filter((line) => line.includes(`"ts":"${day}`)),
    )
  await asTable('raw', bronze, '2026-01-02', '2026-01-04')
  await asTable('all_events', silver, '2026-01-02', '2026-01-04')
  const alone = await sessionsOn('2026-01-02', '2026-01-03')
  await database.run('CREATE OR REPLACE VIEW events AS SELECT * FROM all_events')
  const [inRange] = await database.rows(
    `SELECT sum(events)::INTEGER AS events, max(ended_at)::VARCHAR AS ended FROM (${await statementOf(sessions, '2026-01-02', '2026-01-04')})`,
  )
  expect(alone).toEqual(['02T23:50..03T23:35 × 58+'])
  expect(inRange).toEqual({ events: 58, ended: '2026-01-03 23:35:00+00' })
})

it('generated: nothing is lost on the way, and days come out the same alone, in a range, and by plain recomputation', async () => {
  const stream = clickstream({ ...clickstreamSettings({}), events: 12_000, days: 4, malformed: 0.02, duplicate: 0.05, late: 0.1 })
  const days = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']
  for (const day of days) await writeFile(join(folder, 'events', `${day}.ndjson`), stream.arrivalsOn(day))
  await asTable('raw', bronze, '2026-01-01', '2026-01-04')
  expect(await database.rows('SELECT count(*)::INTEGER AS n FROM raw')).toEqual([{ n: 12_000 }])
  await asTable('candidates', silver, '2026-01-01', '2026-01-04')
  expect(await database.rows('SELECT sum(copies)::INTEGER AS n FROM candidates')).toEqual([{ n: 12_000 }])
  await database.run(
    `CREATE TABLE all_events AS SELECT * FROM candidates WHERE event_id IS NOT NULL AND event_time IS NOT NULL AND user_id IS NOT NULL AND type <> 'pageview2'`,
  )
  await database.run('CREATE VIEW events AS SELECT * FROM all_events')
  await asTable('in_range', sessions, '2026-01-01', '2026-01-04')
  const single = []
  for (const [i, day] of days.entries()) {
    const seen = [day, days[i + 1] ?? day].map((d) => `'${d}'`).join(', ')
    await database.run(`CREATE OR REPLACE VIEW events AS SELECT * FROM all_events WHERE ts::DATE IN (${seen})`)
    single.push(...(await database.rows(`SELECT * FROM (${await statementOf(sessions, day)}) ORDER BY ALL`)))
  }
  const inRange = await database.rows('SELECT * FROM in_range')
  const sorted = single.sort((a, b) => compare(key(a), key(b)))
  expect(sorted).toEqual([...inRange].sort((a, b) => compare(key(a), key(b))))
  expect(await database.rows(PLAIN)).toEqual(await database.rows('SELECT user_id, started_at, ended_at, events FROM in_range ORDER BY ALL'))
})

const key = (row: Record<string, unknown>): string => `${String(row['user_id'])} ${String(row['started_at'])}`
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Inactivity alone, over everything at once: shares nothing with the asset. */
const PLAIN = `
  WITH gaps AS (SELECT *, ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts, event_id) AS gap FROM all_events),
    runs AS (SELECT *, count_if(gap IS NULL OR gap > INTERVAL 30 MINUTES) OVER (PARTITION BY user_id ORDER BY ts, event_id) AS run FROM gaps)
  SELECT user_id, min(ts) AS started_at, max(ts) AS ended_at, count(*)::INTEGER AS events FROM runs GROUP BY user_id, run ORDER BY ALL`
