import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openShop, type Shop, tables } from '../support/shop.ts'
import { openDatabase, type Rows } from './asset-rows.ts'

const CUSTOMERS = '+silver.customers or +silver.newsletter_subscribers'
const DAYS = 12

/** The landed files as a DuckDB reads them that knows nothing of Assay: one row a change. */
const changesIn = (folder: string, days: number): string => {
  const files = readdirSync(folder).sort().slice(0, days)
  const list = files.map((file) => `'${join(folder, file)}'`).join(', ')
  return `SELECT DISTINCT * FROM read_ndjson([${list}], columns = {customer_id: 'BIGINT', changed_at: 'TIMESTAMPTZ', op: 'VARCHAR', city: 'VARCHAR', country: 'VARCHAR', tier: 'VARCHAR', newsletter: 'BOOLEAN'})`
}
/** Each account's changes, one after the other; what a closing begins is no row. */
const historyOf = (changes: string): string => `
  SELECT customer_id::INTEGER AS customer_id, city, country, tier, newsletter, changed_at::VARCHAR AS valid_from, until::VARCHAR AS valid_to, until IS NULL AS is_current
  FROM (SELECT *, lead(changed_at) OVER (PARTITION BY customer_id ORDER BY changed_at) AS until FROM (${changes}))
  WHERE op <> 'delete' ORDER BY customer_id, valid_from`
const subscribersOf = (changes: string): string => `
  SELECT customer_id::INTEGER AS customer_id, arg_max(country, changed_at) AS country, arg_max(tier, changed_at) AS tier, max(changed_at)::VARCHAR AS changed_at
  FROM (${changes}) GROUP BY customer_id HAVING arg_max(op, changed_at) <> 'delete' AND arg_max(newsletter, changed_at) ORDER BY customer_id`

describe('customers', () => {
  let shop: Shop
  let database: Awaited<ReturnType<typeof openDatabase>>
  beforeAll(async () => {
    shop = await openShop({ events: 12_000, days: DAYS, retailDays: [] })
    database = await openDatabase()
  })
  afterAll(async () => {
    database.close()
    await shop.remove()
  })

  const ours = (): Promise<readonly Rows[]> =>
    shop.answers([
      `select customer_id::integer as customer_id, city, country, tier, newsletter, valid_from::varchar as valid_from, valid_to::varchar as valid_to, is_current
       from silver.customers order by customer_id, valid_from`,
      `select customer_id::integer as customer_id, country, tier, changed_at::varchar as changed_at from silver.newsletter_subscribers order by customer_id`,
    ])
  async function expectDays(days: number): Promise<void> {
    const changes = changesIn(join(shop.folder, 'landing/customers'), days)
    const [history, subscribers] = await ours()
    expect(history).toEqual(await database.rows(historyOf(changes)))
    expect(subscribers).toEqual(await database.rows(subscribersOf(changes)))
  }
  const upTo = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await shop.assay('materialize', CUSTOMERS, ...words)
    expect(code, stderr + stdout).toBe(0)
    return stdout
  }

  it('hold after each batch of days what all changes so far amount to', async () => {
    await upTo('--partition', '2026-01-01..2026-01-05')
    await expectDays(5)
    await upTo()
    await expectDays(DAYS)
    const [counts] = await shop.rows(
      `select count(*)::integer as rows, count(distinct customer_id)::integer as customers, count(*) filter (is_current)::integer as now from silver.customers`,
    )
    // Some have changed, and some are gone: else this test would say little.
    expect(Number(counts?.['rows'])).toBeGreaterThan(Number(counts?.['customers']) + 30)
    expect(Number(counts?.['now'])).toBeLessThan(Number(counts?.['customers']))
    // Rows that are deleted by position are not counted.
    const shown = JSON.parse((await shop.assay('show', 'silver.customers', '--json')).stdout) as { rows: number }
    expect(shown.rows).toBe(counts?.['rows'])
  }, 60_000)

  it('stay as they are when everything is read again', async () => {
    await upTo('--force')
    await expectDays(DAYS)
    const snapshots = (await tables(shop))['silver.customers']?.snapshots.length ?? 0
    expect(await upTo()).toContain('all fresh')
    expect((await tables(shop))['silver.customers']?.snapshots).toHaveLength(snapshots)
  }, 60_000)

  it('are compacted by maintain, with no row changed', async () => {
    const before = await ours()
    expect((await shop.assay('maintain', 'silver.customers')).code).toBe(0)
    expect((await tables(shop))['silver.customers']?.snapshots.at(-1)?.operation).toBe('replace')
    expect(await ours()).toEqual(before)
  }, 60_000)
})
