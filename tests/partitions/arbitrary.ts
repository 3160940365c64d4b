import fc from 'fast-check'
import { assign, type IntervalMap } from '../../src/partitions/interval-map.ts'
import { each, type Interval, normalise, type PartitionSet } from '../../src/partitions/partition-set.ts'

/** Small numbers on both sides of zero, so that ranges meet, touch and overlap often. */
const interval: fc.Arbitrary<Interval> = fc
  .tuple(fc.integer({ min: -12, max: 20 }), fc.integer({ min: 0, max: 6 }))
  .map(([from, length]) => [from, from + length])

export const intervals: fc.Arbitrary<readonly Interval[]> = fc.array(interval, { maxLength: 6 })
export const partitionSet: fc.Arbitrary<PartitionSet> = intervals.map(normalise)

/** Made by assigning a few values one over the other. */
export const intervalMap: fc.Arbitrary<IntervalMap<string>> = fc
  .array(fc.tuple(partitionSet, fc.constantFrom('a', 'b', 'c')), { maxLength: 5 })
  .map((steps) => steps.reduce<IntervalMap<string>>((map, [set, value]) => assign(map, set, value), []))

export const setOf = (set: PartitionSet): Set<number> => new Set(each(set))
export const sorted = (partitions: Iterable<number>): number[] => [...new Set(partitions)].sort((a, b) => a - b)
