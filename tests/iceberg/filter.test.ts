import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Filter, filterSql, matchOf } from '../../src/iceberg/filter.ts'
import { allLiveEntries } from '../../src/iceberg/live-entries.ts'
import { schemaOf } from '../../src/iceberg/metadata.ts'
import { column, type Lab, openLab } from './lab.ts'

const COLUMNS = [
  column('n', 'int'),
  column('f', 'double'),
  column('s', 'string'),
  column('d', 'date'),
  column('ts', 'timestamptz'),
  column('dec', 'decimal(9,2)'),
  column('b', 'boolean'),
]
const MICROS_A_DAY = 86_400_000_000

/** A condition on a column whose values are small whole numbers in one form or another. */
const leaf: fc.Arbitrary<Filter> = fc
  .record({
    op: fc.constantFrom('=', '<', '<=', '>', '>=', 'null'),
    column: fc.constantFrom(...COLUMNS.map((c) => c.name)),
    n: fc.integer({ min: -2, max: 6 }),
  })
  .map(({ op, column, n }): Filter => {
    if (op === 'null') return { op, column }
    const value = { n, f: n, s: `text longer than sixteen ${n}`, d: n, ts: n * MICROS_A_DAY, dec: `${n}.50`, b: n > 2 }[column] ?? n
    return { op: op as '=', column, value }
  })
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({ op: fc.constantFrom('and' as const, 'or' as const), of: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ op: fc.constant('not' as const), of: tie('filter') }),
  ),
}))

/** Rows of one file as SQL: a number makes a value of each column, null makes nulls. */
const row = (n: number | null): string =>
  n === null
    ? '(NULL, NULL, NULL, NULL, NULL, NULL, NULL)'
    : `(${n}, ${n === 5 ? "'nan'::DOUBLE" : n}, 'text longer than sixteen ${n}', DATE '1970-01-01' + ${n}, TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL (${n}) DAY, ${n}.5, ${n > 2})`

describe('filters', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
    const names = COLUMNS.map((c) => c.name).join(', ')
    for (const file of [[0, 1], [2], [null], [null, 3, 4], [5, 3], [-1, 5]]) {
      await lab.put({ columns: COLUMNS, query: `SELECT * FROM (VALUES ${file.map(row).join(', ')}) v(${names})` })
    }
  })
  afterAll(() => lab.close())

  it('never leave out a file that has matching rows, nor take one whole that has others', async () => {
    const { metadata } = await lab.load()
    const schema = schemaOf(metadata)
    const { data } = await allLiveEntries(lab.store, metadata)
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(filter, async (condition) => {
        const paths = data.map((entry) => `'${entry.file.path}'`).join(', ')
        const counted = await lab.session.rows(
          `SELECT filename, count(*) AS n, count(*) FILTER (${filterSql(condition, schema)}) AS m FROM read_parquet([${paths}], filename = true) GROUP BY ALL`,
        )
        for (const entry of data) {
          const counts = counted.find((one) => one['filename'] === entry.file.path)
          const match = matchOf(condition, metadata, schema, entry)
          seen.add(match)
          if (match === 'none') expect(Number(counts?.['m'])).toBe(0)
          if (match === 'all') expect(Number(counts?.['m'])).toBe(Number(counts?.['n']))
        }
      }),
      { numRuns: 60 },
    )
    expect(seen).toEqual(new Set(['none', 'some', 'all']))
  }, 20_000)

  it('tell apart what the bounds of a file tell apart', async () => {
    const { metadata } = await lab.load()
    const { data } = await allLiveEntries(lab.store, metadata)
    const match = (condition: Filter) =>
      data
        .toSorted((a, b) => (a.sequenceNumber ?? 0) - (b.sequenceNumber ?? 0))
        .map((entry) => matchOf(condition, metadata, schemaOf(metadata), entry))
    expect(match({ op: '<', column: 'n', value: 2 })).toEqual(['all', 'none', 'none', 'none', 'none', 'some'])
    expect(match({ op: 'null', column: 's' })).toEqual(['none', 'none', 'all', 'some', 'none', 'none'])
    expect(match({ op: '=', column: 'dec', value: '2.50' })).toEqual(['none', 'all', 'none', 'none', 'none', 'some'])
    expect(match({ op: '>', column: 'f', value: 100 })).toEqual(['none', 'none', 'none', 'none', 'some', 'some'])
  })
})
