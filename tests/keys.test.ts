import { expect, test } from 'vitest'
import { assetKey, layerOf, tableNameOf } from '../src/keys.ts'

test.each(['silver.orders', 'gold.daily_revenue', 'ext.shop.orders2', 'a._b', 'Silver.Orders'])('%s is a key', (text) => {
  expect(assetKey(text)).toBe(text)
})

test.each([
  'orders',
  '',
  '.orders',
  'silver.',
  'silver..orders',
  'silver orders',
  '1a.b',
  'silver.1',
  'silver.or-ders',
  'silver.orders\n',
  'sílver.x',
  "a.b';--",
])('%j is no key', (text) => {
  expect(() => assetKey(text)).toThrow(expect.objectContaining({ code: 'ASSAY-1004' }))
})

test('the place of a wrong key goes into its error', () => {
  const where = { file: 'project.ts', line: 1, column: 2 }
  expect(() => assetKey('orders', where)).toThrow(expect.objectContaining({ where, message: expect.stringContaining("'orders'") }))
})

test('layer, and table name in a catalog', () => {
  expect(layerOf(assetKey('ext.shop.orders'))).toBe('ext')
  expect(tableNameOf(assetKey('ext.shop.orders'))).toEqual({ namespace: 'ext.shop', name: 'orders' })
  expect(tableNameOf(assetKey('silver.orders'))).toEqual({ namespace: 'silver', name: 'orders' })
})
