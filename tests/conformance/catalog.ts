import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DatabasePlace } from './catalog-child.ts'
import type { Catalog, TableChange, TableId } from '../../src/iceberg/catalog.ts'

export interface CatalogUnderTest {
  /** A handle to the same catalog; every call gives another one. */
  readonly open: () => Catalog
  /** How another process opens it. */
  readonly place: DatabasePlace
  /** Writes metadata of an empty table and gives its location. */
  readonly writeMetadata: () => Promise<string>
  /** Runs SQL on the same database past the catalog, as another engine does. */
  readonly foreign: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Keeps others from writing until the function it gives is called. */
  readonly lock: () => Promise<() => Promise<void>>
  /** A handle whose first commit gets no answer, because the connection is lost before or after the commit is done. */
  readonly losing?: (moment: 'before' | 'after') => Promise<Catalog>
  readonly dispose: () => Promise<void>
}

/** Tables as PyIceberg makes them, and the first version of Iceberg's schema: without a type. */
const WITHOUT_TYPE = `
  CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name));
  CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key))`

const PROCESSES = 2
const COMMITS = 12

/** What every {@link Catalog} that is kept in a database does. */
export function catalogConformance(name: string, setUp: () => Promise<CatalogUnderTest>): void {
  describe(`catalog: ${name}`, () => {
    let its: CatalogUnderTest
    let catalog: Catalog
    beforeEach(async () => {
      its = await setUp()
      catalog = its.open()
    })
    afterEach(async () => {
      catalog.close()
      await its.dispose()
    })
    const orders: TableId = { namespace: 'silver', name: 'orders' }
    const items: TableId = { namespace: 'silver.deep', name: 'items' }
    const change = async (id: TableId, expected?: string): Promise<TableChange> => ({
      id,
      expected,
      metadataLocation: await its.writeMetadata(),
    })

    it('is empty at first', async () => {
      expect(await catalog.load(orders)).toBeUndefined()
      expect(await catalog.locations()).toEqual([])
    })

    it('makes, loads and moves a table', async () => {
      const first = await change(orders)
      expect(await catalog.commit([first])).toEqual({ kind: 'committed' })
      expect((await catalog.load(orders))?.metadataLocation).toBe(first.metadataLocation)
      const second = await change(orders, first.metadataLocation)
      expect(await catalog.commit([second])).toEqual({ kind: 'committed' })
      const loaded = await catalog.load(orders)
      expect(loaded).toMatchObject({ id: orders, metadataLocation: second.metadataLocation })
      expect(loaded?.metadata.formatVersion).toBe(2)
    })

    it('rejects what expects another state, and changes nothing', async () => {
      const first = await change(orders)
      await catalog.commit([first])
      expect(await catalog.commit([await change(orders, '/elsewhere')])).toEqual({ kind: 'rejected', moved: [orders] })
      expect(await catalog.commit([await change(orders)])).toEqual({ kind: 'rejected', moved: [orders] })
      expect((await catalog.load(orders))?.metadataLocation).toBe(first.metadataLocation)
    })

    it('moves all tables or none', async () => {
      await catalog.commit([await change(orders)])
      const outcome = await catalog.commit([await change(items), await change(orders, '/stale')])
      expect(outcome).toEqual({ kind: 'rejected', moved: [orders] })
      expect(await catalog.load(items)).toBeUndefined()
      expect(await its.foreign('SELECT namespace FROM iceberg_namespace_properties')).toEqual([{ namespace: 'silver' }])
    })

    it('refuses a path that is longer than the catalog can hold', async () => {
      await expect(catalog.commit([{ id: orders, expected: undefined, metadataLocation: `/${'x'.repeat(1000)}` }])).rejects.toMatchObject({
        code: 'ASSAY-2001',
      })
      expect(await catalog.locations()).toEqual([])
    })

    it('removes tables together with moves, and only as they are expected to be', async () => {
      const [first, other] = [await change(orders), await change(items)]
      await catalog.commit([first, other])
      const second = await change(items, other.metadataLocation)
      const stale = { id: orders, expected: second.metadataLocation, metadataLocation: undefined }
      expect(await catalog.commit([stale, second])).toEqual({ kind: 'rejected', moved: [orders] })
      expect(await catalog.load(items)).toMatchObject({ metadataLocation: other.metadataLocation })
      expect(await catalog.commit([{ ...stale, expected: first.metadataLocation }, second])).toEqual({ kind: 'committed' })
      expect(await catalog.locations()).toEqual([{ id: items, metadataLocation: second.metadataLocation }])
      expect(await catalog.load(orders)).toBeUndefined()
      expect(await catalog.commit([await change(orders)])).toEqual({ kind: 'committed' })
    })

    it('lists all tables', async () => {
      await catalog.commit([await change(orders), await change(items)])
      expect((await catalog.locations()).map((row) => row.id)).toEqual([orders, items])
    })

    it('shows commits of one handle to another', async () => {
      const other = its.open()
      try {
        expect(await other.locations()).toEqual([])
        await catalog.commit([await change(orders)])
        expect(await other.locations()).toHaveLength(1)
        const seen = await other.load(orders)
        expect(await other.commit([await change(orders, seen?.metadataLocation)])).toEqual({ kind: 'committed' })
        expect(await catalog.commit([await change(orders, seen?.metadataLocation)])).toMatchObject({ kind: 'rejected' })
      } finally {
        other.close()
      }
    })

    it('is laid out as Iceberg lays it out, and remembers the previous location', async () => {
      const first = await change(orders)
      await catalog.commit([first])
      const second = await change(orders, first.metadataLocation)
      await catalog.commit([second])
      expect(await its.foreign('SELECT * FROM iceberg_tables')).toEqual([
        {
          catalog_name: 'assay',
          table_namespace: 'silver',
          table_name: 'orders',
          metadata_location: second.metadataLocation,
          previous_metadata_location: first.metadataLocation,
          iceberg_type: 'TABLE',
        },
      ])
      expect(await its.foreign('SELECT * FROM iceberg_namespace_properties')).toEqual([
        { catalog_name: 'assay', namespace: 'silver', property_key: 'exists', property_value: 'true' },
      ])
    })

    it('works in the tables of another engine that has no types', async () => {
      const location = await its.writeMetadata()
      await its.foreign(WITHOUT_TYPE)
      await its.foreign(`INSERT INTO iceberg_tables VALUES ('assay', 'py', 'made', 'file://${location}', NULL)`)
      const made = { namespace: 'py', name: 'made' }
      expect(await catalog.load(made)).toMatchObject({ metadataLocation: `file://${location}` })
      expect(await catalog.commit([await change(made, `file://${location}`)])).toEqual({ kind: 'committed' })
      expect(await catalog.commit([await change(orders)])).toEqual({ kind: 'committed' })
      expect((await catalog.locations()).map((row) => row.id.name)).toEqual(['made', 'orders'])
    })

    it('leaves views and other catalogs alone', async () => {
      await catalog.commit([await change(orders)])
      await its.foreign(
        "INSERT INTO iceberg_tables VALUES ('assay', 'silver', 'a_view', '/v', NULL, 'VIEW'), ('assay', 'silver', 'nowhere', NULL, NULL, 'TABLE'), ('assay', 'silver', 'untyped', '/u', NULL, NULL), ('lake', 'silver', 'other', '/o', NULL, 'TABLE')",
      )
      expect((await catalog.locations()).map((row) => row.id.name)).toEqual(['orders', 'untyped'])
      const view = { namespace: 'silver', name: 'a_view' }
      expect(await catalog.load(view)).toBeUndefined()
      expect(await catalog.commit([await change(view)])).toEqual({ kind: 'rejected', moved: [view] })
      expect(await catalog.commit([await change(view, '/v')])).toEqual({ kind: 'rejected', moved: [view] })
      expect(await catalog.commit([await change({ namespace: 'silver', name: 'untyped' }, '/u')])).toEqual({ kind: 'committed' })
    })

    it('sees that another engine dropped or renamed a table', async () => {
      const first = await change(orders)
      await catalog.commit([first])
      await its.foreign("UPDATE iceberg_tables SET table_name = 'sales'")
      expect(await catalog.load(orders)).toBeUndefined()
      expect(await catalog.load({ namespace: 'silver', name: 'sales' })).toMatchObject({ metadataLocation: first.metadataLocation })
      expect(await catalog.commit([await change(orders, first.metadataLocation)])).toEqual({ kind: 'rejected', moved: [orders] })
      await its.foreign('DELETE FROM iceberg_tables')
      expect(await catalog.locations()).toEqual([])
      expect(await catalog.commit([await change(orders)])).toEqual({ kind: 'committed' })
    })

    it('loses no commit of two processes that move the same two tables, in opposite order', async () => {
      const racers = Array.from({ length: PROCESSES }, (_, i) => child(its.place, { worker: i, commits: COMMITS }))
      await Promise.all(racers.map((racer) => racer.ended))
      const rows = await its.foreign('SELECT table_name, metadata_location FROM iceberg_tables ORDER BY table_name')
      const total = PROCESSES * COMMITS
      expect(rows).toMatchObject([{ table_name: 'a' }, { table_name: 'b' }])
      for (const row of rows) expect(String(row['metadata_location'])).toMatch(new RegExp(`^/${total}-`))
      expect(rows[0]?.['metadata_location']).toBe(rows[1]?.['metadata_location'])
    })

    it('waits for another engine that holds it', async () => {
      await catalog.commit([await change(orders)])
      const unlock = await its.lock()
      const waiting = child(its.place, { worker: 0, commits: 1 })
      await waiting.ready
      await unlock()
      await waiting.ended
      expect((await catalog.locations()).map((row) => row.metadataLocation)).toContain('/1-0')
    })

    it.for(['before', 'after'] as const)('says unknown when the connection is lost %s the commit is done', async (moment, { skip }) => {
      const losing = await its.losing?.(moment)
      if (losing === undefined) return skip('there is no connection to lose')
      try {
        const first = await change(orders)
        await catalog.commit([first])
        const second = await change(orders, first.metadataLocation)
        expect(await losing.commit([second])).toMatchObject({ kind: 'unknown' })
        const now = moment === 'after' ? second.metadataLocation : first.metadataLocation
        // Both the handle that lost its connection and another one can tell what became of it.
        for (const handle of [catalog, losing]) expect(await handle.load(orders)).toMatchObject({ metadataLocation: now })
        expect(await losing.commit([await change(orders, now)])).toEqual({ kind: 'committed' })
      } finally {
        losing.close()
      }
    })
  })
}

interface Child {
  /** It is about to commit. */
  readonly ready: Promise<unknown>
  readonly ended: Promise<void>
}

function child(place: DatabasePlace, task: { readonly worker: number; readonly commits: number }): Child {
  const script = new URL('catalog-child.ts', import.meta.url).pathname
  const racer = spawn(process.execPath, ['--no-warnings', script, JSON.stringify({ place, ...task })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(racer, 'exit').then(([code]) => expect(code).toBe(0))
  return { ready: once(createInterface(racer.stdout), 'line'), ended }
}
