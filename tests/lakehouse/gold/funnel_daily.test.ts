import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { funnelDaily } from '../../../lakehouse/gold/funnel_daily.ts'
import { events } from '../../../lakehouse/silver/events.ts'
import { event } from '../silver/an-event.ts'

it('counts visits that took a step and all before it', async () => {
  const visit = (session_id: string, ...types: readonly Parameters<typeof event>[0][]) =>
    types.map((type) => event(type, '02T10:00', { session_id }))
  const { rows } = await materialize(funnelDaily, {
    given: [
      given(events, [
        ...visit('all the way', 'purchase', 'product_view', 'add_to_cart', 'product_view'),
        ...visit('left the cart', 'view', 'add_to_cart'),
        ...visit('only looked', 'product_view'),
        ...visit('did not look', 'page_view'),
        ...visit('bought unseen', 'add_to_cart', 'purchase'),
        event('page_view', '03T10:00', { session_id: 'did not look' }),
      ]),
    ],
    partitions: '2026-01-02..2026-01-04',
  })
  expect(rows).toEqual([
    { day: '2026-01-02', visits: 5n, viewed: 3n, carted: 2n, bought: 1n, conversion: 1 / 3 },
    { day: '2026-01-03', visits: 1n, viewed: 0n, carted: 0n, bought: 0n, conversion: null },
  ])
})
