import { expect } from 'vitest'
import { mulberry } from './mulberry.ts'
import { canonical, openShop, orphans, type Shop } from './shop.ts'

const GOLD = [
  'gold.daily_revenue',
  'gold.funnel_daily',
  'gold.conversion_by_source',
  'gold.top_products_daily',
  'gold.retail_daily_revenue',
  'gold.rfm',
  'gold.traffic_hourly',
  'gold.revenue_by_country',
  'gold.revenue_by_region',
  'gold.front_page',
  'gold.retail_monthly_revenue',
]
/** Made of files that are not there in every checkout. */
const RETAIL = new Set(['gold.retail_daily_revenue', 'gold.retail_monthly_revenue', 'gold.rfm'])
/** Tables in which a step that ran twice would show as double rows. */
const BELOW = [
  ...['silver.sessions', 'silver.orders', 'silver.order_lines', 'silver.customers', 'silver.newsletter_subscribers'],
  ...['silver.consent_log', 'silver.products', 'silver.stores'],
]

interface Scale {
  readonly events: number
  readonly days: number
  readonly retailDays: readonly string[]
  readonly kills: number
  readonly seed: number
}

/**
 * Runs the lakehouse once without disturbance, then again with SIGKILLs at random moments, of the main process and of the
 * whole tree by turns, each followed by a new start. What remains must be the same to the byte.
 */
export async function surviveKills(scale: Scale): Promise<void> {
  const calm = await openShop(scale)
  const tables = [...GOLD, ...BELOW].filter((table) => calm.hasRetail || !RETAIL.has(table))
  const stormy = await openShop(scale)
  try {
    const began = performance.now()
    expect((await calm.assay('materialize')).code).toBe(0)
    const duration = (performance.now() - began) / 1000
    const reference = await canonical(calm, tables)
    for (const [table, rows] of Object.entries(reference)) expect(rows, table).not.toBe('')
    await storm(stormy, scale, duration)
    expect((await stormy.assay('materialize')).code).toBe(0)
    expect(await canonical(stormy, tables)).toEqual(reference)
    expect(await orphans(stormy)).toEqual([])
    const again = (await stormy.assay('materialize', '--json')).stdout.split('"type":"step.started"').length - 1
    // Files that are not there are looked for each time.
    expect(again).toBe(calm.hasRetail ? 0 : 1)
  } finally {
    await calm.remove()
    await stormy.remove()
  }
}

/** Moments are drawn over the time that an undisturbed run takes; a seed draws them again. A run that ends before its moment does not count. */
async function storm(shop: Shop, scale: Scale, duration: number): Promise<void> {
  const random = mulberry(scale.seed)
  let killed = 0
  for (let attempt = 0; killed < scale.kills; attempt++) {
    expect(attempt, `only ${killed} of ${attempt} runs were hit`).toBeLessThan(scale.kills * 4)
    const moment = 0.1 + random() * duration * 0.9
    const whole = attempt % 2 === 0 ? 'whole tree' : 'main process'
    const ran = await shop.killed(moment, whole, 'materialize', ...(attempt === 0 ? [] : ['--force']))
    expect(
      [null, 0],
      `attempt ${attempt} of seed ${scale.seed} (${whole} after ${moment.toFixed(3)} s): ${ran.stderr}${ran.stdout}`,
    ).toContain(ran.code)
    if (ran.code === null) killed++
  }
}
