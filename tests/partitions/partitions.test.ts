import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Interval, isEmpty, normalise } from '../../src/partitions/partition-set.ts'
import { dayIndex, dayKey } from '../../src/partitions/calendar.ts'
import { daily, UNPARTITIONED } from '../../src/partitions/declare.ts'
import { universe } from '../../src/partitions/partitions.ts'
import type { PartitionsSpec } from '../../src/partitions/spec.ts'
import { formatSet, parseSet, partitionKey } from '../../src/partitions/texts.ts'

/** Years 0000 to 9999: what YYYY-MM-DD can say. */
const day = fc.integer({ min: -719_528, max: 2_932_896 })
const DAYS: PartitionsSpec = { dim: 'time', grain: 'day', start: '2026-01-01' }
const MS_A_DAY = 86_400_000

describe('days', () => {
  test('index and key say the same of every day', () => {
    fc.assert(fc.property(day, (index) => void expect(dayIndex(dayKey(index))).toBe(index)))
    expect(dayIndex('1970-01-01')).toBe(0)
    expect(dayIndex('2026-01-01')).toBe(20_454)
    expect(dayKey(-1)).toBe('1969-12-31')
  })

  test('the next day is the next index, also over leap days', () => {
    expect(dayIndex('2024-02-29')).toBe((dayIndex('2024-02-28') ?? 0) + 1)
    expect(dayIndex('2024-03-01')).toBe((dayIndex('2024-02-29') ?? 0) + 1)
  })

  test.each([
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-01-32',
    '2026-1-1',
    '26-01-01',
    '2026-01-01T00:00',
    ' 2026-01-01',
    '',
    '20260101',
  ])('%j is no day', (text) => {
    expect(dayIndex(text)).toBeUndefined()
  })
})

describe('daily', () => {
  test.each([
    [{ start: '2026-02-30' }],
    [{ start: '2026-01-01', end: 'soon' }],
    [{ start: '2026-01-02', end: '2026-01-02' }],
    [{ start: '2026-01-02', end: '2026-01-01' }],
  ])('refuses %j', (given) => {
    expect(() => daily(given)).toThrow(expect.objectContaining({ code: 'ASSAY-1016' }))
  })

  test('is frozen data, and on() names the column', () => {
    const days = daily({ start: '2026-01-01', end: '2026-02-01' })
    expect(days.spec).toEqual({ dim: 'time', grain: 'day', start: '2026-01-01', end: '2026-02-01' })
    expect(days.on('at').spec).toEqual({ ...days.spec, column: 'at' })
    expect(days.on('at').column).toBe('at')
    expect(Object.isFrozen(days)).toBe(true)
  })

  test('exist from start up to end, or up to and including yesterday', () => {
    const start = 20_454
    expect(universe(daily({ start: '2026-01-01', end: '2026-01-04' }).spec, 0)).toEqual([[start, start + 3]])
    const open = daily({ start: '2026-01-01' }).spec
    expect(universe(open, (start + 2) * MS_A_DAY)).toEqual([[start, start + 2]])
    expect(universe(open, (start + 2) * MS_A_DAY - 1)).toEqual([[start, start + 1]])
    expect(universe(open, start * MS_A_DAY)).toEqual([])
    expect(universe(UNPARTITIONED.spec, 0)).toEqual([[0, 1]])
  })
})

describe('texts', () => {
  test('what formatSet says of a range, parseRange reads back', () => {
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 400 }), (from, length) => {
        const set: readonly Interval[] = [[Math.min(from, 2_932_400), Math.min(from, 2_932_400) + length]]
        expect(parseSet(DAYS, formatSet(DAYS, set), [])).toEqual(set)
      }),
    )
  })

  test('the parts of any set read back as the set', () => {
    const sets = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(sets, (list) => {
        const set = normalise(list.map(([from, length]): Interval => [from, from + length]))
        expect(parseSet(DAYS, formatSet(DAYS, set), [])).toEqual(set)
        expect(isEmpty(set)).toBe(false)
      }),
    )
  })

  test('the forms that people see', () => {
    expect(
      formatSet(DAYS, [
        [20_454, 20_455],
        [20_458, 20_461],
      ]),
    ).toBe('2026-01-01, 2026-01-05..2026-01-07')
    expect(formatSet(DAYS, [])).toBe('none')
    expect(formatSet(UNPARTITIONED.spec, [[0, 1]])).toBe('*')
    expect(formatSet(UNPARTITIONED.spec, [])).toBe('none')
    expect(partitionKey(DAYS, 20_454)).toBe('2026-01-01')
    expect(partitionKey(UNPARTITIONED.spec, 0)).toBe('*')
  })

  test.each([
    '',
    '..',
    '2026-01-01..',
    '..2026-01-01',
    '2026-01-02..2026-01-01',
    '2026-01-01..2026-01-02..2026-01-03',
    '2026-02-30',
    'today',
    '2026-01-01...2026-01-02',
  ])('%j is no range', (text) => {
    expect(() => parseSet(DAYS, text, [])).toThrow(expect.objectContaining({ code: 'ASSAY-4004' }))
  })
})
