import { type Interval, isEmpty, normalise, type PartitionSet, subtract } from './partition-set.ts'

/** A value per partition, as sorted disjoint intervals. Neighbours of equal value are joined. */
export interface Entry<V> {
  readonly from: number
  readonly to: number
  readonly value: V
}
export type IntervalMap<V> = readonly Entry<V>[]

/** The partitions that have a value. */
export const domain = <V>(map: IntervalMap<V>): PartitionSet => normalise(map.map((e): Interval => [e.from, e.to]))

/** The partitions whose value passes. */
export const where = <V>(map: IntervalMap<V>, test: (value: V) => boolean): PartitionSet =>
  normalise(map.filter((e) => test(e.value)).map((e): Interval => [e.from, e.to]))

export function valueAt<V>(map: IntervalMap<V>, partition: number): V | undefined {
  const at = map[firstEndingAfter(map, partition)]
  return at !== undefined && at.from <= partition ? at.value : undefined
}

/** Index of the first interval that ends after a partition: it holds it, or the partition has no value. */
function firstEndingAfter<V>(map: IntervalMap<V>, partition: number): number {
  let low = 0
  let high = map.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((map[middle] as Entry<V>).to <= partition) low = middle + 1
    else high = middle
  }
  return low
}

/** The map with `value` on every partition of `set`. */
export const assign = <V>(map: IntervalMap<V>, set: PartitionSet, value: V): IntervalMap<V> =>
  set.length === 1 ? assignOne(map, set[0] as Interval, value) : override(map, entriesOf(set, value))

const entriesOf = <V>(set: PartitionSet, value: V): IntervalMap<V> => set.map(([from, to]) => ({ from, to, value }))

/** A run assigns one interval after the other: what lies before and behind is not looked at. */
function assignOne<V>(map: IntervalMap<V>, [from, to]: Interval, value: V): IntervalMap<V> {
  if (map.length === 0) return [{ from, to, value }]
  // With the neighbours that touch it, which may have the same value.
  const first = firstEndingAfter(map, from - 1)
  let end = first
  while (end < map.length && (map[end] as Entry<V>).from <= to) end++
  return map.toSpliced(first, end - first, ...override(map.slice(first, end), [{ from, to, value }]))
}

/** The map with the values of another one wherever that has one. */
export const override = <V>(map: IntervalMap<V>, over: IntervalMap<V>): IntervalMap<V> =>
  over.length === 0 ? map : joined([...remove(map, domain(over)), ...over])

const ALL: PartitionSet = [[-Infinity, Infinity]]

/** The map without the partitions of `set`. */
export const remove = <V>(map: IntervalMap<V>, set: PartitionSet): IntervalMap<V> =>
  isEmpty(set) ? map : restrict(map, subtract(ALL, set))

/** The map on the partitions of `set` alone. What lies outside is passed over, not walked through. */
export function restrict<V>(map: IntervalMap<V>, set: PartitionSet): IntervalMap<V> {
  const out: Entry<V>[] = []
  for (const [from, to] of set) {
    for (let at = firstEndingAfter(map, from); at < map.length; at++) {
      const entry = map[at] as Entry<V>
      if (entry.from >= to) break
      const isInside = entry.from >= from && entry.to <= to
      out.push(isInside ? entry : { from: Math.max(entry.from, from), to: Math.min(entry.to, to), value: entry.value })
    }
  }
  return out
}

/** Whether two maps are the same, interval by interval. */
export const equalMaps = <V>(a: IntervalMap<V>, b: IntervalMap<V>): boolean =>
  a.length === b.length && a.every((e, i) => e.from === b[i]?.from && e.to === b[i]?.to && e.value === b[i]?.value)

/** The partitions on which two maps differ, also where only one has a value. Values are compared by `===`. */
export function difference<V>(a: IntervalMap<V>, b: IntervalMap<V>): PartitionSet {
  const cuts = [...new Set([...a, ...b].flatMap((e) => [e.from, e.to]))].sort((x, y) => x - y)
  const out: Interval[] = []
  for (let i = 0; i + 1 < cuts.length; i++) {
    const from = cuts[i] as number
    if (valueAt(a, from) !== valueAt(b, from)) out.push([from, cuts[i + 1] as number])
  }
  return normalise(out)
}

function joined<V>(entries: readonly Entry<V>[]): IntervalMap<V> {
  const out: { from: number; to: number; value: V }[] = []
  for (const e of [...entries].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1)
    if (last !== undefined && last.to === e.from && last.value === e.value) last.to = e.to
    else out.push({ ...e })
  }
  return out
}
