import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { loadProject } from '../../src/project/load.ts'
import { changeRegistry } from '../../src/runs/change-registry.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { type TestProject, testProject } from '../support/project.ts'

/** A folder with a file a day, whose text is the version of that day. */
const PROJECT = `
import { existsSync, readFileSync } from 'node:fs'
import { all, asset, daily, defineProject, externalAsset, t, typescript } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-04' })
const text = (name: string) => existsSync(name) ? readFileSync(name, 'utf8') : undefined
export const files = externalAsset('web.files', { partitions: days })
files.observe(({ partitions }) => Object.fromEntries(partitions.map(({ key: day }) => [day, text(\`in/\${day}\`)])))
export const rates = externalAsset('web.rates')
rates.observe(async () => text('in/rates'))
export const lengths = asset('a.lengths', { partitions: days.on('day'), schema: { day: t.date(), n: t.int() } })
lengths.from({ files }, typescript(function* (_, row, { partitions }) {
  for (const { key: day } of partitions) yield row({ day: day as '2026-01-01', n: text(\`in/\${day}\`)?.length ?? 0 })
}))
export const priced = asset('a.priced', { schema: { n: t.int() } })
priced.from({ rates, files: all(files) }, typescript(function* (_, row) { yield row({ n: text('in/rates')?.length ?? 0 }) }))
export default defineProject({ name: 'test', assets: { files, rates, lengths, priced } })
`

/** A file for each shop, whether asked for or not. */
const SHOPS = `
import { readdirSync, readFileSync } from 'node:fs'
import { defineProject, dynamic, externalAsset } from 'assay'
export const tills = externalAsset('web.tills', { partitions: dynamic('shops') })
tills.observe(() => Object.fromEntries(readdirSync('in').map((shop) => [shop, readFileSync('in/' + shop, 'utf8')])))
export default defineProject({ name: 'test', assets: { tills } })
`

let open: TestProject | undefined
afterEach(async () => {
  await open?.remove()
  open = undefined
})

async function folder(files: Readonly<Record<string, string>>, text = PROJECT): Promise<TestProject> {
  open = await testProject({ 'project.ts': text })
  mkdirSync(join(open.root, 'in'))
  put(open, files)
  return open
}

function put(p: TestProject, files: Readonly<Record<string, string | undefined>>): void {
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) rmSync(join(p.root, 'in', name))
    else writeFileSync(join(p.root, 'in', name), text)
  }
}

const DAY_1 = 20454
/** By asset: what an observation told. */
const seen = (events: readonly StoreEvent[]) =>
  Object.fromEntries(
    events.flatMap((e) => (e.type === 'step.observed' ? [[e.asset, { versions: e.versions, lost: e.lost, moved: e.moved }]] : [])),
  )

describe('an external asset with a version function', () => {
  it('is observed by a run of its own, and what reads a partition that moved is stale', async () => {
    const p = await folder({ '2026-01-01': 'x', '2026-01-02': 'x', rates: 'r' })
    const first = await p.run({ observe: true })
    expect(first.plan.steps.map(({ kind, assets }) => [kind, ...assets])).toEqual([
      ['observe', 'web.files'],
      ['observe', 'web.rates'],
    ])
    expect(seen(first.events)).toEqual({
      'web.files': {
        versions: [{ from: DAY_1, to: DAY_1 + 2, value: 'x' }],
        lost: [[DAY_1 + 2, DAY_1 + 3]],
        moved: [[DAY_1, DAY_1 + 2]],
      },
      'web.rates': { versions: [{ from: 0, to: 1, value: 'r' }], lost: [], moved: [[0, 1]] },
    })
    expect((await p.run()).state).toBe('succeeded')
    put(p, { '2026-01-02': 'yy' })
    expect((await p.run()).plan.steps).toEqual([])
    expect(seen((await p.run({ observe: true })).events)['web.files']?.moved).toEqual([[DAY_1 + 1, DAY_1 + 2]])
    const { plan } = await p.run()
    expect(plan.steps.map(({ assets, partitions }) => [assets.join(), partitions])).toEqual([
      ['a.lengths', [[DAY_1 + 1, DAY_1 + 2]]],
      ['a.priced', [[0, 1]]],
    ])
    expect((await p.run()).plan.steps).toEqual([])
  })

  it('loses the version of what is not there any more', async () => {
    const p = await folder({ '2026-01-01': 'x', rates: 'r' })
    await p.run({ observe: true })
    await p.run()
    put(p, { rates: undefined })
    expect(seen((await p.run({ observe: true, select: 'web.rates' })).events)).toEqual({
      'web.rates': { versions: [], lost: [[0, 1]], moved: [[0, 1]] },
    })
    expect((await p.run()).plan.steps.map(({ assets }) => assets.join())).toEqual(['a.priced'])
  })

  it('says of its readers that it was never observed', async () => {
    const p = await folder({ rates: 'r' })
    const { plan } = await p.run({ select: 'a.priced' })
    expect(plan.assets[0]?.unobserved).toEqual(['web.rates', 'web.files'])
    await p.run({ observe: true })
    expect((await p.run({ select: 'a.priced' })).plan.assets[0]).toMatchObject({
      unobserved: [],
      because: [{ cause: { kind: 'input changed' } }],
    })
  })

  it.each([
    ['a number', 'async () => 7 as never', '7, which is no version'],
    ['a text that is no version but all there is', "async () => 'x'.repeat(1001)", 'a version of 1001 characters'],
    ['a text that is empty', "async () => ''", '"", which is no version'],
  ])('refuses %s', async (_, version, words) => {
    const p = await folder({}, PROJECT.replace("async () => text('in/rates')", version))
    const { state, events } = await p.run({ observe: true, select: 'web.rates' })
    expect(state).toBe('failed')
    expect(events).toContainEqual(
      expect.objectContaining({ problem: expect.objectContaining({ code: 'ASSAY-3013', what: expect.stringContaining(words) }) }),
    )
  })

  it('refuses a version of what is no partition', async () => {
    const p = await folder({}, PROJECT.replace('[day, text(', "[day.replace('01-', 'Jan-'), text("))
    const { events } = await p.run({ observe: true, select: 'web.files' })
    const next = expect.stringContaining('keys in `partitions`')
    expect(events).toContainEqual(
      expect.objectContaining({
        problem: expect.objectContaining({ code: 'ASSAY-3013', what: expect.stringContaining("'2026-Jan-01'"), next }),
      }),
    )
  })

  it('passes over a version of a value that was removed, or is not asked for, and refuses one that was never added', async () => {
    const p = await folder({ ada: '1', bob: '2', eve: '3' }, SHOPS)
    const change = async (action: 'add' | 'remove', ...values: string[]) =>
      changeRegistry(
        { settings: p.settings, loaded: await loadProject(p.settings), clock: systemClock },
        { registry: 'shops', action, values },
      )
    const versions = (events: readonly StoreEvent[]) => seen(events)['web.tills']?.versions
    await change('add', 'ada', 'bob', 'eve')
    await change('remove', 'bob')
    expect(versions((await p.run({ observe: true })).events)).toEqual([
      { from: 0, to: 1, value: '1' },
      { from: 2, to: 3, value: '3' },
    ])
    expect(versions((await p.run({ observe: true, partitions: [[2, 3]] })).events)).toEqual([{ from: 2, to: 3, value: '3' }])
    put(p, { zoe: '4' })
    expect((await p.run({ observe: true })).state).toBe('failed')
  })
})
