import { mkdirSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { dayIndex } from '../../src/partitions/calendar.ts'
import { range } from '../../src/partitions/partition-set.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { dropForeign, rollBackForeign } from '../support/append-foreign.ts'
import { impatientClock, type RanProject, type TestProject, testProject } from '../support/project.ts'
import { ROOT } from '../support/shop.ts'

const JANUARY_2 = dayIndex('2026-01-02') ?? 0
const SECOND_DAY = range(JANUARY_2, JANUARY_2 + 1)

const HEAD = `import { all, asset, daily, defineProject, duckdb, skip, sql, t, timeWindow, typescript } from 'assay'\n`
const project = (body: string): string => `${HEAD}${body}`

let open: TestProject | undefined
afterEach(async () => {
  await open?.remove()
  open = undefined
})
async function of(body: string): Promise<TestProject> {
  open = await testProject({ 'project.ts': project(body) })
  return open
}

const failed = (events: readonly StoreEvent[]) => events.filter((e) => e.type === 'step.failed')
const steps = (events: readonly StoreEvent[], type: StoreEvent['type']): number => events.filter((e) => e.type === type).length

const NUMBERS = (values: string, more = ''): string => `
export const numbers = asset('bronze.numbers', { schema: { n: t.long() }${more} })
numbers.from({}, typescript(async function* (_inputs, row) { for (const n of [${values}]) yield row({ n }) }))
export const doubled = asset('silver.doubled', { schema: { n: t.long() } })
doubled.from({ numbers }, duckdb(({ numbers }) => sql\`select \${numbers.n} * 2 as n from \${numbers}\`))
export default defineProject({ name: 'test', assets: { numbers, doubled } })
`

describe('materialize', () => {
  it('makes tables in order, knows that all is fresh, and makes what changed, in a folder whose name has everything in it', async () => {
    open = await testProject({ 'project.ts': project(NUMBERS('1n, 2n')) }, "a b%20'ü[1]*?{x}#")
    const p = open
    const first = await p.run()
    expect(first.state).toBe('succeeded')
    const inOrder = ['step.started', 'step.publishing', 'step.succeeded']
    expect(first.events.map((e) => e.type)).toEqual([...inOrder, ...inOrder, 'run.ended'])
    expect(await p.rows('silver.doubled')).toEqual([{ n: 2n }, { n: 4n }])
    const again = await p.run()
    expect(again.runId).toBeUndefined()
    expect(again.plan.assets.map((a) => a.action)).toEqual(['reuse', 'reuse'])
    expect((await p.run({ force: true })).state).toBe('succeeded')
    expect(await p.rows('silver.doubled')).toEqual([{ n: 2n }, { n: 4n }])
    await p.write({ 'project.ts': project(NUMBERS('1n, 2n').replace('* 2 as', '* 3 as')) })
    const changed = await p.run()
    expect(changed.plan.assets.map((a) => [a.action, a.because[0]?.cause.kind])).toEqual([
      ['reuse', undefined],
      ['run', 'code changed'],
    ])
    expect(await p.rows('silver.doubled')).toEqual([{ n: 3n }, { n: 6n }])
  })

  it('a blocking check that fails leaves readers on the last good snapshot, and skips what is downstream', async () => {
    const check = `, checks: (c) => [c.n.between(0, 5)]`
    const p = await of(NUMBERS('1n', check))
    await p.run()
    await p.write({ 'project.ts': project(NUMBERS('7n', check)) })
    const { state, events } = await p.run()
    expect(state).toBe('failed')
    expect(failed(events)).toMatchObject([
      {
        state: 'blocked',
        problem: { code: 'ASSAY-5001', where: { line: 3 } },
        checks: [{ outcome: 'pass' }, { check: 'n.between', outcome: 'fail', failing: 1, samples: ['{"n":7}'] }],
      },
    ])
    expect(steps(events, 'step.skipped')).toBe(1)
    expect(await p.rows('bronze.numbers')).toEqual([{ n: 1n }])
    expect(await p.rows('silver.doubled')).toEqual([{ n: 2n }])
  })

  it('leaves no file of a worker that was killed after it had staged', async () => {
    // The check is the first to see staged rows; it takes for ever, until the run is cancelled.
    const p = await of(`
export const slow = asset('a.slow', {
  schema: { n: t.long() },
  checks: (c) => [c.$rows.sql('for ever', (r) => sql\`select 1 from \${r} where (select count(*) from range(10000000000) x(i) where i % 7 = n) < 0\`)],
})
slow.from({}, duckdb(() => sql\`select 1::bigint as n\`))
export default defineProject({ name: 'test', assets: { slow } })`)
    const abort = new AbortController()
    const data = join(p.root, '.assay/warehouse/a/slow/data')
    mkdirSync(data, { recursive: true })
    const watcher = watch(data, { recursive: true }, (_, name) => {
      if (String(name).endsWith('.parquet')) abort.abort()
    })
    const { state } = await p.run({ signal: abort.signal })
    watcher.close()
    expect(state).toBe('interrupted')
    expect(readdirSync(data)).toEqual([])
  })

  const DAILY = (query: string, more = ''): string => `
const days = daily({ start: '2026-01-01', end: '2026-01-05' })
export const events = asset('bronze.events', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }, backfill: { partitionsPerStep: 3 } })
events.from({}, typescript(async function* (_i, row, { partitions }) { for (const { key: day } of partitions) yield row({ day, n: 1n }) }))
export const copy = asset('silver.copy', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }${more} })
copy.from({ events }, duckdb(({ events }, { partition }) => sql\`${query}\`))
export default defineProject({ name: 'test', assets: { events, copy } })`

  it('makes and overwrites partitions without touching their neighbours', async () => {
    const p = await of(
      DAILY(
        'select ${events.day}, ${events.n} from ${events} where ${events.day} >= ${partition.start} and ${events.day} < ${partition.end}',
      ),
    )
    const first = await p.run()
    expect(first.plan.steps.map((s) => s.asset)).toEqual([...Array(2).fill('bronze.events'), ...Array(4).fill('silver.copy')])
    const [one] = (await p.rows('silver.copy')) as readonly { day: string }[]
    expect(one?.day).toBe('2026-01-01')
    const forced = await p.run({ select: 'silver.copy', partitions: SECOND_DAY, force: true })
    expect(forced.plan.steps).toHaveLength(1)
    expect(await p.rows('silver.copy')).toHaveLength(4)
  })

  it('refuses a row outside the partitions being written, and publishes nothing', async () => {
    const p = await of(DAILY('select ${events.day} + 1 as day, ${events.n} from ${events}'))
    const { events } = await p.run()
    expect(failed(events)).toHaveLength(4)
    const examples = failed(events).map((e) => (e.problem.code === 'ASSAY-5002' ? e.problem.details?.[0] : e.problem.code))
    expect(examples.sort()).toEqual([2, 3, 4, 5].map((day) => `for example {"day":"2026-01-0${day}","n":1}`))
    expect(await p.rows('silver.copy')).toEqual([])
  })

  it('what is interrupted is resolved and continued', async () => {
    const p = await of(`
export const first = asset('a.first', { schema: { n: t.long() } })
first.from({}, typescript(async function* (_i, row) { yield row({ n: 1n }) }))
export const second = asset('a.second', { schema: { n: t.long() } })
second.from({ first }, duckdb(({ first }) => sql\`select \${first.n} from \${first}\`))
export default defineProject({ name: 'test', assets: { first, second } })`)
    const abort = new AbortController()
    const cut = await p.run({
      signal: abort.signal,
      onEvent: (e) => {
        if (e.type === 'step.succeeded') abort.abort()
      },
    })
    expect(cut.state).toBe('interrupted')
    const rest = await p.run()
    expect(rest.plan.steps.map((s) => s.asset)).toEqual(['a.second'])
    expect(await p.rows('a.second')).toEqual([{ n: 1n }])
  })

  it('runs the code that was planned, and no other', async () => {
    const p = await of(NUMBERS('1n'))
    const { root } = p
    const edited = await p.run({
      onEvent: (event) => {
        if (event.type === 'step.started') writeFileSync(join(root, 'project.ts'), project(NUMBERS('2n')))
      },
    })
    expect(failed(edited.events)).toMatchObject([
      { problem: { code: 'ASSAY-3012', what: 'project.ts has changed since the run was planned' } },
    ])
    expect(await p.rows('bronze.numbers')).toEqual([])
    await p.write({ 'project.ts': project(NUMBERS('1n')) })
    expect((await p.run()).state).toBe('succeeded')
    expect(await p.rows('bronze.numbers')).toEqual([{ n: 1n }])
  })

  it('does not overwrite what another writer put into the same partitions meanwhile, and takes note of what it put elsewhere', async () => {
    const days = `const days = daily({ start: '2026-01-01', end: '2026-01-05' })`
    // The compute itself plays the other engine, so that its commit falls into the middle of the step.
    const meanwhile = (day: string): string => `
${days}
export const counts = asset('silver.counts', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
counts.from({}, typescript(async function* (_i, row, { partitions }) {
  const { appendForeign } = await import('${ROOT}/tests/support/append-foreign.ts')
  if ('${day}' !== '') await appendForeign('${open?.settings.home}', 'silver.counts', "select date '${day}' as day, 100::bigint as n")
  for (const { key: day } of partitions) yield row({ day, n: 1n })
}))
export default defineProject({ name: 'test', assets: { counts } })`
    const p = await of(meanwhile(''))
    await p.run()
    const second = { partitions: SECOND_DAY, force: true }
    await p.write({ 'project.ts': project(meanwhile('2026-01-02')) })
    expect(failed((await p.run(second)).events)).toMatchObject([{ problem: { code: 'ASSAY-2006' } }])
    expect(await p.rows('silver.counts')).toHaveLength(5)
    await p.write({ 'project.ts': project(meanwhile('2026-01-03')) })
    const beside = await p.run(second)
    expect(beside.state).toBe('succeeded')
    expect(beside.events.find((e) => e.type === 'table.observed')).toMatchObject({
      asset: 'silver.counts',
      versions: [{ from: 20456, to: 20457 }],
    })
    expect((await p.rows('silver.counts')).map((row) => row['n'])).toEqual([1n, 1n, 1n, 100n, 1n])
  })

  it('notices when others roll a table back, or drop it, and makes what is gone again', async () => {
    const p = await of(DAILY('select ${events.day}, ${events.n} from ${events}'))
    await p.run()
    const before = await p.rows('bronze.events')
    await rollBackForeign(p.settings.home, 'bronze.events', 1)
    expect(await p.rows('bronze.events')).not.toEqual(before)
    const again = await p.run()
    expect(again.plan.steps.map((s) => s.asset)).toContain('bronze.events')
    expect(again.plan.steps.map((s) => s.asset)).toContain('silver.copy')
    expect(await p.rows('bronze.events')).toEqual(before)
    expect((await p.run()).plan.steps).toEqual([])
    await dropForeign(p.settings.home, 'silver.copy')
    expect((await p.run()).plan.steps.map((s) => s.asset)).toEqual(Array(4).fill('silver.copy'))
    expect(await p.rows('silver.copy')).toHaveLength(4)
  })

  it('reads an external table right, however others have laid it out', async () => {
    const p = await of(`
const days = daily({ start: '2026-01-01', end: '2026-01-05' })
export const source = asset('ext.daily', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }, backfill: { partitionsPerStep: 9 } })
source.from({}, typescript(async function* (_i, row, { partitions }) { for (const { key: day } of partitions) yield row({ day, n: 1n }) }))
export const flat = asset('ext.flat', { schema: { day: t.date(), n: t.long() } })
flat.from({}, duckdb(() => sql\`select date '2026-01-01' + i::int as day, i as n from range(4) r(i)\`))
export default defineProject({ name: 'test', assets: { source, flat } })`)
    await p.run()
    // Now the same two tables as someone sees them who has only the catalog, each declared the other way round.
    for (const name of ['state.db', 'state.db-wal', 'state.db-shm']) rmSync(join(p.settings.home, name), { force: true })
    await p.write({
      'project.ts': project(`import { externalAsset } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-05' })
const daily1 = externalAsset('ext.daily', { schema: { day: t.date(), n: t.long() } })
const flat = externalAsset('ext.flat', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
export const whole = asset('a.whole', { schema: { n: t.long() } })
whole.from({ daily1 }, duckdb(({ daily1 }) => sql\`select count(*) as n from \${daily1}\`))
export const each = asset('a.each', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
each.from({ flat }, duckdb(({ flat }) => sql\`select \${flat.day}, \${flat.n} from \${flat}\`))
export default defineProject({ name: 'test', assets: { daily1, flat, whole, each } })`),
    })
    expect((await p.run()).state).toBe('succeeded')
    expect(await p.rows('a.whole')).toEqual([{ n: 4n }])
    expect((await p.rows('a.each')).map((row) => row['n'])).toEqual([0n, 1n, 2n, 3n])
  })

  it('a schema that the history of the table cannot take is refused; one that it can is taken', async () => {
    const p = await of(NUMBERS('1n'))
    await p.run()
    const wider = NUMBERS('1n')
      .replace('{ schema: { n: t.long() } })\nnumbers', '{ schema: { n: t.long(), note: t.string().nullable() } })\nnumbers')
      .replace('row({ n })', 'row({ n, note: null })')
    await p.write({ 'project.ts': project(wider) })
    expect((await p.run()).state).toBe('succeeded')
    expect(await p.rows('bronze.numbers')).toEqual([{ n: 1n, note: null }])
    const text = NUMBERS('1n')
      .replace('{ schema: { n: t.long() } })\nnumbers', '{ schema: { n: t.string() } })\nnumbers')
      .replace('row({ n })', 'row({ n: String(n) })')
      .replace('* 2 as n', ':: bigint as n')
    await p.write({ 'project.ts': project(text) })
    const { events } = await p.run()
    expect(failed(events)[0]).toMatchObject({ problem: { code: 'ASSAY-2007' } })
    expect(await p.rows('bronze.numbers')).toEqual([{ n: 1n, note: null }])
  })
})

/** One run of many assets that have nothing to do with each other: each step ends in its own way. */
describe('a run', () => {
  const BODY = `
const schema = { n: t.long() }
const one = typescript<{}, { n: bigint }>(async function* (_i, row) { yield row({ n: 1n }) })
export const dies = asset('a.dies', { schema })
dies.from({}, typescript(async function* () { process.kill(process.pid, 'SIGKILL') }))
export const lives = asset('a.lives', { schema })
lives.from({}, one)
export const flaky = asset('a.flaky', { schema, retry: { max: 2, delay: 100 } })
flaky.from({}, typescript(async function* () {
  throw new TypeError('not today')
}))
export const source = asset('a.source', { schema })
source.from({}, typescript(() => skip('nothing there')))
export const reader = asset('a.reader', { schema })
reader.from({ source }, duckdb(({ source }) => sql\`select \${source.n} from \${source}\`))
export const marker = asset('a.marker', {})
marker.from({}, typescript(async (_i, _row, { log }) => { log.info('ran'); log.info('twice') }))
export const warned = asset('a.warned', { schema, checks: (c) => [c.n.between(5, 9, { mode: 'warn' })] })
warned.from({}, one)
export const good = asset('silver.good', { schema: { id: t.long(), kind: t.enum(['a', 'b']), size: t.long() }, quarantine: true, checks: (c) => [c.id.between(0, 9), c.size.between(8, 9, { mode: 'warn' })] })
good.from({}, duckdb(() => sql\`select * from (values (1::bigint, 'a', 7::bigint), (null, 'b', 7), (20, 'x', 7), (2, 'b', 7)) v(id, kind, size)\`))
export default defineProject({ name: 'test', assets: { dies, lives, flaky, source, reader, marker, warned, good } })`
  const line =
    project(BODY)
      .split('\n')
      .findIndex((text) => text.includes('not today')) + 1
  const clock = impatientClock()
  let p: TestProject
  let ran: RanProject
  let complaints: MockInstance
  let of: <T extends StoreEvent['type']>(type: T, asset: string) => readonly Extract<StoreEvent, { type: T }>[]
  beforeAll(async () => {
    // Where the logs would be is a file.
    p = await testProject({ 'project.ts': project(BODY), '.assay/logs': '' })
    complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
    ran = await p.run({ clock })
    const asset = new Map(ran.plan.steps.map((step) => [step.id, String(step.asset)]))
    of = (type, key) =>
      ran.events.filter(
        (e): e is Extract<StoreEvent, { type: typeof type }> => e.type === type && 'stepId' in e && asset.get(e.stepId) === key,
      )
  })
  afterAll(async () => {
    complaints.mockRestore()
    await p.remove()
  })

  it('goes on where lines cannot be kept, and says so once', () => {
    expect(of('step.succeeded', 'a.marker')).toHaveLength(1)
    expect(complaints.mock.calls).toEqual([[expect.stringContaining('cannot be kept')]])
  })

  it('fails the step of a worker that dies, and no other', async () => {
    expect(ran.state).toBe('failed')
    expect(of('step.failed', 'a.dies')).toMatchObject([{ state: 'lost', problem: { code: 'ASSAY-3002' } }])
    expect(await p.rows('a.lives')).toEqual([{ n: 1n }])
    expect(failed(ran.events)).toHaveLength(2)
  })

  it("points with an exception into the user's file, and tries again with growing delays", () => {
    const where = { file: `${p.root}/project.ts`, line }
    expect(of('step.failed', 'a.flaky')).toMatchObject([{ problem: { code: 'ASSAY-3003', what: 'TypeError: not today', where } }])
    expect(of('step.started', 'a.flaky')).toHaveLength(3)
    const [first = 0, second = 0] = clock.slept
    expect(first).toBeGreaterThanOrEqual(100)
    expect(first).toBeLessThanOrEqual(120)
    expect(second).toBeGreaterThanOrEqual(200)
    expect(clock.slept).toHaveLength(2)
  })

  it('leaves out what skip() ends, and what reads that', () => {
    expect([...of('step.skipped', 'a.source'), ...of('step.skipped', 'a.reader')].map((e) => e.reason)).toEqual([
      'nothing there',
      'a.source was skipped',
    ])
  })

  it('records an asset without a schema, which has no table', () => {
    expect(of('step.succeeded', 'a.marker')).toMatchObject([{ materialization: { asset: 'a.marker' } }])
  })

  it('is not blocked by a warning check', async () => {
    expect(of('step.succeeded', 'a.warned')).toMatchObject([{ checks: [{ outcome: 'pass' }, { outcome: 'warn' }] }])
    expect(await p.rows('a.warned')).toEqual([{ n: 1n }])
  })

  it('quarantines rows with the reason, in the same publish, but not what only warns', async () => {
    const twice = [
      { id: 1n, kind: 'a', size: 7n },
      { id: 2n, kind: 'b', size: 7n },
    ]
    expect(await p.rows('silver.good')).toEqual(twice)
    const again = await p.run({ select: 'silver.good a.marker', force: false })
    expect(again.plan.steps).toEqual([])
    expect((await p.run({ select: 'silver.good', force: true })).state).toBe('succeeded')
    expect(await p.rows('silver.good')).toEqual(twice)
    expect(await p.rows('silver.good__rejects')).toEqual([
      { id: 20n, kind: 'x', size: 7n, reject_reason: 'kind.in, id.between' },
      { id: null, kind: 'b', size: 7n, reject_reason: 'id.not_null' },
    ])
  })

  it('is refused beside another writer, while reading works', async () => {
    const holder = openStorage({ folder: p.settings.home, clock: systemClock })
    try {
      await expect(p.run()).rejects.toMatchObject({ code: 'ASSAY-3001' })
      expect(await p.rows('a.lives')).toEqual([{ n: 1n }])
    } finally {
      holder.close()
    }
  })
})
