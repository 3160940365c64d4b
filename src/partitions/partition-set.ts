/**
 * Sets of partitions as sorted, disjoint, half-open intervals of integers: day 20454 is 2026-01-01, the one partition of
 * an unpartitioned asset is 0. A million partitions in a row cost what one costs; nothing here lists keys.
 */
export type Interval = readonly [from: number, to: number]
export type PartitionSet = readonly Interval[]

export const EMPTY: PartitionSet = Object.freeze([])
/** The one partition of an unpartitioned asset. */
export const WHOLE: PartitionSet = Object.freeze([Object.freeze([0, 1] as const)])

/** All of `from ≤ p < to`. */
export const range = (from: number, to: number): PartitionSet => (from < to ? [[from, to]] : EMPTY)
export const isEmpty = (set: PartitionSet): boolean => set.length === 0
export const count = (set: PartitionSet): number => set.reduce((n, [from, to]) => n + to - from, 0)
export const equals = (a: PartitionSet, b: PartitionSet): boolean =>
  a.length === b.length && a.every(([from, to], i) => b[i]?.[0] === from && b[i]?.[1] === to)

export function contains(set: PartitionSet, partition: number): boolean {
  let low = 0
  let high = set.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((set[middle] as Interval)[1] <= partition) low = middle + 1
    else high = middle
  }
  const at = set[low]
  return at !== undefined && at[0] <= partition
}

/** Sorts, drops what is empty and joins what touches. */
export function normalise(intervals: Iterable<Interval>): PartitionSet {
  const sorted = [...intervals].filter(([from, to]) => from < to).sort((a, b) => a[0] - b[0])
  const joined: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

export function union(...sets: readonly PartitionSet[]): PartitionSet {
  const filled = sets.filter((set) => set.length > 0)
  const [first = EMPTY] = filled
  return filled.every((set) => set === first) ? first : normalise(filled.flat())
}

/** One of the two sets itself where that is the answer: of ten thousand assets without partitions all have one set. */
export function intersect(a: PartitionSet, b: PartitionSet): PartitionSet {
  if (a === b || a.length === 0) return a
  if (b.length === 0) return b
  const out: Interval[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i] as Interval
    const y = b[j] as Interval
    const from = Math.max(x[0], y[0])
    const to = Math.min(x[1], y[1])
    if (from < to) out.push([from, to])
    if (x[1] < y[1]) i++
    else j++
  }
  return out
}

export function subtract(a: PartitionSet, b: PartitionSet): PartitionSet {
  if (a === b) return EMPTY
  if (a.length === 0 || b.length === 0) return a
  const out: Interval[] = []
  let j = 0
  for (const [start, end] of a) {
    let from = start
    while (j < b.length && (b[j] as Interval)[1] <= from) j++
    for (let k = j; k < b.length && (b[k] as Interval)[0] < end; k++) {
      const [gapFrom, gapTo] = b[k] as Interval
      if (from < gapFrom) out.push([from, gapFrom])
      from = Math.max(from, gapTo)
    }
    if (from < end) out.push([from, end])
  }
  return out
}

/** Every partition moved by `by`. */
export const shift = (set: PartitionSet, by: number): PartitionSet => set.map(([from, to]) => [from + by, to + by])

/** Cut into sets of at most `size` partitions, each of one interval, in order. */
export function chunks(set: PartitionSet, size: number): readonly PartitionSet[] {
  const out: PartitionSet[] = []
  if (set.length === 1 && count(set) <= size) return [set]
  for (const [from, to] of set) for (let at = from; at < to; at += size) out.push([[at, Math.min(to, at + size)]])
  return out
}

/** The set of the first partitions of another, at most so many. */
export function first(set: PartitionSet, most: number): PartitionSet {
  const out: Interval[] = []
  let left = most
  for (const [from, to] of set) {
    if (left <= 0) break
    out.push([from, Math.min(to, from + left)])
    left -= to - from
  }
  return out
}

/** The partitions of a set, one by one. Only for what must touch each: showing a short list, naming files. */
export function* each(set: PartitionSet): Generator<number> {
  for (const [from, to] of set) for (let at = from; at < to; at++) yield at
}
