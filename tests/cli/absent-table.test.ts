import { afterAll, beforeAll, expect, test } from 'vitest'
import { absentTable } from '../../src/cli/absent-table.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts'

/** As `assay query` would have it: one table, with its metadata tables where the statement names them. */
const KNOWN = ['silver.orders', 'silver.daily']
let engine: SqlEngine
let plain: SqlSession
beforeAll(async () => {
  engine = await openDuckdb({ threads: 1 })
  plain = await engine.session()
  await plain.run('create schema silver; create table silver.orders (n int)')
})
afterAll(() => engine.close())

test.each([
  ['select * from gold.nothing', 'there is no table gold.nothing', 'assay materialize +gold.nothing'],
  ['select * from silver.unmade', 'there is no table silver.unmade', 'assay materialize +silver.unmade'],
  ['select * from silver.order', 'there is no table silver.order', 'Did you mean silver.orders?'],
  ['select * from silver.orders o join "silver"."dayly" d using (n)', 'there is no table silver.dayly', 'Did you mean silver.daily?'],
  ['select * from orders', 'there is no table orders', 'Did you mean silver.orders?'],
  ['select * from whatever', 'there is no table whatever', 'assay ls'],
  ['select * from silver.orders.snaps', 'silver.orders has no snaps', 'Did you mean silver.orders.snapshots?'],
  ['select * from silver.orders.owners', 'silver.orders has no owners', 'silver.orders.snapshots, .files'],
  ['select * from gold.x.files', 'there is no table gold.x', 'assay materialize +gold.x'],
])('%s', async (text, what, next) => {
  const error = await plain.describe(text).catch((e: unknown) => e)
  const said = absentTable(error instanceof Error ? (error.message.split('\n')[0] ?? '') : '', text, KNOWN)
  expect(said).toEqual({ what, next: expect.stringContaining(next) })
})

test('other words of the engine are left as they are', async () => {
  const error = await plain.describe('select m from silver.orders').catch((e: unknown) => e)
  expect(absentTable(error instanceof Error ? error.message : '', 'select m from silver.orders', KNOWN)).toBeUndefined()
})
