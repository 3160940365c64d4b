import { cumulativeOf, indexOf } from './random.ts'

export const MS_A_DAY = 86_400_000
const MS_AN_HOUR = 3_600_000

/** How busy the hours of a day are, UTC: quiet nights, a bump at noon, a peak in the evening. */
const HOURS = cumulativeOf([
  4, 2.5, 1.8, 1.5, 1.6, 2.4, 4.5, 7, 9, 10.5, 11.5, 12.5, 13.5, 12.5, 11.5, 11.5, 12.5, 14, 16.5, 19, 20, 17.5, 12.5, 7.5,
])
/** How busy the days of a week are, from Sunday. */
const WEEKDAYS = [1.3, 1.05, 0.95, 0.92, 0.96, 1.02, 1.22]

/** Milliseconds into the day by which the share `at` (0 ≤ at < 1) of its traffic has come. */
export function timeOfDay(at: number): number {
  const hour = indexOf(HOURS, at)
  const before = hour === 0 ? 0 : (HOURS[hour - 1] as number)
  const within = (at - before) / ((HOURS[hour] as number) - before)
  return Math.min(MS_A_DAY - 1, Math.floor((hour + within) * MS_AN_HOUR))
}

/** Lines per day: by weekday, growing a little from day to day, and exactly `total` together. */
export function quotas(total: number, firstDay: number, days: number): readonly number[] {
  const cumulative = cumulativeOf(
    Array.from({ length: days }, (_, i) => (WEEKDAYS[(firstDay + i + 4) % 7] as number) * (1 + (0.3 * i) / days)),
  )
  const upTo = cumulative.map((part, i) => (i === days - 1 ? total : Math.floor(total * part)))
  return upTo.map((end, i) => end - (upTo[i - 1] ?? 0))
}
