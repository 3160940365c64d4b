import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { trafficHourly } from '../../../lakehouse/gold/traffic_hourly.ts'
import { events } from '../../../lakehouse/silver/events.ts'
import { event, january } from '../silver/an-event.ts'

it('counts visits, views and orders of each hour, and leaves out the hours around', async () => {
  const order = { session_id: 'a', order_id: 'o1', price: '2.50', quantity: 2 } as const
  const { rows } = await materialize(trafficHourly, {
    given: [
      given(events, [
        event('product_view', '30T09:59:59', { session_id: 'a' }),
        event('view', '30T10:00', { session_id: 'a' }),
        event('purchase', '30T10:30', order),
        event('purchase', '30T10:30', { ...order, price: '0.05', quantity: 1 }),
        event('add_to_cart', '30T10:59:59', { session_id: 'b', price: '9.00', quantity: 1 }),
        event('page_view', '30T11:10', { session_id: 'b' }),
        event('view', '30T12:00', { session_id: 'c' }),
      ]),
    ],
    partitions: '2026-01-30T10:00..2026-01-30T11:00',
  })
  expect(rows).toEqual([
    { hour: january('30T10:00'), visits: 2n, views: 1n, orders: 1n, revenue: '5.05' },
    { hour: january('30T11:00'), visits: 1n, views: 0n, orders: 0n, revenue: '0.00' },
  ])
})
