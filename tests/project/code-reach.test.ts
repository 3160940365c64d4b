import { afterEach, expect, test } from 'vitest'
import { tempProject, type TempProject } from './temp-project.ts'

/** What a code version reaches beyond the compute's own text and functions: calls around it, effects, late imports. */
let project: TempProject
afterEach(() => project.remove())

type Files = Readonly<Record<string, string>>
type Edit = readonly [file: string, from: string, to: string]

/** The assets that become stale with each edit, which is made on the project as it was. */
async function staleAfter(files: Files, edits: readonly Edit[], folder?: string): Promise<readonly string[]> {
  project = tempProject(files, folder)
  const before = await project.codeVersions()
  const stale: string[] = []
  for (const [file, from, to] of edits) {
    expect(files[file]).toContain(from)
    project.write({ ...files, [file]: files[file]?.replace(from, to) ?? '' })
    const after = await project.codeVersions()
    stale.push(
      Object.keys(after)
        .filter((key) => after[key] !== before[key])
        .toSorted()
        .join(' '),
    )
  }
  return stale
}

const HEAD = `import { asset, duckdb, sql, t, typescript } from 'assay'\nconst schema = { n: t.int() }\n`
const MAKE = `${HEAD}export const make = (key: 'a.x' | 'a.y', limit: number) => {
  const a = asset(key, { schema })
  a.from({}, typescript(async function* (_, row) { yield row({ n: limit }) }))
  return a
}
`

test('the arguments of a function that makes an asset, and of each function that led to it', async () => {
  const uses = `import { make } from './lib/make.ts'
const BASE = 1
const twice = (key: 'a.y', n: number) => make(key, n * 2)
export const x = make('a.x', BASE + 10)
export const y = twice('a.y', 20)
`
  const files = { 'lib/make.ts': MAKE, 'a.ts': uses }
  const edits: readonly Edit[] = [
    ['a.ts', '+ 10', '+ 11'],
    ['a.ts', 'BASE = 1', 'BASE = 2'],
    ['a.ts', '20)', '21)'],
    ['a.ts', 'n * 2', 'n * 3'],
    ['lib/make.ts', 'n: limit', 'n: -limit'],
  ]
  expect(await staleAfter(files, edits)).toEqual(['a.x', 'a.x', 'a.y', 'a.y', 'a.x a.y'])
})

test('an asset that a function made counts as its key for those that read it', async () => {
  const reads = `export const z = asset('a.z', { schema })\nz.from({ x }, typescript(async function* ({ x: _ }, row) { console.log(x.key); yield row({ n: 1 }) }))\n`
  const files = { 'a.ts': `${MAKE}export const x = make('a.x', 10)\n${reads}` }
  expect(
    await staleAfter(files, [
      ['a.ts', "'a.x', 10", "'a.x', 11"],
      ['a.ts', 'n: 1 ', 'n: 2 '],
    ]),
  ).toEqual(['a.x', 'a.z'])
})

const USES_LIMITS = `export const x = asset('a.x', { schema })
x.from({}, typescript(async function* (_, row) { yield row({ n: limits.a }) }))
export const y = asset('a.y', { schema })
y.from({}, typescript(async function* (_, row) { yield row({ n: 7 + limits.a - limits.a }) }))
export const z = asset('a.z', { schema })
z.from({}, typescript(async function* (_, row) { yield row({ n: 3 }) }))
`

test.each([
  ['a call that is handed it', 'Object.assign(limits, { a: 10 })'],
  ['a loop', 'for (const name of ["a"] as const) limits[name] = 10'],
  ['a condition', 'if (process.pid > 0) { limits.a = 10 }'],
])('%s at the top level may change what a compute reads', async (_, effect) => {
  const files = { 'a.ts': `${HEAD}const limits = { a: 1 }\n${effect}\n${USES_LIMITS}` }
  expect(
    await staleAfter(files, [
      ['a.ts', '10', '11'],
      ['a.ts', 'n: 7', 'n: 8'],
    ]),
  ).toEqual(['a.x a.y', 'a.y'])
})

test.each([
  ['an object', 'const maker = { limit: 1, make() {', '} }'],
  ['a function', 'export function maker() { maker.make() }\nmaker.limit = 0\nmaker.make = () => {', '}'],
])('%s that makes an asset, and is changed after it was declared', async (_, open, close) => {
  const make = `const a = asset('a.x', { schema })\na.from({}, typescript(async function* (_, row) { yield row({ n: maker.limit }) }))\nreturn a\n`
  const files = { 'a.ts': `${HEAD}${open}\n${make}${close}\nObject.assign(maker, { limit: 10 })\nexport const x = maker.make()\n` }
  expect(await staleAfter(files, [['a.ts', '10', '11']])).toEqual(['a.x'])
})

test('a file that changes what it imports', async () => {
  const files = {
    'lib/limits.ts': 'export const limits = { a: 1 }\n',
    'a.ts': `import { limits } from './lib/limits.ts'\n${HEAD}Object.assign(limits, { a: 10 })\n${USES_LIMITS}`,
  }
  expect(await staleAfter(files, [['a.ts', '10', '11']])).toEqual(['a.x a.y'])
})

const LATE = `${HEAD}export const x = asset('a.x', { schema })
x.from({}, typescript(async function* (_, row) { yield row({ n: (await import('./lib/dyn.ts')).value }) }))
export const y = asset('a.y', { schema })
y.from({}, typescript(async function* (_, row) { const name = './lib/dyn.ts'; yield row({ n: (await import(name)).value }) }))
`

test('a module that a compute imports under a literal name, with all that it imports and does', async () => {
  const files = {
    'a.ts': LATE,
    'lib/dyn.ts': `import { one } from './one.ts'\nexport * from './ring.ts'\nexport const value = one + 1\nglobalThis.name = 'n'\n`,
    'lib/one.ts': 'export const one = 1\nexport const other = 2\n',
    'lib/ring.ts': `export * from './dyn.ts'\nexport const ring = 5\n`,
  }
  const edits: readonly Edit[] = [
    ['lib/dyn.ts', 'one + 1', 'one + 2'],
    ['lib/one.ts', 'one = 1', 'one = 3'],
    ['lib/one.ts', 'other = 2', 'other = 3'],
    ['lib/ring.ts', 'ring = 5', 'ring = 6'],
    ['lib/dyn.ts', "'n'", "'m'"],
  ]
  expect(await staleAfter(files, edits)).toEqual(['a.x', 'a.x', '', 'a.x', 'a.x'])
})

test('a module that is imported later and was not there', async () => {
  project = tempProject({ 'a.ts': LATE })
  const before = await project.codeVersions()
  project.write({ 'lib/dyn.ts': 'export const value = 1\n' })
  expect((await project.codeVersions())['a.x']).not.toBe(before['a.x'])
})

test('of an asset that quarantines, the checks of rows and the values of enums', async () => {
  const options = `schema: { n: t.int(), k: t.enum(['u', 'v']) }, checks: (c) => [c.n.between(0, 5), c.$rows.count.between(0, 9)]`
  const compute = 'from({}, typescript(async function* () {}))'
  const files = {
    'q.ts': `${HEAD}export const q = asset('a.q', { ${options}, quarantine: true })\nq.${compute}\n`,
    'p.ts': `${HEAD}export const p = asset('a.p', { ${options} })\np.${compute}\n`,
  }
  const edits: readonly Edit[] = ['q.ts', 'p.ts'].flatMap((file): readonly Edit[] => [
    [file, '(0, 5)', '(0, 6)'],
    [file, '(0, 5)', "(0, 5, { mode: 'warn' })"],
    [file, '(0, 5)', '(0, 5, { mostly: 0.5 })'],
    [file, "'v'", "'w'"],
    [file, '(0, 9)', '(0, 8)'],
    [file, "['u', 'v']", "['v', 'u']"],
  ])
  expect(await staleAfter(files, edits)).toEqual([...Array(4).fill('a.q'), ...Array(8).fill('')])
})

test('in a folder with brackets and blanks in its name', async () => {
  const files = { 'lib/make.ts': MAKE, 'a.ts': `import { make } from './lib/make.ts'\nexport const x = make('a.x', 10)\n` }
  const query = `${HEAD}export const s = asset('a.s', { schema })\ns.from({}, duckdb(() => sql\`select 1::int as n\`))\n`
  expect(await staleAfter({ ...files, 's.ts': query }, [['a.ts', '10', '11']], 'copy (2) %41')).toEqual(['a.x'])
  expect((await project.load()).asset('a.s')?.where).toEqual({ file: 's.ts', line: 3, column: 18 })
  project.write({ 's.ts': `${HEAD}\nthrow new Error('no')\n` })
  expect((await project.problems())[0]).toMatchObject({ code: 'ASSAY-1002', where: { file: 's.ts', line: 4 } })
  project.write({ 's.ts': `${HEAD}\nconst = 1\n` })
  expect((await project.problems())[0]).toMatchObject({ where: { file: 's.ts', line: 4 } })
})

test('code whose place is not known is refused, not taken for constant', async () => {
  const text = `${HEAD}export const x = asset('a.x', { schema })
const from = new Function('a', 'compute', 'a.from({}, compute)') as never
await new Promise<void>((done) => { setTimeout(from, 0, x, typescript(async function* () {})); setTimeout(done, 0) })
`
  project = tempProject({ 'a.ts': text })
  expect(await project.problems()).toMatchObject([{ code: 'ASSAY-1002', what: 'it is not known which code makes a.x' }])
})

test('1011: deps that differ only in case', async () => {
  const one = (name: string): string =>
    `export const ${name} = asset('a.${name}', { schema })\n${name}.from({}, duckdb(() => sql\`select 1::int as n\`))\n`
  const both = `export const z = asset('a.z', { schema })\nz.from({ o: x, O: y }, duckdb(({ o, O }) => sql\`select o.n from \${o} o, \${O} p\`))\n`
  project = tempProject({ 'a.ts': `${HEAD}${one('x')}${one('y')}${both}` })
  const what = 'two deps of a.z differ only in case: o and O'
  expect(await project.problems()).toMatchObject([{ code: 'ASSAY-1011', what, where: { file: 'a.ts', line: 8 } }])
})
