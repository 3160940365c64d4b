import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { AssayError } from '../../src/errors.ts'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
afterEach(() => project.remove())

const EVENTS = `import { asset, daily, t, typescript } from 'assay'
export const days = daily({ start: '2026-01-01' })
/** Raw events. */
export const events = asset('bronze.events', {
  description: 'One row per event.',
  partitions: days.on('ts'),
  schema: { event_id: t.string(), user_id: t.long().nullable(), ts: t.timestamptz(), amount: t.decimal(18, 2), kind: t.enum(['view', 'buy']) },
  key: ['event_id'],
  quarantine: true,
  retry: { max: 2, delay: 10 },
  checks: (c) => [c.amount.between(0, 10, { mode: 'warn' }), c.event_id.unique()],
})
events.from({}, typescript(async function* () {}))
`
const SPEND = `import { asset, duckdb, sql, t } from 'assay'
import { days, events } from './events.ts'
export const spend = asset('gold.spend', {
  partitions: days.on('day'),
  schema: { day: t.date(), user_id: t.long().nullable(), spend: t.decimal(38, 2) },
  checks: (c) => [c.$rows.sql('positive', (rows) => sql\`select * from \${rows} where \${rows.spend} < 0\`)],
})
spend.from({ e: events }, duckdb(({ e }, { partition }) => sql\`
  select \${e.ts}::date as day, \${e.user_id}, sum(\${e.amount}) as spend
  from \${e} where \${e.ts} >= \${partition.start} and \${e.ts} < \${partition.end} group by all -- done
\`))
`
const LOADS = `import { appendFileSync } from 'node:fs'\nappendFileSync(import.meta.dirname + '/loads', 'x')\n`
const loads = (): number => readFileSync(join(project.root, 'loads'), 'utf8').length

describe('a project as a manifest', () => {
  test('holds everything as data, upstream first, with files relative to the root', async () => {
    project = tempProject({ 'spend.ts': SPEND, 'events.ts': EVENTS })
    const { id, manifest, asset, readers } = await project.load()
    expect(id).toMatch(/^[0-9a-f]{16}$/)
    expect(manifest).toMatchObject({ formatVersion: 1, name: 'test', file: 'project.ts' })
    expect(manifest.assets.map((spec) => spec.key)).toEqual(['bronze.events', 'gold.spend'])
    expect(readers(manifest.assets[0]?.key as never).map((spec) => spec.key)).toEqual(['gold.spend'])
    expect(asset('bronze.events')).toMatchObject({
      kind: 'table',
      where: { file: 'events.ts', line: 4, column: 23 },
      description: 'One row per event.',
      rowKey: ['event_id'],
      partitions: { dim: 'time', grain: 'day', start: '2026-01-01', column: 'ts' },
      compute: { kind: 'typescript', module: 'events.ts' },
      rejects: { key: 'bronze.events__rejects' },
      retry: { max: 2, delay: 10 },
    })
    expect(asset('bronze.events')?.rejects?.columns.map((c) => [c.name, c.nullable])).toContainEqual(['event_id', true])
    expect(asset('bronze.events')?.checks.map((c) => c.name)).toEqual([
      'event_id.not_null',
      'ts.not_null',
      'amount.not_null',
      'kind.not_null',
      'kind.in',
      'event_id.unique',
      'amount.between',
    ])
    expect(asset('gold.spend')?.deps).toEqual([{ name: 'e', asset: 'bronze.events', mapping: { kind: 'identity' } }])
  })

  test('a statement is data, with the place of each text, and can stand in brackets', async () => {
    project = tempProject({ 'spend.ts': SPEND, 'events.ts': EVENTS })
    const compute = (await project.load()).asset('gold.spend')?.compute
    const query = compute?.kind === 'duckdb' ? compute.query : []
    expect(query.slice(0, 3)).toEqual([
      { kind: 'text', text: '\n  select ', origin: { file: 'spend.ts', line: 8, column: 64 } },
      { kind: 'column', dep: 'e', column: 'ts' },
      { kind: 'text', text: '::date as day, ', origin: { file: 'spend.ts', line: 9, column: 17 } },
    ])
    expect(query.at(-1)).toMatchObject({ kind: 'text', text: ' group by all -- done\n' })
    expect(JSON.stringify(query)).not.toContain('"site"')
  })

  test('finds assets in modules and nested records, each once; others’ assets have no compute', async () => {
    project = tempProject({
      'lib/a.ts': `import { externalAsset, t } from 'assay'\nexport const users = externalAsset('crm.users', { schema: { id: t.long() } })\nexport const again = users\nexport const settings = { a: [1], f() {} }`,
      'project.ts': `import { defineProject } from 'assay'\nimport * as a from './lib/a.ts'\nexport default defineProject({ name: 'p', assets: { a, more: { deep: { users: a.users } } } })`,
    })
    const { manifest } = await project.load()
    expect(manifest.assets.map((spec) => [spec.key, spec.kind, spec.codeVersion])).toEqual([['crm.users', 'external', '']])
  })

  test('an asset that its file does not export is found through the project file', async () => {
    project = tempProject({
      'project.ts': `import { asset, defineProject, t, typescript } from 'assay'\nconst a = asset('x.a', { schema: { n: t.int() } })\na.from({}, typescript(async function* () {}))\nexport default defineProject({ name: 'p', assets: { a } })`,
    })
    expect((await project.load()).asset('x.a')?.compute).toEqual({ kind: 'typescript', module: 'project.ts' })
  })
})

describe('the cache', () => {
  test('user code does not run again while nothing has changed, also after touch', async () => {
    project = tempProject({ 'events.ts': LOADS + EVENTS })
    const first = await project.load()
    expect((await project.load()).id).toBe(first.id)
    utimesSync(join(project.root, 'events.ts'), 1, 1)
    expect((await project.load()).manifest).toEqual(first.manifest)
    expect(loads()).toBe(1)
    const index = JSON.parse(readFileSync(join(project.settings.home, 'manifests/index.json'), 'utf8')) as {
      'project.ts': { files: { path: string; mtimeMs: number }[] }
    }
    expect(index['project.ts'].files.find((file) => file.path === 'events.ts')?.mtimeMs).toBe(1000)
  })

  test('a changed file, a new lock file, another package.json, and a removed manifest each reload', async () => {
    const packageOf = (target: string): string => JSON.stringify({ type: 'module', imports: { '#lib': target } })
    project = tempProject({
      'package.json': packageOf('./lib/one.ts'),
      'lib/one.ts': `export const description = 'one'`,
      'lib/two.ts': `export const description = 'two'`,
      'lib/external.ts': `import { externalAsset } from 'assay'\nimport { description } from '#lib'\nexport const e = externalAsset('x.e', { description })`,
      'events.ts': `${LOADS}export { e } from './lib/external.ts'\n${EVENTS}`,
    })
    const first = await project.load()
    project.write({ 'events.ts': `${LOADS}export { e } from './lib/external.ts'\n${EVENTS.replace('One row', 'A row')}` })
    const second = await project.load()
    expect(second.id).not.toBe(first.id)
    expect(loads()).toBe(2)
    project.write({ 'package-lock.json': '{}' })
    expect((await project.load()).id).toBe(second.id)
    expect(loads()).toBe(3)
    project.write({ 'package.json': packageOf('./lib/two.ts') })
    const third = await project.load()
    expect([second, third].map(({ asset }) => asset('x.e')?.description)).toEqual(['one', 'two'])
    expect(loads()).toBe(4)
    writeFileSync(join(project.settings.home, 'manifests', `${third.id}.ndjson`), '{ broken')
    expect((await project.load()).id).toBe(third.id)
    expect(loads()).toBe(5)
    expect(statSync(join(project.settings.home, 'manifests', `${first.id}.ndjson`)).size).toBeGreaterThan(0)
  })

  test('a declared variable reloads when its value changes, and its value is not kept', async () => {
    project = tempProject({
      'lib/e.ts': `${LOADS}import { externalAsset } from 'assay'\nexport const e = externalAsset('x.' + (process.env.ASSAY_TEST_NAME ?? 'none'))`,
      'project.ts': `import { defineProject } from 'assay'\nimport * as e from './lib/e.ts'\nexport default defineProject({ name: 'p', assets: { e }, env: ['ASSAY_TEST_NAME'] })`,
    })
    const keys = async (): Promise<readonly string[]> => (await project.load()).manifest.assets.map((a) => a.key)
    expect(await keys()).toEqual(['x.none'])
    process.env['ASSAY_TEST_NAME'] = 'first_secret'
    expect(await keys()).toEqual(['x.first_secret'])
    delete process.env['ASSAY_TEST_NAME']
    expect(await keys()).toEqual(['x.none'])
    expect(readFileSync(join(project.settings.home, 'manifests/index.json'), 'utf8')).not.toContain('first_secret')
  })

  test('a project with problems is never kept', async () => {
    project = tempProject({ 'events.ts': EVENTS.replace('events.from(', '//') })
    expect((await project.problems()).map((p) => p.code)).toEqual(['ASSAY-1007'])
    expect(existsSync(join(project.settings.home, 'manifests/index.json'))).toBe(false)
    project.write({ 'events.ts': EVENTS })
    await project.load()
    project.write({ 'events.ts': EVENTS.replace('events.from(', '//') })
    expect(await project.problems()).toHaveLength(1)
    expect(readdirSync(join(project.settings.home, 'manifests')).filter((f) => f.endsWith('.tmp'))).toEqual([])
  })
})

describe('the loader process', () => {
  test('ends although the project holds a timer open', async () => {
    project = tempProject({ 'events.ts': `${EVENTS}setInterval(() => {}, 1000)` })
    expect((await project.load()).manifest.assets).toHaveLength(1)
  })

  test('a project that ends the process is an error', async () => {
    project = tempProject({ 'events.ts': `${EVENTS}process.exit(7)` })
    const error = await project.load().catch((e: unknown) => e)
    expect(error).toBeInstanceOf(AssayError)
    expect(error).toMatchObject({ code: 'ASSAY-1002', message: expect.stringContaining('exit code 7') as string })
  })
})
