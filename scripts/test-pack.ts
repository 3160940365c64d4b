/**
 * `npm run test:pack`: what a stranger gets. Packs the package, installs the tarball into an empty folder, makes a project
 * there and runs it, from outside the source tree. The registry is asked for the dependencies.
 */
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { type Ended, capture, output } from './process.ts'

const ROOT = resolve(import.meta.dirname, '..')
const GREEN_WITHIN_S = 60
const LARGEST_FILE = 1_000_000

interface PackedFile {
  readonly path: string
  readonly size: number
}

/** As the page on testing has it. */
const TEST = `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { all, asset, daily, duckdb, sql, t } from 'assay'
import { given, materialize } from 'assay/testing'

const orders = asset('silver.orders', { partitions: daily({ start: '2026-01-01', end: '2026-01-03' }).on('day'), schema: { day: t.date(), amount: t.int() } })
const total = asset('gold.total', { schema: { amount: t.long() } })
total.from({ orders: all(orders) }, duckdb(({ orders: o }) => sql\`select sum(\${o.amount})::bigint as amount from \${o}\`))

test('sums up', async () => {
  const { rows } = await materialize(total, { given: [given(orders, [{ day: '2026-01-01', amount: 1 }, { day: '2026-01-02', amount: 2 }])] })
  assert.deepEqual(rows, [{ amount: 3n }])
})
`

const work = await mkdtemp(join(tmpdir(), 'assay-pack-'))
const project = join(work, 'project')
const env = await surroundings()
let passed = 0
let failed = 0

try {
  await main()
} finally {
  await rm(work, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function main(): Promise<void> {
  await mkdir(project)
  let tarball = ''
  const packed = await test('npm pack carries the compiled package, and no Node', async () => {
    const [report] = JSON.parse(await output('npm', ['pack', '--json', '--pack-destination', work], { cwd: ROOT, env })) as {
      readonly filename: string
      readonly files: readonly PackedFile[]
    }[]
    tarball = join(work, report?.filename ?? '')
    checkContents(report?.files ?? [])
  })
  const installed =
    packed &&
    (await test('npm i in an empty folder', () =>
      output('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: project, env })))
  if (installed) await useInstalled()
}

async function useInstalled(): Promise<void> {
  await test(`init and materialize are green within ${GREEN_WITHIN_S} s`, async () => {
    const began = performance.now()
    await output('npx', ['assay', 'init'], { cwd: project, env })
    await output('npx', ['assay', 'materialize'], { cwd: project, env })
    const seconds = (performance.now() - began) / 1000
    check(seconds <= GREEN_WITHIN_S, `it took ${seconds.toFixed(1)} s`)
  })
  await test('a second materialize has nothing to do', async () => {
    const { stdout } = await expectCode(0, await capture('npx', ['assay', 'materialize', '--json'], { cwd: project, env }))
    check(!stdout.includes('"step.started"'), stdout)
  })
  for (const path of ['assay/src/index.ts', 'assay/dist/index.js', 'assay/dist/runs/plan.js']) {
    await test(`'${path}' cannot be imported`, async () => {
      const { stdout } = await capture('node', ['-e', `import('${path}').catch((error) => console.log(error.code))`], { cwd: project, env })
      check(stdout.trim() === 'ERR_PACKAGE_PATH_NOT_EXPORTED', stdout)
    })
  }
  await test('the project type-checks', () =>
    output(join(ROOT, 'node_modules/.bin/tsc'), ['--noEmit', '-p', 'tsconfig.json'], { cwd: project, env }))
  await test('a test of the user makes an asset by node:test', testedAsset)
  await test('an error in a file of the user is shown in that file', brokenFile)
}

async function testedAsset(): Promise<void> {
  await mkdir(join(project, 'tests'), { recursive: true })
  await writeFile(join(project, 'tests/total.test.ts'), TEST)
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node', '--skipLibCheck', 'false']
  const strict = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,esnext.disposable',
  ]
  await output(join(ROOT, 'node_modules/.bin/tsc'), ['--noEmit', '--ignoreConfig', ...strict, ...types, 'tests/total.test.ts'], {
    cwd: project,
    env,
  })
  await output('node', ['--test', '--disable-warning=ExperimentalWarning', 'tests/total.test.ts'], { cwd: project, env })
}

/** A throw on the last line of the project file must be framed there, not in what was compiled. */
async function brokenFile(): Promise<void> {
  const file = await projectFile()
  const line = (await readFile(join(project, file), 'utf8')).split('\n').length
  await appendFile(join(project, file), "throw new Error('broken on purpose')\n")
  const { stdout, stderr } = await expectCode(3, await capture('npx', ['assay', 'ls'], { cwd: project, env }))
  check(`${stdout}${stderr}`.includes(`${file}:${line}`) && `${stdout}${stderr}`.includes('broken on purpose'), `${stdout}${stderr}`)
}

async function projectFile(): Promise<string> {
  const declared = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as { readonly assay?: { readonly project?: string } }
  return declared.assay?.project ?? 'project.ts'
}

function checkContents(files: readonly PackedFile[]): void {
  const paths = files.map(({ path }) => path)
  for (const needed of [
    'bin/assay.js',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/testing.js',
    'dist/testing.d.ts',
    'dist/cli/main.js',
    'LICENSE',
  ])
    check(paths.includes(needed), `${needed} is missing`)
  const stray = files.filter(({ path, size }) => size > LARGEST_FILE || /(^|\/)node$|^(src|tests|lakehouse|bin\/runtime)\//.test(path))
  check(stray.length === 0, `not to be published: ${stray.map(({ path }) => path).join(', ')}`)
}

/** The Node that runs this comes first on the PATH, and no other tool of the repository with it. */
async function surroundings(): Promise<NodeJS.ProcessEnv> {
  const bin = join(work, 'bin')
  await mkdir(bin)
  await symlink(process.execPath, join(bin, 'node'))
  const outside = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && !name.startsWith('ASSAY_'))
  return { ...Object.fromEntries(inherited), PATH: [bin, ...outside].join(delimiter) }
}

async function test(name: string, body: () => Promise<unknown>): Promise<boolean> {
  try {
    await body()
    passed++
    console.log(`ok     ${name}`)
    return true
  } catch (error) {
    failed++
    console.log(`FAILED ${name}\n${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

async function expectCode(code: number, ended: Ended): Promise<Ended> {
  check(ended.code === code, `exit code ${ended.code}, expected ${code}\n${ended.stdout}${ended.stderr}`)
  return ended
}
