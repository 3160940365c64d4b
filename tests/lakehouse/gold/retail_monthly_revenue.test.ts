import { blank, given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'
import { retailDailyRevenue } from '../../../lakehouse/gold/retail_daily_revenue.ts'
import { retailMonthlyRevenue } from '../../../lakehouse/gold/retail_monthly_revenue.ts'

it('adds up exact sums and rounds once', async () => {
  const day = (day: `${number}-${number}-${number}`, net_exact: `${number}`, invoices: bigint) => ({
    ...blank(retailDailyRevenue),
    ...{ day, net_exact, invoices },
  })
  const days = [day('2010-12-01', '1.0040', 3n), day('2010-12-31', '1.0040', 4n), day('2011-01-01', '7.0000', 1n)]
  const { rows } = await materialize(retailMonthlyRevenue, { given: [given(retailDailyRevenue, days)], partitions: '2010-12' })
  expect(rows).toEqual([{ month: '2010-12-01', trading_days: 2n, net: '2.01', invoices: 7n }])
})
