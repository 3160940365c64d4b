import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { stores as listed } from '../../../lakehouse/bronze/stores.ts'
import { stores } from '../../../lakehouse/silver/stores.ts'

const LISTED = given(listed, [
  { store: 'BER-12', city: 'Berlin', country: 'DE' },
  { store: 'PAR-1', city: 'Paris', country: 'FR' },
  { store: 'GRZ-1', city: 'Graz', country: 'AT' },
])

it('are made by country, and know their number', async () => {
  const { rows } = await materialize(stores, { given: [LISTED], partitions: 'DE' })
  expect(rows).toEqual([{ store: 'BER-12', city: 'Berlin', country: 'DE', number: 12 }])
})

it('are none in a country without', async () => {
  expect(await materialize(stores, { given: [LISTED], partitions: 'FI' })).toMatchObject({ state: 'made', rows: [] })
})
