import { asset, duckdb, dynamic, sql, t } from 'assay'
import { given, materialize } from 'assay/testing'
import { describe, expect, it } from 'vitest'

describe('dynamic partitions', () => {
  const customers = dynamic('customers')
  const orders = asset('silver.customer_orders', { partitions: customers.on('customer'), schema: { customer: t.string(), n: t.long() } })
  const totals = asset('gold.customer_totals', { partitions: customers.on('customer'), schema: { customer: t.string(), n: t.long() } })
  totals.from(
    { orders },
    duckdb(({ orders: o }) => sql`select ${o.customer}, sum(${o.n})::bigint as n from ${o} group by all`),
  )
  const rows = [
    { customer: 'ada', n: 1n },
    { customer: 'bob', n: 2n },
    { customer: 'bob', n: 3n },
  ]

  it('have the values that are given', async () => {
    const made = await materialize(totals, { given: [given(orders, rows)], partitions: 'bob', values: { customers: ['ada', 'bob'] } })
    expect(made.rows).toEqual([{ customer: 'bob', n: 5n }])
  })

  it('have no others', async () => {
    const asked = materialize(totals, { given: [given(orders, rows)], partitions: 'cleo', values: { customers: ['ada', 'bob'] } })
    await expect(asked).rejects.toMatchObject({ code: 'ASSAY-4004' })
    await expect(materialize(totals, { given: [given(orders, rows)], partitions: 'ada' })).rejects.toMatchObject({ code: 'ASSAY-4004' })
  })
})
