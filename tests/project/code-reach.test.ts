import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Files, staleInVariants, tempProject, type TempProject, type Variant } from './temp-project.ts'

/** What a code version reaches beyond the compute's own text and functions: calls around it, effects, late imports. */
let project: TempProject
afterEach(() => project.remove())

/** Files, and edits that are each made on the files as they were, with the assets that must become stale. */
interface Case {
  readonly files: Files
  readonly edits: readonly (readonly [file: string, from: string, to: string, stale: string])[]
}

const variantsOf = ({ files, edits }: Case): readonly Variant[] => edits.map(([file, from, to]) => ({ files, file, changes: [[from, to]] }))

const HEAD = `import { asset, duckdb, sql, t, typescript } from 'assay'\nconst schema = { n: t.int() }\n`
const MAKE = `${HEAD}export const make = (key: 'a.x' | 'a.y', limit: number) => {
  const a = asset(key, { schema })
  a.from({}, typescript(async function* (_, row) { yield row({ n: limit }) }))
  return a
}
`

const ARGUMENTS = `import { make } from './lib/make.ts'
const BASE = 1
const twice = (key: 'a.y', n: number) => make(key, n * 2)
export const x = make('a.x', BASE + 10)
export const y = twice('a.y', 20)
`
const READS = `export const z = asset('a.z', { schema })
z.from({ x }, typescript(async function* ({ x: _ }, row) { console.log(x.key); yield row({ n: 1 }) }))
`

const USES_LIMITS = `export const x = asset('a.x', { schema })
x.from({}, typescript(async function* (_, row) { yield row({ n: limits.a }) }))
export const y = asset('a.y', { schema })
y.from({}, typescript(async function* (_, row) { yield row({ n: 7 + limits.a - limits.a }) }))
export const z = asset('a.z', { schema })
z.from({}, typescript(async function* (_, row) { yield row({ n: 3 }) }))
`

const LATE = `${HEAD}export const x = asset('a.x', { schema })
x.from({}, typescript(async function* (_, row) { yield row({ n: (await import('./lib/dyn.ts')).value }) }))
export const y = asset('a.y', { schema })
y.from({}, typescript(async function* (_, row) { const name = './lib/dyn.ts'; yield row({ n: (await import(name)).value }) }))
`

test('a module that is imported later and was not there', async () => {
  project = tempProject({ 'a.ts': LATE })
  const before = await project.codeVersions()
  project.write({ 'lib/dyn.ts': 'export const value = 1\n' })
  expect((await project.codeVersions())['a.x']).not.toBe(before['a.x'])
})

const OPTIONS = `schema: { n: t.int(), k: t.enum(['u', 'v']) }, checks: (c) => [c.n.between(0, 5), c.$rows.count.between(0, 9)]`
const NOTHING = 'from({}, typescript(async function* () {}))'

const changedAfterwards = (open: string, close: string): Case => {
  const make = `const a = asset('a.x', { schema })\na.from({}, typescript(async function* (_, row) { yield row({ n: maker.limit }) }))\nreturn a\n`
  return {
    files: { 'a.ts': `${HEAD}${open}\n${make}${close}\nObject.assign(maker, { limit: 10 })\nexport const x = maker.make()\n` },
    edits: [['a.ts', '10', '11', 'a.x']],
  }
}
const effect = (statement: string): Case => ({
  files: { 'a.ts': `${HEAD}const limits = { a: 1 }\n${statement}\n${USES_LIMITS}` },
  edits: [
    ['a.ts', '10', '11', 'a.x a.y'],
    ['a.ts', 'n: 7', 'n: 8', 'a.y'],
  ],
})

const CASES: Readonly<Record<string, Case>> = {
  'the arguments of a function that makes an asset, and of each function that led to it': {
    files: { 'lib/make.ts': MAKE, 'a.ts': ARGUMENTS },
    edits: [
      ['a.ts', '+ 10', '+ 11', 'a.x'],
      ['a.ts', 'BASE = 1', 'BASE = 2', 'a.x'],
      ['a.ts', '20)', '21)', 'a.y'],
      ['a.ts', 'n * 2', 'n * 3', 'a.y'],
      ['lib/make.ts', 'n: limit', 'n: -limit', 'a.x a.y'],
    ],
  },
  'an asset that a function made counts as its key for those that read it': {
    files: { 'a.ts': `${MAKE}export const x = make('a.x', 10)\n${READS}` },
    edits: [
      ['a.ts', "'a.x', 10", "'a.x', 11", 'a.x'],
      ['a.ts', 'n: 1 ', 'n: 2 ', 'a.z'],
    ],
  },
  'a call at the top level that is handed what a compute reads': effect('Object.assign(limits, { a: 10 })'),
  'a loop at the top level that changes what a compute reads': effect('for (const name of ["a"] as const) limits[name] = 10'),
  'a condition at the top level that changes what a compute reads': effect('if (process.pid > 0) { limits.a = 10 }'),
  'an object that makes an asset, and is changed after it was declared': changedAfterwards('const maker = { limit: 1, make() {', '} }'),
  'a function that makes an asset, and is changed after it was declared': changedAfterwards(
    'export function maker() { maker.make() }\nmaker.limit = 0\nmaker.make = () => {',
    '}',
  ),
  'a resource as its name, not as how it is opened': {
    files: {
      'lib/crm.ts': `import { resource } from 'assay'\nexport const crm = resource('a.crm', { open: () => 1 })\n`,
      'a.ts': `${HEAD}import { crm } from './lib/crm.ts'\nexport const x = asset('a.x', { schema })\nx.from({}, typescript(async function* (_, row, { use }) { yield row({ n: await use(crm) }) }))\n`,
    },
    edits: [
      ['lib/crm.ts', '() => 1', '() => 2', ''],
      ['lib/crm.ts', "resource('a.crm'", "resource('a.crm2'", 'a.x'],
    ],
  },
  'a file that changes what it imports': {
    files: {
      'lib/limits.ts': 'export const limits = { a: 1 }\n',
      'a.ts': `import { limits } from './lib/limits.ts'\n${HEAD}Object.assign(limits, { a: 10 })\n${USES_LIMITS}`,
    },
    edits: [['a.ts', '10', '11', 'a.x a.y']],
  },
  'a module that a compute imports under a literal name, with all that it imports and does': {
    files: {
      'a.ts': LATE,
      'lib/dyn.ts': `import { one } from './one.ts'\nexport * from './ring.ts'\nexport const value = one + 1\nglobalThis.name = 'n'\n`,
      'lib/one.ts': 'export const one = 1\nexport const other = 2\n',
      'lib/ring.ts': `export * from './dyn.ts'\nexport const ring = 5\n`,
    },
    edits: [
      ['lib/dyn.ts', 'one + 1', 'one + 2', 'a.x'],
      ['lib/one.ts', 'one = 1', 'one = 3', 'a.x'],
      ['lib/one.ts', 'other = 2', 'other = 3', ''],
      ['lib/ring.ts', 'ring = 5', 'ring = 6', 'a.x'],
      ['lib/dyn.ts', "'n'", "'m'", 'a.x'],
    ],
  },
  'of an asset that quarantines, the checks of rows and the values of enums': {
    files: {
      'q.ts': `${HEAD}export const q = asset('a.q', { ${OPTIONS}, quarantine: true })\nq.${NOTHING}\n`,
      'p.ts': `${HEAD}export const p = asset('a.p', { ${OPTIONS} })\np.${NOTHING}\n`,
    },
    edits: ['q.ts', 'p.ts'].flatMap((file): Case['edits'] => {
      const stale = file === 'q.ts' ? 'a.q' : ''
      return [
        [file, '(0, 5)', '(0, 6)', stale],
        [file, '(0, 5)', "(0, 5, { mode: 'warn' })", stale],
        [file, '(0, 5)', '(0, 5, { mostly: 0.5 })', stale],
        [file, "'v'", "'w'", stale],
        [file, '(0, 9)', '(0, 8)', ''],
        [file, "['u', 'v']", "['v', 'u']", ''],
      ]
    }),
  },
}

describe('counted', () => {
  let found: readonly (readonly string[])[]
  beforeAll(async () => {
    project = tempProject({})
    found = await staleInVariants(project, Object.values(CASES).flatMap(variantsOf))
    project.remove()
  })
  const firsts = Object.values(CASES).map((_, i, all) => all.slice(0, i).reduce((n, { edits }) => n + edits.length, 0))
  test.each(Object.entries(CASES).map(([title, { edits }], i) => ({ title, edits, first: firsts[i] ?? 0 })))(
    '$title',
    ({ edits, first }) => {
      expect(edits.map((_, i) => found[first + i]?.join(' '))).toEqual(edits.map(([, , , stale]) => stale))
    },
  )
})

test('in a folder with brackets and blanks in its name', async () => {
  const files = { 'lib/make.ts': MAKE, 'a.ts': `import { make } from './lib/make.ts'\nexport const x = make('a.x', 10)\n` }
  const query = `${HEAD}export const s = asset('a.s', { schema })\ns.from({}, duckdb(() => sql\`select 1::int as n\`))\n`
  project = tempProject({}, 'copy (2) %41')
  const edited = variantsOf({ files: { ...files, 's.ts': query }, edits: [['a.ts', '10', '11', 'a.x']] })
  expect(await staleInVariants(project, edited)).toEqual([['a.x']])
  expect((await project.load()).asset('v0.s')?.where).toEqual({ file: 'v0/s.ts', line: 3, column: 18 })
  project.write({ 'v0/s.ts': `${HEAD}\nthrow new Error('no')\n` })
  expect((await project.problems())[0]).toMatchObject({ code: 'ASSAY-1002', where: { file: 'v0/s.ts', line: 4 } })
  project.write({ 'v0/s.ts': `${HEAD}\nconst = 1\n` })
  expect((await project.problems())[0]).toMatchObject({ where: { file: 'v0/s.ts', line: 4 } })
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
