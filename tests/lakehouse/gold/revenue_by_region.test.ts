import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { revenueByCountry } from '../../../lakehouse/gold/revenue_by_country.ts'
import { revenueByRegion } from '../../../lakehouse/gold/revenue_by_region.ts'
import { stores } from '../../../lakehouse/silver/stores.ts'

it('takes the countries of a region, over all days', async () => {
  const revenue = given(revenueByCountry, [
    { day: '2026-01-01', country: 'DE', orders: 2n, customers: 1n, revenue: '10.00' },
    { day: '2026-01-02', country: 'AT', orders: 1n, customers: 1n, revenue: '0.01' },
    { day: '2026-01-02', country: 'FR', orders: 9n, customers: 9n, revenue: '99.00' },
    { day: '2026-01-02', country: 'unknown', orders: 1n, customers: 1n, revenue: '3.00' },
  ])
  const shops = given(stores, [
    { store: 'BER-1', city: 'Berlin', country: 'DE', number: 1 },
    { store: 'BER-2', city: 'Berlin', country: 'DE', number: 2 },
    { store: 'GRZ-1', city: 'Graz', country: 'AT', number: 1 },
    { store: 'PAR-1', city: 'Paris', country: 'FR', number: 1 },
  ])
  const of = async (region: string) => (await materialize(revenueByRegion, { given: [revenue, shops], partitions: region })).rows
  // 10.01 ÷ 3
  expect(await of('central')).toEqual([{ region: 'central', stores: 3n, orders: 3n, revenue: '10.01', revenue_per_store: '3.34' }])
  expect(await of('unknown')).toEqual([{ region: 'unknown', stores: 0n, orders: 1n, revenue: '3.00', revenue_per_store: null }])
  expect(await of('north')).toEqual([{ region: 'north', stores: 0n, orders: 0n, revenue: '0.00', revenue_per_store: null }])
})
