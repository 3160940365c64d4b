import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assetKey } from '../../src/keys.ts'
import { openStorageReader } from '../../src/storage/sqlite.ts'
import { inProcess } from '../cli/command-line.ts'
import { appendForeign } from '../support/append-foreign.ts'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

const HEAD = `import { asset, daily, defineProject, duckdb, sql, t, typescript } from 'assay'\n`

const PROJECT = `${HEAD}
export const warned = asset('a.warned', {
  schema: { n: t.long(), at: t.timestamptz() },
  checks: (c) => [c.at.between('not a time', 'nor this', { mode: 'warn' }), c.n.between(0, 9)],
})
warned.from({}, duckdb(() => sql\`select 1::bigint as n, timestamptz '2026-01-01 00:00:00+00' as at\`))
export const blocked = asset('a.blocked', { schema: { n: t.long() }, checks: (c) => [c.$rows.sql('divides', (r) => sql\`select * from \${r} where error('no') = 1\`)] })
blocked.from({}, duckdb(() => sql\`select 1::bigint as n\`))
const days = daily({ start: '2026-01-01', end: '2026-01-04' })
export const each = asset('a.each', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }, checks: (c) => [c.n.between(2, 9, { mode: 'warn' })] })
each.from({}, typescript(async function* (_i, row, { partitions }) { for (const { key: day } of partitions) yield row({ day, n: BigInt(day.slice(-1)) }) }))
export const open = asset('a.open', {
  schema: { n: t.long(), d: t.double(), money: t.decimal(9, 2).nullable() },
  checks: (c) => [
    c.$rows.count.between(1, Infinity),
    c.n.between(1, Infinity, { mode: 'warn' }),
    c.d.between(-Infinity, Infinity, { mode: 'warn' }),
    c.money.between(-Infinity, 2, { mode: 'warn' }),
  ],
})
open.from({}, duckdb(() => sql\`select * from (values (0::bigint, 1::double, 2::decimal(9, 2)), (1, 'nan', null), (2, 'inf', 2.01)) v(n, d, money)\`))
export const exported = asset('a.exported', {})
exported.from({ warned }, typescript(async ({ warned }, _row, { log }) => {
  let sum = 0n
  for await (const row of warned.rows()) sum += row.n
  if (sum !== 1n) throw new Error('read ' + sum)
}))
export default defineProject({ name: 'test', assets: { warned, blocked, each, open, exported } })`

describe('checks of a step', () => {
  let p: TestProject
  let ran: RanProject
  const stepsOf = (key: string): readonly string[] => ran.plan.steps.filter((step) => step.asset === key).map((step) => step.id)
  const succeeded = (key: string) => ran.events.filter((e) => e.type === 'step.succeeded').filter((e) => stepsOf(key).includes(e.stepId))
  beforeAll(async () => {
    p = await testProject({ 'project.ts': PROJECT })
    ran = await p.run()
  })
  afterAll(() => p.remove())

  it('a bound that cannot be cast fails its own check only, and does not block when it only warns', () => {
    expect(succeeded('a.warned').map((e) => e.checks.map((c) => [c.check, c.outcome]))).toEqual([
      [
        ['n.not_null', 'pass'],
        ['at.not_null', 'pass'],
        ['at.between', 'error'],
        ['n.between', 'pass'],
      ],
    ])
  })

  it('a check that cannot run blocks when it is to block, and leaves no file', async () => {
    expect(ran.state).toBe('failed')
    expect(ran.events.filter((e) => e.type === 'step.failed')).toMatchObject([
      { stepId: stepsOf('a.blocked')[0], state: 'blocked', checks: [{ outcome: 'pass' }, { outcome: 'error' }] },
    ])
    expect(await p.rows('a.blocked')).toEqual([])
    expect(readdirSync(join(p.settings.warehouse, 'a/blocked/data'))).toEqual([])
  })

  it('a warning on one day is not hidden by a pass on the next', async () => {
    const reader = openStorageReader({ folder: p.settings.home })
    const results = await reader.checkResults(assetKey('a.each'))
    reader.close()
    expect(results.find((r) => r.check === 'n.between')).toMatchObject({ outcome: 'warn', failing: 1 })
  })

  it('an infinite bound is none, and NaN is beyond it', () => {
    const [step] = succeeded('a.open')
    const seen = step?.checks.filter(({ check }) => !check.endsWith('not_null')).map((c) => [c.check, c.outcome, c.observed])
    expect(seen).toEqual([
      ['rows.count', 'pass', '3 rows, allowed 1 or more'],
      ['n.between', 'warn', '1 of 3 rows do not hold'],
      ['d.between', 'warn', '1 of 3 rows do not hold'],
      ['money.between', 'warn', '1 of 2 rows do not hold'],
    ])
  })

  it('`assay check` fails for a check that cannot run, also where it only warns', async () => {
    const { code, stdout } = await inProcess(['check', 'a.warned'], p.root)
    expect(stdout).toContain('4 checks: 3 passed, 1 failed')
    expect(code).toBe(1)
    expect((await inProcess(['check', 'a.each'], p.root)).code).toBe(0)
  })

  it('`assay check` asks for days that exist, whatever days others may have written', async () => {
    await appendForeign(p.settings.home, 'a.each', "select date '2026-01-02' as day, 1::bigint as n", 'unpartitioned')
    const { code, stdout } = await inProcess(['check', 'a.each'], p.root)
    expect(stdout).toMatch(/n\.between +2 of 4 rows do not hold/)
    expect(code).toBe(0)
  })

  it('an asset without a table reads its deps', () => {
    expect(succeeded('a.exported')).toHaveLength(1)
  })
})
