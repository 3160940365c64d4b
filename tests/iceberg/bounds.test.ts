import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareValues, decodeValue, encodeValue, lowerBound, upperBound, valueOfText } from '../../src/iceberg/bounds.ts'

const hex = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString('hex'))
/** Any code point that text can hold. The unit `binary` of fast-check has the same, but takes seconds to list them all. */
const codePoint = fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
const anyText = fc.array(codePoint, { maxLength: 40 }).map((points) => String.fromCodePoint(...points))
const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.nat(20))

describe('single-value binary form', () => {
  it('is that of the specification', () => {
    expect(hex(encodeValue('int', 34))).toBe('22000000')
    expect(hex(encodeValue('long', '-1'))).toBe('ffffffffffffffff')
    expect(hex(encodeValue('decimal(9,2)', '14.20'))).toBe('058c')
    expect(hex(encodeValue('decimal(9,2)', '-1.28'))).toBe('80')
    expect(hex(encodeValue('decimal(9,2)', '1.28'))).toBe('0080')
    expect(hex(encodeValue('boolean', true))).toBe('01')
    expect(hex(encodeValue('string', 'é'))).toBe('c3a9')
    expect(hex(encodeValue('uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'))).toBe('f79c3e09677c4bbda4793f349cb785e7')
  })

  it('loses nothing of longs, decimals, doubles and text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (n) => String(decodeValue('long', encodeValue('long', String(n)))) === String(n),
      ),
    )
    fc.assert(fc.property(fc.double({ noNaN: true }), (x) => Object.is(Number(decodeValue('double', encodeValue('double', x))), x)))
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (s) => decodeValue('string', encodeValue('string', s)) === s))
    fc.assert(
      fc.property(decimal, ([n, scale]) => {
        const type = `decimal(38,${scale})` as const
        const text = decodeValue(type, encodeValue(type, spelt(n, scale)))
        expect(text).toBe(spelt(n, scale))
      }),
    )
  })

  it('orders values by their meaning', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.maxSafeInteger(),
        (a, b) => Math.sign(compareValues('long', String(a), b)) === (a < BigInt(b) ? -1 : a > BigInt(b) ? 1 : 0),
      ),
    )
    expect(compareValues('decimal(9,2)', '-10.00', '9.00')).toBeLessThan(0)
    expect(compareValues('string', '￿', '😀')).toBeLessThan(0)
  })
})

/** An independent spelling of n / 10^scale. */
const spelt = (n: bigint, scale: number): string => {
  if (scale === 0) return String(n)
  const unit = 10n ** BigInt(scale)
  const size = n < 0n ? -n : n
  return `${n < 0n ? '-' : ''}${size / unit}.${String(size % unit).padStart(scale, '0')}`
}

describe('bounds', () => {
  it('enclose every text in at most 16 code points', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = Buffer.from(text)
        const lower = lowerBound('string', text)
        const upper = upperBound('string', text)
        expect([...(lower?.toString() ?? '')].length).toBeLessThanOrEqual(16)
        expect(Buffer.compare(lower ?? Buffer.alloc(0), bytes)).toBeLessThanOrEqual(0)
        if (upper !== undefined) expect(Buffer.compare(upper, bytes)).toBeGreaterThanOrEqual(0)
        if (upper !== undefined) expect([...upper.toString()].length).toBeLessThanOrEqual(16)
      }),
      { numRuns: 200 },
    )
  })

  it('give up where nothing lies above', () => {
    expect(upperBound('string', '\u{10FFFF}'.repeat(17))).toBeUndefined()
    expect(upperBound('binary', 'ff'.repeat(17))).toBeUndefined()
  })

  it('keep fixed values whole, and cut binary ones', () => {
    expect(hex(lowerBound('fixed[20]', 'ab'.repeat(20)))).toBe('ab'.repeat(20))
    expect(hex(upperBound('fixed[20]', 'ab'.repeat(20)))).toBe('ab'.repeat(20))
    expect(upperBound('fixed[300]', 'ab'.repeat(256))).toBeUndefined()
    expect(hex(lowerBound('binary', 'ab'.repeat(20)))).toBe('ab'.repeat(16))
    expect(hex(upperBound('binary', 'ab'.repeat(20)))).toBe(`${'ab'.repeat(15)}ac`)
  })

  it('tell the zeros apart', () => {
    expect(hex(lowerBound('double', '0.0'))).toBe('0000000000000080')
    expect(hex(upperBound('double', '-0.0'))).toBe('0000000000000000')
  })

  it('leave out what Iceberg cannot hold', () => {
    for (const [type, text] of [
      ['timestamp', 'infinity'],
      ['date', '-infinity'],
      ['date', '0044-03-15 (BC)'],
      ['double', 'nan'],
    ] as const)
      expect(lowerBound(type, text)).toBeUndefined()
  })
})

describe('values from the text of the engine', () => {
  it('are days, microseconds and exact text', () => {
    expect(valueOfText('date', '1969-12-31')).toBe(-1)
    expect(valueOfText('date', '12024-01-01')).toBe(3672148)
    expect(valueOfText('timestamptz', '2024-01-01 00:00:00.5+00')).toBe(1704067200500000)
    expect(valueOfText('timestamp', '1969-12-31 23:59:59.999999')).toBe(-1)
    expect(valueOfText('time', '00:00:01')).toBe(1_000_000)
    expect(valueOfText('long', '9223372036854775807')).toBe('9223372036854775807')
    expect(valueOfText('double', 'inf')).toBe('Infinity')
    expect(valueOfText('decimal(5,2)', '-0.50')).toBe('-0.50')
  })
})
