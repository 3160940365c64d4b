import type { RowOf } from 'assay'
import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { rfm } from '../../../lakehouse/gold/rfm.ts'
import { retailOrders } from '../../../lakehouse/silver/retail_orders.ts'

type Order = RowOf<typeof retailOrders>

let numbers = 0
const order = (
  customer_id: bigint | null,
  day: `${number}-${number}-${number}`,
  gross: `${number}`,
  kind: Order['kind'] = 'order',
): Order => ({
  ...blank(retailOrders),
  ...{ invoice_no: `${++numbers}`, customer_id, invoiced_at: `${day}T09:00:00`, gross, kind },
})

it('ranks five customers into five fifths', async () => {
  const { rows } = await materialize(rfm, {
    given: [
      given(retailOrders, [
        // The last day is that of anyone's invoice.
        order(null, '2011-01-31', '1000.0000'),
        order(1n, '2011-01-31', '10.0000'),
        order(1n, '2010-12-24', '20.0000'),
        order(2n, '2011-01-30', '5.0000'),
        order(3n, '2011-01-01', '50.0000'),
        order(3n, '2010-12-03', '25.0025'),
        order(3n, '2010-12-02', '25.0025'),
        order(4n, '2010-12-01', '1.0000'),
        order(4n, '2011-01-31', '0.0000', 'cancellation'),
        ...(['2011-01-29', '2011-01-10', '2011-01-09', '2010-12-09'] as const).map((day) => order(5n, day, '10.0000')),
      ]),
    ],
  })
  const told = rows.map((r) => [r.customer_id, r.recency_days, r.frequency, r.monetary, r.r_score, r.f_score, r.m_score, r.segment])
  expect(told).toEqual([
    [1n, 0, 2n, '30.00', 5, 3, 3, 'promising'],
    [2n, 1, 1n, '5.00', 4, 1, 2, 'promising'],
    // 100.005 is rounded once, at the end.
    [3n, 30, 3n, '100.01', 2, 4, 5, 'at risk'],
    [4n, 61, 1n, '1.00', 1, 2, 1, 'lost'],
    [5n, 2, 4n, '40.00', 3, 5, 4, 'loyal'],
  ])
})
