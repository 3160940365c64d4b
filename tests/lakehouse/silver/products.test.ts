import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { catalogue } from '../../../lakehouse/bronze/catalogue.ts'
import { products } from '../../../lakehouse/silver/products.ts'

it('have the price that is listed now; what is no longer listed stays', async () => {
  const { rows } = await materialize(products, {
    given: [
      given(catalogue, [
        { product_id: 'P1', category: 'tea', price_cents: 1_299 },
        { product_id: 'P3', category: 'tea', price_cents: 5 },
      ]),
      given(products, [
        { product_id: 'P1', category: 'tea', price: '9.99' },
        { product_id: 'P2', category: 'toys', price: '100.00' },
      ]),
    ],
  })
  expect(rows).toEqual([
    { product_id: 'P1', category: 'tea', price: '12.99' },
    { product_id: 'P2', category: 'toys', price: '100.00' },
    { product_id: 'P3', category: 'tea', price: '0.05' },
  ])
})
