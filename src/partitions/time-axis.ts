import { DAY_MS, dayKey, HOUR_MS, minuteKey, mod, monthDay, monthKey, monthOf, offsetKey, parseLocal } from './calendar.ts'
import { parseCron, ticksOf } from './cron.ts'
import { count, EMPTY, type Interval, normalise, type PartitionSet } from './partition-set.ts'
import type { TimeSpec } from './spec.ts'
import { firstInstant, instantsOf, spans, type Zone, zoneOf } from './zone.ts'

/**
 * The windows of a grain in a zone, numbered from 1970 whatever the start of an asset: days by their local date, months by
 * their local month, weeks from the one of 1970-01-01, hours by the UTC hour in which they begin, ticks of a cron one by
 * one. Windows leave no instant out. A number without a window (a date that the zone skips) is a hole.
 */
export interface TimeAxis {
  readonly zone: Zone
  /** The window that holds an instant. */
  at(instant: number): number
  /** The first instant of a window; of a hole, that of the next window. So `startOf(n + 1)` is where window n ends. */
  startOf(window: number): number
  /** Numbers without a window in `from ≤ n < to`. */
  holes(from: number, to: number): PartitionSet
  /** The key as people write it. */
  keyOf(window: number): string
}

const axes = new Map<string, TimeAxis>()

/** @throws ASSAY-1016 for an unknown zone, or a cron that is none */
export function axisOf({ grain, zone, cron }: TimeSpec): TimeAxis {
  const id = JSON.stringify([grain, zone, cron])
  const known = axes.get(id)
  if (known !== undefined) return known
  const made =
    grain === 'cron' ? cronAxis(cron ?? '', zoneOf(zone)) : grain === 'hour' ? hourAxis(zoneOf(zone)) : dateAxis(grain, zoneOf(zone))
  axes.set(id, made)
  return made
}

/** Windows of whole days: the number of each from a day, its first day, its key. */
const DATES = {
  day: { of: (day: number) => day, first: (n: number) => n, key: dayKey },
  // 1970-01-01 was a Thursday; the Monday before it is day -3.
  week: { of: (day: number) => Math.floor((day + 3) / 7), first: (n: number) => n * 7 - 3, key: (n: number) => dayKey(n * 7 - 3) },
  month: { of: monthOf, first: monthDay, key: monthKey },
} as const

/** A window begins at the first instant whose local date lies in it. */
function dateAxis(grain: keyof typeof DATES, zone: Zone): TimeAxis {
  const { of, first, key } = DATES[grain]
  const startOf = (window: number): number => firstInstant(zone, first(window) * DAY_MS)
  return {
    zone,
    startOf,
    keyOf: key,
    at: (instant) => {
      let window = of(Math.floor((instant + zone.offsetAt(instant)) / DAY_MS))
      // Where the clock was set back over midnight, a new day had already begun.
      while (startOf(window + 1) <= instant) window++
      return window
    },
    holes: (from, to) => {
      if (grain !== 'day' || zone.name === 'UTC') return EMPTY
      const skips = zone.changes((from - 2) * DAY_MS, (to + 2) * DAY_MS).filter(({ before, after }) => after - before >= DAY_MS)
      const days = skips.flatMap(({ at, before, after }) => {
        const [last, next] = [Math.floor((at + before) / DAY_MS), Math.floor((at + after) / DAY_MS)]
        return Array.from({ length: next - last + 1 }, (_, i) => last + i)
      })
      return holesAmong(days, startOf, from, to)
    },
  }
}

const holesAmong = (candidates: readonly number[], startOf: (window: number) => number, from: number, to: number): PartitionSet =>
  normalise(candidates.filter((n) => n >= from && n < to && startOf(n) === startOf(n + 1)).map((n): Interval => [n, n + 1]))

/**
 * A window begins whenever the local clock shows a full hour: 60 minutes long, but for the few zones that shift by less
 * than an hour, where the one around the shift is shorter or longer. Its number is that of the UTC hour it begins in.
 */
function hourAxis(zone: Zone): TimeAxis {
  const begins = (hour: number): number | undefined => {
    for (const { from, to, offset } of spans(zone, hour * HOUR_MS, (hour + 1) * HOUR_MS)) {
      const start = from + mod(-(from + offset), HOUR_MS)
      if (start < to) return start
    }
    return undefined
  }
  const startOf = (hour: number): number => {
    for (let at = hour; ; at++) {
      const start = begins(at)
      if (start !== undefined) return start
    }
  }
  return {
    zone,
    startOf,
    at: (instant) => {
      for (let hour = Math.floor(instant / HOUR_MS); ; hour--) if ((begins(hour) ?? Number.POSITIVE_INFINITY) <= instant) return hour
    },
    holes: (from, to) => {
      if (zone.name === 'UTC') return EMPTY
      const shifts = zone.changes((from - 2) * HOUR_MS, (to + 2) * HOUR_MS).filter(({ before, after }) => (after - before) % HOUR_MS !== 0)
      const hours = shifts.flatMap(({ at }) => [-1, 0, 1, 2].map((near) => Math.floor(at / HOUR_MS) + near))
      return holesAmong([...new Set(hours)], startOf, from, to)
    },
    keyOf: (hour) => instantKey(zone, startOf(hour), (instant) => begins(Math.floor(instant / HOUR_MS)) === instant),
  }
}

function cronAxis(expression: string, zone: Zone): TimeAxis {
  const ticks = ticksOf(parseCron(expression), zone)
  return {
    zone,
    startOf: ticks.at,
    at: ticks.last,
    holes: () => EMPTY,
    keyOf: (tick) => instantKey(zone, ticks.at(tick), (instant) => ticks.at(ticks.last(instant)) === instant),
  }
}

/** The local time of an instant, with its offset where another window begins at the same local time. */
function instantKey(zone: Zone, instant: number, begins: (instant: number) => boolean): string {
  const offset = zone.offsetAt(instant)
  const twins = instantsOf(zone, instant + offset).filter(begins)
  return `${minuteKey(instant + offset)}${twins.length > 1 ? offsetKey(offset) : ''}`
}

const OFFSET = /[+-]\d\d:\d\d$/

/** The window of a key; undefined when it is the key of none. */
export function windowOfKey(axis: TimeAxis, key: string): number | undefined {
  for (const instant of instantsOfText(axis, key)) {
    const window = axis.at(instant)
    if (axis.startOf(window) === instant && axis.keyOf(window) === key) return window
  }
  return undefined
}

/**
 * The windows that begin within what a text names: a key, or a month, a day, an hour or a minute of local time. Undefined
 * when it names none.
 */
export function windowsWithin(axis: TimeAxis, text: string): PartitionSet | undefined {
  const exact = windowOfKey(axis, text)
  if (exact !== undefined) return [[exact, exact + 1]]
  const time = parseLocal(text)
  if (time === undefined) return undefined
  const [from, to] = [firstInstant(axis.zone, time.local), firstInstant(axis.zone, time.until)]
  const [first, end] = [firstFrom(axis, from), firstFrom(axis, to)]
  return first < end ? [[first, end]] : undefined
}

/** The first window that begins at or after an instant. */
export function firstFrom(axis: TimeAxis, instant: number): number {
  const window = axis.at(instant)
  return axis.startOf(window) >= instant ? window : window + 1
}

function instantsOfText(axis: TimeAxis, text: string): readonly number[] {
  const offset = OFFSET.exec(text.slice('YYYY-MM-DD'.length))?.[0] ?? ''
  const time = parseLocal(offset === '' ? text : text.slice(0, -offset.length))
  if (time === undefined) return []
  const instants = instantsOf(axis.zone, time.local)
  return instants.length === 0 ? [firstInstant(axis.zone, time.local)] : instants
}

/** The window that lies `by` windows after another; holes do not count. */
export function step(axis: TimeAxis, window: number, by: number): number {
  for (let target = window + by; ; ) {
    const skipped = count(by < 0 ? axis.holes(target, window) : axis.holes(window + 1, target + 1))
    const next = window + by + (by < 0 ? -skipped : skipped)
    if (next === target) return target
    target = next
  }
}
