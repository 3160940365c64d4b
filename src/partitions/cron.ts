import { AssayError } from '../errors.ts'
import { DAY_MS } from './calendar.ts'
import { firstInstant, instantsOf, spans, type Zone } from './zone.ts'

const MINUTE = 60_000

/** A cron expression of five fields: minute, hour, day of month, month, day of week. */
export interface Cron {
  /** Minutes of a day at which it fires, in order. */
  readonly minutes: readonly number[]
  /** Whether it fires on a day, counted from 1970-01-01. */
  readonly onDay: (day: number) => boolean
  /** It fires in every hour of its days: then it follows elapsed time, not the clock on the wall. */
  readonly everyHour: boolean
}

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly words: readonly string[]
}
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of week', min: 0, max: 7, words: WEEKDAYS },
]
const LONGEST_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Reads a cron expression. As in every cron, a day has to fit the day of month or the day of week where both are
 * restricted, else the one that is. @throws ASSAY-1016 when it is none, or never fires
 */
export function parseCron(text: string): Cron {
  const words = text.trim().split(/\s+/)
  if (words.length !== FIELDS.length) throw invalid(text, `it has ${words.length} fields, not five`)
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, i) => values(text, field, words[i] ?? '')) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ]
  if (weekdays.has(7)) weekdays.add(0)
  const anyDay = words[2]?.startsWith('*') ?? false
  const anyWeekday = words[4]?.startsWith('*') ?? false
  if (anyWeekday && ![...months].some((month) => [...days].some((day) => day <= (LONGEST_MONTH[month - 1] ?? 0))))
    throw invalid(text, 'no month that it names has such a day, so it never fires')
  const onDay = (index: number): boolean => {
    const date = new Date(index * DAY_MS)
    if (!months.has(date.getUTCMonth() + 1)) return false
    const [inMonth, inWeek] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())]
    return anyDay || anyWeekday ? inMonth && inWeek : inMonth || inWeek
  }
  const inOrder = (set: Set<number>): number[] => [...set].sort((a, b) => a - b)
  return { minutes: inOrder(hours).flatMap((hour) => inOrder(minutes).map((m) => hour * 60 + m)), onDay, everyHour: hours.size === 24 }
}

const invalid = (text: string, why: string): AssayError =>
  new AssayError('ASSAY-1016', `'${text}' is not a cron expression: ${why}`, {
    next: 'Write five fields: minute hour day-of-month month day-of-week, such as 30 6 * * mon-fri.',
  })

function values(text: string, field: Field, word: string): Set<number> {
  const out = new Set<number>()
  for (const part of word.split(',')) {
    const [span = '', step = '1', ...more] = part.split('/')
    const [first = '', last, ...rest] = span.split('-')
    const from = span === '*' ? field.min : numberOf(field, first)
    const to = span === '*' ? field.max : last !== undefined ? numberOf(field, last) : part.includes('/') ? field.max : from
    const by = /^\d+$/.test(step) ? Number(step) : 0
    if (from === undefined || to === undefined || by === 0 || more.length + rest.length > 0 || to < from)
      throw invalid(text, `'${part}' is no ${field.name}`)
    for (let at = from; at <= to; at += by) out.add(at)
  }
  return out
}

function numberOf({ min, max, words }: Field, text: string): number | undefined {
  const word = words.indexOf(text.toLowerCase())
  const value = word >= 0 ? word + (words === MONTHS ? 1 : 0) : /^\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

/**
 * The instants at which a cron fires on one local day, in order. Rarer than hourly: a local time that does not exist fires
 * at the first instant after the gap, one that comes twice at its second coming; a date that is skipped has none. Every
 * hour: each instant whose local time matches, none invented in a gap. Source of the rule: Vixie cron, as Dagster has it.
 */
function ticksOfDay(cron: Cron, zone: Zone, day: number): readonly number[] {
  const [from, to] = [firstInstant(zone, day * DAY_MS), firstInstant(zone, (day + 1) * DAY_MS)]
  if (from === to) return []
  if (cron.everyHour) return matching(cron, zone, from, to)
  if (!cron.onDay(day)) return []
  const fired = cron.minutes.map((minute) => lastInstant(zone, day * DAY_MS + minute * MINUTE))
  return fired.filter((tick, i) => tick !== fired[i - 1])
}

const lastInstant = (zone: Zone, local: number): number => instantsOf(zone, local).at(-1) ?? firstInstant(zone, local)

function matching(cron: Cron, zone: Zone, from: number, to: number): readonly number[] {
  return spans(zone, from, to).flatMap((span) => {
    const out: number[] = []
    for (let day = Math.floor((span.from + span.offset) / DAY_MS); day * DAY_MS < span.to + span.offset; day++) {
      if (!cron.onDay(day)) continue
      for (const minute of cron.minutes) {
        const at = day * DAY_MS + minute * MINUTE - span.offset
        if (at >= span.from && at < span.to) out.push(at)
      }
    }
    return out
  })
}

/** All ticks of a cron since 1970, by number. */
export interface Ticks {
  /** The instant of a tick; before the first, minus infinity. */
  at(index: number): number
  /** The last tick at or before an instant; -1 before the first. */
  last(instant: number): number
}

/** Only the number of ticks up to each day is kept; the ticks of a day are worked out when asked for. */
export function ticksOf(cron: Cron, zone: Zone): Ticks {
  /** Ticks before each day, from 1970-01-01. */
  const before: number[] = [0]
  const odd = oddDays(zone)
  const recent = new Map<number, readonly number[]>()
  const ofDay = (day: number): readonly number[] => {
    const known = recent.get(day)
    if (known !== undefined) return known
    const last = odd(day) ? lastBefore(day) : Number.NEGATIVE_INFINITY
    const ticks = ticksOfDay(cron, zone, day).filter((tick) => tick > last)
    if (recent.size >= RECENT_DAYS) recent.clear()
    recent.set(day, ticks)
    return ticks
  }
  const lastBefore = (day: number): number =>
    day <= 0 ? Number.NEGATIVE_INFINITY : (ticksOfDay(cron, zone, day - 1).at(-1) ?? Number.NEGATIVE_INFINITY)
  const countOf = (day: number): number => (odd(day) ? ofDay(day).length : cron.onDay(day) ? cron.minutes.length : 0)
  const reach = (day: number): void => {
    for (let at = before.length - 1; at < day; at++) before.push((before[at] as number) + countOf(at))
  }
  const at = (index: number): number => {
    if (index < 0) return Number.NEGATIVE_INFINITY
    for (let day = before.length; (before.at(-1) as number) <= index; day += DAYS_A_YEAR) reach(day)
    const day = lastNotAbove(before, index)
    return ofDay(day)[index - (before[day] as number)] as number
  }
  const last = (instant: number): number => {
    const day = Math.floor((instant + zone.offsetAt(instant)) / DAY_MS)
    if (day < 0) return -1
    reach(day + 2)
    const first = Math.max(0, day - 1)
    const near = [first, first + 1, first + 2].filter((d) => d <= day + 1).flatMap(ofDay)
    return (before[first] as number) - 1 + near.filter((tick) => tick <= instant).length
  }
  return { at, last }
}

const DAYS_A_YEAR = 366
/** Days whose ticks are kept: windows are mostly asked for one after the other. */
const RECENT_DAYS = 64

/** Days on which, or next to which, the offset changes; a year at a time. */
function oddDays(zone: Zone): (day: number) => boolean {
  const years = new Map<number, ReadonlySet<number>>()
  return (day) => {
    const year = Math.floor(day / DAYS_A_YEAR)
    let odd = years.get(year)
    if (odd === undefined) {
      const [from, to] = [(year * DAYS_A_YEAR - 3) * DAY_MS, ((year + 1) * DAYS_A_YEAR + 3) * DAY_MS]
      const days = zone.changes(from, to).flatMap(({ at, before, after }) => [at + before, at + after].map((t) => Math.floor(t / DAY_MS)))
      odd = new Set(days.flatMap((d) => [d - 1, d, d + 1]))
      years.set(year, odd)
    }
    return odd.has(day)
  }
}

/** The last position whose number is not above `value`; the numbers never fall. */
function lastNotAbove(numbers: readonly number[], value: number): number {
  let [low, high] = [0, numbers.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((numbers[middle] as number) <= value) low = middle
    else high = middle
  }
  return low
}
