import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  chunks,
  contains,
  count,
  each,
  EMPTY,
  equals,
  first,
  intersect,
  isEmpty,
  normalise,
  type PartitionSet,
  range,
  shift,
  subtract,
  union,
  WHOLE,
} from '../../src/partitions/partition-set.ts'
import { intervals, partitionSet, setOf, sorted } from './arbitrary.ts'

/** Sorted, without empty intervals, and with a gap between neighbours. */
function expectNormal(set: PartitionSet): void {
  for (const [i, [from, to]] of set.entries()) {
    expect(from).toBeLessThan(to)
    expect(to).toBeLessThan(set[i + 1]?.[0] ?? Number.POSITIVE_INFINITY)
  }
}

/** Holds an operation on intervals against the same on plain sets of numbers. */
const sameAs = (
  operation: (a: PartitionSet, b: PartitionSet) => PartitionSet,
  naive: (p: number, a: Set<number>, b: Set<number>) => boolean,
): void =>
  fc.assert(
    fc.property(partitionSet, partitionSet, (a, b) => {
      const result = operation(a, b)
      expectNormal(result)
      const [inA, inB] = [setOf(a), setOf(b)]
      expect([...each(result)]).toEqual(sorted([...inA, ...inB]).filter((p) => naive(p, inA, inB)))
    }),
  )

test('normalise keeps the partitions of any intervals', () => {
  fc.assert(
    fc.property(intervals, (list) => {
      const set = normalise(list)
      expectNormal(set)
      expect([...each(set)]).toEqual(sorted(list.flatMap((interval) => [...each([interval])])))
    }),
  )
})

test('union is the union of sets', () =>
  sameAs(
    (a, b) => union(a, b),
    (p, a, b) => a.has(p) || b.has(p),
  ))
test('intersect is the intersection of sets', () => sameAs(intersect, (p, a, b) => a.has(p) && b.has(p)))
test('subtract is the difference of sets', () => sameAs(subtract, (p, a, b) => a.has(p) && !b.has(p)))

test('count, contains, equals and isEmpty agree with plain sets', () => {
  fc.assert(
    fc.property(partitionSet, partitionSet, fc.integer({ min: -15, max: 30 }), (a, b, p) => {
      expect(count(a)).toBe(setOf(a).size)
      expect(contains(a, p)).toBe(setOf(a).has(p))
      expect(isEmpty(a)).toBe(setOf(a).size === 0)
      expect(equals(a, b)).toBe(isEmpty(subtract(a, b)) && isEmpty(subtract(b, a)))
      expect(equals(a, normalise([...a].reverse()))).toBe(true)
    }),
  )
})

test('shift moves every partition', () => {
  fc.assert(
    fc.property(
      partitionSet,
      fc.integer({ min: -9, max: 9 }),
      (set, by) => void expect([...each(shift(set, by))]).toEqual([...each(set)].map((p) => p + by)),
    ),
  )
})

test('chunks are of one interval, no larger than asked for, and together the set', () => {
  fc.assert(
    fc.property(partitionSet, fc.integer({ min: 1, max: 5 }), (set, size) => {
      const parts = chunks(set, size)
      for (const part of parts) {
        expect(part.length).toBe(1)
        expect(count(part)).toBeLessThanOrEqual(size)
      }
      expect(parts.flatMap((part) => [...each(part)])).toEqual([...each(set)])
    }),
  )
})

test('a million partitions in a row cost what one costs', () => {
  const long = range(0, 1_000_000)
  expect(count(long)).toBe(1_000_000)
  expect(subtract(long, range(10, 20))).toEqual([
    [0, 10],
    [20, 1_000_000],
  ])
  expect(range(3, 3)).toEqual(EMPTY)
  expect(count(WHOLE)).toBe(1)
})

test('the first of a set are those that come first', () => {
  fc.assert(
    fc.property(partitionSet, fc.nat(20), (set, most) => {
      expectNormal(first(set, most))
      expect([...each(first(set, most))]).toEqual([...each(set)].slice(0, most))
    }),
  )
  expect(first([[0, 3]], Number.POSITIVE_INFINITY)).toEqual([[0, 3]])
})
