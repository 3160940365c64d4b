import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openMainCatalog } from '../../src/runs/launch.ts'
import { createEnvironment, dropEnvironment } from '../../src/runs/promote.ts'
import { type TestProject, testProject } from '../support/project.ts'

const DAY = 86_400_000
const BEGIN = Date.parse('2026-03-01T00:00:00Z')
/** A clock that says it is so many days later. */
const days = (later: number): Clock => ({ ...systemClock, now: () => BEGIN + later * DAY + Math.floor(systemClock.monotonic()) })

const PROJECT = `
import { asset, daily, defineProject, duckdb, sql, t } from 'assay'
export const days = asset('silver.days', { partitions: daily({ start: '2026-01-01', end: '2026-01-27' }).on('day'), schema: { day: t.date() } })
days.from({}, duckdb((_, { partition }) => sql\`select \${partition.start}::date as day\`))
export default defineProject({ name: 'shop', assets: { days } })
`

describe('upkeep after a run', () => {
  let project: TestProject
  beforeEach(async () => {
    project = await testProject({ 'project.ts': PROJECT })
  })
  afterEach(() => project.remove())
  const snapshots = async (): Promise<number> => {
    const catalog = openMainCatalog(project.settings, localStore())
    const table = await catalog.load({ namespace: 'silver', name: 'days' }).finally(() => catalog.close())
    return table?.metadata.snapshots.length ?? 0
  }

  it('looks after a table with its fiftieth commit, not before, and makes nothing stale', async () => {
    expect((await project.run({ clock: days(0) })).maintained).toEqual([])
    expect(await snapshots()).toBe(26)
    await createEnvironment(project.settings, 'dev', days(0))
    // Its table stands on files of `main`, and would be due as well.
    expect((await project.run({ clock: days(10), force: true, environment: 'dev' })).maintained).toEqual([])
    await dropEnvironment({ settings: project.settings, name: 'dev', clock: days(10) })
    const { maintained } = await project.run({ clock: days(10), force: true })
    // Of the 52 versions those of ten days ago are dropped.
    expect(maintained).toMatchObject([{ table: 'silver.days', expiredSnapshots: 26, compactedFiles: 0 }])
    expect(await snapshots()).toBe(26)
    const again = await project.run({ clock: days(10) })
    expect([again.plan.steps, again.maintained]).toEqual([[], []])
    expect(await project.rows('silver.days')).toHaveLength(26)
  })
})
