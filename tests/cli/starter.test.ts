import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Folder, jsonLines, openFolder, type Ran, settled } from './command-line.ts'

const REPO = resolve(import.meta.dirname, '../..')
let folder: Folder
let materialized: string

beforeAll(async () => {
  folder = await openFolder()
  expect((await folder.assay(['init'])).code).toBe(0)
  const made = await folder.assay(['materialize'])
  expect(made.stderr).toBe('')
  expect(made.code).toBe(0)
  materialized = settled(made.stdout, folder.path)
}, 60_000)
afterAll(() => folder.remove())

describe('the project that init writes', () => {
  it('type-checks, strictly', () => {
    const types = ['--customConditions', 'assay-source', '--types', 'node', '--typeRoots', join(REPO, 'node_modules/@types')]
    expect(execFileSync(join(REPO, 'node_modules/.bin/tsc'), ['-p', folder.path, ...types], { encoding: 'utf8' })).toBe('')
  }, 60_000)

  it('materializes green', () => expect(materialized).toMatchFileSnapshot('goldens/materialize.txt'))

  it('has nothing to maintain', async () => {
    const { code, stdout } = await folder.tell(['maintain', '--dry-run'])
    expect(stdout).toMatch(/^\d+ tables, nothing to do\n$/)
    expect(code).toBe(0)
    const lines = jsonLines((await folder.tell(['maintain', '--json'])).stdout)
    expect(lines[0]).toMatchObject({ type: 'maintained', dryRun: false, compactedFiles: 0, orphans: 0 })
  })

  it('is not written over', async () => {
    const before = await readFile(join(folder.path, 'project.ts'), 'utf8')
    const { code, stderr } = await folder.assay(['init'])
    expect(stderr).toContain('ASSAY-4007')
    expect(code).toBe(2)
    expect(await readFile(join(folder.path, 'project.ts'), 'utf8')).toBe(before)
  })

  it('joins a package that is there, and keeps its files', async () => {
    const other = await openFolder()
    await other.write('package.json', '{ "name": "mine", "scripts": { "a": "b" } }')
    await other.write('.gitignore', 'mine\n')
    expect((await other.tell(['init'])).code).toBe(0)
    const file: unknown = JSON.parse(await readFile(join(other.path, 'package.json'), 'utf8'))
    expect(file).toMatchObject({ name: 'mine', type: 'module', scripts: { a: 'b' }, assay: { project: 'project.ts' } })
    expect(await readFile(join(other.path, '.gitignore'), 'utf8')).toBe('mine\n')
    await other.write('package.json', '{}')
    const again = await other.tell(['init', '--json'])
    expect(jsonLines(again.stdout)).toMatchObject([
      { type: 'error', problem: { code: 'ASSAY-4007', details: expect.arrayContaining(['project.ts', 'bronze/orders.ts']) } },
    ])
    await other.remove()
  })
})

const linesAlone = ({ code, stdout, stderr }: Ran): void => {
  expect(jsonLines(stdout).length).toBeGreaterThan(0)
  expect(stderr).toBe('')
  expect(code).toBe(0)
}

describe('piped output', () => {
  it.each([
    ['ls', ['ls']],
    ['plan', ['plan', '--force']],
    ['show', ['show', 'silver.orders']],
    ['why', ['why', 'gold.daily_revenue']],
    ['check', ['check', 'silver.orders']],
    [
      'query',
      [
        'query',
        '/* Revenue */ select * from gold.daily_revenue order by all',
        "select 'a much longer text than fits into forty columns' as words, 1.5::decimal(4,2) as n",
        '--limit',
        '3',
      ],
    ],
  ])(
    '%s reads well at 80 and at 40 columns, without cursor codes',
    async (name, args) => {
      for (const columns of [80, 40]) {
        const { code, stdout } = await folder.tell(args, columns)
        expect(code).toBe(0)
        expect(stdout).not.toContain('\u001b')
        for (const line of stdout.split('\n')) if (!/folder|metadata/.test(line)) expect(line.length, line).toBeLessThanOrEqual(columns)
        await expect(settled(stdout, folder.path)).toMatchFileSnapshot(`goldens/${name}-${columns}.txt`)
      }
    },
    30_000,
  )

  it.each([['show', 'silver.orders'], ['plan'], ['why', 'silver.orders'], ['check'], ['logs'], ['explain', '1001']])(
    '%s %s with --json is JSON lines alone',
    async (...args) => {
      linesAlone(await folder.tell([...args, '--json']))
    },
  )

  it.each([['ls'], ['materialize'], ['retry'], ['query', 'select 1 as n']])(
    '%s %s with --json is JSON lines alone, also from the binary',
    async (...args) => {
      linesAlone(await folder.assay([...args, '--json']))
    },
  )

  it('gives exact rows as JSON', async () => {
    const { stdout } = await folder.tell([
      'query',
      'select 1152921504606846977 as big, 0.10::decimal(4,2) as exact, null as none',
      '--json',
    ])
    expect(stdout).toContain('"row":{"big":1152921504606846977,"exact":"0.10","none":null}')
  })

  it('reads a table as of a snapshot', async () => {
    const [shown] = jsonLines((await folder.tell(['show', 'silver.orders', '--json'])).stdout) as readonly {
      snapshots: readonly { id: string }[]
    }[]
    const first = shown?.snapshots.at(-1)?.id
    const { stdout } = await folder.tell(['query', 'select count(*) as n from silver.orders', '--at', `silver.orders=${first}`, '--json'])
    expect(stdout).toContain('"row":{"n":37}')
    const now = await folder.tell(['query', 'select count(*) as n from silver.orders', '--at', 'silver.orders=main', '--json'])
    expect(now.stdout).toContain('"row":{"n":259}')
  })

  it('reads what is known of a table, beside its rows and other tables', async () => {
    const { stdout } = await folder.tell([
      'query',
      "select max(summary['total-records']::int) as n from silver.orders.snapshots",
      'select sum(f.record_count)::int as n from "silver"."orders".files f',
      'select count(distinct o.order_id) as n from silver.orders o, gold.daily_revenue d, silver.orders.refs r',
      '--json',
    ])
    for (const statement of [1, 2, 3]) expect(stdout).toContain(`"statement":${statement},"row":{"n":259}`)
  })
})

describe('bad input on a project', () => {
  it.each([
    [['ls', 'bronze.order'], 'ASSAY-4003', 'Did you mean bronze.orders?', 2],
    [['show', 'bronze.*', '--json'], undefined, '"key":"bronze.orders"', 0],
    [['show', '*'], 'ASSAY-4003', 'not one asset', 2],
    [['plan', '--partition', '2026'], 'ASSAY-4004', 'Write a day as', 2],
    [['materialize', '--partition', '2027-01-01'], 'ASSAY-4004', 'bronze.orders has 2026-01-05..2026-01-11', 2],
    [['why', 'gold.daily_revenue', '2020-01-01'], 'ASSAY-4004', 'no partition 2020-01-01', 2],
    [['query', 'selec 1'], 'ASSAY-4006', '^', 2],
    [['query', 'select dya from gold.daily_revenue'], 'ASSAY-4006', 'Did you mean day', 2],
    [['query', 'select * from gold.dailyrevenue'], 'ASSAY-4006', 'Did you mean gold.daily_revenue?', 2],
    [['query', 'select 1', '--at', 'silver.order=1'], 'ASSAY-2008', 'Did you mean silver.orders?', 1],
    [['query', 'select * from silver.orders', '--at', 'silver.orders=1'], 'ASSAY-2009', 'no snapshot 1', 1],
    [['query', 'select 1 from silver.orders', '--at', 'silver.orders=2020-01-01'], 'ASSAY-2009', 'what is kept begins at', 1],
    [['query', 'select 1 from silver.orders', '--at', 'silver.orders=audit'], 'ASSAY-2009', 'branch main at', 1],
    [['query', 'select 1', '--at', '=3'], 'ASSAY-4002', 'TABLE=SNAPSHOT', 2],
    [['query', 'select * from silver.orders.snapshot'], 'ASSAY-4006', 'Did you mean silver.orders.snapshots?', 2],
    [['query', 'select * from gold.unmade'], 'ASSAY-4006', 'assay materialize +gold.unmade', 2],
    [['plan', 'gold.unlisted'], 'ASSAY-4003', 'listed in `assets` of the project file', 2],
    [['partitions', 'silver.orders', '--after', 'x'], 'ASSAY-4004', 'Write a day', 2],
    [['partitions', 'silver.orders', 'add', 'x'], 'ASSAY-4004', "dynamic('name')", 2],
    [['partitions', 'silver.orders', 'ad', 'x'], 'ASSAY-4002', 'Did you mean add?', 2],
    [['partitions', 'custmers', 'add', 'x'], 'ASSAY-4003', 'no registry and no asset', 2],
    [['logs', 'nope'], 'ASSAY-3006', 'no run nope', 1],
    [['retry', 'nope'], 'ASSAY-3006', 'no run nope', 1],
  ])('%j is %s', async (args, errorCode, words, exitCode) => {
    const { code, stdout, stderr } = await folder.tell(args)
    if (errorCode !== undefined) expect(stderr).toContain(errorCode)
    expect(stdout + stderr).toContain(words)
    expect(code).toBe(exitCode)
  })
})

/** Last, since it changes what is published. */
describe('versions of a table', () => {
  const rowsNow = async (): Promise<unknown> => {
    const { stdout } = await folder.tell(['query', 'select count(*)::int as n from silver.orders', '--json'])
    return jsonLines(stdout)[0]?.['row']
  }
  const snapshots = async (): Promise<readonly string[]> => {
    const { stdout } = await folder.tell([
      'query',
      'select snapshot_id::varchar as id from silver.orders.snapshots order by committed_at',
      '--json',
    ])
    return jsonLines(stdout).flatMap((line) => (line['type'] === 'row' ? [(line['row'] as { readonly id: string }).id] : []))
  }
  const fitting = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await folder.tell(args, 40)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    for (const line of stdout.split('\n')) if (!/--to \d+/.test(line)) expect(line.length, line).toBeLessThanOrEqual(40)
    return stdout.replace(/\s+/g, ' ')
  }

  it('differ by key, since the snapshot before or any other', async () => {
    expect(await fitting(['diff', 'silver.orders', '--limit', '2'])).toContain(
      '(37 added, 0 removed, 0 changed by order_id, in 1 file; the first 2 shown',
    )
    const [first = ''] = await snapshots()
    const { stdout } = await folder.tell(['diff', 'silver.orders', '--from', 'main', '--to', first, '--json', '--limit', '1'])
    expect(jsonLines(stdout)).toMatchObject([
      { type: 'row', change: 'removed', key: { order_id: '2026-01-06-0' }, old: { kind: expect.any(String) }, new: null },
      { type: 'diff', key: ['order_id'], files: { added: 0, removed: 6 }, rows: { added: 0, removed: 222, changed: 0 } },
    ])
  })

  it('are shown before they are rolled back to, and then downstream is stale', async () => {
    const ids = await snapshots()
    const [before = '', head = ''] = ids.slice(-2)
    const plan = await fitting(['rollback', 'silver.orders', '--to', before])
    expect(plan).toContain('37 rows of the files that change go out of sight')
    expect(plan).toContain('partitions: 2026-01-11')
    expect(plan).toContain('gold.daily_revenue')
    expect(plan).toContain('nothing was changed')
    expect(await rowsNow()).toEqual({ n: 259 })

    const done = await folder.tell(['rollback', 'silver.orders', '--to', before, '--yes', '--json'])
    expect(jsonLines(done.stdout)).toMatchObject([
      {
        type: 'rollback',
        done: true,
        from: head,
        to: before,
        direction: 'back',
        rows: { appear: 0, disappear: 37 },
        partitions: '2026-01-11',
      },
    ])
    expect(await rowsNow()).toEqual({ n: 222 })
    expect((await folder.tell(['ls', 'gold.daily_revenue'])).stdout).toContain('1 stale')
    expect((await folder.tell(['why', 'silver.orders', '--json'])).stdout).toContain('never made')
    expect(await snapshots()).toEqual(ids)

    expect((await folder.tell(['rollback', 'silver.orders', '--to', before, '--yes'])).stdout).toContain('nothing to change')
    expect(await fitting(['rollback', 'silver.orders', '--to', head, '--yes'])).toContain('37 rows come back')
    expect(await rowsNow()).toEqual({ n: 259 })
    expect((await folder.tell(['ls', 'gold.daily_revenue'])).stdout).toContain('fresh')
  }, 30_000)

  it.each([
    [['rollback', 'silver.orders'], 'ASSAY-4002', 'needs --to', 2],
    [['rollback', 'silver.orders', '--to', '1'], 'ASSAY-2009', 'no snapshot 1', 1],
    [['rollback', 'silver.orders', '--to', '2020-01-01', '--yes'], 'ASSAY-2009', 'what is kept begins at', 1],
    [['diff', 'silver.orders', '--from', 'audit'], 'ASSAY-2009', 'branch main at', 1],
    [['diff', 'silver.order'], 'ASSAY-4003', 'Did you mean silver.orders?', 2],
  ])('%j is %s', async (args, errorCode, words, exitCode) => {
    const { code, stderr } = await folder.tell(args)
    expect(stderr).toContain(errorCode)
    expect(stderr).toContain(words)
    expect(code).toBe(exitCode)
  })
})
