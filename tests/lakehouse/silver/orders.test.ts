import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { events } from '../../../lakehouse/silver/events.ts'
import { orders } from '../../../lakehouse/silver/orders.ts'
import { event, january } from './an-event.ts'

it('are the purchases of one order number, summed up exactly', async () => {
  const first = { order_id: 'o1', user_id: 7n, session_id: 's7', traffic_source: 'paid', country: 'fr' } as const
  const made = await materialize(orders, {
    given: [
      given(events, [
        event('purchase', '02T10:00', { ...first, price: '2.50', quantity: 2 }),
        event('purchase', '02T10:00', { ...first, price: '0.10', quantity: 3 }),
        event('add_to_cart', '02T09:59', { ...first, price: '99.00', quantity: 1 }),
        event('purchase', '02T11:00', { order_id: 'o2', user_id: 8n, price: '7.00', quantity: 1 }),
        event('purchase', '02T11:30', { user_id: 8n, price: '7.00', quantity: 1 }),
        event('purchase', '03T00:00', { ...first, order_id: 'o3', price: '1.00', quantity: 1 }),
      ]),
    ],
    partitions: '2026-01-02',
  })
  expect(made.rows).toMatchObject([
    { ...first, ts: january('02T10:00'), lines: 2, units: 5, amount: '5.30', currency: 'EUR' },
    { order_id: 'o2', user_id: 8n, lines: 1, units: 1, amount: '7.00' },
  ])
  expect(made.rows).toHaveLength(2)
  expect(made.lineage.amount).toEqual(['events.price', 'events.quantity'])
})

it('come under one number only', async () => {
  const rows = [
    event('purchase', '02T10:00', { order_id: 'o1', price: '1.00', quantity: 1 }),
    event('purchase', '02T10:01', { order_id: 'o1', price: '1.00', quantity: 1 }),
  ]
  const { state, checks } = await materialize(orders, { given: [given(events, rows)], partitions: '2026-01-02' })
  expect(state).toBe('blocked')
  expect(checks['order_id.unique']).toMatchObject({ failing: 1, samples: [{ order_id: 'o1', copies: 2 }] })
})
