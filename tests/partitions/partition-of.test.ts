import { expect, test } from 'vitest'
import { daily, dynamic, hourly, type Partitions, product, staticPartitions, UNPARTITIONED } from '../../src/partitions/declare.ts'
import { bindPartitions } from '../../src/partitions/bind.ts'
import { partitionsIn } from '../../src/partitions/partition-of.ts'
import { universe } from '../../src/partitions/partitions.ts'

const DAYS = daily({ start: '2026-03-28', end: '2026-03-30', timezone: 'Europe/Berlin' })
const registries = new Map([['customers', { values: [[0, 'new york'] as const], live: [[0, 1] as const] }]])
const all = ({ spec }: Partitions): unknown => {
  const bound = bindPartitions(spec, registries)
  return JSON.parse(JSON.stringify(partitionsIn(bound, universe(bound, 0))))
}

test('every kind of partition has a key, windows have bounds, and products their dimensions', () => {
  // The clock of Berlin goes forward on the 29th: that day has 23 hours.
  const [first, second] = [
    { key: '2026-03-28', start: '2026-03-27T23:00:00.000000Z', end: '2026-03-28T23:00:00.000000Z' },
    { key: '2026-03-29', start: '2026-03-28T23:00:00.000000Z', end: '2026-03-29T22:00:00.000000Z' },
  ]
  expect(all(DAYS)).toEqual([first, second])
  expect(all(staticPartitions(['de', 'a b']))).toEqual([{ key: 'de' }, { key: 'a b' }])
  expect(all(dynamic('customers'))).toEqual([{ key: 'new york' }])
  expect(all(UNPARTITIONED)).toEqual([])
  expect(all(product({ day: DAYS, customer: dynamic('customers') }))).toEqual([
    { key: 'day=2026-03-28/customer="new york"', day: first, customer: { key: 'new york' } },
    { key: 'day=2026-03-29/customer="new york"', day: second, customer: { key: 'new york' } },
  ])
  const hours = hourly({ start: '2026-03-29T02:00', end: '2026-03-29T04:00' })
  expect(all(hours)).toMatchObject([{ key: '2026-03-29T02:00' }, { key: '2026-03-29T03:00', end: '2026-03-29T04:00:00.000000Z' }])
})

test.each(['key', 'keys', 'start', 'end'])('no dimension is called %s', (name) => {
  expect(() => product({ [name]: DAYS, country: staticPartitions(['de']) })).toThrow(expect.objectContaining({ code: 'ASSAY-1016' }))
})
