import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { abTestResults } from '../../../lakehouse/gold/ab_test_results.ts'
import { events } from '../../../lakehouse/silver/events.ts'
import { orders } from '../../../lakehouse/silver/orders.ts'
import { event, january } from '../silver/an-event.ts'

it('compares users of the variants, not visits, and no bots', async () => {
  const saw = (user_id: bigint, experiment: string | null, device: 'mobile' | 'bot' = 'mobile', time = '02T10:00') =>
    event('page_view', time, { user_id, experiment, device })
  const bought = (user_id: bigint, experiment: string | null, amount: '10.00' | '2.50') => ({
    ...blank(orders),
    ...{ order_id: `${user_id} ${amount}`, user_id, experiment, amount, ts: january('02T11:00') },
  })
  const { rows } = await materialize(abTestResults, {
    given: [
      given(events, [
        ...[saw(1n, 'checkout:a'), saw(1n, 'checkout:a', 'mobile', '03T10:00'), saw(2n, 'checkout:a'), saw(3n, 'checkout:b')],
        ...[saw(4n, 'checkout:b', 'bot'), saw(5n, null), saw(6n, 'colours:red')],
      ]),
      given(orders, [
        bought(1n, 'checkout:a', '10.00'),
        bought(1n, 'checkout:a', '2.50'),
        bought(5n, null, '10.00'),
        bought(3n, null, '10.00'),
      ]),
    ],
    partitions: 'checkout',
    values: { experiments: ['checkout', 'colours'] },
  })
  expect(rows).toEqual([
    { experiment: 'checkout', variant: 'a', users: 2n, buyers: 1n, conversion: 0.5, orders: 2n, revenue: '12.50' },
    { experiment: 'checkout', variant: 'b', users: 1n, buyers: 0n, conversion: 0, orders: 0n, revenue: '0.00' },
  ])
})
