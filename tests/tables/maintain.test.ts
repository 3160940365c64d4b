import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Catalog } from '../../src/iceberg/catalog.ts'
import { ancestors } from '../../src/iceberg/metadata.ts'
import { findOrphans } from '../../src/iceberg/orphans.ts'
import { liveFiles } from '../../src/iceberg/scan.ts'
import { sortOrderOf } from '../../src/iceberg/sort-order.ts'
import { maintainTable, type Maintenance } from '../../src/tables/maintain.ts'
import { column, type Lab, openLab, TABLE } from '../iceberg/lab.ts'

const COLUMNS = [column('id', 'int')]
const DAY = 86_400_000

describe('maintenance', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const put = (id: number, properties = {}) => lab.put({ columns: COLUMNS, query: `SELECT ${id}::INT AS id`, properties })
  const maintain = (more: Partial<Maintenance> = {}) =>
    maintainTable({ catalog: lab.catalog, store: lab.store, session: lab.session, clock: systemClock, isDryRun: false, ...more }, TABLE)
  const ids = async () => (await lab.read(undefined, 'id')).map((row) => row['id'])
  const later = { ...systemClock, now: () => systemClock.now() + 4 * DAY }

  it('sorts what it compacts by the columns asked for, and the table keeps that order', async () => {
    for (const id of [5, 1, 4, 2, 3]) await put(id)
    const tools = { catalog: lab.catalog, store: lab.store, session: lab.session, clock: systemClock, isDryRun: false }
    expect(await maintainTable(tools, TABLE, ['id'])).toMatchObject({ compactedFiles: 5, compactedInto: 1 })
    const { metadata } = await lab.load()
    const [file] = await liveFiles(lab.store, metadata)
    const rows = await lab.session.rows(`SELECT id FROM read_parquet('${file?.path}', file_row_number = true) ORDER BY file_row_number`)
    expect(rows.map((row) => row['id'])).toEqual([1, 2, 3, 4, 5])
    expect(sortOrderOf(metadata)?.fields).toMatchObject([{ 'source-id': 1, direction: 'asc' }])
  })

  it('says what it would do, does it, and then has nothing to do', async () => {
    for (let id = 1; id <= 6; id++) await put(id)
    const head = (await lab.load()).metadata.currentSnapshotId
    expect(await maintain({ isDryRun: true })).toMatchObject({
      table: 'shop.orders',
      compactedFiles: 6,
      compactedInto: undefined,
      orphans: 0,
    })
    expect((await lab.load()).metadata.currentSnapshotId).toBe(head)
    expect(await maintain()).toMatchObject({ compactedFiles: 6, compactedInto: 1, orphans: 0, wasBusy: false })
    const [compaction] = ancestors((await lab.load()).metadata)
    expect(compaction).toMatchObject({ operation: 'replace', parentId: head })
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6])
    expect(await maintain()).toMatchObject({ compactedFiles: 0, mergedManifests: 0, orphans: 0 })
  })

  it('merges manifests where there is nothing to compact', async () => {
    for (let id = 1; id <= 3; id++) await put(id, { 'commit.manifest.min-count-to-merge': '3' })
    expect(await maintain({ isDryRun: true })).toMatchObject({ compactedFiles: 0, mergedManifests: 3 })
    expect(await maintain()).toMatchObject({ compactedFiles: 0, mergedManifests: 3 })
    expect(await ids()).toEqual([1, 2, 3])
  })

  it('removes old files that nothing names, and no others', async () => {
    await put(1)
    await put(2)
    const staged = await lab.stage({ columns: COLUMNS, query: 'SELECT 3 AS id' })
    const named = await lab.store.list(staged.location)
    expect(await maintain({ clock: systemClock })).toMatchObject({ orphans: 0 })
    expect(await maintain({ clock: later, isDryRun: true })).toMatchObject({ orphans: 2 })
    expect(await lab.store.list(staged.location)).toHaveLength(named.length)
    expect(await maintain({ clock: later })).toMatchObject({ orphans: 2 })
    expect(await lab.store.exists(staged.files[0]?.path ?? '')).toBe(false)
    expect(await ids()).toEqual([1, 2])
    const [, first] = ancestors((await lab.load()).metadata)
    expect((await lab.read(first?.id)).map((row) => row['id'])).toEqual([1])
    expect(await findOrphans(lab.store, await lab.load(), later.now())).toEqual([])
  })

  it('lets versions expire that are old and not among the last twenty', async () => {
    const columns = [column('id', 'int')]
    for (let id = 1; id <= 23; id++) await lab.put({ columns, query: `SELECT ${id}::INT AS id`, overwrite: 'everything' })
    const { metadata } = await lab.load()
    const young = { ...systemClock, now: () => (metadata.snapshots[0]?.timestamp ?? 0) + 4 * DAY }
    expect(await maintain({ clock: young })).toMatchObject({ expiredSnapshots: 0 })
    const old = { ...systemClock, now: () => metadata.lastUpdated + 6 * DAY }
    expect(await maintain({ clock: old, isDryRun: true })).toMatchObject({ expiredSnapshots: 3 })
    expect((await lab.load()).metadata.snapshots).toHaveLength(23)
    expect(await maintain({ clock: old })).toMatchObject({ expiredSnapshots: 3 })
    expect((await lab.load()).metadata.snapshots.map((snapshot) => snapshot.id)).toEqual(metadata.snapshots.slice(3).map(({ id }) => id))
    expect(await ids()).toEqual([23])
    const data = (await lab.store.list(metadata.location)).filter((file) => file.path.endsWith('.parquet'))
    expect(data).toHaveLength(20)
  })

  it('keeps all versions and all files where the table says so', async () => {
    for (let id = 1; id <= 2; id++) await put(id, { 'gc.enabled': 'false', 'history.expire.min-snapshots-to-keep': '1' })
    await lab.stage({ columns: COLUMNS, query: 'SELECT 3 AS id' })
    const { metadata } = await lab.load()
    const old = { ...systemClock, now: () => metadata.lastUpdated + 6 * DAY }
    expect(await maintain({ clock: old })).toMatchObject({ expiredSnapshots: 0 })
    expect(await maintain({ clock: later })).toMatchObject({ orphans: 0 })
    await lab.alter(({ properties }) => ({ properties: { ...properties, 'gc.enabled': 'true' } }))
    expect(await maintain({ clock: old })).toMatchObject({ expiredSnapshots: 1 })
  })

  it('leaves the files of a table alone that an environment shares', async () => {
    await put(1)
    await lab.stage({ columns: COLUMNS, query: 'SELECT 3 AS id' })
    const { metadataLocation } = await lab.load()
    await lab.catalog.commit([{ id: { namespace: 'dev__shop', name: 'orders' }, expected: undefined, metadataLocation }])
    expect(await maintain({ clock: later })).toMatchObject({ orphans: 0 })
  })

  it('gives way to a writer that changes the files it compacts', async () => {
    for (let id = 1; id <= 6; id++) await put(id)
    let loads = 0
    const catalog: Catalog = {
      ...lab.catalog,
      load: async (id) => {
        if (++loads === 2) await lab.put({ columns: COLUMNS, query: 'SELECT 7 AS id', overwrite: 'everything' })
        return lab.catalog.load(id)
      },
    }
    expect(await maintain({ catalog })).toMatchObject({ wasBusy: true, compactedFiles: 0 })
    expect(await ids()).toEqual([7])
    const left = (await lab.store.list(`${(await lab.load()).metadata.location}`)).filter((file) => file.path.includes('maintain-'))
    expect(left).toEqual([])
  })

  it('is nothing for a table that is not there', async () => {
    expect(await maintain()).toBeUndefined()
  })
})
