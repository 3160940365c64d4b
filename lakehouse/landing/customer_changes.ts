import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asset, typescript } from 'assay'
import { clickstreamDays } from '../days.ts'
import { customerOutbox } from '../generator/customers.ts'
import { clickstreamSettings, landingFolder } from '../settings.ts'

/** The outbox of the shop's accounts, a file a day: `customers/<day>.ndjson` in the landing folder. */
export const customerChanges = asset('landing.customer_changes', {
  description: 'NDJSON files of changes to customer accounts by day, from the seeded generator.',
  partitions: clickstreamDays,
  backfill: { partitionsPerStep: 366 },
})

customerChanges.from(
  {},
  typescript(async (_inputs, _row, { partitions }) => {
    const folder = join(landingFolder(), 'customers')
    const outbox = customerOutbox(clickstreamSettings())
    mkdirSync(folder, { recursive: true })
    for (const { key: day } of partitions) {
      // Readers see a file whole or not at all.
      const half = join(folder, `${day}.ndjson.tmp`)
      writeFileSync(half, outbox.changesOn(day))
      renameSync(half, join(folder, `${day}.ndjson`))
    }
  }),
)
