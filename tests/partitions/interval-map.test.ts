import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  assign,
  difference,
  domain,
  type IntervalMap,
  override,
  remove,
  restrict,
  valueAt,
  where,
} from '../../src/partitions/interval-map.ts'
import { contains, each, type PartitionSet } from '../../src/partitions/partition-set.ts'
import { intervalMap, partitionSet, setOf, sorted } from './arbitrary.ts'

/** One entry per partition. */
const plain = (map: IntervalMap<string>): Map<number, string> =>
  new Map(map.flatMap((e) => [...each([[e.from, e.to]])].map((p): [number, string] => [p, e.value])))

/** Sorted and disjoint, equal neighbours joined. */
function expectNormal(map: IntervalMap<string>): void {
  for (const [i, { from, to, value }] of map.entries()) {
    expect(from).toBeLessThan(to)
    const next = map[i + 1]
    if (next !== undefined) expect(to < next.from || (to === next.from && value !== next.value)).toBe(true)
  }
}

const onMapAndSet = (check: (map: IntervalMap<string>, set: PartitionSet) => void): void =>
  fc.assert(fc.property(intervalMap, partitionSet, check))

test('assign puts the value on the set and leaves the rest', () =>
  onMapAndSet((map, set) => {
    const expected = plain(map)
    for (const p of each(set)) expected.set(p, 'new')
    const result = assign(map, set, 'new')
    expectNormal(result)
    expect(plain(result)).toEqual(expected)
    expectNormal(assign(map, set, 'a'))
  }))

test('override puts what the other map has and leaves the rest', () =>
  fc.assert(
    fc.property(intervalMap, intervalMap, (map, over) => {
      const result = override(map, over)
      expectNormal(result)
      expect(plain(result)).toEqual(new Map([...plain(map), ...plain(over)]))
    }),
  ))

test('remove and restrict part a map in two', () =>
  onMapAndSet((map, set) => {
    const [outside, inside] = [remove(map, set), restrict(map, set)]
    expectNormal(outside)
    expectNormal(inside)
    const naive = [...plain(map)]
    expect(plain(outside)).toEqual(new Map(naive.filter(([p]) => !contains(set, p))))
    expect(plain(inside)).toEqual(new Map(naive.filter(([p]) => contains(set, p))))
  }))

test('domain, where and valueAt read what is there', () =>
  onMapAndSet((map) => {
    const naive = plain(map)
    expect([...each(domain(map))]).toEqual(sorted(naive.keys()))
    expect([...each(where(map, (value) => value === 'a'))]).toEqual(sorted([...naive].filter(([, value]) => value === 'a').map(([p]) => p)))
    for (let p = -15; p < 30; p++) expect(valueAt(map, p)).toBe(naive.get(p))
  }))

test('difference is where two maps do not have the same value', () => {
  fc.assert(
    fc.property(intervalMap, intervalMap, (a, b) => {
      const [x, y] = [plain(a), plain(b)]
      expect([...each(difference(a, b))]).toEqual(sorted([...x.keys(), ...y.keys()].filter((p) => x.get(p) !== y.get(p))))
      expect(difference(a, a)).toEqual([])
    }),
  )
})

test('a map made from the same values in another way is the same map', () =>
  onMapAndSet((map) => {
    const oneByOne = [...plain(map)].reduce<IntervalMap<string>>((made, [p, value]) => assign(made, [[p, p + 1]], value), [])
    expect(oneByOne).toEqual(map)
    expect(setOf(domain(oneByOne))).toEqual(setOf(domain(map)))
  }))
