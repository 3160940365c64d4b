import { Instant } from 'assay'
import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { customerChanges } from '../../../lakehouse/bronze/customer_changes.ts'
import { consentLog } from '../../../lakehouse/silver/consent_log.ts'

const at = (day: number): Instant => Instant.parse(`2026-01-0${day}T12:00:00Z`)
const said = (customer_id: bigint, day: number, newsletter: boolean | null) => ({
  ...blank(customerChanges),
  ...{ customer_id, changed_at: at(day), newsletter, op: newsletter === null ? ('delete' as const) : ('upsert' as const) },
})

it('gets an entry for each change, told twice or not, beside those that are there', async () => {
  const before = { customer_id: 9n, told_at: at(1), entry: 'wanted' } as const
  const { rows } = await materialize(consentLog, {
    given: [
      given(customerChanges, [said(1n, 1, true), said(1n, 1, true), said(1n, 2, false), said(2n, 3, null)]),
      given(consentLog, [before]),
    ],
  })
  expect(rows).toEqual([
    { customer_id: 1n, told_at: at(1), entry: 'wanted' },
    { customer_id: 1n, told_at: at(2), entry: 'not wanted' },
    { customer_id: 2n, told_at: at(3), entry: 'account closed' },
    before,
  ])
})

it('is not published where two entries of a customer have one time', async () => {
  const { state, checks } = await materialize(consentLog, { given: [given(customerChanges, [said(1n, 1, true), said(1n, 1, false)])] })
  expect(state).toBe('blocked')
  expect(checks['customer_id+told_at.unique']).toMatchObject({ outcome: 'fail', failing: 1 })
})
