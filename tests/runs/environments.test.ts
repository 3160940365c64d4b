import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { environmentNames } from '../../src/config.ts'
import { formatTableId } from '../../src/iceberg/catalog.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { assetKey } from '../../src/keys.ts'
import { loadProject } from '../../src/project/load.ts'
import { inspect, openMainCatalog } from '../../src/runs/launch.ts'
import {
  createEnvironment,
  dropEnvironment,
  type EnvironmentTable,
  environmentTables,
  promote,
  promoteTables,
} from '../../src/runs/promote.ts'
import { rollBack } from '../../src/runs/rollback.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { openStorage, openStorageReader } from '../../src/storage/sqlite.ts'
import { maintainTable } from '../../src/tables/maintain.ts'
import { type TestProject, testProject } from '../support/project.ts'

const PROJECT = (factor: number, more = ''): string => `
import { all, asset, daily, defineProject, duckdb, sql, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-03' }).on('day')
export const orders = asset('silver.orders', { partitions: days, schema: { day: t.date(), amount: t.long() } })
orders.from({}, duckdb((_, { partition }) => sql\`select \${partition.start}::date as day, 10::bigint as amount\`))
export const revenue = asset('gold.revenue', { partitions: days, schema: { day: t.date(), total: t.long() ${more && ', extra: t.int().nullable()'} } })
revenue.from({ orders }, duckdb(({ orders: o }) => sql\`select \${o.day}, \${o.amount} * ${factor} as total ${more} from \${o}\`))
export const report = asset('gold.report', {})
report.from({ revenue: all(revenue) }, typescript(async () => {}))
export default defineProject({ name: 'shop', assets: { orders, revenue, report } })
`
const DAY_1 = 20_454
const rows = (...totals: readonly number[]): readonly object[] =>
  totals.map((total, i) => ({ day: `2026-01-0${i + 1}`, total: BigInt(total) }))

describe('an environment', () => {
  let project: TestProject
  let asMade: () => Promise<void>
  beforeAll(async () => {
    project = await testProject({ 'project.ts': PROJECT(1) })
    expect(await project.run()).toMatchObject({ state: 'succeeded' })
    await createEnvironment(project.settings, 'dev', systemClock)
    asMade = await project.keep()
  })
  beforeEach(() => asMade())
  afterAll(() => project.remove())

  const tables = (): Promise<readonly EnvironmentTable[]> => environmentTables(project.settings, 'dev')
  const entries = async (): Promise<readonly string[]> => {
    const catalog = openMainCatalog(project.settings, localStore())
    return (await catalog.locations().finally(() => catalog.close())).map(({ id }) => formatTableId(id))
  }
  const promoted = async (): Promise<readonly string[]> => {
    const moved = await promote({
      settings: project.settings,
      loaded: await loadProject(project.settings),
      name: 'dev',
      clock: systemClock,
    })
    return moved.map(({ id }) => formatTableId(id))
  }
  const stale = async (environment?: string): Promise<number> => {
    return (await project.run(environment === undefined ? {} : { environment })).plan.steps.length
  }

  it('has nothing of its own at first, then the tables it writes; main keeps its rows, records and entries', async () => {
    expect(await project.rows('gold.revenue', 'dev')).toEqual(rows(10, 10))
    expect(await stale('dev')).toBe(0)
    expect(await tables()).toEqual([])
    await project.write({ 'project.ts': PROJECT(3) })
    const { plan, state } = await project.run({ environment: 'dev', partitions: [[DAY_1, DAY_1 + 1]] })
    expect({ state, run: plan.steps.map(({ assets, partitions }) => [assets.join(), partitions]) }).toEqual({
      state: 'succeeded',
      run: [
        ['gold.revenue', [[DAY_1, DAY_1 + 1]]],
        ['gold.report', [[0, 1]]],
      ],
    })
    expect(await project.rows('gold.revenue', 'dev')).toEqual(rows(30, 10))
    expect(await project.rows('gold.revenue')).toEqual(rows(10, 10))
    expect(await entries()).toEqual(['dev__gold.revenue', 'gold.revenue', 'silver.orders'])
    expect(await tables()).toMatchObject([
      { id: { namespace: 'gold', name: 'revenue' }, state: 'ahead', commits: 1, rows: { main: 2, own: 2 } },
    ])
    // The other day is still as main made it, by older code; there is no third.
    expect((await project.run({ environment: 'dev', select: 'gold.revenue' })).plan.steps).toHaveLength(1)
    expect((await project.run({ environment: 'dev' })).plan.steps.map((step) => step.assets.join())).toEqual(['gold.report'])
    expect(await stale('dev')).toBe(0)
  })

  it('follows main where it has no table of its own', async () => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev', select: 'gold.revenue' })
    await project.run({ select: 'silver.orders', force: true })
    const inspection = await inspect(project.within('dev'), await loadProject(project.settings))
    const main = openStorageReader({ folder: project.settings.home })
    try {
      const key = assetKey('silver.orders')
      expect(inspection.states.get(key)).toEqual((await main.assetStates()).get(key))
    } finally {
      main.close()
      inspection.close()
    }
  })

  it('is promoted whole, with what is known of it, and stands on main again', async () => {
    await project.write({ 'project.ts': PROJECT(3, ', 7 as extra') })
    await project.run({ environment: 'dev' })
    expect(await tables()).toMatchObject([{ columns: { added: ['extra'], removed: [] }, commits: 2 }])
    expect(await promoted()).toEqual(['gold.revenue'])
    expect(await project.rows('gold.revenue')).toEqual(rows(30, 30).map((row) => ({ ...row, extra: 7 })))
    expect(await entries()).toEqual(['gold.revenue', 'silver.orders'])
    expect([await stale(), await stale('dev')]).toEqual([0, 0])
    expect(await promoted()).toEqual([])
  })

  it('brings tables that main does not have', async () => {
    const catalog = openMainCatalog(project.settings, localStore())
    const orders = await catalog.load({ namespace: 'silver', name: 'orders' })
    await project.write({ 'project.ts': PROJECT(1).replaceAll('gold.revenue', 'gold.takings') })
    await project.run({ environment: 'dev' })
    expect(await tables()).toMatchObject([{ id: { name: 'takings' }, state: 'new', rows: { main: 0, own: 2 } }])
    expect(await promoted()).toEqual(['gold.takings'])
    expect(await project.rows('gold.takings')).toEqual(rows(10, 10))
    expect(await catalog.load({ namespace: 'silver', name: 'orders' })).toEqual(orders)
    catalog.close()
  })

  /** As far as the tables, as by a process that died then. */
  const promotedHalf = async (): Promise<void> => {
    const storage = openStorage({ folder: project.settings.home, clock: systemClock })
    await storage.append([{ type: 'promotion.began', environment: 'dev' }])
    storage.close()
    const catalog = openMainCatalog(project.settings, localStore())
    await promoteTables({ catalog, store: localStore() }, 'dev').finally(() => catalog.close())
  }

  it.each(['promote', 'run'] as const)('takes over the records with the next %s, when it died after the tables had moved', async (next) => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev' })
    await promotedHalf()
    // A run takes them over before it looks for what others wrote.
    if (next === 'run') expect((await project.run({ select: 'silver.orders' })).events).toEqual([])
    expect(await promoted()).toEqual([])
    expect(await stale()).toBe(0)
  })

  it('records that rows turned out as they are in main, and takes that there', async () => {
    await project.write({ 'project.ts': PROJECT(1).replace('* 1 as', '* 1 + 0 as') })
    expect((await project.run({ environment: 'dev', select: 'gold.revenue' })).plan.steps).toHaveLength(2)
    expect(await tables()).toEqual([])
    expect((await project.run({ environment: 'dev', select: 'gold.revenue' })).plan.steps).toEqual([])
    expect(await promoted()).toEqual([])
    expect((await project.run({ select: 'gold.revenue' })).plan.steps).toEqual([])
  })

  it('does not take an older record there for a newer one of the same rows', async () => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev', select: 'gold.revenue', partitions: [[DAY_1, DAY_1 + 1]] })
    // The other day is made again in main by other code, with the same rows.
    await project.write({ 'project.ts': PROJECT(1).replace('* 1 as', '* 1 + 0 as') })
    const again = await project.run({ select: 'gold.revenue', partitions: [[DAY_1 + 1, DAY_1 + 2]] })
    expect(again.events.filter((event) => event.type === 'step.succeeded')).toMatchObject([{ materializations: [{ unchanged: true }] }])
    expect(await promoted()).toEqual(['gold.revenue'])
    const { plan } = await project.run({ select: 'gold.revenue' })
    expect(plan.steps.map(({ partitions }) => partitions)).toEqual([[[DAY_1, DAY_1 + 1]]])
  })

  it('is not promoted over what others did to main, nor any of its tables', async () => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev' })
    await project.run({ environment: 'dev', select: 'silver.orders', force: true })
    await project.run({ select: 'gold.revenue', force: true })
    const before = await entries()
    expect((await tables()).map(({ id, state }) => [id.name, state])).toEqual([
      ['revenue', 'moved'],
      ['orders', 'ahead'],
    ])
    await expect(promoted()).rejects.toMatchObject({ code: 'ASSAY-2006', message: expect.stringContaining('gold.revenue changed in main') })
    expect(await entries()).toEqual(before)
    expect(await project.rows('gold.revenue')).toEqual(rows(30, 30))
  })

  it('goes without a trace of tables that it alone had, and leaves the files of main', async () => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev', select: 'gold.revenue' })
    await project.write({ 'project.ts': PROJECT(3).replaceAll('gold.revenue', 'gold.takings') })
    await project.run({ environment: 'dev', select: 'gold.takings' })
    expect((await tables()).map(({ id, state }) => [id.name, state])).toEqual([
      ['revenue', 'ahead'],
      ['takings', 'new'],
    ])
    const folder = join(project.settings.warehouse, 'gold/takings')
    expect(existsSync(folder)).toBe(true)
    await dropEnvironment({ settings: project.settings, name: 'dev', clock: systemClock })
    expect(existsSync(folder)).toBe(false)
    await project.write({ 'project.ts': PROJECT(3) })
    expect(await project.rows('gold.revenue')).toEqual(rows(10, 10))
    expect(await entries()).toEqual(['gold.revenue', 'silver.orders'])
    expect(environmentNames(project.settings.home)).toEqual([])
    expect(() => project.within('dev')).toThrow("there is no environment 'dev'")
  })

  it('can take its own table back, not that of main', async () => {
    await project.run({ select: 'gold.revenue', force: true })
    const [loaded, settings] = [await loadProject(project.settings), project.within('dev')]
    const spec = loaded.asset(assetKey('gold.revenue'))
    const catalog = openMainCatalog(settings, localStore())
    const main = await catalog.load({ namespace: 'gold', name: 'revenue' })
    const first = main?.metadata.snapshots[0]?.id
    if (spec === undefined || first === undefined) throw new Error('there is a table with a snapshot')
    expect(await rollBack({ settings, loaded, clock: systemClock, spec, to: first })).toMatchObject({ plan: { direction: 'back' } })
    expect(await project.rows('gold.revenue', 'dev')).toEqual(rows(10))
    expect(await catalog.load({ namespace: 'gold', name: 'revenue' })).toEqual(main)
    // A version that was taken back counts as never made; both days had one that the first snapshot does not have.
    expect((await project.run({ environment: 'dev', select: 'gold.revenue' })).plan.steps).toHaveLength(2)
    catalog.close()
  })

  it('keeps maintenance from the files that it stands on', async () => {
    await project.write({ 'project.ts': PROJECT(3) })
    await project.run({ environment: 'dev' })
    const catalog = openMainCatalog(project.settings, localStore())
    const engine = await openDuckdb({ threads: 1 })
    const session = await engine.session()
    const tools = { catalog, store: localStore(), session, clock: systemClock, isDryRun: false }
    const before = await catalog.locations()
    expect(await maintainTable(tools, { namespace: 'gold', name: 'revenue' })).toMatchObject({
      heldBy: 'dev__gold.revenue',
      compactedFiles: 0,
    })
    expect(await catalog.locations()).toEqual(before)
    expect(await maintainTable(tools, { namespace: 'silver', name: 'orders' })).not.toHaveProperty('heldBy')
    session.close()
    engine.close()
    catalog.close()
  })

  it('refuses names that are none, and those that tables have', async () => {
    for (const name of ['main', 'Dev', '1', 'a__b', 'a-b', '../x', ''])
      await expect(createEnvironment(project.settings, name, systemClock)).rejects.toMatchObject({ code: 'ASSAY-4009' })
    const catalog = openMainCatalog(project.settings, localStore())
    const orders = await catalog.load({ namespace: 'silver', name: 'orders' })
    await catalog.commit([{ id: { namespace: 'qa__x', name: 'y' }, expected: undefined, metadataLocation: orders?.metadataLocation ?? '' }])
    catalog.close()
    await expect(createEnvironment(project.settings, 'qa', systemClock)).rejects.toMatchObject({ code: 'ASSAY-4009' })
    expect(environmentNames(project.settings.home)).toEqual(['dev'])
    await createEnvironment(project.settings, 'dev', systemClock)
    await rename(project.settings.home, `${project.settings.home}-away`)
    expect(() => project.within('dev')).toThrow("there is no environment 'dev'")
    await rename(`${project.settings.home}-away`, project.settings.home)
  })
})

describe('observations in an environment', () => {
  const WATCHED = `
import { readFileSync } from 'node:fs'
import { asset, defineProject, externalAsset, t, typescript } from 'assay'
const text = () => readFileSync(new URL('source.txt', import.meta.url), 'utf8')
export const source = externalAsset('ext.source')
source.observe(() => text())
export const copy = asset('bronze.copy', { schema: { text: t.string() } })
copy.from({ source }, typescript(function* (_, row) { yield row({ text: text() }) }))
export default defineProject({ name: 'watched', assets: { source, copy } })
`
  it('go along with what was made from them, and the later one counts', async () => {
    const project = await testProject({ 'project.ts': WATCHED, 'source.txt': 'one' })
    try {
      await project.run({ observe: true })
      await project.run()
      await createEnvironment(project.settings, 'dev', systemClock)
      await project.write({ 'source.txt': 'two' })
      await project.run({ observe: true, environment: 'dev' })
      expect((await project.run({ environment: 'dev' })).plan.steps).toHaveLength(1)
      // Main looked last, and saw what the environment did not.
      await project.write({ 'source.txt': 'three' })
      await project.run({ observe: true })
      expect((await project.run({ environment: 'dev' })).plan.steps).toHaveLength(1)
      await project.run({ observe: true, environment: 'dev' })
      await promote({ settings: project.settings, loaded: await loadProject(project.settings), name: 'dev', clock: systemClock })
      expect((await project.run()).plan.steps).toEqual([])
      expect(await project.rows('bronze.copy')).toEqual([{ text: 'three' }])
    } finally {
      await project.remove()
    }
  })
})
