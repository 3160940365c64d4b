import { asset, duckdb, last, sql, t } from 'assay'
import { products } from '../silver/products.ts'
import { topProductsDaily } from './top_products_daily.ts'

export const frontPage = asset('gold.front_page', {
  description: 'What the front page of the shop offers: the best sellers of the last day, at the price of now.',
  owners: ['merchandising'],
  schema: {
    rank: t.int(),
    product_id: t.string(),
    category: t.string(),
    price: t.decimal(18, 2).describe('Of one piece, in euros.'),
    units: t.long().describe('Pieces sold on that day.'),
  },
  key: ['rank'],
  checks: (c) => [c.rank.between(1, 5)],
})

frontPage.from(
  { top: last(topProductsDaily), products },
  duckdb(({ top, products }) => {
    const s = top.as('s')
    const p = products.as('p')
    return sql`
    select ${s.rank}, ${s.product_id}, ${p.category}, ${p.price}, ${s.units}
    from ${s} join ${p} on ${p.product_id} = ${s.product_id}`
  }),
)
