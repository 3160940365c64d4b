import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodeAvro, type AvroRecord } from '../../src/iceberg/avro.ts'
import { decodeAvro } from '../../src/iceberg/avro-read.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { allLiveEntries } from '../../src/iceberg/live-entries.ts'
import { encodeManifestList, readManifestList } from '../../src/iceberg/manifests.ts'
import { snapshotOf } from '../../src/iceberg/metadata.ts'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts'
import { discard, publish } from '../../src/tables/publish.ts'
import { relationOf } from '../../src/tables/read.ts'
import { stageContent } from '../iceberg/faults/staging.ts'
import { openWorld, type World } from '../iceberg/faults/world.ts'

let engine: SqlEngine
let session: SqlSession
let world: World
beforeAll(async () => {
  engine = await openDuckdb({ threads: 1 })
  session = await engine.session()
})
afterAll(() => {
  session.close()
  engine.close()
})
beforeEach(async () => {
  world = await openWorld(session)
  await write(1)
})
afterEach(() => world.close())

const DAYS = [0, 1]
const rowsOf = (...tags: readonly number[]): readonly string[] => DAYS.flatMap((day, i) => [0, 1].map((id) => `${day} ${id} ${tags[i]}`))

/** Days of a table by a step, which cleans up where it fails. */
async function write(tag: number, days = DAYS): Promise<void> {
  const publishing = await stageContent(world, world, { tables: ['old'], days, tag })
  await publish({ ...world, now: () => 1 }, publishing).catch(async (error: unknown) => {
    await discard(world.store, publishing.tables)
    throw error
  })
}

async function rowsAt(snapshotId?: string): Promise<readonly string[]> {
  const { metadata } = await world.load('old')
  const at = snapshotId ?? snapshotOf(metadata)?.id ?? ''
  const relation = await relationOf({ store: world.store, session }, metadata, { snapshotId: at })
  const rows = await session.rows(`SELECT datediff('day', DATE '1970-01-01', day) || ' ' || id || ' ' || tag AS row FROM (${relation})`)
  return rows.map(({ row }) => String(row)).sort()
}

const filesOf = (): readonly string[] =>
  readdirSync(join(world.root, 'warehouse'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .sort()

describe('a catalog that does not let itself be written', () => {
  it.each([
    ['locked', 'database is locked', 'ASSAY-2001', 'Another writer holds'],
    ['read-only', 'attempt to write a readonly database', 'ASSAY-2001', 'cannot be written'],
    ['full', 'database or disk is full', 'ASSAY-2002', 'No space is left'],
    ['broken', 'database disk image is malformed', 'ASSAY-2010', 'cannot be used as a catalog'],
  ])('since it is %s leaves the table as it was, and no file', async (_, reason, code, says) => {
    const before = { files: filesOf(), location: (await world.load('old')).metadataLocation }
    const database = new DatabaseSync(join(world.root, 'catalog.db'))
    database.exec(`CREATE TRIGGER refusing BEFORE UPDATE ON iceberg_tables BEGIN SELECT RAISE(ABORT, '${reason}'); END`)
    await expect(write(2)).rejects.toMatchObject({ code, message: expect.stringContaining(says) })
    expect({ files: filesOf(), location: (await world.load('old')).metadataLocation }).toEqual(before)
    expect(await rowsAt()).toEqual(rowsOf(1, 1))
    database.exec('DROP TRIGGER refusing')
    database.close()
    await write(3)
    expect(await rowsAt()).toEqual(rowsOf(3, 3))
  })
})

describe('metadata that is not whole', () => {
  it.each([
    ['cut short', (file: string) => truncateSync(file, 400), 'ASSAY-2003'],
    ['empty', (file: string) => truncateSync(file, 0), 'ASSAY-2003'],
    ['of something else', (file: string) => writeFileSync(file, '{"name":"not a table"}'), 'ASSAY-2003'],
    ['gone', (file: string) => rmSync(file), 'ASSAY-2005'],
  ])('since it is %s is named, nothing is published over it, and the one before it serves', async (_, harm, code) => {
    const { metadataLocation: whole } = await world.load('old')
    await write(2)
    const { metadataLocation } = await world.load('old')
    const staged = await stageContent(world, world, { tables: ['old'], days: DAYS, tag: 3 })
    harm(metadataLocation)
    // The next process, which remembers nothing of the file.
    const store = localStore()
    const catalog = openSqlCatalog({ file: join(world.root, 'catalog.db'), warehouse: world.catalog.warehouse, name: 'assay', store })
    const named = { code, message: expect.stringContaining(metadataLocation) }
    await expect(catalog.load({ namespace: 'shop', name: 'old' })).rejects.toMatchObject(named)
    await expect(publish({ store, catalog, now: () => 1 }, staged)).rejects.toMatchObject(named)
    catalog.close()
    await discard(world.store, staged.tables)
    expect(await world.catalog.locations()).toMatchObject([{ metadataLocation }])
    await world.catalog.commit([{ id: { namespace: 'shop', name: 'old' }, expected: metadataLocation, metadataLocation: whole }])
    expect(await rowsAt()).toEqual(rowsOf(1, 1))
  })
})

describe('a data file that is gone', () => {
  it('is named by who reads it; versions without it are read, and it can be written anew', async () => {
    const first = snapshotOf((await world.load('old')).metadata)?.id
    await write(2, [1])
    const { metadata } = await world.load('old')
    const gone = (await allLiveEntries(world.store, metadata)).data.find(({ file }) => Object.values(file.partition)[0] === 1)
    rmSync(gone?.file.path ?? '')
    await expect(rowsAt()).rejects.toThrow(gone?.file.path)
    expect(await rowsAt(first)).toEqual(rowsOf(1, 1))
    await write(3, [1])
    expect(await rowsAt()).toEqual(rowsOf(1, 3))
  })
})

describe('a manifest with fields that nobody knows', () => {
  /** As a later version of Iceberg may write it. */
  function withUnknown(file: string): Buffer {
    const { metadata, records } = decodeAvro(readFileSync(file), { nameOf: () => undefined })
    const { 'avro.schema': text = '', 'avro.codec': _, ...rest } = Object.fromEntries(metadata)
    const schema = JSON.parse(text)
    const [later, nested] = ['later', 'nested'].map((name, i) => ({ name, type: ['null', 'string'], default: null, 'field-id': 9000 + i }))
    const data = schema.fields.find(({ name }: { name: string }) => name === 'data_file')
    data.type.fields = [nested, ...data.type.fields]
    schema.fields = [later, ...schema.fields]
    const more = records.map((record) => ({ ...record, later: 'x', data_file: { ...(record['data_file'] as AvroRecord), nested: 'y' } }))
    return encodeAvro(schema, rest, more)
  }

  it('is read past them, and what is written over it loses nothing', async () => {
    const { metadata } = await world.load('old')
    const head = snapshotOf(metadata) ?? expect.fail()
    const [manifest] = await readManifestList(world.store, head.manifestList)
    if (manifest === undefined) throw new Error('no manifest')
    const path = `${metadata.location}/metadata/later-m0.avro`
    const bytes = withUnknown(manifest.path)
    expect(decodeAvro(bytes, { nameOf: () => undefined }).records[0]).toMatchObject({ later: 'x', data_file: { nested: 'y' } })
    writeFileSync(path, bytes)
    const list = { snapshotId: head.id, parentId: undefined, sequenceNumber: head.sequenceNumber }
    writeFileSync(head.manifestList, encodeManifestList({ ...list, manifests: [{ ...manifest, path, length: bytes.length }] }))
    expect((await planScan(world.store, metadata)).files).toHaveLength(2)
    expect(await rowsAt()).toEqual(rowsOf(1, 1))
    await write(2, [1])
    expect(await rowsAt()).toEqual(rowsOf(1, 2))
  })
})
