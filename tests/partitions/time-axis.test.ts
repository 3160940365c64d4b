import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { monthOf } from '../../src/partitions/calendar.ts'
import { parseCron } from '../../src/partitions/cron.ts'
import { count, each } from '../../src/partitions/partition-set.ts'
import type { Grain, TimeSpec } from '../../src/partitions/spec.ts'
import { axisOf, step, type TimeAxis, windowOfKey } from '../../src/partitions/time-axis.ts'
import { firings, firstOfEach, minutes } from './naive-time.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

/** A day on which the offset changes in an odd way, or in none. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-03-08'],
  ['America/New_York', '2026-11-01'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['Australia/Lord_Howe', '2026-10-04'],
  ['America/Sao_Paulo', '2017-10-15'],
  ['America/Sao_Paulo', '2018-02-18'],
  ['America/St_Johns', '2006-10-29'],
  ['Pacific/Apia', '2011-12-30'],
  ['Asia/Kathmandu', '1986-01-01'],
  ['Asia/Kathmandu', '2026-06-01'],
] as const

const spec = (grain: Grain, zone: string, cron?: string): TimeSpec => ({
  dim: 'time',
  grain,
  zone,
  start: '2000-01-01',
  ...(cron === undefined ? {} : { cron }),
})

const walks = new Map<string, ReturnType<typeof minutes>>()
function walkAround(zone: string, day: string): ReturnType<typeof minutes> {
  const known = walks.get(zone + day)
  if (known !== undefined) return known
  const at = Date.parse(`${day}T00:00:00Z`)
  const walk = minutes(zone, at - 3 * DAY, at + 4 * DAY)
  walks.set(zone + day, walk)
  return walk
}

/** Windows as the axis has them, over the stretch of a walk. */
function windowsOf(axis: TimeAxis, from: number, to: number): readonly { at: number; number: number }[] {
  const out: { at: number; number: number }[] = []
  const [first, last] = [axis.at(from), axis.at(to)]
  const holes = new Set(each(axis.holes(first, last + 1)))
  for (let number = first; number <= last; number++) {
    const at = axis.startOf(number)
    if (!holes.has(number) && at > from && at < to) out.push({ at, number })
  }
  return out
}

describe.each(CHANGES)('%s around %s', (zone, day) => {
  const at = Date.parse(`${day}T00:00:00Z`)
  const [from, to] = [at - 3 * DAY, at + 4 * DAY]

  test.each([
    ['day', (local: number) => Math.floor(local / DAY)],
    ['week', (local: number) => Math.floor((Math.floor(local / DAY) + 3) / 7)],
    ['month', (local: number) => monthOf(Math.floor(local / DAY))],
  ] as const)('a %s begins at the first minute whose local date lies in it', (grain, numberOf) => {
    expect(windowsOf(axisOf(spec(grain, zone)), from, to)).toEqual(firstOfEach(walkAround(zone, day), numberOf))
  })

  test('an hour begins whenever the clock shows a full hour', () => {
    const full = walkAround(zone, day).filter((minute) => minute.local % HOUR === 0 && minute.at > from)
    expect(windowsOf(axisOf(spec('hour', zone)), from, to)).toEqual(
      full.map((minute) => ({ at: minute.at, number: Math.floor(minute.at / HOUR) })),
    )
  })

  test.each(['30 2 * * *', '0 0 * * *', '0 2,3 * * *', '15,45 1 * * *', '0 * * * *', '*/20 * * * *', '0 */2 * * sun', '59 23 * * *'])(
    'cron %s fires as its rule says',
    (expression) => {
      // The first and last day are left out: a walk sees only half of what moves over midnight there.
      const [start, end] = [from + 1.5 * DAY, to - 1.5 * DAY]
      const wanted = firings(parseCron(expression), walkAround(zone, day)).filter((tick) => tick > start && tick < end)
      expect(windowsOf(axisOf(spec('cron', zone, expression)), start, end).map((window) => window.at)).toEqual(wanted)
    },
  )

  test.each(['hour', 'day', 'week', 'month', '30 2 * * *', '*/20 * * * *'])(
    'the key of each %s reads back, and holds its instants',
    (grain) => {
      const axis = axisOf(grain.includes('*') ? spec('cron', zone, grain) : spec(grain as Grain, zone))
      for (const { at: start, number } of windowsOf(axis, from, to)) {
        expect(windowOfKey(axis, axis.keyOf(number))).toBe(number)
        expect([axis.at(start), axis.at(start - 1) < number, axis.at(axis.startOf(number + 1) - 1)]).toEqual([number, true, number])
      }
    },
  )
})

describe('what is known from elsewhere', () => {
  test('days of 23, 24 and 25 hours, and one that is not there', () => {
    const length = (zone: string, day: string): number => {
      const axis = axisOf(spec('day', zone))
      const at = windowOfKey(axis, day) ?? Number.NaN
      return (axis.startOf(at + 1) - axis.startOf(at)) / HOUR
    }
    expect(['2026-03-28', '2026-03-29', '2026-10-25'].map((day) => length('Europe/Berlin', day))).toEqual([24, 23, 25])
    expect(length('Australia/Lord_Howe', '2026-04-05')).toBe(24.5)
    expect(length('America/Sao_Paulo', '2017-10-15')).toBe(23)
    expect(windowOfKey(axisOf(spec('day', 'Pacific/Apia')), '2011-12-30')).toBeUndefined()
    expect(length('Pacific/Apia', '2011-12-29')).toBe(24)
  })

  test('the repeated hour of Berlin has two keys, the skipped one none', () => {
    const axis = axisOf(spec('hour', 'Europe/Berlin'))
    const keys = (from: string, hours: number): string[] =>
      Array.from({ length: hours }, (_, i) => axis.keyOf(axis.at(Date.parse(from) + i * HOUR)))
    expect(keys('2026-10-24T23:00Z', 4)).toEqual([
      '2026-10-25T01:00',
      '2026-10-25T02:00+02:00',
      '2026-10-25T02:00+01:00',
      '2026-10-25T03:00',
    ])
    expect(keys('2026-03-29T00:00Z', 2)).toEqual(['2026-03-29T01:00', '2026-03-29T03:00'])
    expect(windowOfKey(axis, '2026-03-29T02:00')).toBeUndefined()
    expect(windowOfKey(axis, '2026-10-25T02:00')).toBeUndefined()
  })

  test('hours of Kathmandu begin at 15 past, and are numbered by the UTC hour', () => {
    const axis = axisOf(spec('hour', 'Asia/Kathmandu'))
    const at = Date.parse('2026-01-01T00:20Z')
    expect(axis.startOf(axis.at(at))).toBe(Date.parse('2026-01-01T00:15Z'))
    expect(axis.at(at)).toBe(Math.floor(at / HOUR))
    expect(axis.keyOf(axis.at(at))).toBe('2026-01-01T06:00')
  })

  test('numbers count from 1970, whatever the zone', () => {
    for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
      expect(windowOfKey(axisOf(spec('day', zone)), '1970-01-02')).toBe(1)
      expect(windowOfKey(axisOf(spec('week', zone)), '1969-12-29')).toBe(0)
      expect(windowOfKey(axisOf(spec('month', zone)), '2026-01')).toBe(56 * 12)
      expect(windowOfKey(axisOf(spec('cron', zone, '0 6 * * *')), '1970-01-02T06:00')).toBe(1)
    }
  })
})

test('a step passes over what is not there', () => {
  const axes = [axisOf(spec('day', 'Pacific/Apia')), axisOf(spec('hour', 'Australia/Lord_Howe')), axisOf(spec('hour', 'UTC'))]
  fc.assert(
    fc.property(fc.constantFrom(...axes), fc.integer({ min: -60, max: 60 }), fc.integer({ min: -80, max: 80 }), (axis, near, by) => {
      const middle = axis.at(Date.parse(axis === axes[0] ? '2011-12-30T12:00Z' : '2026-10-03T15:30Z'))
      const there = [...each([[middle - 400, middle + 400]])].filter((n) => count(axis.holes(n, n + 1)) === 0)
      const at = there.indexOf(middle) + near
      expect(step(axis, there[at] ?? 0, by)).toBe(there[at + by])
    }),
  )
})

describe('cron expressions', () => {
  test.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    'a * * * *',
    '1,,2 * * * *',
    '0 0 30 feb *',
    '0 0 31 4,6,9,11 *',
  ])('refuses %j', (text) => expect(() => parseCron(text)).toThrow(expect.objectContaining({ code: 'ASSAY-1016' })))

  test('names, ranges, steps, and Sunday as 0 and 7', () => {
    const fires = (text: string, day: string): boolean => parseCron(text).onDay(Date.parse(day) / DAY)
    expect(parseCron('5-20/5,50 6 * * *').minutes).toEqual([365, 370, 375, 380, 410])
    expect(['0 0 * * sun', '0 0 * * 0', '0 0 * * 7'].map((text) => fires(text, '2026-11-22'))).toEqual([true, true, true])
    expect(['2026-11-20', '2026-11-21'].map((day) => fires('0 0 * * MON-FRI', day))).toEqual([true, false])
    expect(['2026-01-13', '2026-02-13', '2026-02-14'].map((day) => fires('0 0 13 feb *', day))).toEqual([false, true, false])
    // Friday or the 13th: both are restricted.
    expect(['2026-11-13', '2026-11-20', '2026-10-13', '2026-10-14'].map((day) => fires('0 0 13 * fri', day))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})
