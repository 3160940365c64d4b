import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { StoreEvent } from '../../src/storage/events.ts'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

let open: TestProject | undefined
afterEach(async () => {
  await open?.remove()
  open = undefined
})
async function of(text: string): Promise<TestProject> {
  open = await testProject({ 'project.ts': text })
  return open
}

/** What became of each step: its assets and days, and what was told of each asset. */
function told({ plan, events }: RanProject): string[] {
  const steps = new Map(
    plan.steps.map((step) => [step.id, `${step.assets} ${step.partitions.map(([from, to]) => `${from - 20453}-${to - 20454}`)}`]),
  )
  return events.flatMap((e: StoreEvent) => {
    if (e.type === 'step.succeeded')
      return [
        `${steps.get(e.stepId)}: ${e.materializations.map((m) => `${m.asset} ${m.rows}${m.unchanged ? ' unchanged' : ''}`).join(', ')}`,
      ]
    return e.type === 'step.failed' || e.type === 'step.reused' ? [`${steps.get(e.stepId)}: ${e.type}`] : []
  })
}

interface Text {
  readonly options?: string
  readonly headers?: string
  readonly lines?: string
  readonly sales?: string
  readonly checks?: string
}

/** Two days of sales, divided into headers and lines by statements. */
const sqlProject = ({ options = '', headers = '', lines = 'n', sales = '', checks = '' }: Text): string => `
import { asset, daily, defineProject, duckdb, outputs, sql, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-03' }).on('day')
export const sales = asset('bronze.sales', { partitions: days, schema: { day: t.date(), buyer: t.string(), n: t.int() } })
sales.from({}, typescript(function* (_, row, { partitions }) {
  for (const { key: day } of partitions) for (const [buyer, n] of [['ann', 1], ['ann', 2], ['bob', 3]${sales}]) yield row({ day, buyer, n })
}))
export const headers = asset('silver.headers', { partitions: days, schema: { day: t.date(), buyer: t.string() } })
export const lines = asset('silver.lines', { partitions: days, schema: { day: t.date(), n: t.int() }${checks} })
outputs({ headers, lines }${options}).from({ sales }, duckdb(({ sales: s }) => ({
  headers: sql\`select distinct \${s.day}, \${s.buyer} from \${s} ${headers}\`,
  lines: sql\`select \${s.day}, ${lines}::int as n from \${s}\`,
})))
export const readers = asset('gold.readers', { partitions: days, schema: { day: t.date(), n: t.int() } })
readers.from({ lines }, duckdb(({ lines: l }) => sql\`select \${l.day}, \${l.n} from \${l}\`))
export default defineProject({ name: 'test', assets: { sales, headers, lines, readers } })
`

describe('several outputs of one statement each', () => {
  let p: TestProject
  let first: RanProject
  beforeAll(async () => {
    p = await testProject({ 'project.ts': sqlProject({}) })
    await p.run({ select: 'bronze.sales' })
    first = await p.run({ select: 'silver.lines+' })
  })
  afterAll(() => p.remove())

  it('are made by one step, published by one commit, and recorded one by one', async () => {
    expect(told(first)).toEqual([
      'silver.headers,silver.lines 1-1: silver.headers 2, silver.lines 3',
      'silver.headers,silver.lines 2-2: silver.headers 2, silver.lines 3',
      'gold.readers 1-1: gold.readers 3',
      'gold.readers 2-2: gold.readers 3',
    ])
    const intents = first.events.flatMap((e) => (e.type === 'step.publishing' ? [e.intent.tables.map((table) => table.name).join()] : []))
    expect(intents).toEqual(['headers,lines', 'headers,lines', 'readers', 'readers'])
    expect(await p.rows('silver.lines')).toHaveLength(6)
    expect((await p.run()).plan.steps).toEqual([])
  })

  it('brings the others along when one is selected, and says so', async () => {
    expect(first.plan.assets.map(({ asset, run, together }) => [asset, run, together])).toEqual([
      ['silver.headers', [[20454, 20456]], [{ asset: 'silver.lines', partitions: [[20454, 20456]] }]],
      ['silver.lines', [[20454, 20456]], []],
      ['gold.readers', [[20454, 20456]], []],
    ])
    expect(await p.rows('silver.headers')).toHaveLength(4)
  })

  it('publishes what changed and leaves what did not', async () => {
    await p.write({ 'project.ts': sqlProject({ lines: 'n * 2' }) })
    const changed = await p.run({ partitions: [[20454, 20455]] })
    expect(changed.plan.assets.find(({ asset }) => asset === 'silver.headers')).toMatchObject({
      together: [{ asset: 'silver.lines', partitions: [[20454, 20455]] }],
      because: [],
    })
    expect(told(changed)).toEqual([
      'silver.headers,silver.lines 1-1: silver.headers 2 unchanged, silver.lines 3',
      'gold.readers 1-1: gold.readers 3',
    ])
    expect(await p.rows('silver.lines')).toEqual(
      [
        [1, 2],
        [1, 4],
        [1, 6],
        [2, 1],
        [2, 2],
        [2, 3],
      ].map(([day, n]) => ({ day: `2026-01-0${day}`, n })),
    )
  })

  it('publishes none of them when a check blocks one, and names it', async () => {
    await p.write({ 'project.ts': sqlProject({ sales: ", ['eve', 40]", checks: ', checks: (c) => [c.n.between(0, 30)]' }) })
    const { state, events } = await p.run({ partitions: [[20454, 20455]] })
    expect(state).toBe('failed')
    expect(events.find((e) => e.type === 'step.failed')).toMatchObject({
      state: 'blocked',
      problem: { code: 'ASSAY-5001', what: 'silver.lines: check n.between failed' },
    })
    expect(await p.rows('silver.headers')).toHaveLength(4)
  })
})

describe('with partial: true', () => {
  const partial = { options: ', { partial: true }' }
  it('makes what is selected and due, and nothing else', async () => {
    const p = await of(sqlProject(partial))
    await p.run({ select: 'bronze.sales' })
    expect(told(await p.run({ select: 'silver.lines', partitions: [[20454, 20455]] }))).toEqual(['silver.lines 1-1: silver.lines 3'])
    expect(told(await p.run({ select: 'silver.headers silver.lines' })).sort()).toEqual([
      'silver.headers 1-1: silver.headers 2',
      'silver.headers,silver.lines 2-2: silver.headers 2, silver.lines 3',
    ])
    await p.write({ 'project.ts': sqlProject({ ...partial, lines: 'n * 2' }) })
    expect(told(await p.run({ select: 'silver.headers silver.lines' }))).toEqual([
      'silver.lines 1-1: silver.lines 3',
      'silver.lines 2-2: silver.lines 3',
    ])
  })
})

/** One function for the days and the hours of readings; says which of them it was asked for. */
const functionProject = (body: string, options = ''): string => `
import { asset, daily, defineProject, Instant, outputs, sql, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-02' })
export const days_ = asset('a.days', { partitions: days.on('day'), schema: { day: t.date(), n: t.int() } })
export const hours = asset('a.hours', { partitions: days.on('at'), schema: { at: t.timestamptz(), n: t.int() }, quarantine: true, checks: (c) => [c.n.between(0, 50)] })
outputs({ days: days_, hours }${options}).from({}, typescript(${body}))
export default defineProject({ name: 'test', assets: { days_, hours } })
`
const YIELDING = `async function* (_, emit, { outputs, partitions, log }) {
  log.info([...outputs].join('+'))
  for (const { key: day } of partitions as { key: '2026-01-01' }[]) {
    for (let hour = 0; hour < 5000; hour++) {
      if (hour % 1000 === 0) yield emit.days({ day, n: hour / 1000 })
      yield emit.hours({ at: Instant.parse(\`\${day}T00:00:00Z\`), n: hour % 100 })
    }
  }
}`

describe('several outputs of one function', () => {
  const counts = async (p: TestProject): Promise<readonly number[]> =>
    Promise.all(['a.days', 'a.hours', 'a.hours__rejects'].map(async (key) => (await p.rows(key)).length))

  it('get their rows apart, each with its own quarantine, in one commit', async () => {
    const p = await of(functionProject(YIELDING))
    const { events } = await p.run()
    expect(await counts(p)).toEqual([5, 2550, 2450])
    expect(events.flatMap((e) => (e.type === 'step.publishing' ? [e.intent.tables.map(({ name }) => name)] : []))).toEqual([
      ['days', 'hours', 'hours__rejects'],
    ])
    expect(await p.rows('a.days')).toEqual([0, 1, 2, 3, 4].map((n) => ({ day: '2026-01-01', n })))
  })

  it('are told which are wanted, and rows of others are dropped', async () => {
    const p = await of(functionProject(YIELDING, ', { partial: true }'))
    expect(told(await p.run({ select: 'a.days' }))).toEqual(['a.days 1-1: a.days 5'])
    expect(await counts(p)).toEqual([5, 0, 0])
    expect(told(await p.run())).toEqual(['a.hours 1-1: a.hours 2550'])
  })

  it('may be relations, those that were asked for', async () => {
    const one = "sql`select date '2026-01-01' as day, 1::int as n`"
    const p = await of(
      functionProject(`async (_, _emit, { outputs }) => (outputs.has('days') ? { days: ${one} } : {})`, ', { partial: true }'),
    )
    expect(told(await p.run({ select: 'a.days' }))).toEqual(['a.days 1-1: a.days 1'])
    expect((await p.run({ select: 'a.hours' })).events).toContainEqual(
      expect.objectContaining({
        problem: expect.objectContaining({ code: 'ASSAY-3005', what: 'the compute of a.hours returned nothing' }),
      }),
    )
  })

  it.each([
    ['throws on its way', "throw new Error('no more')", 'ASSAY-3003', 'Error: no more'],
    [
      'yields what is no row of an output',
      'yield { n: 1 } as never',
      'ASSAY-3005',
      'the compute of a.days yielded what is no row of an output',
    ],
    [
      'yields a cell that does not fit',
      "yield emit.days({ day: partitions[0].key as '2026-01-01', n: 2 ** 40 })",
      'ASSAY-5003',
      'Row 5: 1099511627776',
    ],
  ])('that %s publish nothing', async (_, statement, code, what) => {
    const p = await of(functionProject(YIELDING.replace('if (hour %', `if (hour === 4000) ${statement}\n      if (hour %`)))
    const { state, events } = await p.run()
    expect(state).toBe('failed')
    expect(events).toContainEqual(
      expect.objectContaining({ problem: expect.objectContaining({ code, what: expect.stringContaining(what) }) }),
    )
    expect(await counts(p)).toEqual([0, 0, 0])
  })
})

describe('outputs that are declared in files of their own', () => {
  it('are found by a worker that has met one of these files before', async () => {
    const file = (name: string, more = ''): string =>
      `import { asset, t, typescript } from 'assay'\nexport const ${name} = asset('a.${name}', { schema: { n: t.int() } })\n${more}`
    const first = `export const first = asset('a.first', { schema: { n: t.int() } })
first.from({}, typescript(function* (_, row) { yield row({ n: 0 }) }))`
    open = await testProject({
      'one.ts': file('one', first),
      'two.ts': file('two'),
      'both.ts': `import { outputs, typescript } from 'assay'\nimport { first, one } from './one.ts'\nimport { two } from './two.ts'
outputs({ one, two }).from({ first }, typescript(function* (_, emit) { yield emit.one({ n: 1 }); yield emit.two({ n: 2 }) }))`,
      'project.ts': `import { defineProject } from 'assay'\nimport * as one from './one.ts'\nimport * as two from './two.ts'\nimport './both.ts'
export default defineProject({ name: 'test', assets: { one, two } })`,
    })
    expect((await open.run()).state).toBe('succeeded')
    expect(await open.rows('a.two')).toEqual([{ n: 2 }])
  })
})
