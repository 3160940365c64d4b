import { asset, duckdb, merge, sql, t } from 'assay'
import { catalogue } from '../bronze/catalogue.ts'

/** What is no longer listed stays as it was: orders of the past name it. */
export const products = asset('silver.products', {
  description: 'Products that are or were on sale, each with its last price.',
  owners: ['merchandising'],
  group: 'master data',
  schema: {
    product_id: t.string(),
    category: t.string(),
    price: t.decimal(18, 2).describe('Of one piece, in euros.'),
  },
  key: ['product_id'],
  write: merge(),
  checks: (c) => [c.price.between(0, 100_000)],
})

products.from(
  { catalogue },
  duckdb(({ catalogue }) => {
    const c = catalogue.as('c')
    return sql`
    select ${c.product_id}, ${c.category}, cast(${c.price_cents}::decimal(18, 2) / 100 as decimal(18, 2)) as price
    from ${c}`
  }),
)
