import type { Cron } from '../../src/partitions/cron.ts'

/** Time zones by `Intl` alone, minute by minute: slow, and with nothing of what is tested. */
const MINUTE = 60_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** Local time of an instant as milliseconds, as if it were UTC. */
function localOf(timeZone: string, instant: number): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    const whole = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, ...whole })
    formats.set(timeZone, format)
  }
  return Date.parse(`${format.format(instant).replace(' ', 'T')}Z`)
}

export interface Minute {
  readonly at: number
  readonly local: number
}

/** Every minute of a stretch of time. */
export function minutes(timeZone: string, from: number, to: number): readonly Minute[] {
  const out: Minute[] = []
  for (let at = from; at < to; at += MINUTE) out.push({ at, local: localOf(timeZone, at) })
  return out
}

/** The first minute of each date, week or month that has not been seen before; the walk begins before the first. */
export function firstOfEach(
  walk: readonly Minute[],
  numberOf: (local: number) => number,
): readonly { readonly at: number; readonly number: number }[] {
  const out: { at: number; number: number }[] = []
  for (const { at, local } of walk) {
    const number = numberOf(local)
    if (out.every((seen) => seen.number < number)) out.push({ at, number })
  }
  return out.slice(1)
}

/** The instants at which a cron fires, by the words of the rule. The walk begins and ends on days without a change. */
export function firings(cron: Cron, walk: readonly Minute[]): readonly number[] {
  const fits = (local: number): boolean =>
    cron.onDay(Math.floor(local / 86_400_000)) && cron.minutes.includes((((local / MINUTE) % 1440) + 1440) % 1440)
  if (cron.everyHour) return walk.filter(({ local }) => fits(local)).map(({ at }) => at)
  const last = new Map<number, number>()
  const dates = new Set<number>()
  for (const { at, local } of walk) {
    last.set(local, at)
    dates.add(Math.floor(local / 86_400_000))
  }
  const fired = new Set<number>()
  const locals = walk.map(({ local }) => local)
  for (let local = Math.min(...locals.slice(0, 1)); local <= (locals.at(-1) ?? 0); local += MINUTE) {
    if (!fits(local) || !dates.has(Math.floor(local / 86_400_000))) continue
    const at = last.get(local) ?? walk.find((minute) => minute.local > local)?.at
    if (at !== undefined) fired.add(at)
  }
  return [...fired].sort((a, b) => a - b)
}
