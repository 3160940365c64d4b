import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { assetKey } from '../../src/keys.ts'
import { openStorageReader } from '../../src/storage/sqlite.ts'
import { type TestProject, testProject } from '../support/project.ts'

const HEAD = `import { asset, daily, defineProject, duckdb, sql, t, typescript } from 'assay'\n`

let open: TestProject | undefined
afterEach(async () => {
  await open?.remove()
  open = undefined
})
async function of(body: string): Promise<TestProject> {
  open = await testProject({ 'project.ts': `${HEAD}${body}` })
  return open
}

describe('checks of a step', () => {
  it('a bound that cannot be cast fails its own check only, and does not block when it only warns', async () => {
    const p = await of(`
export const n = asset('a.n', {
  schema: { n: t.long(), at: t.timestamptz() },
  checks: (c) => [c.at.between('not a time', 'nor this', { mode: 'warn' }), c.n.between(0, 9)],
})
n.from({}, duckdb(() => sql\`select 1::bigint as n, timestamptz '2026-01-01 00:00:00+00' as at\`))
export default defineProject({ name: 'test', assets: { n } })`)
    const { state, events } = await p.run()
    expect(state).toBe('succeeded')
    const outcomes = events.flatMap((e) => (e.type === 'step.succeeded' ? e.checks.map((c) => [c.check, c.outcome]) : []))
    expect(outcomes).toEqual([
      ['n.not_null', 'pass'],
      ['at.not_null', 'pass'],
      ['at.between', 'error'],
      ['n.between', 'pass'],
    ])
  })

  it('a check that cannot run blocks when it is to block, and leaves no file', async () => {
    const p = await of(`
export const n = asset('a.n', { schema: { n: t.long() }, checks: (c) => [c.$rows.sql('divides', (r) => sql\`select * from \${r} where error('no') = 1\`)] })
n.from({}, duckdb(() => sql\`select 1::bigint as n\`))
export default defineProject({ name: 'test', assets: { n } })`)
    const { state, events } = await p.run()
    expect(state).toBe('failed')
    expect(events.find((e) => e.type === 'step.failed')).toMatchObject({
      state: 'blocked',
      checks: [{ outcome: 'pass' }, { outcome: 'error' }],
    })
    expect(await p.rows('a.n')).toEqual([])
    expect(readdirSync(join(p.settings.warehouse, 'a/n/data'))).toEqual([])
  })

  it('a warning on one day is not hidden by a pass on the next', async () => {
    const p = await of(`
const days = daily({ start: '2026-01-01', end: '2026-01-04' })
export const n = asset('a.n', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }, checks: (c) => [c.n.between(2, 9, { mode: 'warn' })] })
n.from({}, typescript(async function* (_i, row, { partitions }) { for (const day of partitions) yield row({ day: day as '2026-01-01', n: BigInt(day.slice(-1)) }) }))
export default defineProject({ name: 'test', assets: { n } })`)
    expect((await p.run()).state).toBe('succeeded')
    const reader = openStorageReader({ folder: p.settings.home })
    const results = await reader.checkResults(assetKey('a.n'))
    reader.close()
    expect(results.find((r) => r.check === 'n.between')).toMatchObject({ outcome: 'warn', failing: 1 })
  })

  it('an asset without a table reads its deps', async () => {
    const p = await of(`
export const n = asset('a.n', { schema: { n: t.long() } })
n.from({}, duckdb(() => sql\`select i as n from range(5) r(i)\`))
export const exported = asset('a.exported', {})
exported.from({ n }, typescript(async ({ n }, _row, { log }) => {
  let sum = 0n
  for await (const row of n.rows()) sum += row.n
  if (sum !== 10n) throw new Error('read ' + sum)
}))
export default defineProject({ name: 'test', assets: { n, exported } })`)
    expect((await p.run()).state).toBe('succeeded')
  })
})
