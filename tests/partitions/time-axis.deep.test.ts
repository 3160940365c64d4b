import { expect, test } from 'vitest'
import { parseCron } from '../../src/partitions/cron.ts'
import { each } from '../../src/partitions/partition-set.ts'
import type { Grain, TimeSpec } from '../../src/partitions/spec.ts'
import { axisOf, windowOfKey } from '../../src/partitions/time-axis.ts'
import { firings, firstOfEach, minutes } from './naive-time.ts'

const DAY = 86_400_000
const [FROM, TO] = [Date.UTC(1971, 0, 1), Date.UTC(2037, 0, 1)]
const CRONS = ['30 2 * * *', '0 0 * * *', '0,30 1-3 * * *', '0 * * * *', '*/15 * * * *']
const WEEKS = 20

/** The same weeks in every run. Source: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function windows(spec: TimeSpec, from: number, to: number): readonly number[] {
  const axis = axisOf(spec)
  const [first, last] = [axis.at(from), axis.at(to)]
  const holes = new Set(each(axis.holes(first, last + 1)))
  const numbers = [...each([[first, last + 1]])].filter((n) => !holes.has(n))
  for (const n of numbers) expect([spec, windowOfKey(axis, axis.keyOf(n))]).toEqual([spec, n])
  return numbers.map((n) => axis.startOf(n)).filter((at) => at > from && at < to)
}

test.each(Intl.supportedValuesOf('timeZone'))('%s: twenty weeks, days and crons by a walk over every minute', (zone) => {
  const random = randomOf(zone.length * 7919 + zone.charCodeAt(zone.length - 1))
  for (let week = 0; week < WEEKS; week++) {
    const from = Math.floor((FROM + random() * (TO - FROM)) / DAY) * DAY
    const to = from + 7 * DAY
    const walk = minutes(zone, from - DAY, to + DAY)
    const spec = (grain: Grain, cron?: string): TimeSpec => ({
      dim: 'time',
      grain,
      zone,
      start: '2000-01-01',
      ...(cron === undefined ? {} : { cron }),
    })
    const days = firstOfEach(walk, (local) => Math.floor(local / DAY)).map(({ at }) => at)
    expect([zone, windows(spec('day'), from, to)]).toEqual([zone, days.filter((at) => at > from && at < to)])
    for (const cron of CRONS) {
      const wanted = firings(parseCron(cron), walk).filter((at) => at > from && at < to)
      expect([zone, cron, windows(spec('cron', cron), from, to)]).toEqual([zone, cron, wanted])
    }
  }
})
