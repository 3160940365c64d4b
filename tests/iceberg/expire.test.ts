import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, CommitOutcome } from '../../src/iceberg/catalog.ts'
import { cherryPick } from '../../src/iceberg/cherry-pick.ts'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { expireSnapshots, selectExpired } from '../../src/iceberg/expire.ts'
import { serialiseMetadata, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { createRef } from '../../src/iceberg/refs.ts'
import { snapshotAt } from '../../src/iceberg/snapshot-at.ts'
import { ID, type LineLab, openLineLab } from './line-lab.ts'

const DAY = 86_400_000

describe('expired', () => {
  /** One snapshot a day, from day 1 to 9, on main; `lone` of day 2 on top of 1, which no ref names. */
  const snapshot = (id: string, day: number, parentId?: string) => ({
    id,
    parentId,
    sequenceNumber: day,
    timestamp: day * DAY,
    operation: 'append' as const,
    summary: {},
    manifestList: `/t/${id}.avro`,
    schemaId: 0,
  })
  const table = (
    refs: Record<string, { snapshotId: string; type: 'branch' | 'tag'; rest?: Record<string, unknown> }> = {},
    properties = {},
  ): TableMetadata => ({
    formatVersion: 2,
    uuid: 'u',
    location: '/t',
    lastSequenceNumber: 9,
    lastUpdated: 9 * DAY,
    lastColumnId: 0,
    lastPartitionId: 999,
    schemas: [{ type: 'struct', 'schema-id': 0, fields: [] }],
    currentSchemaId: 0,
    specs: [],
    defaultSpecId: 0,
    properties,
    snapshots: [
      ...['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((id, i) => snapshot(id, i + 1, i === 0 ? undefined : String(i))),
      snapshot('lone', 2, '1'),
    ],
    currentSnapshotId: '9',
    refs: { main: { snapshotId: '9', type: 'branch' }, ...refs },
    snapshotLog: [],
    metadataLog: [],
    rest: {},
  })
  const now = 9 * DAY + 1
  const left = (metadata: TableMetadata, policy: Partial<Parameters<typeof selectExpired>[1]> = {}): string => {
    const gone = selectExpired(metadata, { now, ...policy })
    return metadata.snapshots.flatMap(({ id }) => (gone.snapshots.includes(id) ? [] : [id])).join(' ')
  }

  it('are those older than five days when nothing else is said', () => {
    expect(left(table())).toBe('5 6 7 8 9')
  })

  it('are fewer or more by table, policy and ref, in this order', () => {
    expect(left(table({}, { 'history.expire.max-snapshot-age-ms': String(2 * DAY) }))).toBe('8 9')
    expect(left(table({}, { 'history.expire.min-snapshots-to-keep': '7' }))).toBe('3 4 5 6 7 8 9')
    expect(left(table({}, { 'history.expire.max-snapshot-age-ms': '1' }), { olderThan: 7 * DAY, keepLast: 4 })).toBe('6 7 8 9')
    const main = { snapshotId: '9', type: 'branch' as const, rest: { 'min-snapshots-to-keep': 2, 'max-snapshot-age-ms': DAY } }
    expect(left(table({ main }), { olderThan: 0, keepLast: 5 })).toBe('8 9 lone')
  })

  it('are never the head of a branch, a tag, or what is still needed', () => {
    expect(left(table(), { olderThan: now })).toBe('9')
    expect(left(table({ v: { snapshotId: '3', type: 'tag' }, b: { snapshotId: 'lone', type: 'branch' } }), { olderThan: now })).toBe(
      '3 9 lone',
    )
    expect(left(table(), { olderThan: now, keep: new Set(['4', '6']) })).toBe('4 6 9')
  })

  it('leave no gap in a branch, and take loose snapshots by age', () => {
    const old = { ...table(), snapshots: table().snapshots.map((s) => (s.id === '7' ? { ...s, timestamp: 0 } : s)) }
    expect(left(old, { olderThan: 5 * DAY })).toBe('8 9')
    expect(left(table(), { olderThan: 2 * DAY })).toBe('2 3 4 5 6 7 8 9 lone')
  })

  it('are refs too, once they outlived themselves: main never', () => {
    const tag = (rest: Record<string, unknown>) => ({ snapshotId: '3', type: 'tag' as const, rest })
    const aged = table({ main: { snapshotId: '9', type: 'branch', rest: { 'max-ref-age-ms': 0 } }, v: tag({ 'max-ref-age-ms': DAY }) })
    expect(selectExpired(aged, { now, olderThan: now })).toEqual({
      snapshots: ['1', '2', '3', '4', '5', '6', '7', '8', 'lone'],
      refs: ['v'],
    })
    expect(selectExpired(table({ v: tag({ 'max-ref-age-ms': 7 * DAY }) }), { now }).refs).toEqual([])
    expect(selectExpired(table({ v: tag({}) }, { 'history.expire.max-ref-age-ms': String(DAY) }), { now }).refs).toEqual(['v'])
  })
})

describe('expiring', () => {
  let lab: LineLab
  beforeEach(async () => {
    lab = await openLineLab()
    for (const id of ['1', '2', '3']) await lab.put({ id, now: Number(id) * 1000, overwrite: 'everything' })
  })
  afterEach(() => lab.close())
  const policy = { now: 10_000, olderThan: 10_000 }
  const all = async () => [await lab.present('data', ''), await lab.present('metadata', '.avro')]
  /** The catalog, with something done to or instead of its next commit. */
  const catalogThat = (commit: (commit: () => Promise<CommitOutcome>) => Promise<CommitOutcome>): Catalog => {
    let isFirst = true
    const once: Catalog['commit'] = (changes) => {
      const goOn = (): Promise<CommitOutcome> => lab.catalog.commit(changes)
      if (!isFirst) return goOn()
      isFirst = false
      return commit(goOn)
    }
    return { ...lab.catalog, commit: once }
  }

  it('removes the files of what it took, and says which', async () => {
    const { expiry, removed, after } = await expireSnapshots(lab, ID, policy)
    expect(expiry).toEqual({ snapshots: ['1', '2'], refs: [] })
    expect(removed.data.map((path) => path.replace(/.*\//, '')).sort()).toEqual(['1.parquet', '2.parquet'])
    expect(await lab.present('data', '')).toEqual(['3.parquet'])
    expect(await lab.live('3')).toEqual(['3.parquet'])
    expect(after.metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual(['3'])
    expect(() => snapshotAt(after.metadata, { timestamp: 2500 })).toThrow(expect.objectContaining({ code: 'ASSAY-2009' }))
    const again = await expireSnapshots(lab, ID, policy)
    expect(again.after.metadataLocation).toBe(after.metadataLocation)
  })

  it('keeps a file that was picked onto another line', async () => {
    await commitMetadata(lab, ID, (m) => createRef(m, { name: 'b', type: 'branch' }, 4000))
    await lab.put({ id: '4', now: 5000, branch: 'b' })
    await lab.put({ id: '5', now: 6000 })
    await cherryPick(lab, { id: ID, snapshotId: '4', newId: '6', now: 7000 })
    const { metadata } = await lab.load()
    const { refs } = metadata
    await commitMetadata(lab, ID, (m) => ({ ...m, refs: { main: refs['main'] ?? expect.fail() } }))
    expect((await expireSnapshots(lab, ID, policy)).expiry.snapshots).toEqual(['1', '2', '3', '4', '5'])
    expect(await lab.live('6')).toEqual(['3.parquet', '4.parquet', '5.parquet'])
    expect(await lab.present('data', '')).toEqual(['3.parquet', '4.parquet', '5.parquet'])
  })

  it('is built again on what others committed, whose files stay', async () => {
    const catalog = catalogThat(async (goOn) => {
      await lab.put({ id: '4', now: 9000 })
      return goOn()
    })
    const { expiry } = await expireSnapshots({ store: lab.store, catalog }, ID, policy)
    expect(expiry.snapshots).toEqual(['1', '2', '3'])
    expect(await lab.live('4')).toEqual(['3.parquet', '4.parquet'])
    expect(await lab.present('data', '')).toEqual(['3.parquet', '4.parquet'])
    // The metadata file of the try that was rejected is gone too: three commits, that of the other, and this one.
    expect(await lab.present('metadata', '.json')).toHaveLength(5)
  })

  it('removes nothing while it is unknown whether it happened', async () => {
    const before = await all()
    const catalog = catalogThat(async () => ({ kind: 'unknown', cause: new Error('cut off') }))
    await expect(expireSnapshots({ store: lab.store, catalog }, ID, policy)).rejects.toMatchObject({ code: 'ASSAY-2010' })
    expect(await all()).toEqual(before)
    expect((await lab.load()).metadata.snapshots).toHaveLength(3)
  })

  it('finds in the table that an unknown commit had happened', async () => {
    const catalog = catalogThat(async (goOn) => {
      await goOn()
      return { kind: 'unknown', cause: new Error('cut off') }
    })
    expect((await expireSnapshots({ store: lab.store, catalog }, ID, policy)).expiry.snapshots).toEqual(['1', '2'])
    expect(await lab.present('data', '')).toEqual(['3.parquet'])
  })

  it('takes statistics files along with their snapshot', async () => {
    const statistics = ['1', '3'].map((id) => ({ 'snapshot-id': BigInt(id), 'statistics-path': `${lab.location}/metadata/${id}.puffin` }))
    for (const { 'statistics-path': path } of statistics) await lab.store.write(path, Buffer.from('x'))
    await commitMetadata(lab, ID, (m) => ({ ...m, rest: { ...m.rest, statistics } }))
    const { after } = await expireSnapshots(lab, ID, policy)
    expect(await lab.present('metadata', '.puffin')).toEqual(['3.puffin'])
    expect(JSON.parse(serialiseMetadata(after.metadata)).statistics).toEqual([expect.objectContaining({ 'snapshot-id': 3 })])
  })

  it('is refused where other tables may share the files', async () => {
    await commitMetadata(lab, ID, (m) => ({ ...m, properties: { 'gc.enabled': 'false' } }))
    const before = await all()
    await expect(expireSnapshots(lab, ID, policy)).rejects.toMatchObject({ code: 'ASSAY-2033' })
    expect(await all()).toEqual(before)
    await expect(expireSnapshots(lab, { namespace: 'shop', name: 'none' }, policy)).rejects.toMatchObject({ code: 'ASSAY-2008' })
  })
})
