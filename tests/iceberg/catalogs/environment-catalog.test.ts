import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog } from '../../../src/iceberg/catalog.ts'
import { type EnvironmentCatalog, environmentCatalog } from '../../../src/iceberg/catalogs/environment-catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'

const [orders, items] = ['orders', 'items'].map((name) => ({ namespace: 'silver', name })) as [Id, Id]
type Id = { readonly namespace: string; readonly name: string }

describe('a catalog seen from an environment', () => {
  let folder: string
  let main: Catalog
  let dev: EnvironmentCatalog
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-env-'))
    main = openSqlCatalog({ file: join(folder, 'catalog.db'), warehouse: folder, name: 'assay', store: localStore() })
    dev = environmentCatalog(main, 'dev')
    await main.commit([
      { id: orders, expected: undefined, metadataLocation: '/orders-1' },
      { id: items, expected: undefined, metadataLocation: '/items-1' },
    ])
  })
  afterEach(async () => {
    main.close()
    await rm(folder, { recursive: true, force: true })
  })
  const seen = async (catalog: Catalog): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries((await catalog.locations()).map(({ id, metadataLocation }) => [`${id.namespace}.${id.name}`, metadataLocation]))

  it('writes beside main, and lists each table once', async () => {
    expect(await seen(dev)).toEqual({ 'silver.orders': '/orders-1', 'silver.items': '/items-1' })
    expect(await dev.commit([{ id: orders, expected: '/orders-1', metadataLocation: '/orders-2' }])).toEqual({ kind: 'committed' })
    expect(await seen(dev)).toEqual({ 'silver.orders': '/orders-2', 'silver.items': '/items-1' })
    expect(await seen(main)).toEqual({ 'silver.orders': '/orders-1', 'silver.items': '/items-1', 'dev__silver.orders': '/orders-2' })
    expect(await dev.own()).toEqual([{ id: orders, own: { namespace: 'dev__silver', name: 'orders' }, metadataLocation: '/orders-2' }])
  })

  it('compares with its own entry from then on, and names what moved as its users do', async () => {
    await dev.commit([{ id: orders, expected: '/orders-1', metadataLocation: '/orders-2' }])
    const late = { id: orders, expected: '/orders-1', metadataLocation: '/orders-3' }
    const other = { id: items, expected: '/items-1', metadataLocation: '/items-2' }
    expect(await dev.commit([late, other])).toEqual({ kind: 'rejected', moved: [orders] })
    expect(await seen(dev)).toEqual({ 'silver.orders': '/orders-2', 'silver.items': '/items-1' })
    expect(await dev.commit([{ ...late, expected: '/orders-2' }, other])).toEqual({ kind: 'committed' })
    expect(await seen(dev)).toEqual({ 'silver.orders': '/orders-3', 'silver.items': '/items-2' })
  })

  it('removes its own entries only', async () => {
    expect(await dev.commit([{ id: items, expected: '/items-1', metadataLocation: undefined }])).toEqual({
      kind: 'rejected',
      moved: [items],
    })
    await dev.commit([{ id: orders, expected: '/orders-1', metadataLocation: '/orders-2' }])
    await dev.commit([{ id: orders, expected: '/orders-2', metadataLocation: undefined }])
    expect(await seen(dev)).toEqual({ 'silver.orders': '/orders-1', 'silver.items': '/items-1' })
  })

  it('is not mixed up with another whose name begins alike', async () => {
    const dev2 = environmentCatalog(main, 'dev_2')
    await dev2.commit([{ id: orders, expected: '/orders-1', metadataLocation: '/orders-9' }])
    expect((await seen(dev))['silver.orders']).toBe('/orders-1')
    expect(await dev.own()).toEqual([])
  })
})
