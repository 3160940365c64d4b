import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, TableChange, TableId } from '../../src/iceberg/catalog.ts'

export interface CatalogUnderTest {
  /** A handle to the same catalog; every call gives another one. */
  readonly open: () => Catalog
  /** Writes metadata of an empty table and gives its location. */
  readonly writeMetadata: () => Promise<string>
  readonly dispose: () => Promise<void>
}

/** What every {@link Catalog} does. */
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
  })
}
