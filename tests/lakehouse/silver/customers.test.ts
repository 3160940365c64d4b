import { Instant } from 'assay'
import { blank, type GivenRow, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { customerChanges } from '../../../lakehouse/bronze/customer_changes.ts'
import { customers } from '../../../lakehouse/silver/customers.ts'
import { newsletterSubscribers } from '../../../lakehouse/silver/newsletter_subscribers.ts'

const at = (day: number): Instant => Instant.parse(`2026-01-0${day}T12:00:00Z`)
const change = (id: bigint, day: number, more: object = {}): GivenRow<(typeof customerChanges)['schema']> => ({
  ...blank(customerChanges),
  customer_id: id,
  changed_at: at(day),
  op: 'upsert',
  city: 'Berlin',
  country: 'DE',
  tier: 'standard',
  newsletter: true,
  ...more,
})
const gone = { op: 'delete', city: null, country: null, tier: null, newsletter: null }
const CHANGES = given(customerChanges, [
  change(1n, 3, { city: 'Paris', country: 'FR', newsletter: false }),
  change(1n, 1),
  change(1n, 1),
  change(2n, 1),
  change(2n, 2, gone),
  change(2n, 4, { tier: 'plus' }),
])

it('a customer holds from one change to the next, and not while the account is closed', async () => {
  const { rows } = await materialize(customers, { given: [CHANGES] })
  const told = rows.map((row) => [row.customer_id, row.city, row.tier, String(row.valid_from), String(row.valid_to), row.is_current])
  expect(told.toSorted()).toEqual([
    [1n, 'Berlin', 'standard', String(at(1)), String(at(3)), false],
    [1n, 'Paris', 'standard', String(at(3)), 'null', true],
    [2n, 'Berlin', 'plus', String(at(4)), 'null', true],
    [2n, 'Berlin', 'standard', String(at(1)), String(at(2)), false],
  ])
})

it('the newsletter goes to those who want it now; who is in the table and wants out goes', async () => {
  const subscriber = (id: bigint) => ({ customer_id: id, country: 'DE', tier: 'standard' as const, changed_at: at(1) })
  const { rows } = await materialize(newsletterSubscribers, { given: [CHANGES, given(newsletterSubscribers, [1n, 9n].map(subscriber))] })
  expect(rows).toEqual([{ customer_id: 2n, country: 'DE', tier: 'plus', changed_at: at(4) }, subscriber(9n)])
})
