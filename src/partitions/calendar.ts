/** Days and local times as numbers: arithmetic of the proleptic Gregorian calendar, without zones. */
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

const DAY = /^\d{4}-\d\d-\d\d$/
const TIME = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)$/

/** Days since 1970-01-01 of a `YYYY-MM-DD`; undefined when it is no day of the calendar. */
export function dayIndex(day: string): number | undefined {
  const ms = DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN
  return Number.isNaN(ms) || dayKey(ms / DAY_MS) !== day ? undefined : ms / DAY_MS
}

/** `YYYY-MM-DD` of a number of days since 1970-01-01. */
export const dayKey = (index: number): string => new Date(index * DAY_MS).toISOString().slice(0, 10)

/** `YYYY-MM` of a number of months since 1970-01. */
export const monthKey = (index: number): string => dayKey(monthDay(index)).slice(0, 7)

/** The first day of a month, both counted from 1970. */
export const monthDay = (index: number): number => new Date(0).setUTCFullYear(1970 + Math.floor(index / 12), mod(index, 12), 1) / DAY_MS

/** The month that a day lies in, both counted from 1970. */
export function monthOf(day: number): number {
  const date = new Date(day * DAY_MS)
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
}

/** A local time in milliseconds, as if it were UTC, with the length that was written: a month, a day or a minute. */
export interface LocalTime {
  readonly local: number
  /** The first local time that is no longer meant. */
  readonly until: number
}

/** `2026-01`, `2026-01-31` or `2026-01-31T13:45`; undefined for anything else. */
export function parseLocal(text: string): LocalTime | undefined {
  const month = /^\d{4}-\d\d$/.test(text) ? dayIndex(`${text}-01`) : undefined
  if (month !== undefined) return { local: month * DAY_MS, until: monthDay(monthOf(month) + 1) * DAY_MS }
  const day = dayIndex(text)
  if (day !== undefined) return { local: day * DAY_MS, until: (day + 1) * DAY_MS }
  const [, date = '', hour = '', minute = ''] = TIME.exec(text) ?? []
  const at = dayIndex(date)
  if (at === undefined) return undefined
  const local = at * DAY_MS + (Number(hour) * 60 + Number(minute)) * 60_000
  return { local, until: local + (minute === '00' ? HOUR_MS : 60_000) }
}

/** `YYYY-MM-DDTHH:MM` of a local time. */
export const minuteKey = (local: number): string => new Date(local).toISOString().slice(0, 16)

/** `+02:00` of an offset in milliseconds. */
export function offsetKey(offset: number): string {
  const minutes = Math.floor(Math.abs(offset) / 60_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** The remainder that has the sign of the divisor. */
export const mod = (n: number, by: number): number => ((n % by) + by) % by
