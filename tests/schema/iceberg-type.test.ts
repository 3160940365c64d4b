import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decimalOf, duckdbType, type IcebergType, quoteIdentifier, quoteText } from '../../src/schema/iceberg-type.ts'

test('precision and scale of decimals, and of nothing else', () => {
  expect(decimalOf('decimal(38,10)')).toEqual({ precision: 38, scale: 10 })
  expect(decimalOf('decimal( 9 , 2 )' as IcebergType)).toEqual({ precision: 9, scale: 2 })
  expect(decimalOf('double')).toBeUndefined()
  expect(decimalOf({ type: 'struct', fields: [] })).toBeUndefined()
})

test.each<[IcebergType, string]>([
  ['int', 'INTEGER'],
  ['long', 'BIGINT'],
  ['timestamptz', 'TIMESTAMP WITH TIME ZONE'],
  ['decimal(12,2)', 'DECIMAL(12,2)'],
  ['fixed[16]', 'BLOB'],
  [{ type: 'list', 'element-id': 1, element: 'string', 'element-required': false }, 'VARCHAR[]'],
  [{ type: 'map', 'key-id': 1, key: 'string', 'value-id': 2, value: 'double', 'value-required': false }, 'MAP(VARCHAR, DOUBLE)'],
  [
    {
      type: 'struct',
      fields: [
        { id: 1, name: 'a "b"', required: true, type: 'date' },
        { id: 2, name: 'c', required: false, type: { type: 'list', 'element-id': 3, element: 'uuid', 'element-required': true } },
      ],
    },
    'STRUCT("a ""b""" DATE, "c" UUID[])',
  ],
])('%j is held by %s', (type, duckdb) => {
  expect(duckdbType(type)).toBe(duckdb)
})

test('quoting keeps any text inside its quotes', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const [quoted, mark] of [
        [quoteIdentifier(text), '"'],
        [quoteText(text), "'"],
      ] as const) {
        expect(
          quoted
            .slice(1, -1)
            .split(mark + mark)
            .join(''),
        ).not.toContain(mark)
        expect(quoted.slice(1, -1).replaceAll(mark + mark, mark)).toBe(text)
      }
    }),
  )
  expect(quoteText("it's")).toBe("'it''s'")
})
