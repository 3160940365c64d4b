import type { RowOf } from 'assay'
import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { revenueByCountry } from '../../../lakehouse/gold/revenue_by_country.ts'
import { orders } from '../../../lakehouse/silver/orders.ts'
import { january } from '../silver/an-event.ts'

const order = (user_id: bigint, country: string | null, amount: RowOf<typeof orders>['amount'], time = '02T10:00') => ({
  ...blank(orders),
  ...{ order_id: amount, user_id, country, amount, ts: january(time) },
})
const ORDERS = given(orders, [
  order(1n, 'DE', '10.10'),
  order(1n, 'DE', '0.05'),
  order(2n, 'FR', '7.00'),
  order(3n, null, '1.00'),
  order(4n, 'XX', '2.00'),
  order(5n, 'DE', '99.00', '03T00:00'),
])

it('loses no order: a country that is not known or not in the list is unknown', async () => {
  const { rows } = await materialize(revenueByCountry, { given: [ORDERS], partitions: 'day=2026-01-02' })
  expect(rows).toEqual([
    { day: '2026-01-02', country: 'DE', orders: 2n, customers: 1n, revenue: '10.15' },
    { day: '2026-01-02', country: 'FR', orders: 1n, customers: 1n, revenue: '7.00' },
    { day: '2026-01-02', country: 'unknown', orders: 2n, customers: 2n, revenue: '3.00' },
  ])
})

it('makes one country of one day', async () => {
  const { rows } = await materialize(revenueByCountry, { given: [ORDERS], partitions: 'day=2026-01-03/country=DE' })
  expect(rows).toEqual([{ day: '2026-01-03', country: 'DE', orders: 1n, customers: 1n, revenue: '99.00' }])
})
