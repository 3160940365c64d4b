import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { assetKey } from '../../src/keys.ts'
import { loadProject } from '../../src/project/load.ts'
import { inspect } from '../../src/runs/launch.ts'
import { createEnvironment, promote } from '../../src/runs/promote.ts'
import { rollBack } from '../../src/runs/rollback.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

/** A feed of changes by day, and what is made of it in each way. The rows of a day are in the file `feed.ts`. */
const PROJECT = `
import { asset, changed, daily, defineProject, duckdb, history, merge, sql, t, typescript } from 'assay'
import { DAYS } from './feed.ts'
const days = daily({ start: '2026-01-01', end: '2026-01-04' })
export const feed = asset('a.feed', {
  partitions: days.on('day'),
  schema: { day: t.date(), hour: t.int(), id: t.long(), city: t.string().nullable(), gone: t.boolean() },
})
feed.from({}, typescript(async function* (_, row, { partitions }) {
  for (const { key: day } of partitions) for (const [hour, id, city, gone] of DAYS[day] ?? []) yield row({ day: day as '2026-01-01', hour, id: BigInt(id), city, gone })
}))
export const now = asset('b.now', {
  schema: { id: t.long(), city: t.string(), hour: t.int(), day: t.date() },
  key: ['id'],
  write: merge({ deleteWhen: 'gone', latestBy: 'day' }),
  quarantine: true,
})
now.from({ feed: changed(feed) }, duckdb(({ feed: f }) => sql\`
  select \${f.id}, \${f.city}, \${f.hour}, \${f.day}, \${f.gone} from \${f} qualify row_number() over (partition by \${f.id}, \${f.day} order by \${f.hour} desc) = 1\`))
export const past = asset('b.past', {
  schema: { id: t.long(), city: t.string().nullable() },
  key: ['id'],
  write: history({ deleteWhen: 'gone', as: 'merge-on-read' }),
})
past.from({ feed: changed(feed) }, duckdb(({ feed: f }) => sql\`
  select \${f.id}, \${f.city}, make_timestamptz(2026, 1, extract('day' from \${f.day}), \${f.hour}::bigint, 0, 0.0) as valid_from, \${f.gone} from \${f}\`))
export const log = asset('b.log', { schema: { id: t.long(), city: t.string().nullable() }, write: 'append' })
log.from({ feed: changed(feed) }, duckdb(({ feed: f }) => sql\`select \${f.id}, \${f.city} from \${f}\`))
export const count = asset('c.count', { schema: { n: t.long() } })
count.from({ now }, duckdb(({ now: n }) => sql\`select count(*) as n from \${n}\`))
export default defineProject({ name: 'test', assets: { feed, now, past, log, count } })
`

type Change = readonly [hour: number, id: number, city: string | null, gone: boolean]
const feedOf = (days: Readonly<Record<string, readonly Change[]>>): string =>
  `export const DAYS: Record<string, readonly (readonly [number, number, string | null, boolean])[]> = ${JSON.stringify(days)}`

const FIRST: readonly Change[] = [
  [8, 1, 'Delft', false],
  [9, 2, 'Breda', false],
  [10, 3, null, false],
]
const SECOND: readonly Change[] = [
  [8, 1, 'Gouda', false],
  [9, 2, null, true],
  [10, 4, 'Tiel', false],
]

describe('write modes', () => {
  let p: TestProject
  const day = (n: number) => [[20453 + n, 20454 + n]] as const
  const told = ({ plan, events }: RanProject): Readonly<Record<string, unknown>> => {
    const asset = new Map(plan.steps.map((step) => [step.id, step.assets[0]]))
    const ended = events.filter((e): e is Extract<StoreEvent, { stepId: string }> => /succeeded|reused|failed/.test(e.type))
    return Object.fromEntries(
      ended.map((e) => [
        asset.get(e.stepId),
        e.type === 'step.succeeded'
          ? e.materializations[0]?.unchanged
            ? 'unchanged'
            : e.materializations[0]?.rows
          : e.type === 'step.failed'
            ? e.problem.code
            : e.type,
      ]),
    )
  }
  const time = (instant: unknown): string => String(instant).replace('.000000', '')
  const current = async () => (await p.rows('b.now')).map((row) => [Number(row['id']), row['city'], row['day']])
  const versions = async () =>
    (await p.rows('b.past')).map((row) => [
      Number(row['id']),
      row['city'],
      time(row['valid_from']),
      row['valid_to'] && time(row['valid_to']),
      row['is_current'],
    ])
  const upTo = (n: number) => p.run({ partitions: [[20454, 20454 + n]] })

  beforeAll(async () => {
    p = await testProject({ 'project.ts': PROJECT, 'feed.ts': feedOf({ '2026-01-01': FIRST, '2026-01-02': SECOND }) })
  })
  afterAll(() => p.remove())

  it('take in what is new, and leave the rest as it is', async () => {
    const first = await p.run({ select: 'a.feed', partitions: day(1) })
    expect(first.state).toBe('succeeded')
    expect(told(await p.run({ select: 'not a.feed' }))).toEqual({ 'b.now': 2, 'b.past': 3, 'b.log': 3, 'c.count': 1 })
    expect(await current()).toEqual([
      [1, 'Delft', '2026-01-01'],
      [2, 'Breda', '2026-01-01'],
    ])
    expect(await p.rows('b.now__rejects')).toMatchObject([{ id: 3n, reject_reason: 'city.not_null' }])
    expect((await upTo(2)).state).toBe('succeeded')
    expect(await current()).toEqual([
      [1, 'Gouda', '2026-01-02'],
      [4, 'Tiel', '2026-01-02'],
    ])
    expect(await versions()).toEqual([
      [1, 'Delft', '2026-01-01T08:00:00Z', '2026-01-02T08:00:00Z', false],
      [1, 'Gouda', '2026-01-02T08:00:00Z', null, true],
      [2, 'Breda', '2026-01-01T09:00:00Z', '2026-01-02T09:00:00Z', false],
      [3, null, '2026-01-01T10:00:00Z', null, true],
      [4, 'Tiel', '2026-01-02T10:00:00Z', null, true],
    ])
    expect((await p.rows('b.log')).map((row) => Number(row['id']))).toEqual([1, 1, 2, 2, 3, 4])
  })

  it('the same input again publishes nothing and stops the wave', async () => {
    // The rows of a day in another order: a new version of it with the same rows.
    const before = await p.rows('b.now__rejects')
    expect(told(await p.run({ select: 'a.feed', partitions: day(2), force: true }))).toEqual({ 'a.feed': 3 })
    const again = told(await p.run({ select: 'b.now or b.past or c.count' }))
    expect(again).toEqual({ 'b.now': 'unchanged', 'b.past': 'unchanged', 'c.count': 'step.reused' })
    expect(await p.rows('b.now__rejects')).toEqual(before)
  })

  it('a late row finds its place; what was added is not added again', async () => {
    await p.write({ 'feed.ts': feedOf({ '2026-01-01': [...FIRST, [12, 1, 'Leiden', false]], '2026-01-02': SECOND }) })
    const late = await p.run({ select: 'a.feed+', partitions: day(1) })
    expect(told(late)).toMatchObject({ 'b.log': 'ASSAY-5041', 'b.past': 2 })
    // The second is gone since the second day, and stays so.
    expect((await current()).map(([id]) => id)).toEqual([1, 4])
    expect((await versions()).filter(([id]) => id === 1)).toEqual([
      [1, 'Delft', '2026-01-01T08:00:00Z', '2026-01-01T12:00:00Z', false],
      [1, 'Gouda', '2026-01-02T08:00:00Z', null, true],
      [1, 'Leiden', '2026-01-01T12:00:00Z', '2026-01-02T08:00:00Z', false],
    ])
    expect(await p.rows('b.log')).toHaveLength(6)
  })

  it('--force reads everything again, and the tables stay the same', async () => {
    const [rows, history] = [await p.rows('b.now'), await p.rows('b.past')]
    const forced = await p.run({ select: 'b.now or b.past', force: true })
    expect(forced.state).toBe('succeeded')
    expect([await p.rows('b.now'), await p.rows('b.past')]).toEqual([rows, history])
    const files = await readdir(join(p.root, '.assay/warehouse/b/past/data'), { recursive: true })
    expect(files.some((file) => file.includes('deletes'))).toBe(true)
  })
})

describe('merge within partitions, and a table in order', () => {
  const project = (rows: string, extra = '') => `
import { asset, daily, defineProject, merge, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-03' })
export const stock = asset('a.stock', {
  partitions: days.on('day'), schema: { day: t.date(), id: t.long(), n: t.int() },
  key: ['day', 'id'], write: merge({ deleteWhen: 'gone' }), sortBy: ['n', 'id'],
})
stock.from({}, typescript(async function* (_, row, { partitions }) {
  for (const { key: day } of partitions) { const at = day as '2026-01-01'; for (const r of [${rows}]) yield row({ day: at, gone: false, ...r }); ${extra} }
}))
export default defineProject({ name: 'test', assets: { stock } })
`
  let p: TestProject
  beforeAll(async () => {
    p = await testProject({ 'project.ts': project('{ id: 1n, n: 9 }, { id: 2n, n: 3 }') })
    expect((await p.run()).state).toBe('succeeded')
  })
  afterAll(() => p.remove())
  const ids = async () => (await p.rows('a.stock')).map((row) => `${String(row['day'])} ${String(row['id'])} ${String(row['n'])}`)

  it('changes the partitions that are made, and no others', async () => {
    await p.write({ 'project.ts': project('{ id: 2n, n: 4 }, { id: 1n, n: 0, gone: true }, { id: 7n, n: 1 }') })
    expect((await p.run({ partitions: [[20454, 20455]] })).state).toBe('succeeded')
    expect(await ids()).toEqual(['2026-01-01 2 4', '2026-01-01 7 1', '2026-01-02 1 9', '2026-01-02 2 3'])
    const files = await readdir(join(p.root, '.assay/warehouse/a/stock/metadata'))
    expect(files.length).toBeGreaterThan(3)
  })

  it('in an environment leaves main as it is, until it is promoted', async () => {
    const before = await ids()
    await p.write({ 'project.ts': project('{ id: 7n, n: 2 }, { id: 2n, n: 0, gone: true }') })
    await createEnvironment(p.settings, 'dev', systemClock)
    expect((await p.run({ environment: 'dev', partitions: [[20454, 20455]] })).state).toBe('succeeded')
    expect(await ids()).toEqual(before)
    await promote({ settings: p.settings, loaded: await loadProject(p.settings), name: 'dev', clock: systemClock })
    expect(await ids()).toEqual(['2026-01-01 7 2', '2026-01-02 1 9', '2026-01-02 2 3'])
  })

  it('refuses rows of another partition, also those that only take out', async () => {
    const others = "yield row({ day: '2026-01-02', id: 1n, n: 0, gone: true })"
    await p.write({ 'project.ts': project('', others) })
    const run = await p.run({ partitions: [[20454, 20455]] })
    expect(run.events.flatMap((e) => (e.type === 'step.failed' ? [e.problem.code] : []))).toEqual(['ASSAY-5002'])
    expect(await ids()).toHaveLength(3)
  })

  it('refuses a key that comes twice', async () => {
    await p.write({ 'project.ts': project('{ id: 2n, n: 4 }, { id: 2n, n: 5 }') })
    const run = await p.run({ partitions: [[20454, 20455]] })
    expect(run.events.flatMap((e) => (e.type === 'step.failed' ? [e.problem.code] : []))).toEqual(['ASSAY-5007'])
  })
})

describe('append', () => {
  const project = `
import { asset, changed, daily, defineProject, duckdb, sql, t, typescript } from 'assay'
export const feed = asset('a.feed', { partitions: daily({ start: '2026-01-01', end: '2026-01-03' }).on('day'), schema: { day: t.date(), note: t.string() } })
feed.from({}, typescript(function* (_, row, { partitions }) { for (const { key: day } of partitions) yield row({ day, note: 'a' }) }))
export const log = asset('a.log', { schema: { day: t.date() }, write: 'append' })
log.from({ feed: changed(feed) }, duckdb(({ feed: f }) => sql\`select \${f.day} from \${f}\`))
export default defineProject({ name: 'test', assets: { feed, log } })
`
  let p: TestProject
  beforeAll(async () => {
    p = await testProject({ 'project.ts': project })
  })
  afterAll(() => p.remove())
  const days = async () => (await p.rows('a.log')).map((row) => row['day'])

  it('adds each partition once: by day, by force, with other code, and after a rollback', async () => {
    await p.run({ partitions: [[20454, 20455]] })
    const loaded = await loadProject(p.settings)
    const spec = loaded.asset('a.log') ?? expect.fail()
    const first = await headOf(p)
    await p.run()
    expect(await days()).toEqual(['2026-01-01', '2026-01-02'])
    await p.run({ select: 'a.log', force: true })
    expect((await p.run({ force: true })).state).toBe('succeeded')
    await p.run({ select: 'a.feed', force: true })
    expect((await p.run()).plan.steps).toEqual([])
    expect(await days()).toEqual(['2026-01-01', '2026-01-02'])
    await p.write({ 'project.ts': project.replace('select $', 'select  $').replace('from ${f}', 'from ${f} where true') })
    expect((await p.run()).state).toBe('succeeded')
    expect(await days()).toEqual(['2026-01-01', '2026-01-02'])
    await rollBack({ settings: p.settings, loaded, clock: systemClock, spec, to: first })
    expect(await days()).toEqual(['2026-01-01'])
    expect((await p.run()).state).toBe('succeeded')
    expect(await days()).toEqual(['2026-01-01', '2026-01-02'])
  })

  it('adds what is new where partitions were made anew that look the same to it, and fails where they do not', async () => {
    const grown = project.replace("end: '2026-01-03'", "end: '2026-01-04'").replace("note: 'a'", "note: 'b'")
    await p.write({ 'project.ts': grown })
    expect((await p.run()).state).toBe('succeeded')
    expect(await days()).toEqual(['2026-01-01', '2026-01-02', '2026-01-03'])
    await p.write({
      'project.ts': grown.replace("yield row({ day, note: 'b' })", "{ yield row({ day, note: 'b' }); yield row({ day, note: 'c' }) }"),
    })
    const run = await p.run()
    expect(run.events.flatMap((e) => (e.type === 'step.failed' ? [e.problem.code] : []))).toEqual(['ASSAY-5041'])
    expect(await days()).toHaveLength(3)
  })
})

async function headOf(p: TestProject): Promise<string> {
  const inspection = await inspect(p.settings, await loadProject(p.settings))
  inspection.close()
  return inspection.heads.get(assetKey('a.log'))?.metadata.currentSnapshotId ?? ''
}
