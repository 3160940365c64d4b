import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { daily } from '../../src/partitions/declare.ts'
import { all, timeWindow } from '../../src/partitions/mapping.ts'
import { each, equals, intersect, type PartitionSet, range, union } from '../../src/partitions/partition-set.ts'
import { downstreamOf, type MappingSpec, upstreamOf } from '../../src/partitions/reach.ts'
import { t } from '../../src/schema/column.ts'
import { partitionSet, setOf, sorted } from './arbitrary.ts'

type Window = MappingSpec & { kind: 'timeWindow' }

/** Both offsets in any order of signs; the first is not after the second. */
const window: fc.Arbitrary<Window> = fc
  .record({ start: fc.integer({ min: -5, max: 3 }), length: fc.integer({ min: 0, max: 5 }), allowHoleAtEnd: fc.boolean() })
  .map(({ start, length, allowHoleAtEnd }) => ({ kind: 'timeWindow', startOffset: start, endOffset: start + length, allowHoleAtEnd }))
const IDENTITY: MappingSpec = { kind: 'identity' }
const ALL: MappingSpec = { kind: 'all' }

/** What one partition reads, by the words of the docstring. */
const readsOf = (w: Window, p: number): number[] => Array.from({ length: w.endOffset - w.startOffset + 1 }, (_, i) => p + w.startOffset + i)

/** What one partition needs: with a hole allowed, nothing after the last one made, save the first of its window. */
const needsOf = (w: Window, p: number, made: ReadonlySet<number>): number[] => {
  const last = Math.max(...made)
  return readsOf(w, p).filter((q) => !w.allowHoleAtEnd || q === p + w.startOffset || q <= last)
}

describe('upstream', () => {
  test('a window needs what each of its partitions reads, one by one', () => {
    fc.assert(
      fc.property(window, partitionSet, partitionSet, (w, wanted, made) => {
        const has = setOf(made)
        const needs = sorted([...each(wanted)].flatMap((p) => needsOf(w, p, has)))
        const { needed, missing } = upstreamOf(w, wanted, made, made)
        expect([...each(needed)]).toEqual(needs.filter((q) => has.has(q)))
        expect([...each(missing)]).toEqual(needs.filter((q) => !has.has(q)))
      }),
    )
  })

  test('identity needs the same partitions', () => {
    fc.assert(
      fc.property(partitionSet, partitionSet, (wanted, made) => {
        const { needed, missing } = upstreamOf(IDENTITY, wanted, made, made)
        expect(needed).toEqual(intersect(wanted, made))
        expect(equals(union(needed, missing), wanted)).toBe(true)
      }),
    )
  })

  test('all needs what has been made, and misses everything only while nothing has', () => {
    const exist = range(0, 10)
    expect(upstreamOf(ALL, range(0, 1), exist, range(2, 12))).toEqual({ needed: range(2, 10), missing: [] })
    expect(upstreamOf(ALL, range(0, 1), exist, [])).toEqual({ needed: [], missing: exist })
    expect(upstreamOf(ALL, [], exist, [])).toEqual({ needed: [], missing: [] })
  })

  test('a hole at the end: the window of the last day may lack its later days, not its first one', () => {
    const next: Window = { kind: 'timeWindow', startOffset: 0, endOffset: 1, allowHoleAtEnd: true }
    expect(upstreamOf(next, range(0, 5), range(0, 5), range(0, 5))).toEqual({ needed: range(0, 5), missing: [] })
    expect(upstreamOf(next, range(0, 5), range(0, 5), range(0, 4))).toEqual({ needed: range(0, 4), missing: range(4, 5) })
    expect(upstreamOf({ ...next, allowHoleAtEnd: false }, range(0, 5), range(0, 5), range(0, 5)).missing).toEqual(range(5, 6))
  })

  test('a hole in the middle is missing also where one at the end is allowed', () => {
    const next: Window = { kind: 'timeWindow', startOffset: 0, endOffset: 1, allowHoleAtEnd: true }
    expect(
      upstreamOf(next, range(1, 2), range(0, 5), [
        [0, 2],
        [3, 5],
      ]).missing,
    ).toEqual(range(2, 3))
  })
})

describe('downstream', () => {
  test('of a window it is the inverse of what each partition reads', () => {
    fc.assert(
      fc.property(window, partitionSet, partitionSet, (w, changed, reader) => {
        const moved = setOf(changed)
        expect([...each(downstreamOf(w, changed, reader))]).toEqual(
          [...each(reader)].filter((p) => readsOf(w, p).some((q) => moved.has(q))),
        )
      }),
    )
  })

  test('of identity it is the same partitions, of all it is the whole reader, and of no change nothing', () => {
    fc.assert(
      fc.property(partitionSet, partitionSet, (changed, reader) => {
        expect(downstreamOf(IDENTITY, changed, reader)).toEqual(intersect(changed, reader))
        expect(downstreamOf(ALL, changed, reader)).toEqual(changed.length === 0 ? [] : reader)
      }),
    )
  })

  test('what an upstream partition was needed by is downstream of it', () => {
    fc.assert(
      fc.property(fc.oneof(window, fc.constant(IDENTITY)), partitionSet, (mapping, wanted) => {
        const everything: PartitionSet = range(-100, 100)
        const { needed } = upstreamOf(mapping, wanted, everything, everything)
        expect(intersect(downstreamOf(mapping, needed, wanted), wanted)).toEqual(wanted)
      }),
    )
  })
})

test('wrapping a dep keeps what it is and says how it is read', () => {
  const days = daily({ start: '2026-01-01' })
  const dep = { key: 'bronze.a', schema: { id: t.long() }, partitions: days, feeds: days, mapping: IDENTITY }
  expect(timeWindow(dep, { startOffset: -6, endOffset: 0 })).toMatchObject({
    key: 'bronze.a',
    schema: dep.schema,
    partitions: days,
    mapping: { kind: 'timeWindow', startOffset: -6, endOffset: 0, allowHoleAtEnd: false },
  })
  expect(timeWindow(dep, { startOffset: 0, endOffset: 1, allowHoleAtEnd: true }).mapping).toMatchObject({ allowHoleAtEnd: true })
  expect(all(dep).mapping).toEqual(ALL)
})
