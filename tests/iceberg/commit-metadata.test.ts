import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AssayError } from '../../src/errors.ts'
import type { Catalog } from '../../src/iceberg/catalog.ts'
import { cherryPick } from '../../src/iceberg/cherry-pick.ts'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { createRef } from '../../src/iceberg/refs.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'

let lab: Lab
beforeEach(async () => {
  lab = await openLab()
  await lab.put({ columns: COLUMNS, query: 'SELECT 1 AS id' })
})
afterEach(() => lab.close())

const COLUMNS = [column('id', 'int')]
const metadataFiles = (): readonly string[] => readdirSync(`${lab.root}/warehouse/shop/orders/metadata`).sort()
const tagged = (store: Store, catalog: Catalog) =>
  commitMetadata({ store, catalog }, TABLE, (metadata) => createRef(metadata, { name: 'kept', type: 'tag' }, 1))
const full = (): AssayError => new AssayError('ASSAY-2002', 'No space is left to write the catalog')

it('a change that the catalog fails on leaves no file', async () => {
  const before = metadataFiles()
  const catalog = { ...lab.catalog, commit: () => Promise.reject(full()) }
  await expect(tagged(lab.store, catalog)).rejects.toMatchObject({ code: 'ASSAY-2002' })
  expect(metadataFiles()).toEqual(before)
})

it('a file of which only half was written goes', async () => {
  const before = metadataFiles()
  const write: Store['write'] = async (path, bytes) => {
    await lab.store.write(path, bytes.subarray(0, 10))
    throw full()
  }
  await expect(tagged({ ...lab.store, write }, lab.catalog)).rejects.toMatchObject({ code: 'ASSAY-2002' })
  expect(metadataFiles()).toEqual(before)
})

it('a file that cannot be removed does not hide why the change failed', async () => {
  const catalog = { ...lab.catalog, commit: () => Promise.reject(full()) }
  const remove: Store['remove'] = () => Promise.reject(new AssayError('ASSAY-2001', 'it cannot be removed'))
  await expect(tagged({ ...lab.store, remove }, catalog)).rejects.toMatchObject({ code: 'ASSAY-2002' })
})

it('a snapshot can be picked onto a head that has delete files', async () => {
  await commitMetadata(lab, TABLE, (metadata) => createRef(metadata, { name: 'side', type: 'branch' }, 1))
  await lab.put({ columns: COLUMNS, query: 'SELECT 2 AS id', branch: 'side' })
  await lab.put({ columns: COLUMNS, query: 'SELECT unnest([3, 4]) AS id' })
  const base = await lab.load()
  const where = { op: '=', column: 'id', value: 3 } as const
  await lab.commit(await deleteWhere(lab, { ...lab.request(base), base: base.metadata, where, mode: 'merge-on-read' }))
  await cherryPick(lab, { id: TABLE, snapshotId: base.metadata.refs['side']?.snapshotId ?? '', newId: '999', now: 1 })
  expect((await lab.read()).map((row) => row['id'])).toEqual([1, 2, 4])
})
