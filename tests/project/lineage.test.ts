import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TempProject, tempProject } from './temp-project.ts'

const ASSET = `import { asset, duckdb, externalAsset, sql, t } from 'assay'
export const events = externalAsset('a.events', { schema: { id: t.long(), amount: t.decimal(18, 2), kind: t.string() }, owners: ['ada'] })
export const spend = asset('a.spend', { group: 'money', tags: { tier: '1' }, kinds: ['report'], schema: { Kind: t.string(), total: t.decimal(38, 2) } })
spend.from({ e: events }, duckdb(({ e }) => sql\`select \${e.kind} as kind, sum(\${e.amount}) as total from \${e} where \${e.id} > 0 group by all\`))
`

let project: TempProject
beforeAll(() => {
  project = tempProject({ 'a.ts': ASSET })
})
afterAll(() => project.remove())

test('the manifest tells where columns come from, by the names of the schema', async () => {
  const { asset } = await project.load()
  expect(asset('a.spend')?.lineage).toEqual({
    columns: { Kind: [['e', 'kind', 'copy']], total: [['e', 'amount', 'aggregate']] },
    rows: [
      ['e', 'id', 'filter'],
      ['e', 'kind', 'group'],
    ],
  })
  expect(asset('a.events')?.lineage).toBeUndefined()
})

test('a statement that has not changed is not bound again', async () => {
  const before = await project.load()
  const folder = join(project.settings.home, 'statements')
  const [name = ''] = readdirSync(folder)
  const kept = readFileSync(join(folder, name), 'utf8')
  expect(kept).toContain('"aggregate"')
  // What the cache says is believed, so a mark in it shows up.
  writeFileSync(join(folder, name), kept.replace('"aggregate"', '"derive"'))
  project.write({ 'a.ts': `// a comment\n${ASSET}` })
  expect((await project.load()).asset('a.spend')?.lineage?.columns['total']).toEqual([['e', 'amount', 'derive']])
  project.write({ 'a.ts': ASSET.replace('> 0', '> 1') })
  expect((await project.load()).asset('a.spend')?.lineage).toEqual(before.asset('a.spend')?.lineage)
})

test('what people say of an asset is in the manifest, and makes nothing stale', async () => {
  project.write({ 'a.ts': ASSET })
  const before = await project.load()
  expect(before.asset('a.spend')).toMatchObject({ group: 'money', tags: { tier: '1' }, kinds: ['report'] })
  expect(before.asset('a.events')).toMatchObject({ owners: ['ada'] })
  project.write({
    'a.ts': ASSET.replace("group: 'money', tags: { tier: '1' }, kinds: ['report']", "description: 'Money', owners: ['bob']"),
  })
  const after = await project.load()
  expect(after.asset('a.spend')).toMatchObject({ description: 'Money', owners: ['bob'] })
  expect(after.asset('a.spend')).not.toHaveProperty('group')
  expect(after.asset('a.spend')?.codeVersion).toBe(before.asset('a.spend')?.codeVersion)
})

test('1011: what people say must be texts', async () => {
  project.write({
    'a.ts': ASSET.replace(
      "group: 'money', tags: { tier: '1' }, kinds: ['report']",
      "group: '', tags: { tier: 1 } as never, kinds: 'x' as never, owners: [''] ",
    ),
  })
  const problems = await project.problems()
  expect(problems.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'ASSAY-1011'))
  expect(problems[0]?.where).toMatchObject({ file: 'a.ts', line: 3 })
})

test('a function says what its columns come from', async () => {
  const made = (lineage: string): string => `import { all, asset, externalAsset, t, typescript } from 'assay'
export const events = externalAsset('a.events', { schema: { id: t.long(), amount: t.long() } })
export const spend = asset('a.spend', { schema: { total: t.long(), other: t.long() } })
spend.from({ e: all(events) }, typescript(async function* (_i, row) { yield row({ total: 1n, other: 2n }) }, { lineage: ${lineage} as never }))
`
  project.write({ 'a.ts': made("{ total: ['e.amount'], $rows: ['e.id'] }") })
  expect((await project.load()).asset('a.spend')?.lineage).toEqual({
    columns: { total: [['e', 'amount', 'derive']] },
    rows: [['e', 'id', 'filter']],
  })
  project.write({ 'a.ts': made("{ total: ['e.amuont'] }") })
  expect(await project.problems()).toMatchObject([{ code: 'ASSAY-1014', next: 'Did you mean amount?' }])
})
