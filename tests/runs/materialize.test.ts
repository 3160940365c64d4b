import { mkdirSync, readdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { parseRange } from '../../src/partitions/partitions.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { dropForeign, rollBackForeign } from '../support/append-foreign.ts'
import { impatientClock, type TestProject, testProject } from '../support/project.ts'
import { ROOT } from '../support/shop.ts'

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
  it('makes tables in order, then knows that all is fresh', async () => {
    const p = await of(NUMBERS('1n, 2n'))
    const first = await p.run()
    expect(first.state).toBe('succeeded')
    const inOrder = ['step.started', 'step.publishing', 'step.succeeded']
    expect(first.events.map((e) => e.type)).toEqual([...inOrder, ...inOrder, 'run.ended'])
    expect(await p.rows('silver.doubled')).toEqual([{ n: 2n }, { n: 4n }])
    const again = await p.run()
    expect(again.runId).toBeUndefined()
    expect(again.plan.assets.map((a) => a.action)).toEqual(['reuse', 'reuse'])
  })

  it('works in a folder whose name has everything in it', async () => {
    open = await testProject({ 'project.ts': project(NUMBERS('1n, 2n')) }, "a b%20'ü[1]*?{x}#")
    expect((await open.run()).state).toBe('succeeded')
    expect((await open.run({ force: true })).state).toBe('succeeded')
    expect(await open.rows('silver.doubled')).toEqual([{ n: 2n }, { n: 4n }])
  })

  it('changed code makes the asset and what reads it again, and says why', async () => {
    const p = await of(NUMBERS('1n'))
    await p.run()
    await p.write({ 'project.ts': project(NUMBERS('1n').replace('* 2 as', '* 3 as')) })
    const again = await p.run()
    expect(again.plan.assets.map((a) => [a.action, a.because[0]?.cause.kind])).toEqual([
      ['reuse', undefined],
      ['run', 'code changed'],
    ])
    expect(await p.rows('silver.doubled')).toEqual([{ n: 3n }])
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

  it('a warning check does not block', async () => {
    const p = await of(NUMBERS('7n', `, checks: (c) => [c.n.between(0, 5, { mode: 'warn' })]`))
    const { state, events } = await p.run()
    expect(state).toBe('succeeded')
    expect(events.find((e) => e.type === 'step.succeeded')).toMatchObject({ checks: [{ outcome: 'pass' }, { outcome: 'warn' }] })
  })

  it('a worker that dies fails its step and not the run', async () => {
    const p = await of(`
export const dies = asset('a.dies', { schema: { n: t.long() } })
dies.from({}, typescript(async function* () { process.kill(process.pid, 'SIGKILL') }))
export const lives = asset('a.lives', { schema: { n: t.long() } })
lives.from({}, typescript(async function* (_i, row) { yield row({ n: 1n }) }))
export default defineProject({ name: 'test', assets: { dies, lives } })`)
    const { state, events } = await p.run()
    expect(state).toBe('failed')
    expect(failed(events)).toMatchObject([{ state: 'lost', problem: { code: 'ASSAY-3002' } }])
    expect(await p.rows('a.lives')).toEqual([{ n: 1n }])
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

  it("an exception points into the user's file, and is retried with growing delays", async () => {
    const p = await of(`
export const flaky = asset('a.flaky', { schema: { n: t.long() }, retry: { max: 2, delay: 100 } })
flaky.from({}, typescript(async function* () {
  throw new TypeError('not today')
}))
export default defineProject({ name: 'test', assets: { flaky } })`)
    const clock = impatientClock()
    const { events } = await p.run({ clock })
    expect(failed(events)).toMatchObject([
      { problem: { code: 'ASSAY-3003', what: 'TypeError: not today', where: { file: `${p.root}/project.ts`, line: 5 } } },
    ])
    expect(steps(events, 'step.started')).toBe(3)
    const [first = 0, second = 0] = clock.slept
    expect(first).toBeGreaterThanOrEqual(100)
    expect(first).toBeLessThanOrEqual(120)
    expect(second).toBeGreaterThanOrEqual(200)
    expect(clock.slept).toHaveLength(2)
  })

  it('skip() ends a step without failing the run, and skips what reads it', async () => {
    const p = await of(`
export const source = asset('a.source', { schema: { n: t.long() } })
source.from({}, typescript(() => skip('nothing there')))
export const reader = asset('a.reader', { schema: { n: t.long() } })
reader.from({ source }, duckdb(({ source }) => sql\`select \${source.n} from \${source}\`))
export default defineProject({ name: 'test', assets: { source, reader } })`)
    const { state, events } = await p.run()
    expect(state).toBe('succeeded')
    expect(events.filter((e) => e.type === 'step.skipped').map((e) => e.reason)).toEqual(['nothing there', 'a.source was skipped'])
  })

  it('an asset without a schema records its run and has no table', async () => {
    const p = await of(`
export const marker = asset('a.marker', {})
marker.from({}, typescript(async (_i, _row, { log }) => { log.info('ran') }))
export default defineProject({ name: 'test', assets: { marker } })`)
    expect((await p.run()).events.find((e) => e.type === 'step.succeeded')).toMatchObject({ materialization: { asset: 'a.marker' } })
    expect((await p.run()).plan.steps).toEqual([])
  })

  const DAILY = (query: string, more = ''): string => `
const days = daily({ start: '2026-01-01', end: '2026-01-05' })
export const events = asset('bronze.events', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() }, backfill: { partitionsPerStep: 3 } })
events.from({}, typescript(async function* (_i, row, { partitions }) { for (const day of partitions) yield row({ day: day as '2026-01-01', n: 1n }) }))
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
    const forced = await p.run({ select: 'silver.copy', partitions: parseRange('2026-01-02'), force: true })
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

  it('quarantines rows with the reason, in the same publish', async () => {
    const p = await of(`
export const good = asset('silver.good', { schema: { id: t.long(), kind: t.enum(['a', 'b']) }, quarantine: true, checks: (c) => [c.id.between(0, 9)] })
good.from({}, duckdb(() => sql\`select * from (values (1::bigint, 'a'), (null, 'b'), (20, 'x'), (2, 'b')) v(id, kind)\`))
export default defineProject({ name: 'test', assets: { good } })`)
    const { state } = await p.run()
    expect(state).toBe('succeeded')
    const twice = [
      { id: 1n, kind: 'a' },
      { id: 2n, kind: 'b' },
    ]
    expect(await p.rows('silver.good')).toEqual(twice)
    expect((await p.run({ force: true })).state).toBe('succeeded')
    expect(await p.rows('silver.good')).toEqual(twice)
    expect(await p.rows('silver.good__rejects')).toEqual([
      { id: 20n, kind: 'x', reject_reason: 'kind.in, id.between' },
      { id: null, kind: 'b', reject_reason: 'id.not_null' },
    ])
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

  it('a second writer is refused, while reading works', async () => {
    const p = await of(NUMBERS('1n'))
    await p.run()
    const holder = openStorage({ folder: p.settings.home, clock: systemClock })
    try {
      await expect(p.run()).rejects.toMatchObject({ code: 'ASSAY-3001' })
      expect(await p.rows('bronze.numbers')).toEqual([{ n: 1n }])
    } finally {
      holder.close()
    }
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
  for (const day of partitions) yield row({ day: day as '2026-01-01', n: 1n })
}))
export default defineProject({ name: 'test', assets: { counts } })`
    const p = await of(meanwhile(''))
    await p.run()
    const second = { partitions: parseRange('2026-01-02'), force: true }
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
source.from({}, typescript(async function* (_i, row, { partitions }) { for (const day of partitions) yield row({ day: day as '2026-01-01', n: 1n }) }))
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
