import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, TableId } from '../../src/iceberg/catalog.ts'

export interface CatalogToRead {
  readonly catalog: Catalog
  /** Makes a table in it, or puts its next metadata there, by whatever means; gives the location of the metadata. */
  readonly put: (id: TableId) => Promise<string>
  readonly dispose: () => Promise<void>
}

/** What every {@link Catalog} does that can be read, whether it can be written or not. */
export function catalogReadingConformance(name: string, setUp: () => Promise<CatalogToRead>): void {
  describe(`reading a catalog: ${name}`, () => {
    let its: CatalogToRead
    beforeEach(async () => {
      its = await setUp()
    })
    afterEach(async () => {
      its.catalog.close()
      await its.dispose()
    })
    const orders: TableId = { namespace: 'silver', name: 'orders' }
    const items: TableId = { namespace: 'silver.deep', name: 'items' }

    it('has nothing at first', async () => {
      expect(await its.catalog.locations()).toEqual([])
      expect(await its.catalog.load(orders)).toBeUndefined()
    })

    it('lists tables, those of namespaces within namespaces too', async () => {
      const made = [orders, items].map(async (id) => ({ id, metadataLocation: await its.put(id) }))
      const expected = await Promise.all(made)
      const listed = await its.catalog.locations()
      expect(listed).toHaveLength(2)
      expect(listed).toEqual(expect.arrayContaining(expected))
    })

    it('loads a table as it stands, and sees it move', async () => {
      const first = await its.put(orders)
      expect(await its.catalog.load(orders)).toMatchObject({ id: orders, metadataLocation: first, metadata: { formatVersion: 2 } })
      const second = await its.put(orders)
      expect(second).not.toBe(first)
      expect(await its.catalog.load(orders)).toMatchObject({ metadataLocation: second })
      expect(await its.catalog.load({ namespace: 'silver', name: 'order' })).toBeUndefined()
      expect(await its.catalog.load({ namespace: 'orders', name: 'silver' })).toBeUndefined()
    })
  })
}
