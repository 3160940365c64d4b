import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compactFiles } from '../../src/iceberg/compact.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { mergeFiles } from '../../src/iceberg/merge.ts'
import { column, type Lab, openLab } from '../iceberg/lab.ts'
import { openPyiceberg } from './pyiceberg/probe.ts'

const COLUMNS = [column('id', 'long'), column('part', 'int')]
const BY = [{ column: 'part', transform: 'identity' }] as const

describe('PyIceberg on rewritten tables', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const seen = async () => {
    const { rows, sums } =
      (await openPyiceberg(`${lab.root}/catalog.db`, `${lab.root}/warehouse`).describe())['shop.orders'] ?? expect.fail()
    return { rows, sum: Number(sums['id']) }
  }

  it('reads merged manifests, position deletes, and what compaction makes of them', async () => {
    const properties = { 'commit.manifest.min-count-to-merge': '3' }
    for (let i = 0; i < 7; i++)
      await lab.put({
        columns: COLUMNS,
        by: BY,
        query: `SELECT i AS id, i % 3 AS part FROM range(${i * 5}, ${i * 5 + 5}) r(i)`,
        properties,
      })
    expect(await seen()).toEqual({ rows: 35, sum: 595 })
    const tools = { session: lab.session, store: lab.store }
    const mode = 'merge-on-read'
    const merging = await lab.load()
    const source = 'SELECT 4 AS id, 1 AS part UNION ALL SELECT 100, 1'
    await lab.commit(await mergeFiles(tools, { ...lab.request(merging), base: merging.metadata, source, keys: ['id'], mode }))
    expect(await seen()).toEqual({ rows: 36, sum: 695 })
    const deleting = await lab.load()
    const where = { op: '<=', column: 'id', value: 2 } as const
    await lab.commit(await deleteWhere(tools, { ...lab.request(deleting), base: deleting.metadata, where, mode }))
    expect(await seen()).toEqual({ rows: 33, sum: 692 })
    const { metadata } = await lab.load()
    const { schema: _, spec: __, ...request } = lab.request(await lab.load())
    await lab.commit((await compactFiles(tools, { ...request, base: metadata })) ?? expect.fail())
    expect(await seen()).toEqual({ rows: 33, sum: 692 })
  }, 120_000)
})
