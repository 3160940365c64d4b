import { describe, expect, it } from 'vitest'
import { runPrinter } from '../../src/cli/render/run-printer.ts'
import { terminalOn } from '../../src/cli/render/terminal.ts'
import { width } from '../../src/cli/render/words.ts'
import { AssayError, toProblem } from '../../src/errors.ts'
import { assetKey } from '../../src/keys.ts'
import { range } from '../../src/partitions/partition-set.ts'
import { indexManifest } from '../../src/project/manifest.ts'
import type { Plan, PlannedAsset } from '../../src/runs/plan.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { Screen, steppedClock } from './screen.ts'

const DAYS = 274
const FIRST = 20_000
const key = assetKey('silver.a_rather_long_name_of_a_table')
const spec = {
  key,
  kind: 'table',
  columns: [],
  rowKey: [],
  deps: [],
  codeVersion: 'c',
  checks: [],
  partitions: { dim: 'time', grain: 'day', start: '2024-10-04', column: 'day' },
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
} as const
const loaded = indexManifest('m', { formatVersion: 1, name: 'p', file: 'project.ts', profiles: [], sources: {}, assets: [spec] })
const run = range(FIRST, FIRST + DAYS)
const planned: PlannedAsset = {
  asset: key,
  action: 'run',
  run,
  reuse: [],
  missing: run,
  because: [],
  blocked: [],
  widened: [],
  together: [],
  unobserved: [],
  checks: [],
}
const steps = Array.from({ length: DAYS }, (_, i) => ({
  id: `s${i}`,
  kind: 'make' as const,
  assets: [key],
  partitions: range(FIRST + i, FIRST + i + 1),
  after: [],
}))
const plan: Plan = { formatVersion: 1, id: 'p', manifestId: 'm', request: 'materialize', assets: [planned], steps }

const of = (i: number) => ({ runId: 'r', stepId: `s${i}` })
const started = (i: number): StoreEvent => ({ ...of(i), type: 'step.started', attempt: 1, stagingFolders: [] })
const succeeded = (i: number): StoreEvent => ({
  ...of(i),
  type: 'step.succeeded',
  checks: [],
  materializations: [
    {
      id: `m${i}`,
      asset: key,
      partitions: range(FIRST + i, FIRST + i + 1),
      dataVersion: '1',
      codeVersion: 'c',
      inputs: {},
      snapshotId: '1',
      rows: 10,
      runId: 'r',
      stepId: `s${i}`,
      at: 0,
    },
  ],
})
const failed = (i: number): StoreEvent => ({
  ...of(i),
  type: 'step.failed',
  state: 'failed',
  checks: [],
  problem: toProblem(new AssayError('ASSAY-3003', 'Error: the API is down')),
})

describe.each([40, 80, 120])('the progress of a run at %i columns', (columns) => {
  it('folds the steps of an asset, shows a failure once and at once, and ends with a summary', () => {
    const screen = new Screen(columns)
    const { clock, tick } = steppedClock()
    const printer = runPrinter({ terminal: terminalOn(screen, { NO_COLOR: '1' }), clock, loaded, frame: { root: '/', trace: false } })
    printer.planned(plan, 'r')
    for (let i = 0; i < DAYS; i++) {
      printer.event(started(i))
      printer.event(i < 3 ? failed(i) : succeeded(i))
      if (i !== 2) continue
      tick()
      expect(screen.lines.join('\n')).toContain('the API is down')
      expect(screen.lines.at(-2)).toContain('3 of 274 steps')
    }
    tick()
    expect(screen.lines.at(-2)).toContain('274 of 274 steps')
    printer.end({ runId: 'r', plan, state: 'failed' })
    const text = screen.lines.join('\n')
    expect(text.match(/the API is down/g)).toHaveLength(1)
    expect(text).toContain('271 of 274')
    expect(text.replaceAll(/\s+/g, ' ')).toContain('continue with `assay retry r`')
    expect(screen.lines.length).toBeLessThan(30)
    for (const line of screen.lines) expect(width(line), line).toBeLessThanOrEqual(columns)
  })
})
