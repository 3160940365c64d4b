import type { RowOf } from 'assay'
import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { conversionBySource } from '../../../lakehouse/gold/conversion_by_source.ts'
import { sessions } from '../../../lakehouse/silver/sessions.ts'
import { january } from '../silver/an-event.ts'

type Session = RowOf<typeof sessions>

it('is sessions with view and purchase by sessions with a view, without bots', async () => {
  const session = (own: Partial<Session>): Session => ({ ...blank(sessions), started_at: january('02T10:00'), ...own })
  const { rows } = await materialize(conversionBySource, {
    given: [
      given(sessions, [
        session({ user_id: 1n, views: 1, purchases: 1, revenue: '10.00' }),
        session({ user_id: 2n, views: 0, purchases: 1, revenue: '5.50' }),
        session({ user_id: 3n, views: 2 }),
        session({ user_id: 4n, views: 9, purchases: 9, revenue: '9.00', device: 'bot' }),
        session({ user_id: 5n, traffic_source: 'email' }),
        session({ user_id: 6n, traffic_source: 'email', started_at: january('03T10:00'), views: 1 }),
      ]),
    ],
    partitions: '2026-01-02',
  })
  expect(rows).toEqual([
    { day: '2026-01-02', traffic_source: 'email', sessions: 1n, with_view: 0n, with_purchase: 0n, conversion: null, revenue: '0.00' },
    { day: '2026-01-02', traffic_source: 'organic', sessions: 3n, with_view: 2n, with_purchase: 1n, conversion: 0.5, revenue: '15.50' },
  ])
})
