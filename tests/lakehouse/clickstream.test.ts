import { describe, expect, it } from 'vitest'
import { clickstream } from '../../lakehouse/generator/clickstream.ts'
import { citiesOf } from '../../lakehouse/generator/geography.ts'
import { type ClickstreamSettings, clickstreamSettings } from '../../lakehouse/settings.ts'

const SETTINGS: ClickstreamSettings = { ...clickstreamSettings({}), events: 20_000, days: 5 }
const CLEAN: ClickstreamSettings = { ...SETTINGS, late: 0, duplicate: 0, malformed: 0 }
const DAYS = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05']

interface Event {
  readonly event_id: string
  readonly type: string
  readonly ts: string
  readonly ingested_at: string
  readonly user_id: number
  readonly session_id: string
  readonly ip: string
  readonly order_id?: string
}

const filesOf = (settings: ClickstreamSettings): string[] => {
  const stream = clickstream(settings)
  return DAYS.map((day) => stream.arrivalsOn(day).toString('utf8'))
}
const linesOf = (file: string): string[] => file.split('\n').slice(0, -1)
const eventsOf = (settings: ClickstreamSettings): Event[] =>
  filesOf(settings).flatMap((file) => linesOf(file).map((line) => JSON.parse(line) as Event))
const parsed = (line: string): Event | undefined => {
  try {
    return JSON.parse(line) as Event
  } catch {
    return undefined
  }
}

describe('the bytes', () => {
  it('are the same for the same settings and differ for another seed', () => {
    expect(filesOf(SETTINGS)).toEqual(filesOf(SETTINGS))
    expect(filesOf({ ...SETTINGS, seed: 2 })[0]).not.toEqual(filesOf(SETTINGS)[0])
  })

  it('do not depend on which days were asked for before', () => {
    const inTurn = filesOf(SETTINGS)
    const backwards = clickstream(SETTINGS)
    for (const [i, day] of [...DAYS.entries()].reverse()) expect(backwards.arrivalsOn(day).toString()).toBe(inTurn[i])
    for (const [i, day] of DAYS.entries()) expect(clickstream(SETTINGS).arrivalsOn(day).toString()).toBe(inTurn[i])
  })

  it.each([0, 1, 7, 999, 20_000])('are exactly %i lines, each ended', (events) => {
    const files = filesOf({ ...SETTINGS, events })
    expect(files.flatMap(linesOf)).toHaveLength(events)
    for (const file of files) expect(file === '' || file.endsWith('\n')).toBe(true)
  })

  it('are none outside the span', () => {
    const stream = clickstream(SETTINGS)
    for (const day of ['2025-12-31', '2026-01-06', 'never']) expect(stream.arrivalsOn(day)).toHaveLength(0)
  })

  it('stand in the order of arrival, each on its day of arrival', () => {
    for (const [i, file] of filesOf({ ...SETTINGS, malformed: 0 }).entries()) {
      const times = linesOf(file).map((line) => (JSON.parse(line) as Event).ingested_at)
      expect(times).toEqual([...times].sort())
      expect(new Set(times.map((time) => time.slice(0, 10)))).toEqual(new Set([DAYS[i]]))
    }
  })
})

describe('the events', () => {
  const events = eventsOf(CLEAN)

  it('are of all types, with ids of their own', () => {
    const types = [
      'add_to_cart',
      'checkout',
      'page_view',
      'product_view',
      'purchase',
      'remove_from_cart',
      'search',
      'session_end',
      'session_start',
      'user_signup',
      'view',
    ]
    expect([...new Set(events.map((e) => e.type))].sort()).toEqual(types)
    expect(new Set(events.map((e) => e.event_id)).size).toBe(events.length)
  })

  it('of a day arrive on it or on the next one, and never before they happen', () => {
    for (const e of eventsOf({ ...CLEAN, late: 0.5 })) {
      expect(e.ingested_at >= e.ts).toBe(true)
      expect((Date.parse(e.ingested_at.slice(0, 10)) - Date.parse(e.ts.slice(0, 10))) / 86_400_000).toBeLessThanOrEqual(1)
      expect(Date.parse(e.ingested_at) - Date.parse(e.ts)).toBeLessThan(86_400_000)
    }
  })

  it('of a user are less than 30 minutes apart within a visit, and more between visits', () => {
    const byUser = Map.groupBy(events, (e) => e.user_id)
    for (const own of byUser.values()) {
      own.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0))
      for (const [i, e] of own.entries()) {
        const before = own[i - 1]
        if (before !== undefined) expect(Date.parse(e.ts) - Date.parse(before.ts) > 30 * 60_000).toBe(e.session_id !== before.session_id)
      }
    }
    expect([...byUser.values()].filter((own) => new Set(own.map((e) => e.session_id)).size > 1).length).toBeGreaterThan(100)
  })

  it('are of one visit at a time, also where visits of two days meet', () => {
    const ended = new Map<number, number>()
    let close = 0
    const visits = [...Map.groupBy(eventsOf({ ...CLEAN, events: 150_000 }), (e) => e.session_id).values()]
    const spans = visits.map((visit) => ({
      user: visit[0]?.user_id ?? 0,
      from: Math.min(...visit.map((e) => Date.parse(e.ts))),
      to: Math.max(...visit.map((e) => Date.parse(e.ts))),
    }))
    for (const { user, from, to } of spans.sort((a, b) => a.from - b.from)) {
      if (from - (ended.get(user) ?? 0) <= 30 * 60_000) close++
      ended.set(user, to)
    }
    expect(close).toBe(0)
  })

  it('name their visit by its start, also over midnight', () => {
    let overMidnight = 0
    for (const visit of Map.groupBy(events, (e) => e.session_id).values()) {
      const start = visit.map((e) => e.ts).sort()[0] ?? ''
      expect(visit[0]?.session_id).toBe(`${Date.parse(start)}.${visit[0]?.user_id}`)
      if (visit.some((e) => e.ts.slice(0, 10) !== start.slice(0, 10))) overMidnight++
    }
    expect(overMidnight).toBeGreaterThan(0)
  })

  it('of an order have one time', () => {
    const orders = Map.groupBy(
      events.filter((e) => e.type === 'purchase'),
      (e) => e.order_id,
    )
    expect(orders.has(undefined)).toBe(false)
    for (const lines of orders.values()) expect(new Set(lines.map((e) => e.ts)).size).toBe(1)
  })

  it('of the partner are views, carts and purchases at about 60, 30 and 10 percent', () => {
    const partner = [...Map.groupBy(events, (e) => e.session_id).values()]
      .filter((visit) => visit.every((e) => ['view', 'add_to_cart', 'purchase'].includes(e.type)))
      .flat()
    const share = (type: string): number => partner.filter((e) => e.type === type).length / partner.length
    expect(partner.length).toBeGreaterThan(300)
    expect(share('view')).toBeCloseTo(0.6, 1)
    expect(share('add_to_cart')).toBeCloseTo(0.3, 1)
    expect(share('purchase')).toBeCloseTo(0.1, 1)
  })

  it('come from the ranges of bronze.geo_ip, but for a few', () => {
    const ranges = citiesOf(CLEAN.seed).flatMap((city) => city.ranges)
    const number = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    const addresses = [...new Set(events.map((e) => e.ip))].map(number)
    const inside = addresses.filter((ip) => ranges.some(({ from, to }) => from <= ip && ip <= to)).length
    expect(inside / addresses.length).toBeGreaterThan(0.9)
    expect(inside).toBeLessThan(addresses.length)
  })

  it('are many in the evening, on Sundays, and few at night', () => {
    const inHours = (from: number, to: number): number =>
      events.filter((e) => Number(e.ts.slice(11, 13)) >= from && Number(e.ts.slice(11, 13)) < to).length
    expect(inHours(18, 21)).toBeGreaterThan(5 * inHours(2, 5))
    const onDay = (day: string): number => events.filter((e) => e.ts.startsWith(day)).length
    expect(onDay('2026-01-04')).toBeGreaterThan(onDay('2026-01-02'))
  })
})

describe('the knobs', () => {
  it('late: that share takes five minutes or more', () => {
    const late = (share: number): number =>
      eventsOf({ ...CLEAN, late: share }).filter((e) => Date.parse(e.ingested_at) - Date.parse(e.ts) >= 5 * 60_000).length / 20_000
    expect(late(0)).toBe(0)
    expect(late(0.2)).toBeCloseTo(0.2, 1)
  })

  it('duplicate: that share comes again, later and otherwise the same', () => {
    expect(new Set(eventsOf(CLEAN).map((e) => e.event_id)).size).toBe(20_000)
    const copies = [...Map.groupBy(eventsOf({ ...CLEAN, duplicate: 0.1 }), (e) => e.event_id).values()].filter((same) => same.length > 1)
    expect(copies.length / 20_000).toBeCloseTo(0.09, 1)
    for (const [first, second] of copies) expect({ ...second, ingested_at: '' }).toEqual({ ...first, ingested_at: '' })
  })

  it('malformed: that share is broken, in five ways', () => {
    const lines = filesOf({ ...CLEAN, malformed: 0.1 }).flatMap(linesOf)
    const ways = {
      cut: lines.filter((line) => parsed(line) === undefined).length,
      'no id': lines.filter((line) => parsed(line) !== undefined && parsed(line)?.event_id === undefined).length,
      'bad number': lines.filter((line) => / EUR"|"guest"/.test(line) && parsed(line) !== undefined).length,
      'unknown type': lines.filter((line) => line.includes('pageview2') && parsed(line) !== undefined).length,
      'no time': lines.filter((line) => line.includes('25:61') && parsed(line) !== undefined).length,
    }
    for (const count of Object.values(ways)) expect(count / 20_000).toBeGreaterThan(0.01)
    expect(Object.values(ways).reduce((a, b) => a + b) / 20_000).toBeCloseTo(0.1, 1)
  })
})
