import { existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog } from '../../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { catalogConformance } from '../../conformance/catalog.ts'
import { writeMetadata } from '../../conformance/empty-table.ts'

const store = localStore()
const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'assay-catalog-'))
const openAt = (root: string): Catalog => openSqlCatalog({ file: `${root}/catalog.db`, warehouse: root, name: 'assay', store })

catalogConformance('SQLite', async () => {
  const root = await temporary()
  const file = `${root}/catalog.db`
  return {
    open: () => openAt(root),
    place: { kind: 'sqlite', file },
    writeMetadata: () => writeMetadata(root),
    foreign: async (sql) => {
      const db = new DatabaseSync(file)
      try {
        if (/^SELECT/.test(sql)) return db.prepare(sql).all()
        db.exec(sql)
        return []
      } finally {
        db.close()
      }
    },
    lock: async () => {
      const db = new DatabaseSync(file)
      db.exec('BEGIN IMMEDIATE')
      return async () => db.close()
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  }
})

describe('the SQL catalog', () => {
  let root: string
  let catalog: Catalog
  beforeEach(async () => {
    root = await temporary()
    catalog = openAt(root)
  })
  afterEach(async () => {
    catalog.close()
    await rm(root, { recursive: true, force: true })
  })
  const orders = { namespace: 'silver', name: 'orders' }
  const foreign = <T>(action: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(`${root}/catalog.db`)
    try {
      return action(db)
    } finally {
      db.close()
    }
  }

  it('makes no file by reading', async () => {
    expect(await catalog.locations()).toEqual([])
    expect(await catalog.load(orders)).toBeUndefined()
    expect(existsSync(`${root}/catalog.db`)).toBe(false)
  })

  it('keeps a journal that readers do not wait for in a file of its own, and leaves that of others', async () => {
    await catalog.commit([{ id: orders, expected: undefined, metadataLocation: await writeMetadata(root) }])
    foreign((db) => expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' }))
    const theirs = new DatabaseSync(`${root}/theirs.db`)
    theirs.exec('CREATE TABLE iceberg_tables (catalog_name, table_namespace, table_name, metadata_location)')
    const other = openSqlCatalog({ file: `${root}/theirs.db`, warehouse: root, name: 'assay', store })
    expect(await other.locations()).toEqual([])
    expect(theirs.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' })
    theirs.close()
    other.close()
  })

  it('says ASSAY-2010 for a file that is no catalog', async () => {
    writeFileSync(
      `${root}/catalog.db`,
      'this is not a database, and long enough to have a header of one hundred bytes, which SQLite reads first of all',
    )
    await expect(catalog.locations()).rejects.toMatchObject({ code: 'ASSAY-2010' })
    await rm(`${root}/catalog.db`)
    foreign((db) => db.exec('CREATE TABLE something(x)'))
    const other = openAt(root)
    await expect(other.locations()).rejects.toMatchObject({ code: 'ASSAY-2010' })
    await expect(other.commit([{ id: orders, expected: undefined, metadataLocation: '/x' }])).rejects.toMatchObject({ code: 'ASSAY-2010' })
    other.close()
  })

  it('takes an empty file, as a crash may leave, for an empty catalog', async () => {
    writeFileSync(`${root}/catalog.db`, '')
    expect(await catalog.locations()).toEqual([])
    expect(await catalog.commit([{ id: orders, expected: undefined, metadataLocation: await writeMetadata(root) }])).toEqual({
      kind: 'committed',
    })
  })

  it('names the metadata file that is gone or corrupt', async () => {
    const location = await writeMetadata(root)
    await catalog.commit([{ id: orders, expected: undefined, metadataLocation: location }])
    writeFileSync(location, '{"format-version": 2}')
    await expect(catalog.load(orders)).rejects.toMatchObject({ code: 'ASSAY-2003', message: expect.stringContaining(location) })
    await rm(location)
    await expect(catalog.load(orders)).rejects.toMatchObject({ code: 'ASSAY-2005' })
  })

  it('says ASSAY-2001 where the file cannot be made', async () => {
    writeFileSync(`${root}/file`, '')
    const below = openSqlCatalog({ file: `${root}/file/below/catalog.db`, warehouse: root, name: 'assay', store })
    await expect(below.commit([{ id: orders, expected: undefined, metadataLocation: '/x' }])).rejects.toMatchObject({ code: 'ASSAY-2001' })
  })
})
