import { asset, t, typescript } from 'assay'
import { catalogueOf } from '../generator/catalogue.ts'
import { clickstreamSettings } from '../settings.ts'

/** The price list of the shop: what is on sale now, and nothing of what was. */
export const catalogue = asset('bronze.catalogue', {
  description: 'What the shop sells now, as its back office lists it.',
  owners: ['merchandising'],
  group: 'master data',
  schema: {
    product_id: t.string(),
    category: t.string(),
    price_cents: t.int().describe('Of one piece, in euro cents.'),
  },
  key: ['product_id'],
  checks: (c) => [c.$rows.count.between(1, 100_000), c.price_cents.between(1, 10_000_000)],
})

catalogue.from(
  {},
  typescript(function* (_inputs, row) {
    for (const { id, category, cents } of catalogueOf(clickstreamSettings().seed).flat())
      yield row({ product_id: id, category, price_cents: cents })
  }),
)
