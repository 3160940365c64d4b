import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionValue, resultType, transformSql } from '../../src/iceberg/transforms.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { IcebergType, PartitionField, Transform } from '../../src/schema/iceberg-type.ts'
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

  it('refuse what is not written, and what cannot be a value', async () => {
    expect(() => transformSql('bucket[16]', 'x', 'long')).toThrow(
      expect.objectContaining({ code: 'ASSAY-2004', message: expect.stringContaining('bucket[16]') }),
    )
    await expect(apply('day', "'infinity'::TIMESTAMP", 'timestamp')).rejects.toMatchObject({ code: 'ASSAY-5003' })
  })
})
