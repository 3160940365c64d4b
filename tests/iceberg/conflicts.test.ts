import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Change, prepareCommit } from '../../src/iceberg/commit.ts'
import { compactFiles } from '../../src/iceberg/compact.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { mergeFiles } from '../../src/iceberg/merge.ts'
import { schemaOf } from '../../src/iceberg/metadata.ts'
import type { WriteMode } from '../../src/iceberg/rewrite.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'
import { naiveRows } from './naive.ts'

const COLUMNS = [column('id', 'long'), column('part', 'int'), column('v', 'int')]
const BY = [{ column: 'part', transform: 'identity' }] as const
const rows = (part: number, ...ids: number[]): string =>
  ids.map((id) => `SELECT ${id}::BIGINT AS id, ${part} AS part, 0 AS v`).join(' UNION ALL ')

/** A change that was made from the table as it is when called, to be committed later. */
type Making = () => Promise<Pick<Change, 'staged' | 'overwrite' | 'readFrom' | 'schemaId'>>

describe('two changes from the same version', () => {
  let lab: Lab
  let start: string
  // Partition 1 holds the ids 1 to 5 in five files, partition 2 the ids 20 and 21 in one.
  beforeAll(async () => {
    lab = await openLab()
    await lab.put({ columns: COLUMNS, by: BY, query: rows(2, 20, 21) })
    for (let id = 1; id <= 5; id++) await lab.put({ columns: COLUMNS, by: BY, query: rows(1, id) })
    start = (await lab.load()).metadataLocation
  })
  afterAll(() => lab.close())
  // Files of a table do not change, so that the catalog can point to an earlier version again.
  beforeEach(async () => {
    const { metadataLocation } = await lab.load()
    await lab.catalog.commit([{ id: TABLE, expected: metadataLocation, metadataLocation: start }])
  })
  const tools = () => ({ session: lab.session, store: lab.store })

  const append =
    (part: number, id: number, columns = COLUMNS): Making =>
    async () => {
      const base = await lab.load()
      const extra = columns.slice(COLUMNS.length).map((c) => `, 1 AS ${c.name}`)
      const staged = await lab.stage({ columns, by: BY, query: `SELECT *${extra.join('')} FROM (${rows(part, id)})`, base })
      return { staged, overwrite: 'nothing', schemaId: base.metadata.currentSchemaId }
    }
  const overwrite =
    (part: number, id: number): Making =>
    async () => {
      const base = await lab.load()
      const staged = await lab.stage({ columns: COLUMNS, by: BY, query: rows(part, id), base })
      return { staged, overwrite: (tuple) => tuple['part'] === part, readFrom: base.metadata.currentSnapshotId }
    }
  const remove =
    (id: number, mode: WriteMode = 'copy-on-write'): Making =>
    async () => {
      const base = await lab.load()
      const where = { op: '=', column: 'id', value: id } as const
      const { staged, rewrite } = await deleteWhere(tools(), { ...lab.request(base), base: base.metadata, where, mode })
      return { staged, overwrite: rewrite }
    }
  const merge =
    (part: number, id: number, mode: WriteMode = 'copy-on-write', v = 1): Making =>
    async () => {
      const base = await lab.load()
      const source = `SELECT * REPLACE (${v} AS v) FROM (${rows(part, id)})`
      const request = { ...lab.request(base), base: base.metadata, source, keys: ['id'], mode }
      const { staged, rewrite } = await mergeFiles(tools(), request)
      return { staged, overwrite: rewrite }
    }
  /** Of a row that is there as it is. */
  const equal = (part: number, id: number): Making => merge(part, id, 'copy-on-write', 0)
  const compact: Making = async () => {
    const base = await lab.load()
    const { schema: _, spec: __, ...request } = lab.request(base)
    const { staged, rewrite } = (await compactFiles(tools(), { ...request, base: base.metadata })) ?? expect.fail()
    return { staged, overwrite: rewrite }
  }

  async function commit(change: Awaited<ReturnType<Making>>): Promise<void> {
    const prepared = await prepareCommit(lab.store, await lab.load(), { id: TABLE, summary: {}, now: 1, ...change })
    expect(await lab.catalog.commit([prepared.change])).toEqual({ kind: 'committed' })
  }

  /** Makes both changes from one version and commits the first; what becomes of the second? */
  async function outcome(first: Making, second: Making): Promise<readonly number[] | string> {
    const [a, b] = [await first(), await second()]
    await commit(a)
    try {
      await commit(b)
    } catch (error) {
      expect(error).toMatchObject({ code: 'ASSAY-2006' })
      return 'refused'
    }
    return (await naiveRows(lab, 'id')).map((row) => Number(row['id']))
  }

  const PAIRS: readonly (readonly [name: string, first: Making, second: Making, becomes: readonly number[] | 'refused'])[] = [
    ['append, then append', append(1, 6), append(1, 7), [1, 2, 3, 4, 5, 6, 7, 20, 21]],
    ['append, then overwrite of its partition', append(1, 6), overwrite(1, 9), 'refused'],
    ['append, then overwrite of another partition', append(1, 6), overwrite(2, 29), [1, 2, 3, 4, 5, 6, 29]],
    ['overwrite, then append to its partition', overwrite(1, 9), append(1, 6), [6, 9, 20, 21]],
    ['overwrite, then overwrite of the same partition', overwrite(1, 8), overwrite(1, 9), 'refused'],
    ['overwrite, then overwrite of another partition', overwrite(1, 8), overwrite(2, 29), [8, 29]],
    ['append in the key range, then merge', append(1, 3), merge(1, 3), 'refused'],
    ['append outside the key range, then merge', append(1, 6), merge(1, 3), [1, 2, 3, 4, 5, 6, 20, 21]],
    ['merge, then append in its key range', merge(1, 3), append(1, 3), [1, 2, 3, 3, 4, 5, 20, 21]],
    ['merge, then merge of the same key', merge(1, 3), merge(1, 3), 'refused'],
    ['merge, then merge of the same new key', merge(1, 9), merge(1, 9), 'refused'],
    ['merge, then merge of another key', merge(1, 3), merge(1, 4), [1, 2, 3, 4, 5, 20, 21]],
    ['merge on read twice, the same key', merge(1, 3, 'merge-on-read'), merge(1, 3, 'merge-on-read'), 'refused'],
    ['merge, then overwrite of its partition', merge(1, 3), overwrite(1, 9), 'refused'],
    ['overwrite, then merge into its partition', overwrite(1, 9), merge(1, 3), 'refused'],
    ['merge, then delete of the same row', merge(1, 3), remove(3), 'refused'],
    ['delete, then merge of the same row', remove(3), merge(1, 3), 'refused'],
    ['merge of an equal row, then delete of it', equal(1, 3), remove(3), [1, 2, 4, 5, 20, 21]],
    ['delete, then merge of a row that was equal', remove(3), equal(1, 3), 'refused'],
    ['delete on read, then merge of a row that was equal', remove(20, 'merge-on-read'), equal(2, 20), 'refused'],
    ['delete, then delete of another row of its file', remove(20, 'merge-on-read'), remove(21, 'copy-on-write'), 'refused'],
    ['delete, then delete in another file', remove(3, 'merge-on-read'), remove(20, 'merge-on-read'), [1, 2, 4, 5, 21]],
    ['append of a matching row, then delete', append(1, 3), remove(3), 'refused'],
    ['delete, then append', remove(3), append(1, 3), [1, 2, 3, 4, 5, 20, 21]],
    ['compaction, then append', compact, append(1, 6), [1, 2, 3, 4, 5, 6, 20, 21]],
    ['append, then compaction', append(1, 6), compact, [1, 2, 3, 4, 5, 6, 20, 21]],
    ['compaction, then overwrite of its partition', compact, overwrite(1, 9), [9, 20, 21]],
    ['overwrite, then compaction of its partition', overwrite(1, 9), compact, 'refused'],
    ['compaction, then merge', compact, merge(1, 3), 'refused'],
    ['compaction, then merge elsewhere', compact, merge(2, 20), [1, 2, 3, 4, 5, 20, 21]],
    ['merge, then compaction', merge(1, 3), compact, 'refused'],
    ['delete, then compaction', remove(3, 'merge-on-read'), compact, 'refused'],
    ['compaction, then delete', compact, remove(3, 'merge-on-read'), 'refused'],
    ['compaction, then compaction', compact, compact, 'refused'],
  ]

  it.each(PAIRS)('%s', async (_, first, second, becomes) => {
    expect(await outcome(first, second)).toEqual(becomes)
  })

  it('evolve, then append by the earlier schema: the table keeps the later one', async () => {
    const wider = [...COLUMNS, column('note', 'int')]
    const [evolving, appending] = [await append(2, 22, wider)(), await append(1, 6)()]
    await commit(evolving)
    await commit(appending)
    expect(schemaOf((await lab.load()).metadata).fields.map((field) => field.name)).toEqual(['id', 'part', 'v', 'note'])
    expect((await lab.read(undefined, 'id')).map((row) => [Number(row['id']), row['note']])).toContainEqual([6, null])
    // A step that asks for fewer columns, having seen the wider schema, gets them.
    await commit(await append(1, 7)())
    expect(schemaOf((await lab.load()).metadata).fields).toHaveLength(3)
  })

  it('roll back, then rewrite: refused', async () => {
    const change = await merge(1, 3)()
    const head = await lab.load()
    const parent = head.metadata.snapshots.find((snapshot) => snapshot.id === head.metadata.currentSnapshotId)?.parentId
    const back = { ...head, metadata: { ...head.metadata, currentSnapshotId: parent } }
    await expect(prepareCommit(lab.store, back, { id: TABLE, summary: {}, now: 1, ...change })).rejects.toMatchObject({
      code: 'ASSAY-2006',
      message: expect.stringContaining('rolled back'),
    })
  })
})
