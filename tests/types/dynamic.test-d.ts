import { asset, byTable, daily, duckdb, dynamic, last, product, sql, staticPartitions, t, typescript } from 'assay'

const days = daily({ start: '2026-01-01' })
const marker = asset('landing.files', { partitions: days })
const customers = dynamic('customers')
const accounts = asset('silver.accounts', { partitions: customers.on('customer'), schema: { customer: t.string(), n: t.long() } })
accounts.from({}, typescript(async function* (_i, row, { partitions }) { for (const { key } of partitions) yield row({ customer: key, n: 1n }) }))
const perCustomer = asset('gold.per_customer', { partitions: product({ day: days.on('day'), customer: customers.on('customer'), country: staticPartitions(['de', 'fr']).on('country') }), schema: { day: t.date(), customer: t.string(), country: t.enum(['de', 'fr']) } })
perCustomer.from({ accounts, newest: last(accounts), some: byTable(accounts, { de: ['acme'], fr: [] }) }, typescript(async function* (_i, row, { partitions }) {
  for (const { day, customer, country } of partitions) yield row({ day: day.key, customer: customer.key, country: country.key })
}))
perCustomer.from({ accounts }, duckdb((_, { partition }) => sql`select ${partition.day.start}, ${partition.country.keys()}`))

// @ts-expect-error another registry
asset('a.b', { partitions: dynamic('shops') }).from({ accounts }, typescript(async () => {}))
// @ts-expect-error a registry into days
marker.from({ accounts }, typescript(async () => {}))
// @ts-expect-error a dimension that the product does not have
perCustomer.from({}, duckdb((_, { partition }) => sql`select ${partition.month.start}`))
// @ts-expect-error bounds of values
perCustomer.from({}, duckdb((_, { partition }) => sql`select ${partition.country.start}`))
// @ts-expect-error bounds of a dimension, where there are none
marker.from({}, duckdb((_, { partition }) => sql`select ${partition.day.start}`))
// @ts-expect-error a dimension that the product does not have
perCustomer.from({}, typescript(async function* (_i, row, { partitions: [p] }) { if (p) yield row({ day: p.day.key, customer: p.region.key, country: 'de' }) }))
