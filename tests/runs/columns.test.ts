import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoreEvent } from '../../src/storage/events.ts'
import { inProcess } from '../cli/command-line.ts'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

/** Two days of two rows; `sums` looks at day, n and flag (the last only to filter), `copies` at all, `seen` is a function. */
const PROJECT = `
import { all, asset, daily, defineProject, duckdb, sql, t, typescript } from 'assay'
import { shared } from './shared.ts'
const days = daily({ start: '2026-01-01', end: '2026-01-03' })
export const events = asset('a.events', {
  description: 'What happened.', partitions: days.on('day'), checks: (c) => [c.n.between(0, 1000)],
  schema: { day: t.date(), n: t.int(), flag: t.boolean(), note: t.string(), code: t.string() },
})
events.from({}, duckdb((_, { partition }) => sql\`
  select \${partition.start} as day, n::int as n, flag, note, code from (values (1, true, 'x', 'p'), (2, false, 'y', 'q')) v(n, flag, note, code)\`))
export const sums = asset('b.sums', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
sums.from({ events }, duckdb(({ events: e }) => sql\`select \${e.day}, sum(\${e.n})::bigint as n from \${e} where \${e.flag} group by all\`))
export const total = asset('c.total', { schema: { n: t.long() } })
total.from({ sums: all(sums) }, duckdb(({ sums: s }) => sql\`select sum(\${s.n})::bigint as n from \${s}\`))
export const counted = asset('b.counted', { schema: { n: t.long() } })
counted.from({ events: all(events) }, duckdb(({ events: e }) => sql\`select count(*) as n from \${e}\`))
export const copies = asset('b.copies', { partitions: days.on('day'), schema: events.schema })
copies.from({ events }, duckdb(({ events: e }) => sql\`select * from \${e}\`))
export const seen = asset('b.seen', { partitions: days.on('day'), schema: { day: t.date(), n: t.int() } })
seen.from({ events }, typescript(async function* ({ events }, row) {
  for await (const e of events.rows()) yield row({ day: e.day, n: shared(e.n) })
}))
export default defineProject({ name: 'test', assets: { events, sums, total, counted, copies, seen } })
`
const SHARED = '/** Used by one. */\nexport const shared = (n: number): number => n\n'

describe('a reader that looks at some columns', () => {
  let p: TestProject
  let text = PROJECT
  const edit = async (from: string, to: string): Promise<void> => {
    expect(text).toContain(from)
    text = text.replace(from, to)
    await p.write({ 'project.ts': text })
  }
  /** What became of each asset in a run, its days taken together. */
  const told = ({ plan, events }: RanProject): Readonly<Record<string, string>> => {
    const asset = new Map(plan.steps.map((step) => [step.id, step.assets[0]]))
    const ended = events.filter((e): e is Extract<StoreEvent, { stepId: string }> => /succeeded|reused|failed/.test(e.type))
    return Object.fromEntries(
      ended.map((e) => [
        asset.get(e.stepId),
        e.type === 'step.succeeded' && e.materializations[0]?.unchanged ? 'unchanged' : e.type.slice(5),
      ]),
    )
  }
  beforeAll(async () => {
    p = await testProject({ 'project.ts': PROJECT, 'shared.ts': SHARED })
    expect((await p.run()).state).toBe('succeeded')
  })
  afterAll(() => p.remove())

  it('stays fresh within a run when another column changes, and so does what reads it', async () => {
    await edit("'x', 'p'", "'new', 'p'")
    const run = await p.run()
    expect(run.plan.steps).toHaveLength(10)
    expect(told(run)).toEqual({
      'a.events': 'succeeded',
      'b.sums': 'reused',
      'c.total': 'reused',
      'b.counted': 'reused',
      'b.copies': 'succeeded',
      'b.seen': 'unchanged',
    })
    expect((await p.rows('b.copies')).map((row) => row['note'])).toContain('new')
    expect((await p.run()).plan.steps).toEqual([])
  })

  it('stays fresh over several versions, made one by one', async () => {
    await edit("'new', 'p'", "'newer', 'p'")
    await p.run({ select: 'a.events' })
    await edit("'y', 'q'", "'y', 'changed'")
    await p.run({ select: 'a.events' })
    const run = await p.run()
    expect(new Set(run.plan.steps.map((step) => step.assets[0]))).toEqual(new Set(['b.copies', 'b.seen']))
    expect((await p.run({ select: 'a.events', force: true, partitions: [[20454, 20455]] })).state).toBe('succeeded')
    expect(new Set((await p.run()).plan.steps.map((step) => step.assets[0]))).toEqual(
      new Set(['b.copies', 'b.seen', 'b.sums', 'b.counted', 'c.total']),
    )
  })

  it('is stale when a column changes that it only filters by, and only where that is', async () => {
    await edit("(1, true, 'newer', 'p')", "(1, day(day) = 1, 'newer', 'p')")
    await edit('from (values', 'from (select ${partition.start} as day), lateral (values')
    await p.run({ select: 'a.events' })
    const { plan } = await p.run({ select: 'b.sums b.counted' })
    expect(plan.steps.map((step) => [step.assets[0], step.partitions])).toEqual([['b.sums', [[20455, 20456]]]])
    await p.run()
  })

  it('finds nothing to do after a compaction, and after a change of descriptions and checks', async () => {
    expect((await inProcess(['maintain'], p.root)).code).toBe(0)
    await edit('What happened.', 'What has happened.')
    await edit('between(0, 1000)', 'between(0, 2000)')
    expect((await p.run()).plan.steps).toEqual([])
  })

  it('is stale by a shared function only where that is used', async () => {
    await p.write({ 'shared.ts': SHARED.replace('=> n', '=> n + 1') })
    expect(new Set((await p.run()).plan.steps.map((step) => step.assets[0]))).toEqual(new Set(['b.seen']))
  })
})
