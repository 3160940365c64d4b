import { type Product, searchTerms } from './catalogue.ts'
import type { Outbox } from './outbox.ts'
import { cumulativeOf, indexOf, type Random } from './random.ts'

/** One visit to the shop while it lasts. */
export interface Visit {
  readonly random: Random
  readonly outbox: Outbox
  readonly catalogue: readonly (readonly Product[])[]
  /** What every line of the visit holds. */
  readonly fields: string
  /** Names the visit among all. */
  readonly session: string
  /** Index of the category that the visitor likes best. */
  readonly likes: number
  /** How willing to buy people from this source are; 1 is usual. */
  readonly zeal: number
  /** Milliseconds into the day: now, when it must be over, and the end of the span. */
  clock: number
  readonly until: number
  readonly horizon: number
}

/** A visit is over after this many milliseconds at the latest. */
export const LONGEST_VISIT = 2.5 * 3_600_000
/** Less than the half hour that ends a session, by far: a lost line does not cut a visit in two. */
const LONGEST_PAUSE = 9 * 60_000

export const SOURCES: readonly (readonly [source: string, weight: number, zeal: number, referrers: readonly string[]])[] = [
  ['organic', 34, 1, ['https://www.google.com/', 'https://duckduckgo.com/']],
  ['direct', 24, 1.2, []],
  ['paid', 18, 0.8, ['https://ads.example/click']],
  ['email', 12, 1.5, ['https://mail.example/newsletter']],
  ['social', 12, 0.5, ['https://www.instagram.com/', 'https://www.reddit.com/']],
]
const SOURCE_SHARES = cumulativeOf(SOURCES.map(([, weight]) => weight))

/** Sends an event now; false when the visit is over. */
function act(visit: Visit, type: string, fields = ''): boolean {
  if (visit.outbox.full() || visit.clock > visit.until || visit.clock >= visit.horizon) return false
  visit.outbox.send(type, visit.clock, fields === '' ? visit.fields : fields + visit.fields)
  return true
}

/** Time passes: seconds mostly, sometimes minutes. */
function pause(visit: Visit, seconds: number): void {
  visit.clock += Math.min(LONGEST_PAUSE, 400 + Math.floor(-Math.log(1 - visit.random.next()) * seconds * 1000))
}

/** A person who looks around, perhaps fills a cart, perhaps buys. */
export function shop(visit: Visit, isNew: boolean): void {
  const { random } = visit
  const cart: Cart = new Map()
  act(visit, 'session_start', ',"page":"/"')
  pause(visit, 1)
  act(visit, 'page_view', ',"page":"/"')
  if (isNew) {
    pause(visit, 40)
    act(visit, 'user_signup', ',"page":"/signup"')
  }
  // A third leaves at once; the others stay for a handful of products.
  const looks = random.next() < 0.3 ? 0 : 1 + Math.floor(-Math.log(1 - random.next()) * 3)
  for (let i = 0; i < looks; i++) look(visit, cart)
  if (cart.size > 0 && random.next() < 0.5) checkout(visit, cart)
  pause(visit, 30)
  if (random.next() < 0.75) act(visit, 'session_end')
}

type Cart = Map<Product, number>

function look(visit: Visit, cart: Cart): void {
  const { random } = visit
  const category = random.next() < 0.5 ? visit.likes : random.below(visit.catalogue.length)
  pause(visit, 20)
  if (random.next() < 0.3) {
    const terms = searchTerms(category)
    act(visit, 'search', `,"page":"/search","search_term":"${terms[random.below(terms.length)]}"`)
  } else {
    act(visit, 'page_view', `,"page":"/c/${category + 1}"`)
  }
  const product = pick(visit.catalogue[category] ?? [], random)
  pause(visit, 25)
  act(visit, 'product_view', `,"page":"/p/${product.id}"${product.fields}`)
  if (random.next() >= 0.15 * visit.zeal) return
  pause(visit, 20)
  const quantity = random.next() < 0.8 ? 1 : 2 + random.below(3)
  if (!act(visit, 'add_to_cart', `${product.fields},"quantity":${quantity}`)) return
  cart.set(product, quantity)
  if (random.next() >= 0.15) return
  pause(visit, 45)
  if (act(visit, 'remove_from_cart', `${product.fields},"quantity":${quantity}`)) cart.delete(product)
}

/** An order is one purchase a product, all with its number and its time. */
function checkout(visit: Visit, cart: Cart): void {
  pause(visit, 30)
  if (!act(visit, 'checkout', ',"page":"/checkout"') || visit.random.next() > 0.45 + 0.2 * visit.zeal) return
  pause(visit, 60)
  for (const [product, quantity] of cart) act(visit, 'purchase', `${product.fields},"quantity":${quantity},"order_id":"O${visit.session}"`)
}

/** Bots walk through the catalogue at a steady pace. */
export function crawl(visit: Visit): void {
  const { random, catalogue } = visit
  act(visit, 'session_start', ',"page":"/"')
  for (let left = 5 + random.below(30); left > 0; left--) {
    visit.clock += 1_500 + random.below(1_000)
    const product = pick(catalogue[random.below(catalogue.length)] ?? [], random)
    if (!act(visit, 'product_view', `,"page":"/p/${product.id}"${product.fields}`)) return
  }
}

/** The simple producer of a partner: nothing but views, carts and purchases at 60, 30 and 10 percent. */
export function funnel(visit: Visit): void {
  const { random, catalogue } = visit
  const steps = 2 + random.below(8)
  for (let step = 0; step < steps; step++) {
    const product = pick(catalogue[random.below(catalogue.length)] ?? [], random)
    const at = random.next()
    if (at < 0.6) act(visit, 'view', product.fields)
    else if (at < 0.9) act(visit, 'add_to_cart', `${product.fields},"quantity":1`)
    else act(visit, 'purchase', `${product.fields},"quantity":1,"order_id":"O${visit.session}.${step}"`)
    pause(visit, 30)
  }
}

/** The first products are wanted most. */
const pick = (products: readonly Product[], random: Random): Product =>
  products[Math.floor(products.length * random.next() ** 1.8)] as Product

/** The traffic source of a new visit, as an index into {@link SOURCES}. */
export const pickSource = (random: Random): number => indexOf(SOURCE_SHARES, random.next())
