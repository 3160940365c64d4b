/** A stream of random numbers that depends on its seeds alone. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number
  /** 0 ≤ x < n, whole. */
  below(n: number): number
}

/**
 * The stream of these seeds, 32 bits each. Different seeds give unrelated streams.
 * Source: sfc32 of PractRand (Chris Doty-Humphrey), 128 bits of state.
 */
export function randomOf(first: number, second: number): Random {
  let a = first | 0
  let b = second | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const step = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  // The seeds differ in few bits; this many steps spread them over the whole state.
  for (let i = 0; i < 15; i++) step()
  return { next: () => step() / 4_294_967_296, below: (n) => Math.floor((step() / 4_294_967_296) * n) }
}

/** The index whose share of `cumulative` (ascending, last is 1) the number `at` (0 to 1) falls into. */
export function indexOf(cumulative: readonly number[], at: number): number {
  let i = 0
  while (i < cumulative.length - 1 && at >= (cumulative[i] as number)) i++
  return i
}

/** Weights as ascending shares, the last of which is 1. */
export function cumulativeOf(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return weights.map((weight) => {
    sum += weight
    return sum / total
  })
}
