import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import { rowsSql } from '../../src/iceberg/rows-sql.ts'
import type { IcebergSchema, IcebergType, NestedField, PartitionSpec } from '../../src/schema/iceberg-type.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { type HandTable, handTable, pathOf } from './hand-table.ts'
import { type Lab, openLab } from './lab.ts'

const field = (id: number, name: string, type: IcebergType): NestedField => ({ id, name, required: false, type })
const SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    field(1, 'id', 'long'),
    field(2, 'name', 'string'),
    field(3, 'place', { type: 'struct', fields: [field(5, 'city', 'string'), field(6, 'zip', 'int')] }),
    field(4, 'day', 'date'),
    field(7, 'tags', { type: 'list', 'element-id': 8, element: 'string', 'element-required': false }),
  ],
}
const SPEC: PartitionSpec = { 'spec-id': 0, fields: [{ 'source-id': 4, 'field-id': 1000, name: 'day', transform: 'identity' }] }
const MAPPING = JSON.stringify([
  { 'field-id': 1, names: ['id', 'record_id'] },
  { 'field-id': 2, names: ['the name'] },
  { 'field-id': 3, names: ['place'], fields: [{ 'field-id': 5, names: ['town', 'city'] }] },
  { 'field-id': 7, names: ['tags'], fields: [{ 'field-id': 8, names: ['element'] }] },
])
/** 2024-01-01 */
const DAY = { partition: { day: 19_723 } }

describe('files without field ids', () => {
  let lab: Lab
  let tables = 0
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const open = (): Promise<HandTable> => handTable({ ...lab, root: `${lab.root}/${++tables}` }, SCHEMA, [SPEC])
  const read = async (table: HandTable, mapping = MAPPING): Promise<EngineRow[]> => {
    const metadata = { ...table.metadata(), properties: { 'schema.name-mapping.default': mapping } }
    return lab.session.rows(`SELECT * FROM (${await rowsSql(lab, await planScan(lab.store, metadata))}) ORDER BY id`)
  }
  const OLD = `SELECT 1::INTEGER AS record_id, 'a' AS "the name", {town: 'Ghent', zip: 9000} AS place, ['x'] AS tags, 'odd' AS filename`

  it('are read by name, each as it is, beside files with ids', async () => {
    const table = await open()
    await table.commit([
      await table.data(OLD, DAY, ''),
      await table.data(`SELECT 2::BIGINT AS id, DATE '2020-02-02' AS day, NULL::STRUCT(city VARCHAR) AS place`, DAY, ''),
      await table.data(`SELECT 3::BIGINT AS x, 'c' AS y`, DAY, 'x: 1, y: 2'),
    ])
    expect(await read(table)).toEqual([
      { id: 1n, name: 'a', place: { city: 'Ghent', zip: null }, day: '2024-01-01', tags: ['x'] },
      { id: 2n, name: null, place: null, day: '2024-01-01', tags: null },
      { id: 3n, name: 'c', place: null, day: null, tags: null },
    ])
  })

  it('have rows deleted by position and by value', async () => {
    const table = await open()
    const file = await table.data(`SELECT i AS record_id, 'n' || i AS "the name", i AS filename FROM range(5) t(i)`, DAY, '')
    await table.commit([file])
    await table.commit([await table.positions([[pathOf(file), 1]], DAY), await table.equals('SELECT 3::BIGINT AS id', 'id', DAY)])
    expect((await read(table)).map((row) => row['name'])).toEqual(['n0', 'n2', 'n4'])
  })

  it('are refused where the mapping is none, or nesting cannot be mapped', async () => {
    const table = await open()
    await table.commit([await table.data(OLD, DAY, '')])
    for (const mapping of ['{', '{}', '[1]']) await expect(read(table, mapping)).rejects.toMatchObject({ code: 'ASSAY-2003' })
    const list: IcebergType = { type: 'list', 'element-id': 8, element: { type: 'struct', fields: [] }, 'element-required': false }
    const nested = await handTable(
      { ...lab, root: `${lab.root}/nested` },
      { ...SCHEMA, fields: [field(4, 'day', 'date'), field(7, 'tags', list)] },
      [SPEC],
    )
    await nested.commit([await nested.data('SELECT [{a: 1}] AS tags', DAY, '')])
    await expect(read(nested)).rejects.toMatchObject({ code: 'ASSAY-2004', message: expect.stringContaining('nested column tags') })
  })
})
