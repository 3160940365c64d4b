import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { daily, hourly, monthly, cron, product, type Partitions, staticPartitions, weekly } from '../../src/partitions/declare.ts'
import type { DeclaredMapping } from '../../src/partitions/mapping.ts'
import { each, type Interval, intersect, normalise, type PartitionSet, range } from '../../src/partitions/partition-set.ts'
import { universe } from '../../src/partitions/partitions.ts'
import { pack, unpack } from '../../src/partitions/product.ts'
import { downstreamOf, type MappingSpec, reachOf, upstreamOf } from '../../src/partitions/reach.ts'
import { resolveMapping } from '../../src/partitions/resolve.ts'
import { dimensionsOf, type PartitionsSpec, type TimeSpec } from '../../src/partitions/spec.ts'
import { axisOf } from '../../src/partitions/time-axis.ts'

const NOW = Date.UTC(2011, 11, 20)

/** Around the date that Apia skipped, and with it hours, weeks and a month of other lengths. */
const TIMES = [
  daily({ start: '2011-10-20', end: '2012-01-05', timezone: 'Pacific/Apia' }),
  daily({ start: '2011-10-20', end: '2012-01-05' }),
  hourly({ start: '2011-10-28', end: '2011-11-02', timezone: 'Europe/Berlin' }),
  hourly({ start: '2011-12-27', end: '2012-01-03', timezone: 'Pacific/Apia' }),
  weekly({ start: '2011-10-24', end: '2012-01-02', timezone: 'Europe/Berlin' }),
  monthly({ start: '2011-10', end: '2012-02', timezone: 'America/New_York' }),
  cron('0 6 * * mon,thu', { start: '2011-10-24', end: '2012-01-02', timezone: 'Europe/Berlin' }),
]
const COUNTRIES = staticPartitions(['de', 'fr', 'it'])

const anyPart = (exist: PartitionSet): fc.Arbitrary<PartitionSet> => {
  const all = [...each(exist)]
  const at = fc.nat(all.length - 1)
  return fc
    .array(fc.tuple(at, fc.nat(5)), { maxLength: 4 })
    .map((list) => intersect(normalise(list.map(([i, more]): Interval => [all[i] ?? 0, (all[i] ?? 0) + 1 + more])), exist))
}

function resolved(declared: DeclaredMapping, reader: Partitions, dep: Partitions): MappingSpec {
  const made = resolveMapping(declared, reader.spec, dep.spec)
  if (made.fault !== undefined) throw new Error(made.fault.what)
  return made.mapping
}

interface Piece {
  readonly n: number
  readonly start: number
  readonly end: number
}
const pieces = new Map<TimeSpec, readonly Piece[]>()

/** The windows that exist, widened on both sides so that all others and their offsets find theirs, in order. */
function windowsNear(spec: TimeSpec): readonly Piece[] {
  const known = pieces.get(spec)
  if (known !== undefined) return known
  const axis = axisOf(spec)
  const [from, to] = [axis.at(Date.UTC(2011, 5, 1)), axis.at(Date.UTC(2012, 7, 1))]
  const holes = new Set(each(axis.holes(from, to)))
  const made = [...each(range(from, to))].filter((n) => !holes.has(n)).map((n) => ({ n, start: axis.startOf(n), end: axis.startOf(n + 1) }))
  pieces.set(spec, made)
  return made
}

/** By its words: the windows of the dep that share an instant, and so many before and after. */
function naiveReads(reader: TimeSpec, dep: TimeSpec, window: number, by: { startOffset: number; endOffset: number }): readonly number[] {
  const [start, end] = [axisOf(reader).startOf(window), axisOf(reader).startOf(window + 1)]
  const windows = windowsNear(dep)
  const first = windows.findIndex((piece) => piece.start < end && piece.end > start)
  const last = windows.findLastIndex((piece) => piece.start < end && piece.end > start)
  return windows.slice(first + by.startOffset, last + by.endOffset + 1).map((piece) => piece.n)
}

const offsets = fc
  .record({ startOffset: fc.integer({ min: -3, max: 2 }), length: fc.nat(3) })
  .map(({ startOffset, length }) => ({ startOffset, endOffset: startOffset + length }))

describe('windows of any two grains and zones', () => {
  const pairs = TIMES.flatMap((reader) => TIMES.map((dep) => ({ reader, dep })))

  test('read what shares an instant with them, and are read back from it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...pairs), offsets, fc.infiniteStream(fc.nat()), ({ reader, dep }, by, seeds) => {
        const mapping = resolved({ kind: 'timeWindow', ...by, allowHoleAtStart: true, allowHoleAtEnd: true }, reader, dep)
        const readers = [...each(universe(reader.spec, NOW))]
        const some = [seeds.next().value ?? 0, seeds.next().value ?? 0].map((seed) => readers[seed % readers.length] ?? 0)
        const wanted = normalise(some.flatMap((n): Interval[] => [[n, n + 1]]))
        const naive = new Map(some.map((n) => [n, naiveReads(reader.spec, dep.spec, n, by)]))
        expect([...each(reachOf(mapping, wanted, () => []))]).toEqual([...new Set([...naive.values()].flat())].sort((a, b) => a - b))
        const [changed = 0] = naive.get(some[0] ?? 0) ?? []
        const down = new Set(each(downstreamOf(mapping, range(changed, changed + 1), wanted)))
        expect(some.map((n) => down.has(n))).toEqual(some.map((n) => naive.get(n)?.includes(changed) ?? false))
      }),
      { numRuns: 100 },
    )
  })

  test('of one grain and zone without holes only numbers are added', () => {
    const day = daily({ start: '2026-01-01' })
    expect(resolved({ kind: 'identity' }, day, day)).toEqual({ kind: 'identity' })
    expect(resolved({ kind: 'timeWindow', startOffset: 0, endOffset: 1, allowHoleAtEnd: true }, day, day)).toEqual({
      kind: 'timeWindow',
      startOffset: 0,
      endOffset: 1,
      allowHoleAtEnd: true,
    })
  })

  test('a month reads its days, a day reads its month, and a Berlin day the UTC hours from 23 on', () => {
    const [days, months] = [daily({ start: '2026-01-01' }), monthly({ start: '2026-01' })]
    const [day, month] = [20_454, 56 * 12]
    expect(reachOf(resolved({ kind: 'identity' }, months, days), range(month, month + 1), () => [])).toEqual(range(day, day + 31))
    expect(reachOf(resolved({ kind: 'identity' }, days, months), range(day, day + 31), () => [])).toEqual(range(month, month + 1))
    const [berlin, hours] = [daily({ start: '2026-01-02', timezone: 'Europe/Berlin' }), hourly({ start: '2026-01-01' })]
    expect(reachOf(resolved({ kind: 'identity' }, berlin, hours), range(day + 1, day + 2), () => [])).toEqual(
      range(day * 24 + 23, day * 24 + 47),
    )
  })

  test('the window before the first one is needed, unless a hole at the start is allowed', () => {
    const days = daily({ start: '2026-01-01', end: '2026-01-10' })
    const exist = universe(days.spec, NOW)
    const first = exist[0]?.[0] ?? 0
    const week = { kind: 'timeWindow', startOffset: -6, endOffset: 0, allowHoleAtEnd: false } as const
    expect(resolveMapping(week, days.spec, days.spec).fault?.what).toContain('2025-12-26')
    const open = resolved({ ...week, allowHoleAtStart: true }, days, days)
    expect(upstreamOf(open, exist, exist, exist)).toEqual({ needed: exist, missing: [] })
    expect(upstreamOf(open, range(first + 1, first + 2), exist, range(first + 1, first + 9)).missing).toEqual(range(first, first + 1))
  })
})

test('the last one is the last that has been made', () => {
  const mapping: MappingSpec = { kind: 'last' }
  expect(upstreamOf(mapping, range(0, 1), range(0, 9), range(2, 5))).toEqual({ needed: range(4, 5), missing: [] })
  expect(upstreamOf(mapping, range(0, 1), range(0, 9), [])).toEqual({ needed: [], missing: range(0, 9) })
  expect(reachOf(mapping, range(0, 3), () => range(2, 5))).toEqual(range(4, 5))
  expect(downstreamOf(mapping, range(4, 5), range(0, 3))).toEqual(range(0, 3))
})

test('values follow each other by name, or by a table', () => {
  const [regions, countries] = [staticPartitions(['us', 'eu']), staticPartitions(['de', 'us', 'fr'])]
  const table = resolved({ kind: 'table', table: { eu: ['de', 'fr'], us: ['us'] } }, regions, countries)
  expect(reachOf(table, range(1, 2), () => [])).toEqual([
    [0, 1],
    [2, 3],
  ])
  expect(downstreamOf(table, range(1, 2), range(0, 2))).toEqual(range(0, 1))
  expect(reachOf(resolved({ kind: 'identity' }, staticPartitions(['fr', 'de']), countries), range(0, 1), () => [])).toEqual(range(2, 3))
})

describe('products', () => {
  const days = daily({ start: '2011-12-25', end: '2012-01-05', timezone: 'Pacific/Apia' })
  const sales = product({ day: days, country: COUNTRIES, kind: staticPartitions(['a', 'b']) })
  const reports = product({
    country: staticPartitions(['it', 'de']),
    week: weekly({ start: '2011-12-26', end: '2012-01-02', timezone: 'Pacific/Apia' }),
  })
  const shop = product({ hour: hourly({ start: '2011-12-29', end: '2012-01-01' }), day: daily({ start: '1969-12-25', end: '1970-01-05' }) })

  test('a partition is one number, and one number a partition', () => {
    for (const { spec } of [sales, reports, shop]) {
      const all = [...each(universe(spec, NOW))]
      expect(new Set(all).size).toBe(all.length)
      for (const n of all) expect(pack(spec, unpack(spec, n))).toBe(n)
      expect(all.length).toBe(dimensionsOf(spec).reduce((n, d) => n * [...each(universe(d.spec, NOW))].length, 1))
    }
  })

  test('all windows of one value are one interval', () => {
    const many = product({ day: daily({ start: '1500-01-01', end: '2500-01-01' }), country: COUNTRIES })
    expect(universe(many.spec, NOW).length).toBe(3)
  })

  /** What one partition of a reader reads of a dep, coordinate by coordinate. */
  const CASES: readonly (readonly [
    string,
    DeclaredMapping,
    Partitions,
    Partitions,
    (at: readonly number[], of: readonly number[]) => boolean,
  ])[] = [
    ['the same of each', { kind: 'identity' }, sales, sales, (at, of) => at.every((n, i) => n === of[i])],
    [
      'all of one, a window of another',
      {
        kind: 'dimensions',
        dimensions: { day: { timeWindow: { startOffset: -1, endOffset: 0, allowHoleAtStart: true } }, country: 'same', kind: 'all' },
      },
      sales,
      sales,
      ([day = 0, country], [from = 0, of]) => country === of && (from === day || from === day - 1 || (day === 15_339 && from === 15_337)),
    ],
    [
      'weeks of days, some countries',
      { kind: 'dimensions', dimensions: { day: { of: 'week' }, country: 'same', kind: 'all' } },
      reports,
      sales,
      // Names, not numbers, say which country it is; 2191 is the week of 26 December 2011.
      ([country, week = 0], [day = 0, of]) => Math.floor((day + 3) / 7) === week && (country === 0 ? 2 : 0) === of,
    ],
    ['days of a product', { kind: 'identity' }, sales, days, ([day], [of]) => day === of],
    [
      'a dimension for days',
      { kind: 'dimensions', dimensions: { day: 'same', country: 'all', kind: 'all' } },
      days,
      sales,
      ([day], [of]) => day === of,
    ],
  ]

  test.each(CASES.map(([title, ...rest]) => [title, rest] as const))('%s', (_, [declared, reader, dep, reads]) => {
    const mapping = resolved(declared, reader, dep)
    const [readers, deps] = [universe(reader.spec, NOW), universe(dep.spec, NOW)]
    const at = (spec: PartitionsSpec, n: number): readonly number[] => (dimensionsOf(spec).length === 1 ? [n] : unpack(spec, n))
    fc.assert(
      fc.property(anyPart(readers), anyPart(deps), anyPart(deps), (wanted, changed, made) => {
        const wish = [...each(deps)].filter((d) => [...each(wanted)].some((r) => reads(at(reader.spec, r), at(dep.spec, d))))
        const done = new Set(each(made))
        const { needed, missing } = upstreamOf(mapping, wanted, deps, made)
        expect([...each(needed)]).toEqual(wish.filter((d) => done.has(d)))
        expect([...each(missing)]).toEqual(wish.filter((d) => !done.has(d)))
        expect([
          ...each(
            intersect(
              reachOf(mapping, wanted, () => deps),
              deps,
            ),
          ),
        ]).toEqual(wish)
        const moved = [...each(changed)].map((d) => at(dep.spec, d))
        expect([...each(downstreamOf(mapping, changed, readers))]).toEqual(
          [...each(readers)].filter((r) => moved.some((d) => reads(at(reader.spec, r), d))),
        )
      }),
      { numRuns: 25 },
    )
  })
})

describe('what leads nowhere says so', () => {
  const day = daily({ start: '2026-01-01' })
  const both = product({ day, country: COUNTRIES })
  const CASES = [
    ['an earlier start', { kind: 'identity' }, daily({ start: '2025-12-31' }), day, 'from 2025-12-31 on'],
    ['an end', { kind: 'identity' }, day, daily({ start: '2026-01-01', end: '2026-02-01' }), 'the dep ends with 2026-01-31'],
    ['values into days', { kind: 'identity' }, day, COUNTRIES, 'by values, and is itself partitioned by the day'],
    ['a value too many', { kind: 'identity' }, staticPartitions(['de', 'us']), COUNTRIES, 'at us, which it does not have'],
    ['a table with a gap', { kind: 'table', table: {} }, staticPartitions(['eu']), COUNTRIES, 'says nothing of eu'],
    ['offsets the wrong way round', { kind: 'timeWindow', startOffset: 1, endOffset: 0, allowHoleAtEnd: false }, day, day, 'from 1 to 0'],
    ['a product into days', { kind: 'identity' }, day, both, 'by day, country, and is itself partitioned by the day'],
    [
      'a dimension without a rule',
      { kind: 'dimensions', dimensions: { day: 'same' } },
      day,
      both,
      'without a rule for its dimension country',
    ],
    ['a rule too many', { kind: 'dimensions', dimensions: { day: 'same', country: 'all', x: 'all' } }, day, both, 'by its dimension x'],
    ['the last of values', { kind: 'last' }, day, COUNTRIES, 'only time windows'],
  ] as const
  test.each(CASES.map(([title, ...rest]) => [title, rest] as const))('%s', (_, [declared, reader, dep, words]) => {
    expect(resolveMapping(declared, reader.spec, dep.spec).fault?.what).toContain(words)
  })

  test('and what to write, dimension by dimension', () => {
    const next = (reader: Partitions, dep: Partitions): string | undefined =>
      resolveMapping({ kind: 'identity' }, reader.spec, dep.spec).fault?.next
    const advice = (rules: string): string => `Say how each dimension is read: { dep: perDimension(dep, { ${rules} }) }.`
    expect(next(day, both)).toBe(advice(`day: 'same', country: 'all'`))
    expect(next(COUNTRIES, both)).toBe(advice(`day: 'all', country: 'same'`))
    const more = product({ day, kind: staticPartitions(['a']), country: COUNTRIES })
    expect(next(both, more)).toBe(advice(`day: 'same', kind: 'all', country: 'same'`))
    // What lines up by name and not in time is told as such.
    expect(next(product({ day: daily({ start: '2025-12-31' }), country: COUNTRIES }), both)).toContain('Begin later')
  })
})
