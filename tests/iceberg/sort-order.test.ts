import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { readManifest, readManifestList } from '../../src/iceberg/manifests.ts'
import { schemaOf, snapshotOf } from '../../src/iceberg/metadata.ts'
import { type SortBy, sortOrder } from '../../src/iceberg/sort-order.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import { column, type Lab, openLab, type PartitionBy, TABLE } from './lab.ts'

const COLUMNS = [column('v', 'int'), column('p', 'string')]
/** 300,000 rows in no order, some of them null: enough for both threads to have a share. */
const QUERY = `SELECT CASE WHEN i % 1000 = 0 THEN NULL ELSE (i * 7919) % 1000003 END AS v, ['a', '~b', 'c'][i % 3 + 1] AS p FROM range(300000) r(i)`

describe('sort orders', () => {
  let lab: Lab
  let last = 500
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())

  async function put(sortBy: readonly SortBy[], by: PartitionBy = []) {
    const base = await lab.catalog.load(TABLE)
    const before = base && { schema: schemaOf(base.metadata), lastColumnId: base.metadata.lastColumnId }
    const { schema } = evolveSchema(before, COLUMNS, 'shop.orders')
    const snapshotId = String(++last)
    const staged = await stageFiles(lab.session, lab.store, {
      snapshotId,
      location: `${lab.root}/warehouse/shop/orders`,
      attempt: `s${snapshotId}`,
      schema,
      spec: partitionSpec(schema, by, base?.metadata),
      sortOrder: sortOrder(schema, sortBy, base?.metadata),
      query: QUERY,
    })
    const prepared = await prepareCommit(lab.store, base, { id: TABLE, staged, overwrite: 'nothing', summary: {}, now: last })
    expect((await lab.catalog.commit([prepared.change])).kind).toBe('committed')
    return prepared
  }

  /** How often a row of a file stands behind one that it should precede, by the file's own row numbers. */
  async function inversions(path: string, wrong: string): Promise<unknown> {
    const rows = await lab.session.rows(`SELECT count_if(${wrong})::INT AS wrong FROM (
      SELECT v, lag(v) OVER w AS before, row_number() OVER w AS n FROM read_parquet('${path}', file_row_number = true) WINDOW w AS (ORDER BY file_row_number))`)
    return rows[0]?.['wrong']
  }
  const DESCENDING_NULLS_LAST = `n > 1 AND (v > before OR (before IS NULL AND v IS NOT NULL))`

  it.each<[string, PartitionBy]>([
    ['one file', []],
    ['the files of partitions', [{ column: 'p', transform: 'identity' }]],
  ])('hold in %s, and are told to other engines', async (_, by) => {
    const { metadata } = await put([{ column: 'v', direction: 'desc', nulls: 'last' }], by)
    expect(metadata.rest).toMatchObject({
      'sort-orders': [
        { 'order-id': 0, fields: [] },
        { 'order-id': 1, fields: [{ 'source-id': 1, transform: 'identity', direction: 'desc', 'null-order': 'nulls-last' }] },
      ],
      'default-sort-order-id': 1,
    })
    const [manifest] = await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')
    const entries = await readManifest(lab.store, metadata, manifest ?? expect.fail())
    expect(entries).toHaveLength(by.length === 0 ? 1 : 3)
    for (const { file, fields } of entries) {
      expect(fields['sort_order_id']).toBe(1)
      expect(await inversions(file.path, DESCENDING_NULLS_LAST)).toBe(0)
    }
  })

  it('are kept under their ids when they change and come back', async () => {
    const ids: unknown[] = []
    for (const direction of ['asc', 'desc', 'asc'] as const) {
      ids.push((await put([{ column: 'v', direction, nulls: 'first' }])).metadata.rest['default-sort-order-id'])
    }
    const { metadata } = await put([])
    expect([...ids, metadata.rest['default-sort-order-id']]).toEqual([1, 2, 1, 0])
    expect(metadata.rest['sort-orders']).toHaveLength(3)
  })

  it('refuse columns that are not there', () => {
    const { schema } = evolveSchema(undefined, COLUMNS, 'shop.orders')
    expect(() => sortOrder(schema, [{ column: 'w', direction: 'asc', nulls: 'first' }])).toThrow(
      expect.objectContaining({ code: 'ASSAY-1011' }),
    )
  })
})
