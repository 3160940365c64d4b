import type { ClickstreamSettings } from '../settings.ts'
import { CATEGORY_COUNT } from './catalogue.ts'
import { addressIn, addressOutside, type City, citiesOf } from './geography.ts'
import { cumulativeOf, indexOf, type Random, randomOf } from './random.ts'

/** Those who visit the shop, by number. Parallel lists: there may be millions. */
export interface People {
  readonly count: number
  /** The day of the span on which they signed up; negative: before it. */
  readonly signedUp: Int32Array
  /** Address, user agent and home as they stand in a line. */
  readonly fields: readonly string[]
  /** Where they live when the span begins. */
  readonly homes: readonly City[]
  /** The category that they like best. */
  readonly likes: Uint8Array
}

const AGENTS: readonly (readonly [device: string, agent: string, weight: number])[] = [
  ['ios', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 Version/18.2 Mobile/15E148 Safari/604.1', 26],
  ['android', 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/143.0.0.0 Mobile Safari/537.36', 25],
  ['android', 'Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/143.0.0.0 Safari/537.36', 3],
  ['ios', 'Mozilla/5.0 (iPad; CPU OS 18_2 like Mac OS X) AppleWebKit/605.1.15 Version/18.2 Mobile/15E148 Safari/604.1', 5],
  ['web', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/143.0.0.0 Safari/537.36', 22],
  ['web', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.2 Safari/605.1.15', 11],
  ['web', 'Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0', 4],
]
/** The number of the first person as a user of the shop. */
export const FIRST_USER = 100_000
const BOT = ['web', 'Mozilla/5.0 (compatible; ShelfBot/2.1; +https://shelfbot.example/about)'] as const
const AGENT_SHARES = cumulativeOf(AGENTS.map(([, , weight]) => weight))
const PEOPLE_STREAM = 0x9e0

/** Persons of this number are bots: they look at everything and buy nothing. */
export const isBot = (person: number): boolean => person % 101 === 100

/** As many that one comes back every few days; the count is even, see {@link pickPerson}. */
export function peopleOf(settings: ClickstreamSettings): People {
  const random = randomOf(settings.seed, PEOPLE_STREAM)
  const cities = citiesOf(settings.seed)
  const count = 2 * Math.max(200, Math.ceil(settings.events / settings.days / 6))
  const signedUp = new Int32Array(count)
  const likes = new Uint8Array(count)
  const homes: City[] = []
  const fields = Array.from({ length: count }, (_, person) => {
    signedUp[person] = random.below(2 * settings.days) - settings.days
    likes[person] = random.below(CATEGORY_COUNT)
    const home = cities[random.below(cities.length)] as City
    homes.push(home)
    return fieldsOf(person, home, random)
  })
  return { count, signedUp, homes, likes, fields }
}

function fieldsOf(person: number, city: City, random: Random): string {
  const [device, agent] = isBot(person) ? BOT : (AGENTS[indexOf(AGENT_SHARES, random.next())] as (typeof AGENTS)[number])
  const address = random.next() < 0.02 ? addressOutside(random) : addressIn(city, random)
  const store = city.stores[random.below(Math.max(1, city.stores.length))]
  return `,"device":"${device}","ip":"${address}","user_agent":"${agent}","country":"${city.country}"${store === undefined ? '' : `,"store":"${store}"`}`
}

/**
 * Somebody who is free for a visit at `start` (milliseconds into the day). Some come often, most seldom. Visits that may
 * reach over midnight belong to persons of the day's parity, and so do visits early in the day: a day can then be
 * generated without its neighbours, and still nobody is in two visits at once.
 */
export function pickPerson(
  people: People,
  random: Random,
  at: { readonly day: number; readonly start: number; readonly freeFrom: Float64Array },
): number {
  const nearMidnight = at.start < 5 * 3_600_000 || at.start > 20 * 3_600_000
  let person = Math.floor(people.count * random.next() ** 1.5)
  if (nearMidnight) person = person - (person % 2) + (at.day % 2)
  while ((at.freeFrom[person] as number) > at.start || (people.signedUp[person] as number) > at.day) person = (person + 2) % people.count
  return person
}
