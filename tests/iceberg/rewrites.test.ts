import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compactable, compactFiles } from '../../src/iceberg/compact.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { moveBetween } from '../../src/iceberg/diff.ts'
import type { Filter } from '../../src/iceberg/filter.ts'
import { mergeFiles } from '../../src/iceberg/merge.ts'
import { snapshotOf } from '../../src/iceberg/metadata.ts'
import type { WriteMode } from '../../src/iceberg/rewrite.ts'
import { column, type Lab, openLab } from './lab.ts'
import { naiveRows } from './naive.ts'

const COLUMNS = [column('id', 'long'), column('part', 'int'), column('v', 'string')]
const BY = [{ column: 'part', transform: 'identity' }] as const
const MODES: readonly WriteMode[] = ['copy-on-write', 'merge-on-read']

/** Partition of an id, so that a key stays where it is. */
const partOf = (id: number): number => id % 3
const values = (rows: readonly (readonly [id: number, v: string])[]): string =>
  rows.length === 0
    ? 'SELECT NULL::BIGINT AS id, NULL::INTEGER AS part, NULL AS v WHERE false'
    : `SELECT * FROM (VALUES ${rows.map(([id, v]) => `(${id}::BIGINT, ${partOf(id)}, '${v}')`).join(', ')}) x(id, part, v)`

const between = (low: number, high: number): Filter => ({
  op: 'and',
  of: [
    { op: '>=', column: 'id', value: low },
    { op: '<=', column: 'id', value: high },
  ],
})

describe('rewrites', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())

  /** Begins with an empty table, so that the tests can share one. */
  const begin = (rows: readonly (readonly [number, string])[] = []) =>
    lab.put({ columns: COLUMNS, by: BY, query: values(rows), overwrite: 'everything' })
  const append = (rows: readonly (readonly [number, string])[]) => lab.put({ columns: COLUMNS, by: BY, query: values(rows) })
  const now = async () => (await naiveRows(lab, 'id, v', 'id')).map((row) => [Number(row['id']), row['v']])
  const summary = async () => snapshotOf((await lab.load()).metadata)?.summary ?? {}
  const tools = () => ({ session: lab.session, store: lab.store })

  async function merge(mode: WriteMode, rows: readonly (readonly [number, string])[], gone: readonly number[] = []) {
    const base = await lab.load()
    const source = `SELECT *, false AS gone FROM (${values(rows)}) UNION ALL SELECT *, true FROM (${values(gone.map((id) => [id, 'x']))})`
    return mergeFiles(tools(), { ...lab.request(base), base: base.metadata, source, keys: ['id'], deleteFlag: 'gone', mode })
  }
  async function deletion(mode: WriteMode, where: Filter, replacement?: string) {
    const base = await lab.load()
    const request = { ...lab.request(base), base: base.metadata, where, mode }
    return deleteWhere(tools(), replacement === undefined ? request : { ...request, replacement })
  }

  it.each(MODES)('merge by key: replace, add and take out (%s)', async (mode) => {
    await begin([
      [1, 'a'],
      [2, 'b'],
      [4, 'd'],
    ])
    const merged = await merge(
      mode,
      [
        [2, 'B'],
        [3, 'c'],
      ],
      [4, 9],
    )
    expect(merged).toMatchObject({ inserted: 1, updated: 1, deleted: 1, changes: true })
    const { metadata } = await lab.commit(merged)
    expect(await now()).toEqual([
      [1, 'a'],
      [2, 'B'],
      [3, 'c'],
    ])
    expect(snapshotOf(metadata)?.operation).toBe('overwrite')
  })

  it('write position deletes with complete totals, as the specification has them', async () => {
    await begin([
      [1, 'a'],
      [4, 'b'],
      [7, 'c'],
    ])
    await lab.commit(await deletion('merge-on-read', { op: '=', column: 'id', value: 4 }))
    expect(await summary()).toMatchObject({
      'added-delete-files': '1',
      'added-position-delete-files': '1',
      'added-position-deletes': '1',
      'total-delete-files': '1',
      'total-position-deletes': '1',
      'total-equality-deletes': '0',
      'total-records': '3',
      'total-data-files': '1',
    })
    const { metadata } = await lab.load()
    expect(snapshotOf(metadata)?.operation).toBe('delete')
    const { allLiveEntries } = await import('../../src/iceberg/live-entries.ts')
    const [file] = (await allLiveEntries(lab.store, metadata)).deletes
    const ids = await lab.session.rows(`SELECT name, field_id FROM parquet_schema('${file?.file.path}') WHERE field_id IS NOT NULL`)
    expect(ids.map((row) => [row['name'], Number(row['field_id'])])).toEqual([
      ['file_path', 2147483546],
      ['pos', 2147483545],
    ])
    expect(file).toMatchObject({ sequenceNumber: metadata.lastSequenceNumber, file: { partition: { part: 1 }, rows: 1 } })
    await lab.commit(await deletion('copy-on-write', { op: '=', column: 'id', value: 1 }))
    expect(await now()).toEqual([[7, 'c']])
    expect(await summary()).toMatchObject({ 'total-delete-files': '0', 'total-position-deletes': '0', 'removed-position-deletes': '1' })
  })

  it('drop whole files by metadata alone, and read no others than those that may match', async () => {
    await begin([
      [3, 'a'],
      [6, 'b'],
    ])
    await append([
      [30, 'c'],
      [60, 'd'],
    ])
    const part = await deletion('merge-on-read', between(3, 30))
    expect(part.rewrite.removed).toHaveLength(1)
    expect(part.rewrite.deletedFrom).toHaveLength(1)
    const all = await deletion('copy-on-write', { op: '=', column: 'part', value: 0 })
    expect(all.rewrite).toMatchObject({ operation: 'delete' })
    expect(all.rewrite.removed).toHaveLength(2)
    expect(all.staged.files).toEqual([])
    const none = await deletion('copy-on-write', between(7, 29))
    expect(none.changes).toBe(false)
    // A file that cannot match is not opened: it may as well be gone.
    const early = part.rewrite.removed[0]?.path ?? ''
    await lab.store.remove(early)
    expect((await deletion('copy-on-write', between(31, 60))).rewrite.removed).toHaveLength(1)
    expect((await merge('copy-on-write', [[60, 'D']])).updated).toBe(1)
  })

  it('tell how many rows a move between two versions shows and hides, whatever holds the deletes', async () => {
    const { metadata: first } = await begin([
      [3, 'a'],
      [6, 'b'],
      [1, 'c'],
    ])
    await lab.commit(await deletion('merge-on-read', between(3, 3)))
    await append([[9, 'd']])
    const { metadata } = await lab.load()
    const [from, to] = [snapshotOf(metadata), snapshotOf(metadata, first.currentSnapshotId)]
    if (from === undefined || to === undefined) throw new Error('no snapshot')
    const back = await moveBetween(lab.store, metadata, { from, to })
    expect(back.rows).toEqual({ appear: 1, disappear: 1 })
    expect(back.files.map(({ partition }) => partition['part'])).toEqual([0, 0])
    expect((await moveBetween(lab.store, metadata, { from: to, to: from })).rows).toEqual({ appear: 1, disappear: 1 })
    expect((await moveBetween(lab.store, metadata, { from: undefined, to: from })).rows).toEqual({ appear: 3, disappear: 0 })
    // A file written anew without the row that was deleted before shows and hides nothing.
    await lab.commit(await deletion('copy-on-write', between(6, 6)))
    const later = snapshotOf((await lab.load()).metadata) ?? expect.fail()
    expect((await moveBetween(lab.store, (await lab.load()).metadata, { from, to: later })).rows).toEqual({ appear: 0, disappear: 1 })
  })

  it('put rows in the place of those that a filter matches', async () => {
    await begin([
      [1, 'a'],
      [2, 'b'],
      [4, 'c'],
    ])
    await lab.commit(await deletion('copy-on-write', { op: '=', column: 'v', value: 'b' }, values([[5, 'e']])))
    expect(await now()).toEqual([
      [1, 'a'],
      [4, 'c'],
      [5, 'e'],
    ])
  })

  it('refuse sources without a key or with one twice, naming it', async () => {
    await begin([[1, 'a']])
    const twice = merge('copy-on-write', [
      [7, 'x'],
      [7, 'y'],
    ])
    await expect(twice).rejects.toMatchObject({ code: 'ASSAY-5007', message: 'the source has 2 rows for the key id 7' })
    const base = await lab.load()
    const source = "SELECT NULL::BIGINT AS id, 0 AS part, 'x' AS v"
    const nulls = mergeFiles(tools(), { ...lab.request(base), base: base.metadata, source, keys: ['id'], mode: 'copy-on-write' })
    await expect(nulls).rejects.toMatchObject({ code: 'ASSAY-5007', message: expect.stringContaining('null') })
  })

  it('compact: the same rows, sorted where the table has an order, without delete files', async () => {
    await begin()
    for (let i = 0; i < 6; i++) await append([[3 * (6 - i), `v${i}`]])
    await append([[1, 'alone']])
    await lab.commit(await deletion('merge-on-read', { op: '=', column: 'id', value: 1 }))
    const base = await lab.load()
    const sorted = {
      ...base.metadata,
      rest: {
        'sort-orders': [
          { 'order-id': 1, fields: [{ 'source-id': 1, transform: 'identity', direction: 'asc', 'null-order': 'nulls-last' }] },
        ],
        'default-sort-order-id': 1,
      },
    }
    const before = await now()
    expect(await compactable(lab.store, sorted)).toHaveLength(6)
    const { schema: _, spec: __, ...request } = lab.request(base)
    const compacted = (await compactFiles(tools(), { ...request, base: sorted })) ?? expect.fail()
    const { metadata } = await lab.commit(compacted)
    expect(snapshotOf(metadata)).toMatchObject({ operation: 'replace', summary: { 'total-data-files': '1', 'total-records': '6' } })
    expect(await now()).toEqual(before)
    const [file] = compacted.staged.files
    const order = await lab.session.rows(`SELECT id FROM read_parquet('${file?.path}', file_row_number = true) ORDER BY file_row_number`)
    expect(order.map((row) => Number(row['id']))).toEqual([3, 6, 9, 12, 15, 18])
    expect(await compactFiles(tools(), { ...request, base: metadata })).toBeUndefined()
  })

  it('split files that are too large', async () => {
    await begin()
    await lab.put({ columns: COLUMNS, by: BY, query: `SELECT i AS id, 0 AS part, md5(i::VARCHAR) AS v FROM range(3000) r(i)` })
    const base = await lab.load()
    const { schema: _, spec: __, ...request } = lab.request(base)
    const target = { ...base.metadata, properties: { 'write.target-file-size-bytes': '20000' } }
    const compacted = (await compactFiles(tools(), { ...request, base: target })) ?? expect.fail()
    expect(compacted.staged.files.length).toBeGreaterThan(2)
    expect(Math.max(...compacted.staged.files.map((file) => file.size))).toBeLessThan(1.8 * 20_000)
    await lab.commit(compacted)
    expect((await now()).map(([id]) => id)).toEqual(Array.from({ length: 3000 }, (_, i) => i))
  })

  it('hold what a model of the table holds, in whatever order', async () => {
    const id = fc.nat(11)
    const mode = fc.constantFrom(...MODES)
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('merge' as const),
        mode,
        ids: fc.uniqueArray(id, { maxLength: 4 }),
        gone: fc.uniqueArray(id, { maxLength: 2 }),
      }),
      fc.record({ kind: fc.constant('delete' as const), mode, low: id, span: fc.nat(4) }),
      fc.record({ kind: fc.constant('compact' as const) }),
    )
    let version = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        await begin()
        const model = new Map<number, string>()
        for (const one of steps) {
          if (one.kind === 'compact') {
            const base = await lab.load()
            const { schema: _, spec: __, ...request } = lab.request(base)
            const compacted = await compactFiles(tools(), { ...request, base: base.metadata })
            if (compacted !== undefined) await lab.commit(compacted)
          } else if (one.kind === 'delete') {
            await lab.commit(await deletion(one.mode, between(one.low, one.low + one.span)))
            for (let key = one.low; key <= one.low + one.span; key++) model.delete(key)
          } else {
            const v = `v${++version}`
            const gone = one.gone.filter((key) => !one.ids.includes(key))
            await lab.commit(
              await merge(
                one.mode,
                one.ids.map((key) => [key, v]),
                gone,
              ),
            )
            for (const key of one.ids) model.set(key, v)
            for (const key of gone) model.delete(key)
          }
        }
        expect(await now()).toEqual([...model].toSorted(([a], [b]) => a - b))
      }),
      { numRuns: 4 },
    )
  }, 90_000)
})
