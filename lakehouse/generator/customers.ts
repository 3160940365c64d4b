import { Buffer } from 'node:buffer'
import type { ClickstreamSettings } from '../settings.ts'
import { type City, citiesOf } from './geography.ts'
import { FIRST_USER, isBot, peopleOf } from './people.ts'
import { type Random, randomOf } from './random.ts'
import { MS_A_DAY } from './rhythm.ts'

/**
 * What the shop's own database tells of its accounts, as an outbox does: each change once it is made, in the order of each
 * account, now and then twice. The same bytes for the same settings.
 */
export interface CustomerOutbox {
  /** The changes of one day (`YYYY-MM-DD`, UTC) as NDJSON. Empty outside the span. */
  changesOn(day: string): Buffer
}

/** An account as it stands. */
interface Account {
  readonly number: number
  city: City
  tier: 'standard' | 'plus'
  newsletter: boolean
  /** The day of the span on which it was closed. */
  closed: number | undefined
}

const STREAM = 0xc057
/** Chances of an account on a day. */
const MOVES = 0.004
const CHANGES_MIND = 0.01
const CHANGES_TIER = 0.005
const CLOSES = 0.002
const RETURNS = 0.05

export function customerOutbox(settings: ClickstreamSettings): CustomerOutbox {
  const firstDay = Date.parse(`${settings.start}T00:00:00Z`) / MS_A_DAY
  const cities = citiesOf(settings.seed)
  const people = peopleOf(settings)
  const accounts = new Map<number, Account>()
  const days: Buffer[] = []
  /** A day goes on from the accounts that the day before has left. */
  const next = (): Buffer => {
    const day = days.length
    const random = randomOf(settings.seed, STREAM + day)
    const lines: { readonly at: number; readonly line: string }[] = []
    for (let person = 0; person < people.count; person++) {
      if (isBot(person) || Math.max(0, people.signedUp[person] as number) > day) continue
      const known = accounts.get(person)
      const account = known ?? opened(FIRST_USER + person, people.homes[person] as City, random)
      accounts.set(person, account)
      // Accounts from before the span are told at its very beginning.
      const isOld = known === undefined && (people.signedUp[person] as number) < 0
      const at = isOld ? 0 : random.below(MS_A_DAY)
      if (known !== undefined && !change(account, { day, cities, random })) continue
      const line = lineOf(account, (firstDay + day) * MS_A_DAY + at)
      lines.push({ at, line })
      if (random.next() < settings.duplicate) lines.push({ at, line })
    }
    const sorted = lines.toSorted((a, b) => a.at - b.at)
    return Buffer.from(sorted.map(({ line }) => line).join(''), 'latin1')
  }
  return {
    changesOn: (day) => {
      const index = Date.parse(`${day}T00:00:00Z`) / MS_A_DAY - firstDay
      if (!(index >= 0 && index < settings.days)) return Buffer.alloc(0)
      while (days.length <= index) days.push(next())
      return days[index] as Buffer
    },
  }
}

const opened = (number: number, city: City, random: Random): Account => ({
  number,
  city,
  tier: random.next() < 0.15 ? 'plus' : 'standard',
  newsletter: random.next() < 0.4,
  closed: undefined,
})

/** What happens to an account on a day; false where nothing does. */
function change(
  account: Account,
  { day, cities, random }: { readonly day: number; readonly cities: readonly City[]; readonly random: Random },
): boolean {
  const at = random.next()
  if (account.closed !== undefined) {
    if (at < RETURNS) account.closed = undefined
    return at < RETURNS
  }
  if (at < MOVES) account.city = cities[random.below(cities.length)] as City
  else if (at < MOVES + CHANGES_MIND) account.newsletter = !account.newsletter
  else if (at < MOVES + CHANGES_MIND + CHANGES_TIER) account.tier = account.tier === 'plus' ? 'standard' : 'plus'
  else if (at < MOVES + CHANGES_MIND + CHANGES_TIER + CLOSES) account.closed = day
  else return false
  return true
}

/** A closed account tells no more than its number. */
function lineOf({ number, city, tier, newsletter, closed }: Account, at: number): string {
  const head = `{"customer_id":${number},"changed_at":"${new Date(at).toISOString()}"`
  if (closed !== undefined) return `${head},"op":"delete"}\n`
  return `${head},"op":"upsert","city":"${city.name}","country":"${city.country}","tier":"${tier}","newsletter":${newsletter}}\n`
}
