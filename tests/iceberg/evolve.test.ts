import { describe, expect, it } from 'vitest'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import type { ColumnSpec } from '../../src/schema/column.ts'
import { column } from './lab.ts'

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
})
