import { describe, expect, test } from 'vitest'
import { type Column, columnSpecs, t } from '../../src/schema/column.ts'
import { Instant } from '../../src/schema/instant.ts'

describe('columns', () => {
  test.each<[Column, string]>([
    [t.string(), 'string'],
    [t.int(), 'int'],
    [t.long(), 'long'],
    [t.float(), 'float'],
    [t.double(), 'double'],
    [t.time(), 'time'],
    [t.uuid(), 'uuid'],
    [t.fixed(16), 'fixed[16]'],
    [t.binary(), 'binary'],
    [t.boolean(), 'boolean'],
    [t.date(), 'date'],
    [t.timestamp(), 'timestamp'],
    [t.timestamptz(), 'timestamptz'],
    [t.decimal(12, 2), 'decimal(12,2)'],
    [t.enum(['a', 'b']), 'string'],
  ])('%# has its Iceberg type', (column, type) => {
    expect(column.type).toBe(type)
    expect(column.optional).toBe(false)
    expect(Object.isFrozen(column)).toBe(true)
  })

  test('the same words give the same object, other words another', () => {
    expect(t.decimal(12, 2).nullable()).toBe(t.decimal(12, 2).nullable())
    expect(t.enum(['a', 'b'])).toBe(t.enum(['a', 'b']))
    expect(
      new Set([t.string(), t.string().nullable(), t.string().describe('x'), t.enum(['a']), t.enum(['b']), t.decimal(1, 0), t.decimal(2, 0)])
        .size,
    ).toBe(7)
  })

  test('nullable and describe keep the rest', () => {
    const column = t.enum(['a', 'b']).describe('Which one.').nullable()
    expect(column).toMatchObject({ kind: 'enum', type: 'string', optional: true, values: ['a', 'b'], doc: 'Which one.' })
    expect(column.describe('Other.')).toMatchObject({ optional: true, doc: 'Other.' })
  })
})

test('specs are plain data in order, without what is not said', () => {
  const schema = { id: t.long(), kind: t.enum(['a', 'b']).nullable(), at: t.timestamptz().describe('When.') }
  expect(columnSpecs(schema)).toStrictEqual([
    { name: 'id', type: 'long', nullable: false },
    { name: 'kind', type: 'string', nullable: true, values: ['a', 'b'] },
    { name: 'at', type: 'timestamptz', nullable: false, doc: 'When.' },
  ])
})

test('nested columns are Iceberg types whose ids are still to be given', () => {
  const line = t.struct({ sku: t.string(), tags: t.map(t.string(), t.int().nullable()) })
  expect(t.list(line.nullable()).type).toStrictEqual({
    type: 'list',
    'element-id': 0,
    'element-required': false,
    element: {
      type: 'struct',
      fields: [
        { id: 0, name: 'sku', required: true, type: 'string' },
        {
          id: 0,
          name: 'tags',
          required: true,
          type: { type: 'map', 'key-id': 0, key: 'string', 'value-id': 0, value: 'int', 'value-required': false },
        },
      ],
    },
  })
  expect(columnSpecs({ a: t.struct({ b: t.int().renamedFrom('c').describe('B.') }).renamedFrom('z') })).toStrictEqual([
    {
      name: 'a',
      nullable: false,
      renamedFrom: 'z',
      type: { type: 'struct', fields: [{ id: 0, name: 'b', required: true, type: 'int', doc: 'B.', renamedFrom: 'c' }] },
    },
  ])
  expect(t.list(t.enum(['a']))).not.toBe(t.list(t.enum(['b'])))
})

describe('cells', () => {
  const cells: readonly (readonly [string, Column, readonly unknown[], readonly unknown[]])[] = [
    ['string', t.string(), ['', 'a'], [1, null]],
    ['int', t.int(), [0, -(2 ** 31), 2 ** 31 - 1], [2 ** 31, 1.5, '1', 1n]],
    ['long', t.long(), [0n, 2n ** 62n], [1, '1']],
    ['double', t.double(), [0.5, -3], ['1', 1n]],
    ['boolean', t.boolean(), [true, false], [0, 'true']],
    ['date', t.date(), ['2026-01-31', '2024-02-29'], ['2026-02-30', '31.1.2026', 0]],
    ['timestamp', t.timestamp(), ['2026-01-31T12:00:00', '2026-01-31T12:00:00.123456'], ['2026-01-31T12:00:00+02:00', '2026-01-31', 0]],
    ['timestamptz', t.timestamptz(), [Instant.fromMillis(0)], ['2026-01-31T12:00:00Z', 0]],
    ['decimal', t.decimal(10, 2), ['12.50', '-1', '0'], [12.5, '1e5', '.5', 'one']],
    ['enum', t.enum(['a', 'b']), ['a', 'b'], ['c', '', null]],
    ['float', t.float(), [0.5], ['1']],
    ['time', t.time(), ['22:31:08', '22:31:08.123456'], ['25:00:00', 0]],
    ['uuid', t.uuid(), ['f79c3e09-677c-4bbd-a479-3f349cb785e7'], ['f79c3e09', 1]],
    ['fixed', t.fixed(2), [new Uint8Array(2)], [new Uint8Array(3), 'ab']],
    ['binary', t.binary(), [new Uint8Array(0)], ['ab']],
    ['list', t.list(t.int().nullable()), [[], [1, null]], [['1'], {}]],
    ['map', t.map(t.string(), t.long()), [new Map([['a', 1n]])], [new Map([['a', 1]]), { a: 1n }]],
    [
      'struct',
      t.struct({ x: t.int(), y: t.int().nullable() }),
      [{ x: 1, y: null }],
      [
        { x: null, y: 1 },
        { x: 1, y: 1, z: 1 },
      ],
    ],
  ]

  test.each(cells)('%s', (_, column, good, bad) => {
    for (const cell of good) expect(column.zod().safeParse(cell).success, String(cell)).toBe(true)
    for (const cell of bad) expect(column.zod().safeParse(cell).success, String(cell)).toBe(false)
    expect(column.zod().safeParse(null).success).toBe(false)
    expect(column.nullable().zod().safeParse(null).success).toBe(true)
  })
})
