import { type Interval, intersect, isEmpty, normalise, type PartitionSet, subtract } from './partition-set.ts'

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
  let low = 0
  let high = map.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((map[middle] as Entry<V>).to <= partition) low = middle + 1
    else high = middle
  }
  const at = map[low]
  return at !== undefined && at.from <= partition ? at.value : undefined
}

/** The map with `value` on every partition of `set`. */
export const assign = <V>(map: IntervalMap<V>, set: PartitionSet, value: V): IntervalMap<V> =>
  joined([...remove(map, set), ...set.map(([from, to]) => ({ from, to, value }))])

/** The map without the partitions of `set`. */
export const remove = <V>(map: IntervalMap<V>, set: PartitionSet): IntervalMap<V> =>
  isEmpty(set) ? map : pieces(map, (interval) => subtract([interval], set))

/** The map on the partitions of `set` alone. */
export const restrict = <V>(map: IntervalMap<V>, set: PartitionSet): IntervalMap<V> => pieces(map, (interval) => intersect([interval], set))

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

function pieces<V>(map: IntervalMap<V>, keep: (interval: Interval) => PartitionSet): IntervalMap<V> {
  return map.flatMap((e) => keep([e.from, e.to]).map(([from, to]) => ({ from, to, value: e.value })))
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
