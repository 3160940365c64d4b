import type { ClickstreamSettings } from '../settings.ts'
import type { Random } from './random.ts'
import { MS_A_DAY } from './rhythm.ts'

/** Lines of one day of arrival, in no order. `at`: milliseconds into that day at which each arrived. */
export interface Arrivals {
  readonly lines: string[]
  readonly at: number[]
}

/** What happens to a line between the shop and the collector: it takes time, comes late, comes twice, comes broken. */
export interface Outbox {
  /** How many lines have been sent, copies included. */
  sent(): number
  full(): boolean
  /**
   * Sends an event that happened `ts` milliseconds into the day; `fields` starts with a comma. Without effect when full.
   */
  send(type: string, ts: number, fields: string): void
  /** What arrived on the day itself, and on the day after. */
  readonly arrivals: readonly [today: Arrivals, tomorrow: Arrivals]
}

const LONGEST_DELAY = 20 * 3_600_000
const SHORTEST_LATE = 5 * 60_000

/**
 * The outbox of one day.
 * @param isLast nothing arrives after the last day: what would, arrives in its last millisecond
 */
export function outboxOf(
  settings: ClickstreamSettings,
  day: { readonly index: number; readonly quota: number; readonly isLast: boolean; readonly random: Random },
): Outbox {
  const { random, quota } = day
  const stamp = stampsFrom(settings.start, day.index)
  const arrivals = [
    { lines: [] as string[], at: [] as number[] },
    { lines: [] as string[], at: [] as number[] },
  ] as const
  let sent = 0
  const deliver = (line: string, at: number): void => {
    const to = at < MS_A_DAY ? arrivals[0] : arrivals[1]
    to.lines.push(line)
    to.at.push(at % MS_A_DAY)
    sent++
  }
  const clipped = (at: number): number => (day.isLast ? Math.min(at, MS_A_DAY - 1) : at)
  const send = (type: string, ts: number, fields: string): void => {
    if (sent >= quota) return
    const id = `${day.index.toString(36)}-${sent.toString(36).padStart(5, '0')}`
    const event = `{"event_id":"${id}","type":"${type}","ts":"${stamp(ts)}"${fields},"ingested_at":"`
    const at = clipped(ts + delay(random, settings.late))
    if (random.next() < settings.malformed) return deliver(spoiled(`${event}${stamp(at)}"}\n`, random), at)
    deliver(`${event}${stamp(at)}"}\n`, at)
    if (random.next() >= settings.duplicate || sent >= quota) return
    const again = clipped(at + 1_000 + random.below(120_000))
    deliver(`${event}${stamp(again)}"}\n`, again)
  }
  return { sent: () => sent, full: () => sent >= quota, send, arrivals }
}

/** Mostly moments; for the late share anything from minutes to hours, short ones more often. */
const delay = (random: Random, late: number): number =>
  random.next() < late
    ? Math.floor(SHORTEST_LATE * (LONGEST_DELAY / SHORTEST_LATE) ** random.next())
    : 40 + Math.floor(2_500 * random.next() ** 3)

/** Five ways in which producers fail. */
const SPOIL: readonly ((line: string, random: Random) => string)[] = [
  (line, random) => `${line.slice(0, 20 + random.below(line.length - 40))}\n`,
  (line) => line.replace(/"event_id":"[^"]*",/, ''),
  (line) =>
    line.includes('"price":')
      ? line.replace(/"price":([0-9]+)\.([0-9]+)/, '"price":"$1,$2 EUR"')
      : line.replace(/"user_id":\d+/, '"user_id":"guest"'),
  (line) => line.replace(/"type":"[^"]*"/, '"type":"pageview2"'),
  (line) => line.replace(/"ts":"[^"]*"/, '"ts":"yesterday 25:61"'),
]
const spoiled = (line: string, random: Random): string => (SPOIL[random.below(SPOIL.length)] as (typeof SPOIL)[number])(line, random)

const MINUTES = Array.from({ length: 1440 }, (_, i) => `${two(Math.floor(i / 60))}:${two(i % 60)}`)
const SECONDS = Array.from({ length: 60 }, (_, i) => `:${two(i)}.`)
const MILLIS = Array.from({ length: 1000 }, (_, i) => `${String(i).padStart(3, '0')}Z`)

function two(n: number): string {
  return String(n).padStart(2, '0')
}

/** Milliseconds into the day `index` of the span as ISO 8601; up to two days are reached. From tables: it is called twice a line. */
function stampsFrom(start: string, index: number): (ms: number) => string {
  const midnight = Date.parse(`${start}T00:00:00Z`) + index * MS_A_DAY
  const dates = [0, 1].map((day) => new Date(midnight + day * MS_A_DAY).toISOString().slice(0, 11))
  return (ms) => {
    const inDay = ms < MS_A_DAY ? ms : ms - MS_A_DAY
    const minute = Math.floor(inDay / 60_000)
    const rest = inDay - minute * 60_000
    return (dates[ms < MS_A_DAY ? 0 : 1] as string) + MINUTES[minute] + SECONDS[Math.floor(rest / 1000)] + MILLIS[rest % 1000]
  }
}
