import { Buffer } from 'node:buffer'
import type { ClickstreamSettings } from '../settings.ts'
import { catalogueOf, type Product } from './catalogue.ts'
import { type Arrivals, type Outbox, outboxOf } from './outbox.ts'
import { FIRST_USER, isBot, type People, peopleOf, pickPerson } from './people.ts'
import { type Random, randomOf } from './random.ts'
import { MS_A_DAY, quotas, timeOfDay } from './rhythm.ts'
import { crawl, funnel, LONGEST_VISIT, pickSource, SOURCES, shop, type Visit } from './visit.ts'

/** The clickstream of a shop: the same bytes for the same settings, whatever was asked for before. */
export interface Clickstream {
  /**
   * What arrives on one day (`YYYY-MM-DD`, UTC) as NDJSON, in the order of arrival: events of the day, and those of the
   * day before that were late or whose visit went on over midnight. Days in order are cheapest: the spill of the day
   * before is then at hand. Empty outside the span.
   */
  arrivalsOn(day: string): Buffer
}

/** Everything that all days share. */
interface World {
  readonly settings: ClickstreamSettings
  readonly firstDay: number
  readonly quotas: readonly number[]
  readonly people: People
  readonly catalogue: readonly (readonly Product[])[]
}

/** The day of the span from which producers send schema version 2, as a share of the span; they change over ten days. */
const SECOND_VERSION_FROM = 1 / 3
const HALF_AN_HOUR = 30 * 60_000
const NOTHING: Arrivals = { lines: [], at: [] }

export function clickstream(settings: ClickstreamSettings): Clickstream {
  const firstDay = Date.parse(`${settings.start}T00:00:00Z`) / MS_A_DAY
  const world: World = {
    settings,
    firstDay,
    quotas: quotas(settings.events, firstDay, settings.days),
    people: peopleOf(settings),
    catalogue: catalogueOf(settings.seed),
  }
  let spill = { onto: 0, arrivals: NOTHING }
  return {
    arrivalsOn: (day) => {
      const index = Date.parse(`${day}T00:00:00Z`) / MS_A_DAY - firstDay
      if (!(index >= 0 && index < settings.days)) return Buffer.alloc(0)
      const before = spill.onto === index ? spill.arrivals : eventsOf(world, index - 1)[1]
      const [today, tomorrow] = eventsOf(world, index)
      spill = { onto: index + 1, arrivals: tomorrow }
      return inOrder(before, today)
    },
  }
}

/** All visits that begin on a day, by day of arrival. */
function eventsOf(world: World, day: number): Outbox['arrivals'] {
  const { settings, people } = world
  const random = randomOf(settings.seed, 0x10000 + day)
  const quota = world.quotas[day] ?? 0
  const isLast = day === settings.days - 1
  const outbox = outboxOf(settings, { index: day, quota, isLast, random })
  const freeFrom = new Float64Array(people.count)
  const met = new Uint8Array(people.count)
  while (!outbox.full()) {
    // The time of a visit follows from the share of the day's lines that are out, so quota and rhythm both hold.
    const start = timeOfDay(Math.min(0.999_999, (outbox.sent() + 8 * random.next()) / quota))
    const person = pickPerson(people, random, { day, start, freeFrom })
    const visit = visitOf(world, outbox, { day, person, start, random, horizon: isLast ? MS_A_DAY : Number.POSITIVE_INFINITY })
    if (isBot(person)) crawl(visit)
    else if (random.next() < 0.05) funnel(visit)
    else shop(visit, people.signedUp[person] === day && met[person] === 0)
    met[person] = 1
    freeFrom[person] = visit.clock + HALF_AN_HOUR + 1
  }
  return outbox.arrivals
}

interface Start {
  readonly day: number
  readonly person: number
  readonly start: number
  readonly random: Random
  readonly horizon: number
}

function visitOf(world: World, outbox: Outbox, { day, person, start, random, horizon }: Start): Visit {
  const { settings, people } = world
  const [source, , zeal, referrers] = SOURCES[pickSource(random)] as (typeof SOURCES)[number]
  const referrer = referrers.length === 0 ? '' : `,"referrer":"${referrers[random.below(referrers.length)]}"`
  const user = FIRST_USER + person
  // As trackers do it, the id of a visit says when and by whom it was begun.
  const session = `${(world.firstDay + day) * MS_A_DAY + start}.${user}`
  const second = (day - settings.days * SECOND_VERSION_FROM) * 10 >= person % 100
  const version = second ? `,"experiment":"checkout:${person % 4 < 2 ? 'a' : 'b'}","schema_version":2` : ',"schema_version":1'
  return {
    random,
    outbox,
    catalogue: world.catalogue,
    fields: `,"user_id":${user},"session_id":"${session}","currency":"EUR","traffic_source":"${source}"${referrer}${people.fields[person]}${version}`,
    session,
    likes: people.likes[person] ?? 0,
    zeal,
    clock: start,
    until: start + LONGEST_VISIT,
    horizon,
  }
}

/** Lines by time of arrival; on a tie those of the day before first, then as they were sent. */
function inOrder(before: Arrivals, today: Arrivals): Buffer {
  const lines = [...before.lines, ...today.lines]
  const at = [...before.at, ...today.at]
  // Milliseconds and index in one number: sorting a Float64Array by value is several times faster than with a comparison.
  const order = Float64Array.from(at, (ms, i) => ms * INDEX + i).sort()
  // All of it is ASCII, so a character is a byte.
  const bytes = Buffer.allocUnsafe(lines.reduce((sum, line) => sum + line.length, 0))
  let end = 0
  for (const key of order) end += bytes.write(lines[key % INDEX] as string, end, 'latin1')
  return bytes
}

/** More lines than a day has. */
const INDEX = 2 ** 26
