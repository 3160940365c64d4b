import { type Random, randomOf } from './random.ts'

/** A city with shops. Addresses in it lie in its ranges. */
export interface City {
  readonly name: string
  readonly country: string
  readonly stores: readonly string[]
  readonly ranges: readonly AddressRange[]
}

/** IPv4 addresses as numbers, both ends included. */
export interface AddressRange {
  readonly from: number
  readonly to: number
}

/** Name, ISO country, short name, number of stores (0: orders come by post). */
// biome-ignore format: a table
const CITIES: readonly (readonly [name: string, country: string, short: string, stores: number])[] = [
  ['Berlin', 'DE', 'BER', 3], ['Hamburg', 'DE', 'HAM', 2], ['Munich', 'DE', 'MUC', 2], ['Cologne', 'DE', 'CGN', 1],
  ['Frankfurt', 'DE', 'FRA', 1], ['Leipzig', 'DE', 'LEJ', 1], ['Vienna', 'AT', 'VIE', 2], ['Graz', 'AT', 'GRZ', 1],
  ['Paris', 'FR', 'PAR', 3], ['Lyon', 'FR', 'LYS', 1], ['Marseille', 'FR', 'MRS', 1], ['Amsterdam', 'NL', 'AMS', 2],
  ['Rotterdam', 'NL', 'RTM', 1], ['Brussels', 'BE', 'BRU', 1], ['Antwerp', 'BE', 'ANR', 0], ['Madrid', 'ES', 'MAD', 2],
  ['Barcelona', 'ES', 'BCN', 2], ['Milan', 'IT', 'MIL', 2], ['Rome', 'IT', 'ROM', 1], ['Dublin', 'IE', 'DUB', 1],
  ['Lisbon', 'PT', 'LIS', 1], ['Helsinki', 'FI', 'HEL', 0],
]

/** 100.64.0.0/10 is shared address space (RFC 6598): an address in it is nobody's. */
const SPACE = 0x64400000
const BLOCK = 4096
const BLOCKS = 1024
const GEOGRAPHY_STREAM = 0x6e0

/** The cities with the address ranges of this seed: two to four blocks of 4,096 each. */
export function citiesOf(seed: number): readonly City[] {
  const random = randomOf(seed, GEOGRAPHY_STREAM)
  const blocks = shuffled(BLOCKS, random)
  let used = 0
  return CITIES.map(([name, country, short, stores]) => {
    const own = blocks.slice(used, used + 2 + random.below(3))
    used += own.length
    return {
      name,
      country,
      stores: Array.from({ length: stores }, (_, i) => `${short}-${i + 1}`),
      ranges: own.sort((a, b) => a - b).map((block) => ({ from: SPACE + block * BLOCK, to: SPACE + (block + 1) * BLOCK - 1 })),
    }
  })
}

/** An address of the city. */
export function addressIn(city: City, random: Random): string {
  const { from, to } = city.ranges[random.below(city.ranges.length)] as AddressRange
  return dotted(from + random.below(to - from + 1))
}

/** An address that no range holds: what a lookup does not find is part of life. */
export const addressOutside = (random: Random): string => dotted(0xc6120000 + random.below(0x20000))

const dotted = (address: number): string => `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`

function shuffled(length: number, random: Random): number[] {
  const order = Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const held = order[i] as number
    order[i] = order[j] as number
    order[j] = held
  }
  return order
}
