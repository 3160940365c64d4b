import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { frontPage } from '../../../lakehouse/gold/front_page.ts'
import { topProductsDaily } from '../../../lakehouse/gold/top_products_daily.ts'
import { products } from '../../../lakehouse/silver/products.ts'

it('shows the best of the last day, at the price of now', async () => {
  const best = (day: `${number}-${number}-${number}`, rank: number, product_id: string, units: bigint) => ({
    ...blank(topProductsDaily),
    ...{ day, rank, product_id, units },
  })
  const { rows } = await materialize(frontPage, {
    given: [
      given(topProductsDaily, [best('2026-01-01', 1, 'P3', 99n), best('2026-01-02', 1, 'P2', 5n), best('2026-01-02', 2, 'P1', 7n)]),
      given(
        products,
        ['P1', 'P2', 'P3'].map((product_id) => ({ product_id, category: 'tea', price: `${Number(product_id.slice(1)) + 0.5}` as const })),
      ),
    ],
  })
  expect(rows).toEqual([
    { rank: 1, product_id: 'P2', category: 'tea', price: '2.50', units: 5n },
    { rank: 2, product_id: 'P1', category: 'tea', price: '1.50', units: 7n },
  ])
})
