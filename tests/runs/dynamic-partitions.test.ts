import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { assetKey } from '../../src/keys.ts'
import { loadProject } from '../../src/project/load.ts'
import { formatSet } from '../../src/partitions/texts.ts'
import { changeRegistry } from '../../src/runs/change-registry.ts'
import { boundToStore, inspect, planFor } from '../../src/runs/launch.ts'
import type { Plan } from '../../src/runs/plan.ts'
import { createEnvironment } from '../../src/runs/promote.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import { testProject, type TestProject } from '../support/project.ts'

const PROJECT = `
import { all, asset, byTable, daily, defineProject, duckdb, dynamic, last, perDimension, product, sql, staticPartitions, t, typescript } from 'assay'

const customers = dynamic('customers')
const days = daily({ start: '2026-01-01', end: '2026-01-03' })

export const orders = asset('bronze.orders', { partitions: customers.on('customer'), schema: { customer: t.string(), n: t.int() } })
orders.from({}, duckdb((_, { partition }) => sql\`select c as customer, length(c)::int as n from unnest(\${partition.keys()}) k(c)\`))

export const perDay = asset('silver.per_day', {
  partitions: product({ day: days.on('day'), customer: customers.on('customer') }),
  schema: { day: t.date(), customer: t.string(), n: t.int() },
  backfill: { partitionsPerStep: 2 },
})
perDay.from({ orders }, duckdb(({ orders: o }, { partition }) => sql\`
  select d::date as day, \${o.customer}, \${o.n} from \${o}, generate_series(\${partition.start}, \${partition.end} - interval 1 day, interval 1 day) k(d)\`))

export const days_ = asset('gold.days', { partitions: days.on('day'), schema: { day: t.date(), n: t.long() } })
days_.from({ perDay: perDimension(perDay, { day: 'same', customer: 'all' }) }, duckdb(({ perDay: p }) => sql\`
  select \${p.day}, sum(\${p.n})::bigint as n from \${p} group by all\`))

export const total = asset('gold.total', { schema: { n: t.long() } })
total.from({ orders: all(orders) }, duckdb(({ orders: o }) => sql\`select coalesce(sum(\${o.n}), 0)::bigint as n from \${o}\`))

export const newest = asset('gold.newest', { schema: { customer: t.string() } })
newest.from({ orders: last(orders) }, duckdb(({ orders: o }) => sql\`select \${o.customer} from \${o}\`))

export const regions = asset('gold.regions', { partitions: staticPartitions(['eu', 'us']).on('region'), schema: { region: t.string(), n: t.long() } })
regions.from({ orders: byTable(orders, { eu: ['acme', 'co'], us: ['new york'] }) }, duckdb(({ orders: o }, { partition }) => sql\`
  select r as region, (select sum(\${o.n})::bigint from \${o}) as n from unnest(\${partition.keys()}) k(r)\`))

export default defineProject({ name: 'customers', assets: { orders, perDay, days_, total, newest, regions } })
`

let project: TestProject
const change = async (action: 'add' | 'remove', ...values: string[]) =>
  changeRegistry(
    { settings: project.settings, loaded: await loadProject(project.settings), clock: systemClock },
    { registry: 'customers', action, values },
  )

/** What would run now, in words: asset and partitions. */
async function planned(select?: string, force = false): Promise<{ plan: Plan; runs: Record<string, string> }> {
  const loaded = await boundToStore(project.settings, await loadProject(project.settings))
  const inspection = await inspect(project.settings, loaded)
  const plan = planFor(loaded, inspection.states, { request: 'test', select, force }, systemClock.now())
  inspection.close()
  const runs = plan.assets.flatMap(({ asset, action, run }) => {
    const spec = loaded.asset(asset)
    return spec === undefined || action !== 'run' ? [] : [[asset, formatSet(spec.partitions, run)]]
  })
  return { plan, runs: Object.fromEntries(runs) as Record<string, string> }
}

const names = async (key: string): Promise<unknown[]> => [...new Set((await project.rows(key)).map((row) => row['customer']))]

/** One story: each test goes on where the one before it ended. */
describe('values that come and go', () => {
  beforeAll(async () => {
    project = await testProject({ 'project.ts': PROJECT })
  })
  afterAll(() => project.remove())

  test('without values there is nothing to make; a table that names them says which are not there', async () => {
    expect((await planned('bronze.* silver.*')).runs).toEqual({})
    await expect(project.run({ select: 'gold.regions' })).rejects.toMatchObject({
      code: 'ASSAY-3004',
      message: 'gold.regions eu, us reads values of bronze.orders that the registry customers does not have',
    })
  })

  test('added values are made, and what reads them', async () => {
    expect(await change('add', 'acme', 'new york', 'co', 'acme')).toEqual({ changed: ['acme', 'new york', 'co'], unchanged: [] })
    expect(await change('add', 'co')).toEqual({ changed: [], unchanged: ['co'] })
    expect((await planned()).runs).toMatchObject({ 'bronze.orders': 'acme, "new york", co', 'gold.days': '2026-01-01..2026-01-02' })
    expect((await project.run()).state).toBe('succeeded')
    expect((await planned()).runs).toEqual({})
    expect(await project.rows('gold.days')).toMatchObject([{ n: 14n }, { n: 14n }])
    expect(await project.rows('gold.total')).toEqual([{ n: 14n }])
    expect(await project.rows('gold.newest')).toEqual([{ customer: 'co' }])
    expect(await project.rows('gold.regions')).toEqual([
      { region: 'eu', n: 6n },
      { region: 'us', n: 8n },
    ])
  })

  test('a further value makes its own partitions, and stale what reads all; others are left as they are', async () => {
    const before = await planned('gold.regions', true)
    await change('add', 'dunes')
    expect((await planned()).runs).toEqual({
      'bronze.orders': 'dunes',
      'silver.per_day': 'day=2026-01-01..2026-01-02/customer=dunes',
      'gold.days': '2026-01-01..2026-01-02',
      'gold.total': '*',
      'gold.newest': '*',
    })
    // A plan that has nothing to do with the new value is the same plan.
    expect((await planned('gold.regions', true)).plan.id).toBe(before.plan.id)
    const { events } = await project.run()
    expect(events.filter((event) => event.type === 'step.succeeded')).toHaveLength(1 + 1 + 2 + 1 + 1)
    expect(await project.rows('gold.total')).toEqual([{ n: 19n }])
    expect(await project.rows('gold.newest')).toEqual([{ customer: 'dunes' }])
  })

  test('a removed value is made and read no more, its rows stay', async () => {
    const shown = (await planned('bronze.orders', true)).plan
    expect(await change('remove', 'dunes', 'dunes')).toEqual({ changed: ['dunes'], unchanged: [] })
    expect((await planned('bronze.orders', true)).plan.id).not.toBe(shown.id)
    expect((await planned()).runs).toEqual({ 'gold.days': '2026-01-01..2026-01-02', 'gold.total': '*', 'gold.newest': '*' })
    expect((await project.run()).state).toBe('succeeded')
    expect(await project.rows('gold.total')).toEqual([{ n: 14n }])
    expect(await project.rows('gold.newest')).toEqual([{ customer: 'co' }])
    expect(await project.rows('gold.days')).toMatchObject([{ n: 14n }, { n: 14n }])
    expect(await names('bronze.orders')).toContain('dunes')
    await expect(change('remove', 'acme', 'never')).rejects.toMatchObject({ code: 'ASSAY-4004' })
    expect((await planned()).runs).toEqual({})
  })

  test('added again it has its partitions and versions back, so only what reads it runs', async () => {
    await change('add', 'dunes')
    expect((await planned()).runs).toEqual({ 'gold.days': '2026-01-01..2026-01-02', 'gold.total': '*', 'gold.newest': '*' })
    expect((await project.run()).state).toBe('succeeded')
    expect(await project.rows('gold.total')).toEqual([{ n: 19n }])
  })

  test('a plan is about values, not about their numbers', async () => {
    const { plan } = await planned('bronze.orders', true)
    expect(plan.values?.['customers']).toEqual([
      [0, 'acme'],
      [1, 'new york'],
      [2, 'co'],
      [3, 'dunes'],
    ])
  })

  test('while another process writes, a value is neither added nor lost', async () => {
    const storage = openStorage({ folder: project.settings.home, clock: systemClock })
    await expect(change('add', 'later')).rejects.toMatchObject({ code: 'ASSAY-3001' })
    storage.close()
    expect(await change('add', 'later')).toEqual({ changed: ['later'], unchanged: [] })
    const inspection = await inspect(project.settings, await loadProject(project.settings))
    expect((await inspection.storage.registries()).get('customers')?.values.at(-1)).toEqual([4, 'later'])
    inspection.close()
    await change('remove', 'later')
  })

  test('an environment has the values of main, under the same numbers, and adds none itself', async () => {
    await createEnvironment(project.settings, 'dev', systemClock)
    await change('add', 'env')
    await expect(
      changeRegistry(
        { settings: project.within('dev'), loaded: await loadProject(project.settings), clock: systemClock },
        { registry: 'customers', action: 'add', values: ['own'] },
      ),
    ).rejects.toMatchObject({ code: 'ASSAY-4010' })
    const { plan, state } = await project.run({ select: 'bronze.orders', environment: 'dev' })
    expect(state).toBe('succeeded')
    expect(plan.values).toEqual({ customers: [[5, 'env']] })
    expect((await planned('bronze.orders')).runs).toEqual({ 'bronze.orders': 'env' })
    await change('remove', 'env')
  })

  test('what can be no value is refused', async () => {
    for (const value of ['', 'two\nlines', 'x'.repeat(1001)])
      await expect(change('add', 'fine', value)).rejects.toMatchObject({ code: 'ASSAY-4002' })
    const { runs } = await planned('bronze.orders')
    expect(runs).toEqual({})
  })

  test('a row of a value that was not asked for is refused', async () => {
    await project.write({ 'project.ts': PROJECT.replace('select c as customer', "select 'strange' as customer") })
    const { events } = await project.run({
      select: 'bronze.orders',
      partitions: new Map([[assetKey('bronze.orders'), [[0, 1]]]]),
      force: true,
    })
    expect(events.find((event) => event.type === 'step.failed')).toMatchObject({
      problem: { code: 'ASSAY-5002', what: expect.stringContaining('asked for acme') },
    })
    await project.write({ 'project.ts': PROJECT })
  })
})
