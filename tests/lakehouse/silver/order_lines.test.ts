import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { events } from '../../../lakehouse/silver/events.ts'
import { orderLines } from '../../../lakehouse/silver/orders.ts'
import { event, january } from './an-event.ts'

it('are the products of an order, numbered by product', async () => {
  const order = { order_id: 'o1', user_id: 7n, quantity: 1 } as const
  const made = await materialize(orderLines, {
    given: [
      given(events, [
        event('purchase', '02T10:00', { ...order, product_id: 'P2', category: 'tea', price: '0.10', quantity: 3 }),
        event('purchase', '02T10:00', { ...order, product_id: 'P1', price: '2.50' }),
        event('add_to_cart', '02T09:59', { ...order, product_id: 'P3', price: '9.00' }),
        event('purchase', '02T11:00', { ...order, order_id: 'o2', product_id: 'P2', price: '1.00' }),
      ]),
    ],
    partitions: '2026-01-02',
  })
  expect(made.state).toBe('made')
  expect(made.rows).toMatchObject([
    { order_id: 'o1', line: 1, ts: january('02T10:00'), user_id: 7n, product_id: 'P1', quantity: 1, price: '2.50', amount: '2.50' },
    { order_id: 'o1', line: 2, product_id: 'P2', category: 'tea', quantity: 3, price: '0.10', amount: '0.30', currency: 'EUR' },
    { order_id: 'o2', line: 1, product_id: 'P2', amount: '1.00' },
  ])
  expect(made.rows).toHaveLength(3)
})
