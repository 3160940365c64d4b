import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asset, typescript } from 'assay'
import { clickstreamDays } from '../days.ts'
import { clickstream } from '../generator/clickstream.ts'
import { clickstreamSettings, landingFolder } from '../settings.ts'

/** Files as producers drop them: `events/<day of arrival>.ndjson` in the landing folder, one event a line. */
export const events = asset('landing.events', {
  description: 'NDJSON files of the clickstream by day of arrival, from the seeded generator.',
  partitions: clickstreamDays,
  // The compute reaches the whole generator. What makes it faster changes no byte, and is no reason to land all files again:
  // raise this when the bytes change.
  codeVersion: 'clickstream 1',
  backfill: { partitionsPerStep: 10 },
})

events.from(
  {},
  typescript(async (_inputs, _row, { partitions, log }) => {
    const folder = join(landingFolder(), 'events')
    const source = clickstream(clickstreamSettings())
    mkdirSync(folder, { recursive: true })
    let bytes = 0
    for (const { key: day } of partitions) {
      const lines = source.arrivalsOn(day)
      // Readers see a file whole or not at all.
      const half = join(folder, `${day}.ndjson.tmp`)
      writeFileSync(half, lines)
      renameSync(half, join(folder, `${day}.ndjson`))
      bytes += lines.length
    }
    log.info(`${partitions.length} files, ${Math.round(bytes / 1e6)} MB in ${folder}`)
  }),
)
