import { asset, duckdb, sql, t } from 'assay'
import { stores as listed } from '../bronze/stores.ts'
import { shopCountries } from '../places.ts'

export const stores = asset('silver.stores', {
  description: 'Stores of the shop, by country.',
  owners: ['store-operations'],
  group: 'master data',
  partitions: shopCountries.on('country'),
  schema: {
    store: t.string(),
    city: t.string(),
    country: t.string().describe('ISO 3166 code.'),
    number: t.int().describe('In its city, from 1.'),
  },
  key: ['store'],
  checks: (c) => [c.number.between(1, 1_000)],
  backfill: { partitionsPerStep: 100 },
})

stores.from(
  { listed },
  duckdb(({ listed }, { partition }) => {
    const s = listed.as('s')
    return sql`
    select ${s.store}, ${s.city}, ${s.country}, cast(split_part(${s.store}, '-', 2) as integer) as number
    from ${s}
    where list_contains(${partition.keys()}, ${s.country})`
  }),
)
