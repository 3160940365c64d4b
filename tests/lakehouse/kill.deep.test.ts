import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'vitest'
import { surviveKills } from '../support/kills.ts'
import { ROOT } from '../support/shop.ts'

const retail = join(ROOT, '../shared/data/online-retail')

it('comes to the same tables at full size, killed 20 times', { timeout: 3_600_000 }, async () => {
  const days = readdirSync(retail)
    .filter((name) => name.endsWith('.csv.gz'))
    .map((name) => name.slice(0, 10))
  await surviveKills({ events: 1_000_000, days: 30, retailDays: days, kills: 20, seed: 11 })
})
