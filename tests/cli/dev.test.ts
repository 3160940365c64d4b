import { expect, it } from 'vitest'
import { openFolder } from './command-line.ts'

it('dev says what a change means, keeps the last good version of a broken project, and runs on a key', async () => {
  const folder = await openFolder()
  await folder.tell(['init'])
  const dev = folder.start(['dev'])
  try {
    expect(await dev.shows('watching')).toMatch(/to run +3 of 3 assets, 21 steps: bronze.orders, silver.orders, gold.daily_revenue/)
    dev.press('r')
    await dev.shows('done in')

    await folder.edit('silver/orders.ts', 'between(0, 500)', 'between(0, 501)')
    const described = await dev.shows('fresh')
    expect(described).toContain('silver/orders.ts')
    expect(described).toContain('description, checks or the like: silver.orders')

    await folder.edit('gold/daily_revenue.ts', 'group by all', 'group by nothing')
    expect(await dev.shows('the last good version is kept', 'ASSAY-1012', 'next:')).toMatch(/> \d+ \|\s+group by nothing/)
    dev.press('r')
    await dev.shows('ASSAY-1012', 'group by nothing', 'next:')

    await folder.edit('gold/daily_revenue.ts', 'group by nothing', 'group by all order by 1')
    const mended = await dev.shows('to run')
    expect(mended).toContain('code: gold.daily_revenue')
    dev.press('ogold.daily_revenue\n')
    expect(await dev.shows('done in')).toContain('gold.daily_revenue')
    dev.press('f')
    await dev.shows('nothing to retry')
    dev.press('q')
    expect(await dev.ended).toBe(0)
  } finally {
    dev.press('q')
    await folder.remove()
  }
}, 60_000)
