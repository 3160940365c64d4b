import { randomOf } from './random.ts'

export interface Product {
  readonly id: string
  readonly category: string
  readonly cents: number
  /** The product as it stands in a line: id, category and price. */
  readonly fields: string
}

/** Category, lowest and highest price in cents, what people search for. */
const CATEGORIES: readonly (readonly [name: string, from: number, to: number, terms: readonly string[]])[] = [
  ['kitchen', 490, 12_900, ['coffee grinder', 'pan', 'knife set', 'teapot']],
  ['lighting', 1_290, 24_900, ['desk lamp', 'fairy lights', 'lantern']],
  ['garden', 690, 34_900, ['planter', 'hose', 'bird feeder']],
  ['toys', 390, 8_900, ['puzzle', 'wooden train', 'board game']],
  ['textiles', 990, 15_900, ['linen sheets', 'wool throw', 'cushion']],
  ['stationery', 190, 4_900, ['notebook', 'fountain pen', 'calendar 2026']],
  ['sports', 1_490, 29_900, ['yoga mat', 'running belt', 'dumbbells']],
  ['books', 790, 5_900, ['cook book', 'travel guide', 'crime novel']],
]
export const CATEGORY_COUNT = CATEGORIES.length
const PRODUCTS_A_CATEGORY = 40
const CATALOGUE_STREAM = 0xca7

/** The products of this seed, by category; within one, the first are the most wanted. */
export function catalogueOf(seed: number): readonly (readonly Product[])[] {
  const random = randomOf(seed, CATALOGUE_STREAM)
  return CATEGORIES.map(([category, from, to], c) =>
    Array.from({ length: PRODUCTS_A_CATEGORY }, (_, i) => {
      const id = `P${c + 1}${String(i + 1).padStart(3, '0')}`
      // Cheap things are more frequent than dear ones, and end in 0 or 9 as prices do.
      const cents = Math.floor((from + (to - from) * random.next() ** 2.5) / 10) * 10 + (random.next() < 0.6 ? 9 : 0)
      return { id, category, cents, fields: `,"product_id":"${id}","category":"${category}","price":${euros(cents)}` }
    }),
  )
}

export const searchTerms = (category: number): readonly string[] => CATEGORIES[category]?.[3] ?? []

const euros = (cents: number): string => (cents / 100).toFixed(2)
