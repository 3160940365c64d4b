import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { assetKey } from '../../src/keys.ts'
import { range } from '../../src/partitions/partition-set.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import { nameOf } from './child.ts'
import { created, failed, materialization, publishing, type StepRef, started, succeeded } from '../conformance/storage-events.ts'

/**
 * Appends to the store of a folder until it is killed, several steps at a time, and prints the names of events once
 * they are durable: `<run> <step> <event>`. Arguments: folder, prefix of the runs.
 */
const [folder = '', prefix = ''] = process.argv.slice(2)
const storage = openStorage({ folder, clock: systemClock })
const ASSETS = ['silver.a', 'silver.b', 'gold.c'].map((key) => assetKey(key))

async function append(event: StoreEvent): Promise<void> {
  await storage.append([event])
  writeSync(1, `${nameOf(event)}\n`)
}

async function runStep(step: StepRef, i: number): Promise<void> {
  const made = materialization(step, ASSETS[i % 3] ?? assetKey('silver.a'), range(i, i + 3), `${step.runId}-${step.stepId}`)
  await append(started(step))
  if (i % 4 === 0) return append(failed(step))
  await append(publishing(made))
  await append(succeeded(made))
}

writeSync(1, 'ready\n')
for (let n = 0; ; n++) {
  const runId = `${prefix}-${n}`
  const steps = Array.from({ length: 6 }, (_, i) => ({
    id: `s${i}`,
    assets: [ASSETS[i % 3] ?? assetKey('silver.a')],
    partitions: range(i, i + 3),
  }))
  await append(created(runId, steps))
  await Promise.all(steps.map((step, i) => runStep({ runId, stepId: step.id }, i)))
  await append({ type: 'run.ended', runId, state: 'failed' })
}
