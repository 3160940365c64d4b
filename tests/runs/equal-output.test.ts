import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoreEvent } from '../../src/storage/events.ts'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

/** Rows of the first asset by day: pairs of a number and a letter. */
const projectOf = (rows: Readonly<Record<string, string>>): string => `
import { all, asset, daily, defineProject, duckdb, sql, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-03' })
const ROWS: Record<string, readonly (readonly [bigint, string | null])[]> = { ${Object.entries(rows)
  .map(([day, pairs]) => `'${day}': [${pairs}]`)
  .join(', ')} }
const schema = { day: t.date(), n: t.long(), s: t.string().nullable() }
export const pairs = asset('a.pairs', { partitions: days.on('day'), schema })
pairs.from({}, typescript(async function* (_, row, { partitions }) {
  for (const { key: day } of partitions) for (const [n, s] of ROWS[day] ?? []) yield row({ day, n, s })
}))
export const copies = asset('a.copies', { partitions: days.on('day'), schema })
copies.from({ pairs }, duckdb(({ pairs: p }) => sql\`select \${p.day}, \${p.n}, \${p.s} from \${p}\`))
export const total = asset('a.total', { schema: { n: t.long() } })
total.from({ copies: all(copies) }, duckdb(({ copies: c }) => sql\`select count(*) as n from \${c}\`))
export default defineProject({ name: 'test', assets: { pairs, copies, total } })
`
const FIRST = { '2026-01-01': "[1n, 'x'], [2n, 'y'], [2n, 'y']", '2026-01-02': "[5n, null], [6n, 'z']" }
/** In another order. */
const EQUAL = { '2026-01-01': "[2n, 'y'], [1n, 'x'], [2n, 'y']", '2026-01-02': "[6n, 'z'], [5n, null]" }

describe('output that is equal to what is there', () => {
  let p: TestProject
  const runOf = async (rows: Readonly<Record<string, string>>, force = false): Promise<RanProject> => {
    await p.write({ 'project.ts': projectOf(rows) })
    return p.run({ force })
  }
  /** What became of each asset: partitions, and how. */
  const told = ({ plan, events }: RanProject): readonly string[] => {
    const asset = new Map(plan.steps.map((step) => [step.id, `${step.asset} ${JSON.stringify(step.partitions)}`]))
    const ended = events.filter((e): e is Extract<StoreEvent, { stepId: string }> => /succeeded|reused|failed/.test(e.type))
    return ended
      .map((e) => `${asset.get(e.stepId)} ${e.type === 'step.succeeded' && e.materialization.unchanged ? 'unchanged' : e.type.slice(5)}`)
      .sort()
  }
  const DAY1 = '[[20454,20455]]'
  const DAY2 = '[[20455,20456]]'
  beforeAll(async () => {
    p = await testProject({ 'project.ts': projectOf(FIRST) })
    expect((await p.run()).state).toBe('succeeded')
  })
  afterAll(() => p.remove())

  it('is not published, and stops the wave', async () => {
    const run = await runOf(EQUAL)
    expect(run.plan.steps).toHaveLength(5)
    expect(told(run)).toEqual([
      `a.copies ${DAY1} reused`,
      `a.copies ${DAY2} reused`,
      `a.pairs ${DAY1} unchanged`,
      `a.pairs ${DAY2} unchanged`,
      'a.total [[0,1]] reused',
    ])
    expect(run.state).toBe('succeeded')
    expect((await p.run()).plan.steps).toEqual([])
  })

  it.each([
    ['letters that changed places', "[1n, 'y'], [2n, 'x'], [2n, 'y']"],
    ['another number of each of the same rows', "[1n, 'x'], [1n, 'x'], [2n, 'y']"],
    ['the same but for a row that is gone', "[1n, 'x'], [2n, 'y']"],
  ])('is not: %s', async (_, first) => {
    const run = await runOf({ ...EQUAL, '2026-01-01': first })
    expect(told(run)).toEqual([
      `a.copies ${DAY1} succeeded`,
      `a.copies ${DAY2} reused`,
      `a.pairs ${DAY1} succeeded`,
      `a.pairs ${DAY2} unchanged`,
      `a.total [[0,1]] ${first.split('], [').length === 3 ? 'unchanged' : 'succeeded'}`,
    ])
    expect(await p.rows('a.copies')).toEqual(await p.rows('a.pairs'))
  })

  it('is published again by force', async () => {
    expect(told(await p.run({ force: true })).every((line) => line.endsWith(' succeeded'))).toBe(true)
  })
})
