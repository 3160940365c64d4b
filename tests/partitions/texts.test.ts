import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cron, daily, hourly, monthly, product, staticPartitions, weekly } from '../../src/partitions/declare.ts'
import { each, type Interval, intersect, normalise, type PartitionSet } from '../../src/partitions/partition-set.ts'
import { universe } from '../../src/partitions/partitions.ts'
import { formatSet, parseSet, partitionKey, readSet } from '../../src/partitions/texts.ts'

const NOW = Date.UTC(2026, 10, 21)
const zone = { timezone: 'Europe/Berlin' } as const
const ODD = staticPartitions(['de', 'a b', 'x,y', 'k=v', '1..2', '"', 'none?', 'ü/ö', '\\'])

const EVERY_KIND = {
  hours: hourly({ start: '2026-10-24', end: '2026-10-27', ...zone }),
  'hours of a shift by 30 minutes': hourly({ start: '2026-10-03', end: '2026-10-06', timezone: 'Australia/Lord_Howe' }),
  days: daily({ start: '2011-12-20', end: '2012-01-10', timezone: 'Pacific/Apia' }),
  weeks: weekly({ start: '2026-01-05' }),
  months: monthly({ start: '2020-01' }),
  'a cron': cron('*/20 1-3 * * *', { start: '2026-10-24', end: '2026-10-27', ...zone }),
  'a cron of every hour': cron('0,30 * * * *', { start: '2026-10-25', end: '2026-10-26', ...zone }),
  values: ODD,
  'a product': product({
    day: daily({ start: '2011-12-28', end: '2012-01-03', timezone: 'Pacific/Apia' }),
    odd: ODD,
    hour: hourly({ start: '1970-01-01', end: '1970-01-01T04:00' }),
  }),
}

describe.each(Object.entries(EVERY_KIND))('%s', (_, { spec }) => {
  const exist = universe(spec, NOW)
  const all = [...each(exist)]

  test('every key reads back', () => {
    expect(new Set(all.map((n) => partitionKey(spec, n))).size).toBe(all.length)
    for (const n of all) expect(parseSet(spec, partitionKey(spec, n), exist)).toEqual([[n, n + 1]])
  })

  test('every set reads back', () => {
    const part: fc.Arbitrary<PartitionSet> = fc
      .array(fc.tuple(fc.nat(all.length - 1), fc.nat(9)), { maxLength: 5 })
      .map((list) => intersect(normalise(list.map(([i, more]): Interval => [all[i] ?? 0, (all[i] ?? 0) + 1 + more])), exist))
    fc.assert(
      fc.property(part, (set) => void expect(parseSet(spec, formatSet(spec, set), exist)).toEqual(set)),
      { numRuns: 50 },
    )
    expect(parseSet(spec, formatSet(spec, exist), exist)).toEqual(exist)
  })

  test('no text at all throws anything but ASSAY-4004', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-0-9T:.,=/" a-z]{0,20}$/)), (text) => {
        try {
          parseSet(spec, text, exist)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ASSAY-4004', next: expect.stringMatching(/^Write /) })
        }
      }),
    )
  })
})

test('a longer time means all windows in it', () => {
  const hours = hourly({ start: '2026-01-01', ...zone }).spec
  const count = (text: string): number => [...each(parseSet(hours, text, []))].length
  expect(['2026-03-29', '2026-10-25', '2026-10-24', '2026-01', '2026-10-25T03:00'].map(count)).toEqual([23, 25, 24, 31 * 24, 1])
  expect(formatSet(daily({ start: '2026-01-01' }).spec, parseSet(daily({ start: '2026-01-01' }).spec, '2026-01..2026-02', []))).toBe(
    '2026-01-01..2026-02-28',
  )
})

test('the forms that people see', () => {
  const { spec } = product({ day: daily({ start: '2026-01-01', end: '2026-03-01' }), country: staticPartitions(['de', 'fr', 'it']) })
  const exist = universe(spec, NOW)
  const read = (text: string): string => formatSet(spec, parseSet(spec, text, exist))
  expect(read('country=fr/day=2026-01-31')).toBe('day=2026-01-31/country=fr')
  expect(read('country=de,fr')).toBe('day=2026-01-01..2026-02-28/country=de,fr')
  expect(read('day=2026-01-01/country=de, day=2026-01-01/country=it')).toBe('day=2026-01-01/country=de,it')
  expect(read('*')).toBe('day=2026-01-01..2026-02-28/country=de,fr,it')
  for (const text of [
    '2026-01-01',
    'day=',
    'day=2026-01-01/day=2026-01-02',
    'land=de',
    'day=2026-01-01/country=us',
    '=',
    'day=2026-01-01/',
  ])
    expect([text, readSet(spec, text, exist)]).toEqual([text, undefined])
})

describe('declarations', () => {
  test.each([
    ['an unknown zone', () => daily({ start: '2026-01-01', timezone: 'Europe/Berlln' }), "'Europe/Berlln' is not a time zone"],
    ['a week that begins in its middle', () => weekly({ start: '2026-01-01' }), "no week begins at start '2026-01-01'"],
    ['a month that does', () => monthly({ start: '2026-01-15' }), "no month begins at start '2026-01-15'"],
    ['an hour that is none', () => hourly({ start: '2026-01-01T00:30' }), "no hour begins at start '2026-01-01T00:30'"],
    ['an end before the start', () => hourly({ start: '2026-01-02', end: '2026-01-01' }), 'does not lie after start'],
    ['an end offset with an end', () => daily({ start: '2026-01-01', end: '2026-01-02', endOffset: 1 }), 'endOffset'],
    ['a cron that never fires', () => cron('0 0 30 2 *', { start: '2026-01-01' }), 'never fires'],
    ['a cron before 1970', () => cron('0 0 * * *', { start: '1969-01-01' }), 'before 1970'],
    ['no values', () => staticPartitions([]), 'at least one value'],
    ['a value twice', () => staticPartitions(['a', 'b', 'a']), "'a' comes twice"],
    ['one dimension', () => product({ day: daily({ start: '2026-01-01' }) }), 'two or more dimensions'],
    ['a name that is none', () => product({ 'a b': ODD, c: ODD }), "'a b' is not a name"],
    [
      'too many values',
      () => product({ a: ODD, b: ODD, c: ODD, d: staticPartitions(Array.from({ length: 512 }, (_, i) => `v${i}`)) }),
      'room for 511',
    ],
  ])('refuse %s', (_, declare, words) => {
    expect(declare).toThrow(expect.objectContaining({ code: 'ASSAY-1016', message: expect.stringContaining(words) }))
  })

  test('an end offset moves an open end', () => {
    const ends = (endOffset: number): string =>
      formatSet(daily({ start: '2026-11-18' }).spec, universe(daily({ start: '2026-11-18', endOffset }).spec, NOW + 1))
    expect([-1, 0, 1].map(ends)).toEqual(['2026-11-18..2026-11-19', '2026-11-18..2026-11-20', '2026-11-18..2026-11-21'])
  })
})
