import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionValue, resultType, transformSql } from '../../src/iceberg/transforms.ts'
import { twosComplement } from '../../src/iceberg/bounds.ts'
import type { PartitionValue } from '../../src/iceberg/data-file.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { duckdbType, type IcebergType, type PartitionField, type Transform } from '../../src/schema/iceberg-type.ts'
import { murmur3, murmur3OfBigint, murmur3OfLong } from '../../src/sql/murmur3.ts'
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts'

const field = (transform: Transform): PartitionField => ({ 'source-id': 1, 'field-id': 1000, name: 'p', transform })

describe('partition transforms', () => {
  let engine: SqlEngine
  let session: SqlSession
  beforeAll(async () => {
    engine = await openDuckdb({ threads: 1 })
    session = await engine.session()
  })
  afterAll(() => engine.close())

  async function apply(transform: Transform, literal: string, source: IcebergType) {
    const [row] = await session.rows(`SELECT CAST(${transformSql(transform, `(${literal})`, source)} AS VARCHAR) AS p`)
    return partitionValue(field(transform), source, row?.['p'] === null ? null : String(row?.['p']))
  }

  it('count days, months, years and hours from 1970, downwards before it', async () => {
    const before = "TIMESTAMPTZ '1969-12-31 23:30:00+00'"
    expect(await apply('day', before, 'timestamptz')).toBe(-1)
    expect(await apply('hour', before, 'timestamptz')).toBe(-1)
    expect(await apply('month', before, 'timestamptz')).toBe(-1)
    expect(await apply('year', before, 'timestamptz')).toBe(-1)
    expect(await apply('day', "DATE '2024-01-01'", 'date')).toBe(19723)
    expect(await apply('month', "DATE '2024-03-31'", 'date')).toBe(650)
    expect(await apply('year', "TIMESTAMP '2024-03-31 00:00:00'", 'timestamp')).toBe(54)
    expect(await apply('void', '1', 'long')).toBeNull()
    expect(await apply('identity', '9223372036854775807', 'long')).toBe('9223372036854775807')
    expect(await apply('identity', 'NULL::VARCHAR', 'string')).toBeNull()
  })

  it('agree with arithmetic on microseconds', async () => {
    const floor = (micros: bigint, unit: bigint): number => Number((micros - (((micros % unit) + unit) % unit)) / unit)
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
        fc.constantFrom('timestamp' as const, 'timestamptz' as const),
        async (micros, type) => {
          const literal = type === 'timestamp' ? `make_timestamp(${micros})` : `make_timestamptz(${micros})`
          expect(await apply('day', literal, type)).toBe(floor(micros, 86_400_000_000n))
          expect(await apply('hour', literal, type)).toBe(floor(micros, 3_600_000_000n))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('have the types of the specification', () => {
    expect(resultType('bucket[16]', 'string')).toBe('int')
    expect(resultType('truncate[4]', 'string')).toBe('string')
    expect(resultType('day', 'timestamptz')).toBe('date')
  })

  /** Hashes of the specification, appendix B; a bucket of 2^31 - 1 leaves them whole but for the sign and the largest. */
  it.each<[string, IcebergType, number]>([
    ['34', 'int', 2017239379],
    ['34', 'long', 2017239379],
    ["'14.20'", 'decimal(9,2)', -500754589],
    ["'14.20'", 'decimal(38,2)', -500754589],
    ["'2017-11-16'", 'date', -653330422],
    ["'22:31:08'", 'time', -662762989],
    ["'2017-11-16 22:31:08'", 'timestamp', -2047944441],
    ["'2017-11-16 14:31:08-08:00'", 'timestamptz', -2047944441],
    ["'iceberg'", 'string', 1210000089],
    ["'f79c3e09-677c-4bbd-a479-3f349cb785e7'", 'uuid', 1488055340],
    ["unhex('00010203')", 'fixed[4]', -188683207],
    ["unhex('00010203')", 'binary', -188683207],
  ])('hash %s of type %s as the specification does', async (literal, type, hash) => {
    const value = `CAST(${literal} AS ${duckdbType(type)})`
    for (const buckets of [16, 1000, 2 ** 31 - 1]) {
      expect(await apply(`bucket[${buckets}]`, value, type)).toBe((hash & 0x7fffffff) % buckets)
    }
    expect(await apply('bucket[16]', `CAST(NULL AS ${duckdbType(type)})`, type)).toBeNull()
  })

  it('hash bytes of any length, and integers like their bytes', () => {
    // By Appleby's own code, as mmh3 for Python wraps it.
    const known: readonly [string, number][] = [
      ['', 0],
      ['a', 1009084850],
      ['ab', -1681926305],
      ['abc', -1277324294],
      ['abcde', -392455434],
    ]
    for (const [text, hash] of known) expect(murmur3(Buffer.from(text))).toBe(hash)
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.alloc(8)
        bytes.writeBigInt64LE(value)
        expect(murmur3OfLong(value)).toBe(murmur3(bytes))
        expect(murmur3OfBigint(value)).toBe(murmur3(twosComplement(value)))
      }),
    )
  })

  /** Examples of the specification, "Truncate Transform Details", and what follows from its formula. */
  it.each<[string, IcebergType, Transform, PartitionValue]>([
    ['1', 'int', 'truncate[10]', 0],
    ['-1', 'int', 'truncate[10]', -10],
    ['-1', 'long', 'truncate[10]', -10],
    ["'10.65'", 'decimal(9,2)', 'truncate[50]', '10.50'],
    ["'-0.05'", 'decimal(9,2)', 'truncate[10]', '-0.10'],
    ["'iceberg'", 'string', 'truncate[3]', 'ice'],
    ["'é😀x'", 'string', 'truncate[2]', 'é😀'],
    ["'~ab'", 'string', 'truncate[2]', '~a'],
    ["unhex('0102030405')", 'binary', 'truncate[3]', 'AQID'],
    ["unhex('01')", 'binary', 'truncate[3]', 'AQ=='],
    ["unhex('00ff')", 'fixed[2]', 'identity', 'AP8='],
    ["'F79C3E09-677c-4bbd-a479-3f349cb785e7'", 'uuid', 'identity', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'],
    ["'22:31:08'", 'time', 'identity', 81068000000],
    ["'-1.50'", 'decimal(38,2)', 'identity', '-1.50'],
    ['true', 'boolean', 'identity', true],
  ])('cut %s of type %s by %s', async (literal, type, transform, value) => {
    expect(await apply(transform, `CAST(${literal} AS ${duckdbType(type)})`, type)).toBe(value)
  })

  it.each<[Transform, IcebergType]>([
    ['hour', 'date'],
    ['day', 'time'],
    ['year', 'long'],
    ['bucket[16]', 'double'],
    ['bucket[16]', 'boolean'],
    ['truncate[4]', 'uuid'],
    ['truncate[4]', 'fixed[4]'],
    ['bucket[0]', 'int'],
    ['identity', { type: 'struct', fields: [] }],
    ['zorder' as Transform, 'int'],
  ])('refuse %s of %j', (transform, type) => {
    expect(() => transformSql(transform, 'x', type)).toThrow(
      expect.objectContaining({ code: 'ASSAY-2004', message: expect.stringContaining(transform) }),
    )
  })

  it('refuse what cannot be a value', async () => {
    await expect(apply('day', "'infinity'::TIMESTAMP", 'timestamp')).rejects.toMatchObject({ code: 'ASSAY-5003' })
  })
})
