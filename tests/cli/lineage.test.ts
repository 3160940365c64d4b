import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Folder, jsonLines, openFolder } from './command-line.ts'

let folder: Folder
beforeAll(async () => {
  folder = await openFolder()
  await folder.tell(['init'])
})
afterAll(() => folder.remove())

/** Lines of a text without its margin. */
const lines = (text: string): readonly string[] => text.trimEnd().split('\n')

test('a column, up and down', async () => {
  const { code, stdout } = await folder.tell(['lineage', 'silver.orders.amount'], 80)
  expect(code).toBe(0)
  expect(lines(stdout)).toEqual([
    'silver.orders.amount  decimal(10,2)',
    '',
    'comes from',
    '  └─ bronze.orders.amount  derive',
    '',
    'its rows are decided by',
    '  group      bronze.orders: amount, customer, kind, order_id, received_at',
    '',
    'leads to',
    '  └─ gold.daily_revenue.revenue  aggregate',
  ])
})

test('on a narrow terminal the kinds stand below', async () => {
  const { stdout } = await folder.tell(['lineage', 'gold.daily_revenue.revenue', '--up'], 32)
  expect(lines(stdout).slice(0, 10)).toEqual([
    'gold.daily_revenue.revenue',
    'decimal(12,2)',
    '',
    'comes from',
    '  ├─ silver.orders.amount',
    '  │  │  aggregate',
    '  │  └─ bronze.orders.amount',
    '  │        derive',
    '  └─ silver.orders.kind',
    '     │  aggregate',
  ])
  for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(32)
})

test('an asset, as JSON', async () => {
  const [line] = jsonLines((await folder.tell(['lineage', 'silver.orders', '--down', '--json'])).stdout)
  expect(line).toMatchObject({
    type: 'lineage',
    asset: 'silver.orders',
    column: null,
    down: [{ edge: { asset: 'gold.daily_revenue' }, branches: [] }],
  })
  expect(line).not.toHaveProperty('up')
})

test('a column that is not there, with the nearest', async () => {
  const { code, stderr } = await folder.tell(['lineage', 'silver.orders.amuont'])
  expect(code).toBe(2)
  expect(stderr).toContain('silver.orders has no column')
  expect(stderr).toContain('Did you mean amount?')
})

test('the statement of a partition, with its inputs', async () => {
  const { code, stdout } = await folder.tell(['show', 'silver.orders', '--sql', '--partition', '2026-01-06'])
  expect(code).toBe(0)
  expect(stdout).toContain(
    `"raw" as (from bronze.orders where "received_at" >= TIMESTAMPTZ '2026-01-06 00:00:00+00' AND "received_at" < TIMESTAMPTZ '2026-01-07 00:00:00+00')`,
  )
  expect(stdout).toContain('from "raw"')
})

test('what is not made by a statement has none', async () => {
  const { code, stderr } = await folder.tell(['show', 'bronze.orders', '--sql'])
  expect(code).toBe(2)
  expect(stderr).toContain('bronze.orders is not made by a statement, but by typescript')
})

test('a selection that cannot be read is shown with a mark', async () => {
  const { code, stderr } = await folder.tell(['ls', 'gold.* and and'])
  expect(code).toBe(2)
  expect(stderr).toContain('    gold.* and and\n               ^')
})
