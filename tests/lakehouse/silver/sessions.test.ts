import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { events } from '../../../lakehouse/silver/events.ts'
import { sessions } from '../../../lakehouse/silver/sessions.ts'
import { event, january } from './an-event.ts'

const made = (rows: readonly ReturnType<typeof event>[]) =>
  materialize(sessions, { given: [given(events, rows)], partitions: '2026-01-02' })

it('end where more than 30 minutes pass, and take their name from the first event', async () => {
  const visit = { user_id: 7n, session_id: 'a.7', visit_started_at: january('02T10:00') }
  const { rows } = await made([
    event('product_view', '02T10:00', { ...visit, traffic_source: 'email', country: 'de' }),
    event('add_to_cart', '02T10:20', { ...visit, traffic_source: 'paid' }),
    event('purchase', '02T10:50:00', { ...visit, price: '2.50', quantity: 2 }),
    event('purchase', '02T10:50:00.5', { ...visit, price: '1.25', quantity: 1 }),
    event('page_view', '02T11:20:00.500001', { ...visit, session_id: 'b.7' }),
  ])
  expect(rows).toEqual([
    {
      ...{ session_id: 'a.7', user_id: 7n, started_at: january('02T10:00'), ended_at: january('02T10:50:00.5'), duration_s: 3000 },
      ...{ events: 4, views: 1, carts: 1, purchases: 2, revenue: '6.25' },
      ...{ traffic_source: 'email', country: 'de', device: 'mobile', is_open: false },
    },
    expect.objectContaining({ session_id: 'b.7', started_at: january('02T11:20:00.500001'), events: 1, revenue: '0.00' }),
  ])
})

it('go on over midnight, on the day of their start', async () => {
  const over = { user_id: 8n, session_id: 'x.8', visit_started_at: january('02T23:50') }
  const before = { user_id: 9n, session_id: 'y.9', visit_started_at: january('01T23:55') }
  const { rows } = await made([event('page_view', '02T00:05', before), event('view', '02T23:50', over), event('view', '03T00:10', over)])
  expect(rows).toMatchObject([{ user_id: 8n, events: 2, views: 2, duration_s: 1200, is_open: false }])
})

it('are open as long as more events may come', async () => {
  const { rows } = await made([event('view', '02T23:29', { user_id: 1n }), event('view', '02T23:31', { user_id: 2n })])
  expect(rows.map(({ user_id, is_open }) => [user_id, is_open])).toEqual([
    [1n, false],
    [2n, true],
  ])
})

it('are not published when money came from nowhere', async () => {
  const { state, checks } = await made([event('purchase', '02T10:00', { price: '0.00', quantity: 1 })])
  expect(state).toBe('blocked')
  expect(checks['revenue means purchases']).toMatchObject({ outcome: 'fail', failing: 1, samples: [{ purchases: 1, revenue: 0 }] })
})
