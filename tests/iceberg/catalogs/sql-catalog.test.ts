import { existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog } from '../../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { parseMetadata, serialiseMetadata } from '../../../src/iceberg/metadata.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { catalogConformance } from '../../conformance/catalog.ts'

const store = localStore()
const EMPTY = serialiseMetadata(
  parseMetadata(
    JSON.stringify({
      'format-version': 2,
      'table-uuid': 'u',
      location: '/t',
      'last-sequence-number': 0,
      'last-updated-ms': 1,
      'last-column-id': 1,
      'current-schema-id': 0,
      schemas: [{ type: 'struct', 'schema-id': 0, fields: [] }],
      'default-spec-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields: [] }],
      'last-partition-id': 999,
      'default-sort-order-id': 0,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
    }),
    'empty',
  ),
)

let files = 0
async function writeMetadata(root: string): Promise<string> {
  const path = `${root}/metadata/${String(files++).padStart(5, '0')}-x.metadata.json`
  await store.write(path, new TextEncoder().encode(EMPTY))
  return path
}
const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'assay-catalog-'))
const openAt = (root: string): Catalog => openSqlCatalog({ file: `${root}/catalog.db`, warehouse: root, name: 'assay', store })

catalogConformance('SQLite', async () => {
  const root = await temporary()
  return { open: () => openAt(root), writeMetadata: () => writeMetadata(root), dispose: () => rm(root, { recursive: true, force: true }) }
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

  it('is laid out as Iceberg lays it out, and remembers the previous location', async () => {
    const [first, second] = [await writeMetadata(root), await writeMetadata(root)]
    await catalog.commit([{ id: orders, expected: undefined, metadataLocation: first }])
    await catalog.commit([{ id: orders, expected: first, metadataLocation: second }])
    foreign((db) => {
      expect(db.prepare('SELECT * FROM iceberg_tables').all()).toEqual([
        {
          catalog_name: 'assay',
          table_namespace: 'silver',
          table_name: 'orders',
          metadata_location: second,
          previous_metadata_location: first,
          iceberg_type: 'TABLE',
        },
      ])
      expect(db.prepare('SELECT * FROM iceberg_namespace_properties').all()).toEqual([
        { catalog_name: 'assay', namespace: 'silver', property_key: 'exists', property_value: 'true' },
      ])
      expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    })
  })

  it('works in a file that PyIceberg made', async () => {
    const location = await writeMetadata(root)
    foreign((db) => {
      db.exec(`CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name));
        CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key))`)
      db.prepare("INSERT INTO iceberg_tables VALUES ('assay', 'py', 'made', ?, NULL)").run(`file://${location}`)
    })
    expect(await catalog.load({ namespace: 'py', name: 'made' })).toMatchObject({ metadataLocation: `file://${location}` })
    const next = await writeMetadata(root)
    expect(
      await catalog.commit([{ id: { namespace: 'py', name: 'made' }, expected: `file://${location}`, metadataLocation: next }]),
    ).toEqual({ kind: 'committed' })
    expect(await catalog.commit([{ id: orders, expected: undefined, metadataLocation: next }])).toEqual({ kind: 'committed' })
    foreign((db) => expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' }))
  })

  it('leaves views and other catalogs alone', async () => {
    await catalog.commit([{ id: orders, expected: undefined, metadataLocation: await writeMetadata(root) }])
    foreign((db) => {
      db.exec(
        "INSERT INTO iceberg_tables VALUES ('assay', 'silver', 'a_view', '/v', NULL, 'VIEW'), ('assay', 'silver', 'untyped', '/u', NULL, NULL), ('lake', 'silver', 'other', '/o', NULL, 'TABLE')",
      )
    })
    expect((await catalog.locations()).map((row) => row.id.name)).toEqual(['orders', 'untyped'])
    expect(await catalog.load({ namespace: 'silver', name: 'a_view' })).toBeUndefined()
    const view = { namespace: 'silver', name: 'a_view' }
    expect(await catalog.commit([{ id: view, expected: undefined, metadataLocation: '/x' }])).toEqual({ kind: 'rejected', moved: [view] })
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
