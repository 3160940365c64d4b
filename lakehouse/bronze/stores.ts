import { asset, t, typescript } from 'assay'
import { citiesOf } from '../generator/geography.ts'
import { clickstreamSettings } from '../settings.ts'

/** The stores of the shop. Some cities have none: orders come by post there. */
export const stores = asset('bronze.stores', {
  description: 'Stores of the shop with their cities, as its back office lists them.',
  owners: ['store-operations'],
  group: 'master data',
  schema: {
    store: t.string(),
    city: t.string(),
    country: t.string().describe('ISO 3166 code.'),
  },
  key: ['store'],
  checks: (c) => [c.$rows.count.between(1, 10_000)],
})

stores.from(
  {},
  typescript(function* (_inputs, row) {
    for (const { name, country, stores } of citiesOf(clickstreamSettings().seed))
      for (const store of stores) yield row({ store, city: name, country })
  }),
)
