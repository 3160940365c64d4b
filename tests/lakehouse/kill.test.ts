import { it } from 'vitest'
import { surviveKills } from '../support/kills.ts'

it('comes to the same tables, whenever it is killed', { timeout: 120_000 }, async () => {
  await surviveKills({ events: 20_000, days: 3, retailDays: ['2010-12-01', '2010-12-02', '2010-12-03'], kills: 4, seed: 7 })
})
