import { describe, expect, it } from 'vitest'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { type ColumnSpec, columnSpecs, type Schema, t } from '../../src/schema/column.ts'
import { allFields } from '../../src/schema/iceberg-type.ts'
import { column, openLab, type PartitionBy } from './lab.ts'

const before = evolveSchema(
  undefined,
  [column('id', 'long', false), column('n', 'int'), column('x', 'float'), column('d', 'decimal(9,2)')],
  'shop.t',
).schema
const evolve = (...columns: ColumnSpec[]) => evolveSchema({ schema: before, lastColumnId: 9 }, columns, 'shop.t')

describe('schema evolution', () => {
  it('numbers the columns of a new table', () => {
    expect(before).toEqual({
      type: 'struct',
      'schema-id': 0,
      fields: [
        { id: 1, name: 'id', required: true, type: 'long' },
        { id: 2, name: 'n', required: false, type: 'int' },
        { id: 3, name: 'x', required: false, type: 'float' },
        { id: 4, name: 'd', required: false, type: 'decimal(9,2)' },
      ],
    })
  })

  it('changes nothing when nothing changes', () => {
    const same = evolve(column('id', 'long', false), column('n', 'int'), column('x', 'float'), column('d', 'decimal(9,2)'))
    expect(same).toEqual({ schema: before, changed: false })
  })

  it('adds after the last id ever used, drops, reorders, widens and relaxes', () => {
    const { schema, changed } = evolve(
      column('d', 'decimal(18,2)'),
      column('new', 'string'),
      column('x', 'double'),
      column('n', 'long'),
      column('id', 'long'),
    )
    expect(changed).toBe(true)
    expect(schema['schema-id']).toBe(1)
    expect(schema.fields.map((f) => [f.id, f.name, f.type, f.required])).toEqual([
      [4, 'd', 'decimal(18,2)', false],
      [10, 'new', 'string', false],
      [3, 'x', 'double', false],
      [2, 'n', 'long', false],
      [1, 'id', 'long', false],
    ])
    expect(evolve(column('id', 'long', false)).schema.fields).toHaveLength(1)
  })

  it.each([
    [column('n', 'string'), /column n cannot change from int to string/, /may become long/],
    [column('id', 'int'), /column id cannot change from long to int/, /keeps its type/],
    [column('d', 'decimal(18,3)'), /column d cannot change from decimal\(9,2\) to decimal\(18,3\)/, /2 after the point/],
    [column('n', 'int', false), /column n was nullable/, /nullable/],
    [column('new', 'int', false), /column new is new and not nullable/, /nullable/],
  ])('refuses %o', (wanted, what, next) => {
    expect(() => evolve(wanted)).toThrow(
      expect.objectContaining({ code: 'ASSAY-2007', message: expect.stringMatching(what), next: expect.stringMatching(next) }),
    )
  })
})

describe('evolution of nested columns', () => {
  const S = (schema: Schema) => columnSpecs(schema)
  const inner = { a: t.int().nullable(), l: t.list(t.struct({ x: t.float() })) }
  const nested = evolveSchema(
    undefined,
    S({ id: t.long(), s: t.struct(inner).nullable(), m: t.map(t.string(), t.struct({ y: t.int() })) }),
    't',
  ).schema
  const change = (schema: Schema) => evolveSchema({ schema: nested, lastColumnId: 11 }, S(schema), 'shop.t')

  it('numbers fields as Iceberg does: a level first, then what lies in each field', () => {
    // The ids that PyIceberg gives to this schema; see tests/engines.
    expect(allFields(nested.fields).map(({ id, path }) => `${id} ${path}`)).toEqual([
      '1 id',
      '2 s',
      '4 s.a',
      '5 s.l',
      '6 s.l.element',
      '7 s.l.element.x',
      '3 m',
      '8 m.key',
      '9 m.value',
      '10 m.value.y',
    ])
  })

  it('adds, renames, widens, relaxes and drops within', () => {
    const { schema } = change({
      id: t.long(),
      s: t
        .struct({
          l: t.list(t.struct({ x: t.double().nullable(), more: t.list(t.int()).nullable() }).nullable()),
          b: t.long().nullable().renamedFrom('a'),
        })
        .nullable(),
      m: t.map(t.string(), t.struct({ y: t.int() }).nullable()),
    })
    const more = { type: 'list', 'element-id': 13, element: 'int', 'element-required': true }
    const x = { id: 7, name: 'x', required: false, type: 'double' }
    const element = { type: 'struct', fields: [x, { id: 12, name: 'more', required: false, type: more }] }
    const y = { type: 'struct', fields: [{ id: 10, name: 'y', required: true, type: 'int' }] }
    expect(schema.fields.map((field) => field.type)).toEqual([
      'long',
      {
        type: 'struct',
        fields: [
          { id: 5, name: 'l', required: true, type: { type: 'list', 'element-id': 6, element, 'element-required': false } },
          { id: 4, name: 'b', required: false, type: 'long' },
        ],
      },
      { type: 'map', 'key-id': 8, key: 'string', 'value-id': 9, value: y, 'value-required': false },
    ])
  })

  it('knows a renamed column once, and its rename for ever', () => {
    const { schema } = change({ key: t.long().renamedFrom('id') })
    expect(schema.fields).toEqual([{ id: 1, name: 'key', required: true, type: 'long' }])
    const again = evolveSchema({ schema, lastColumnId: 11 }, S({ key: t.long().renamedFrom('id') }), 't')
    expect(again).toEqual({ schema, changed: false })
    const both = change({ id: t.long(), key: t.long().nullable().renamedFrom('id') })
    expect(both.schema.fields.map((field) => [field.id, field.name])).toEqual([
      [1, 'id'],
      [12, 'key'],
    ])
  })

  it.each<[string, Schema, RegExp]>([
    [
      'a type that does not widen',
      { s: t.struct({ a: t.string().nullable() }).nullable() },
      /column s\.a cannot change from int to string/,
    ],
    ['a list for a struct', { s: t.list(t.int()).nullable() }, /column s cannot change from struct<.*> to list<int>/],
    ['a value for a map', { m: t.string() }, /column m cannot change from map<string, struct<y: int>> to string/],
    ['other keys', { m: t.map(t.uuid(), t.struct({ y: t.int() })) }, /keys of map m cannot change from string to uuid/],
    ['a required new field', { s: t.struct({ ...inner, b: t.int() }).nullable() }, /column s\.b is new and not nullable/],
    ['a tightened field', { s: t.struct({ ...inner, a: t.int() }).nullable() }, /column s\.a was nullable/],
  ])('refuses %s', (_, schema, what) => {
    expect(() => change(schema)).toThrow(expect.objectContaining({ code: 'ASSAY-2007', message: expect.stringMatching(what) }))
  })

  it('refuses to drop what the table is partitioned by', () => {
    const specs = [partitionSpec(nested, [{ column: 'id', transform: 'bucket[4]' }])]
    const drop = () => evolveSchema({ schema: nested, lastColumnId: 11, specs }, S({ s: t.struct(inner).nullable() }), 't')
    expect(drop).toThrow(expect.objectContaining({ code: 'ASSAY-2007', message: expect.stringContaining('column id cannot be dropped') }))
  })
})

describe('partition specs', () => {
  it('are named as Spark and PyIceberg name them', () => {
    const fields = partitionSpec(before, [
      { column: 'n', transform: 'identity' },
      { column: 'id', transform: 'day' },
    ]).fields
    expect(fields).toEqual([
      { 'source-id': 2, 'field-id': 1000, name: 'n', transform: 'identity' },
      { 'source-id': 1, 'field-id': 1001, name: 'id_day', transform: 'day' },
    ])
  })

  it('keep clear of the names of columns', () => {
    const schema = evolveSchema(undefined, [column('ts', 'date'), column('ts_day', 'date')], 't').schema
    expect(partitionSpec(schema, [{ column: 'ts', transform: 'day' }]).fields[0]?.name).toBe('ts_day_part')
  })

  it('change under a new id, and a field that was there before keeps its own', async () => {
    const lab = await openLab()
    try {
      const columns = [column('id', 'long'), column('day', 'date')]
      const put = (n: number, ...by: PartitionBy) => lab.put({ columns, by, query: `SELECT ${n} AS id, DATE '2024-01-01' AS day` })
      await put(1)
      await put(2, { column: 'day', transform: 'day' })
      await put(3, { column: 'id', transform: 'bucket[8]' }, { column: 'day', transform: 'day' })
      const { metadata } = await put(4, { column: 'day', transform: 'day' })
      expect(metadata.specs).toEqual([
        { 'spec-id': 0, fields: [] },
        { 'spec-id': 1, fields: [{ 'source-id': 2, 'field-id': 1000, name: 'day_day', transform: 'day' }] },
        {
          'spec-id': 2,
          fields: [
            { 'source-id': 1, 'field-id': 1001, name: 'id_bucket', transform: 'bucket[8]' },
            { 'source-id': 2, 'field-id': 1000, name: 'day_day', transform: 'day' },
          ],
        },
      ])
      expect(metadata).toMatchObject({ defaultSpecId: 2, lastPartitionId: 1001 })
      expect((await lab.read()).map((row) => row['id'])).toEqual([1n, 2n, 3n, 4n])
      const byDay = { columns, by: [{ column: 'day', transform: 'day' }], query: `SELECT 5 AS id, DATE '2024-01-01' AS day` } as const
      await expect(lab.put({ ...byDay, overwrite: () => true })).rejects.toMatchObject({
        code: 'ASSAY-2004',
        message: expect.stringContaining('older partition spec'),
      })
      await lab.put({ ...byDay, overwrite: 'everything' })
      expect((await lab.read()).map((row) => row['id'])).toEqual([5n])
    } finally {
      await lab.close()
    }
  })
})

describe('an int column that becomes long', () => {
  it('is to be read by rows, unless the table says otherwise', async () => {
    const lab = await openLab()
    const properties = async () => (await lab.load()).metadata.properties
    const put = (type: ColumnSpec['type'], more = {}) => lab.put({ columns: [column('n', type)], query: 'SELECT 1 AS n', ...more })
    try {
      await put('int')
      expect(await properties()).not.toHaveProperty(['read.parquet.vectorization.enabled'])
      await put('long')
      expect(await properties()).toHaveProperty(['read.parquet.vectorization.enabled'], 'false')
      await put('long', { properties: { 'read.parquet.vectorization.enabled': 'true' } })
      await put('long')
      expect(await properties()).toHaveProperty(['read.parquet.vectorization.enabled'], 'true')
    } finally {
      await lab.close()
    }
  })
})
