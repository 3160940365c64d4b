import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Instant } from '../../src/schema/instant.ts'

/** Years 0000 to 9999, in microseconds. */
const micros = fc.bigInt({ min: -62_167_219_200_000_000n, max: 253_402_300_799_999_999n })

test('a text loses nothing: every microsecond reads back', () => {
  fc.assert(fc.property(micros, (value) => void expect(Instant.parse(new Instant(value).toString()).micros).toBe(value)))
})

test('milliseconds are rounded down, also before 1970', () => {
  fc.assert(
    fc.property(micros, (value) => {
      const rest = value - BigInt(new Instant(value).toMillis()) * 1_000n
      expect(rest >= 0n && rest < 1_000n).toBe(true)
    }),
  )
  expect(new Instant(-1n).toMillis()).toBe(-1)
  expect(Instant.fromMillis(-5).micros).toBe(-5_000n)
})

describe('texts', () => {
  test.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000000Z'],
    ['2026-01-31 12:00:00Z', '2026-01-31T12:00:00.000000Z'],
    ['2026-01-31T12:00:00.5+02:00', '2026-01-31T10:00:00.500000Z'],
    ['2026-01-31T12:00:00.123456-0530', '2026-01-31T17:30:00.123456Z'],
    ['2026-01-31 12:00:00.000001+00', '2026-01-31T12:00:00.000001Z'],
    ['2024-02-29T23:30:00-01', '2024-03-01T00:30:00.000000Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ])('%s is %s', (text, utc) => {
    expect(Instant.parse(text).toString()).toBe(utc)
  })

  test.each([
    '2026-01-31T12:00:00',
    '2026-01-31',
    'now',
    '',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T25:00:00Z',
    '2026-01-31T12:61:00Z',
    '2026-01-31T12:00:00.1234567Z',
  ])('%j is no instant', (text) => {
    expect(() => Instant.parse(text)).toThrow(RangeError)
  })

  test('JSON holds the text', () => {
    expect(JSON.stringify({ at: Instant.fromMillis(0) })).toBe('{"at":"1970-01-01T00:00:00.000000Z"}')
  })
})

test('an instant is frozen', () => {
  expect(Object.isFrozen(Instant.fromMillis(0))).toBe(true)
})
