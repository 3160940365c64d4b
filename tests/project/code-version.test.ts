import { beforeAll, describe, expect, test } from 'vitest'
import { normaliseSql } from '../../src/project/code-version.ts'
import { staleInVariants, tempProject, type Variant } from './temp-project.ts'

const LIB = `export const RATE = 2
const unused = 3
/** Doubles. */
export function twice(n: number): number {
  return helper(n) * RATE
}
function helper(n: number) { return n + limits.get('a')! }
const limits = new Map([['a', 1]])
limits.set('b', 2)
export function other(n: number) { return n - 1 }
export * from './more.ts'
export default { factor: 5 }
`
const MORE = `export const more = (n: number) => n * 7\n`
const FACTORY = `import { typescript } from 'assay'
import { other } from './lib.ts'
export const csv = (file: string) => typescript<{}, { n: number }>(async function* (_inputs, row) { yield row({ n: other(file.length) }) })
`
const SQL = `import { sql } from 'assay'\nexport const recent = sql\`n > 0\`\n`
const ASSETS = `import { asset, duckdb, sql, t, typescript } from 'assay'
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import config, { other, twice, more } from './lib/lib.ts'
import * as factory from './lib/factory.ts'
import { recent } from './lib/sql.ts'
const number = { n: t.int() }
export const source = asset('a.source', { schema: number })
source.from({}, typescript(async function* (_inputs, row) { yield row({ n: createHash('md5').digest().length }) }))
export const twices = asset('a.twices', { description: 'a', schema: number, checks: (c) => [c.n.between(0, 1)] })
twices.from({ source }, typescript(async function* ({ source }, row) {
  for await (const r of source.rows()) yield row({ n: twice(r.n) })
}))
export const others = asset('a.others', { schema: number })
others.from({ source }, typescript(async function* ({ source: twice }, row) {
  for await (const r of twice.rows()) yield row({ n: other(r.n) })
}))
export const configured = asset('a.configured', { schema: number })
configured.from({}, typescript(async function* (_, row) { yield row({ n: config.factor }); yield row({ n: more(1) }); console.log(source.key) }))
export const filed = asset('a.filed', { schema: number })
filed.from({}, factory.csv('a.csv'))
export const queried = asset('a.queried', { schema: number })
queried.from({ source }, duckdb(({ source: s }) => sql\`select \${s.n} from \${s} where \${recent} and 'a  b' <> ''\`))
`
const PROJECT = `import { defineProject } from 'assay'\nimport { all } from './assets.ts'\nexport default defineProject({ name: 'p', assets: { a: all[0]! } })\n`
const FILES = { 'assets.ts': ASSETS, 'lib/lib.ts': LIB, 'lib/more.ts': MORE, 'lib/factory.ts': FACTORY, 'lib/sql.ts': SQL }

const of = (file: keyof typeof FILES, ...changes: Variant['changes']): Variant => ({ files: FILES, file, changes })
const EDITS: readonly (readonly [title: string, stale: readonly string[], edit: Variant])[] = [
  ['a shared function makes its users stale, through files', ['a.filed', 'a.others'], of('lib/lib.ts', ['return n - 1', 'return n - 2'])],
  ['a constant behind a shared function', ['a.twices'], of('lib/lib.ts', ['RATE = 2', 'RATE = 3'])],
  ['a function behind a shared function', ['a.twices'], of('lib/lib.ts', ['return n + limits', 'return n - limits'])],
  ['a function that is exported again', ['a.configured'], of('lib/more.ts', ['* 7', '* 8'])],
  ['a default export', ['a.configured'], of('lib/lib.ts', ['factor: 5', 'factor: 6'])],
  ['a statement that changes what a function reads', ['a.twices'], of('lib/lib.ts', ["limits.set('b', 2)", "limits.set('b', 3)"])],
  ['the arguments of a function that makes the compute', ['a.filed'], of('assets.ts', ["'a.csv'", "'b.csv'"])],
  ['the function that makes the compute', ['a.filed'], of('lib/factory.ts', ['file.length', 'file.length + 1'])],
  [
    'not layout, comments, types, and what nobody uses',
    [],
    of(
      'lib/lib.ts',
      ['return helper(n) * RATE', '// times\n\n  return (helper( n )*RATE);;'],
      ['n: number): number', 'n: any)'],
      ['unused = 3', 'unused = 4'],
    ),
  ],
  [
    'not the layout of imports',
    [],
    of('assets.ts', ["import { createHash } from 'node:crypto'", '\n\nimport { createHash } from "node:crypto" // hash']),
  ],
  ['not descriptions and checks', [], of('assets.ts', ["description: 'a'", "description: 'b'"], ['between(0, 1)', 'between(0, 2)'])],
  ['columns', ['a.others'], of('assets.ts', ["'a.others', { schema: number }", "'a.others', { schema: { n: t.int().nullable() } }"])],
  ['an asset as its key, not as its definition', ['a.source'], of('assets.ts', ['digest().length', 'digest().length + 1'])],
  [
    'not the names of deps, white space and comments of a statement',
    [],
    of('assets.ts', ['source: s })', 'source: src })'], ['${s.n} from ${s}', '\n ${src.n} -- n\n from ${src}']),
  ],
  ['what a statement says', ['a.queried'], of('assets.ts', ["'a  b'", "'a b'"])],
  ['a fragment of a statement', ['a.queried'], of('lib/sql.ts', ['n > 0', 'n > 1'])],
]

describe('the code version', () => {
  let stale: readonly (readonly string[])[] = []
  beforeAll(async () => {
    const project = tempProject({})
    stale = await staleInVariants(
      project,
      EDITS.map(([, , edit]) => edit),
    )
    for (const version of Object.values(await project.codeVersions())) expect(version).toMatch(/^[0-9a-f]{16}$/)
    project.remove()
  })

  test.each(EDITS.map(([title, expected], i) => ({ title, expected, i })))('counts $title', ({ expected, i }) => {
    expect(stale[i]).toEqual(expected)
  })

  test('a compute that is made in a loop or in a function counts with the statement around it', async () => {
    const loop = `import { asset, typescript } from 'assay'\nimport { other } from './lib/lib.ts'\nexport const all = [asset('a.l', {})]\n`
    const folded = `${loop}all.reduce((_, a) => { a.from({}, typescript(async () => { other(1) })) }, undefined)\n`
    const looped = tempProject({ ...FILES, 'assets.ts': folded, 'project.ts': PROJECT })
    try {
      const first = await looped.codeVersions()
      looped.write({ 'assets.ts': folded.replace('other(1)', 'other(2)') })
      const second = await looped.codeVersions()
      looped.write({ 'lib/lib.ts': LIB.replace('n - 1', 'n - 2') })
      expect(new Set([first, second, await looped.codeVersions()].map((versions) => versions['a.l'])).size).toBe(3)
    } finally {
      looped.remove()
    }
  })

  test('a text in its place counts alone; the write mode counts, but not how rows leave their files', async () => {
    const file = (options: string, n: number): string =>
      `import { asset, merge, t, typescript } from 'assay'\nexport const o = asset('a.o', { schema: { n: t.int() }, key: ['n'], ${options} })\no.from({}, typescript(async function* (_, row) { yield row({ n: ${n} }) }))\n`
    const project = tempProject({
      'o.ts': file('', 1),
      'project.ts': `import { defineProject } from 'assay'\nimport * as o from './o.ts'\nexport default defineProject({ name: 'p', assets: { o } })`,
    })
    const versionOf = async (options: string, n: number): Promise<string | undefined> => {
      project.write({ 'o.ts': file(options, n) })
      return (await project.codeVersions())['a.o']
    }
    try {
      const plain = await versionOf('', 1)
      const merged = await versionOf('write: merge()', 1)
      expect(merged).not.toBe(plain)
      expect(await versionOf("write: merge({ as: 'merge-on-read' })", 1)).toBe(merged)
      expect(await versionOf("sortBy: ['n'], timeout: 1000", 1)).toBe(plain)
      expect([await versionOf("codeVersion: 'v2'", 1), await versionOf("codeVersion: 'v2'", 2)]).toEqual(['v2', 'v2'])
    } finally {
      project.remove()
    }
  })

  test('a package counts by its locked version', async () => {
    const lock = (version: string): string => JSON.stringify({ packages: { 'node_modules/dep': { version } } })
    const uses = `import { value } from 'dep'\nimport { asset, t, typescript } from 'assay'\nexport const d = asset('a.d', { schema: { n: t.int() } })\nd.from({}, typescript(async function* (_, row) { yield row({ n: value }) }))\n`
    const other = tempProject({
      'd.ts': uses,
      'node_modules/dep/package.json': '{ "name": "dep", "type": "module", "exports": "./i.js" }',
      'node_modules/dep/i.js': 'export const value = 1',
      'package-lock.json': lock('1.0.0'),
      'project.ts': `import { defineProject } from 'assay'\nimport * as d from './d.ts'\nexport default defineProject({ name: 'p', assets: { d } })`,
    })
    try {
      const first = await other.codeVersions()
      other.write({ 'package-lock.json': lock('1.0.1') })
      expect(await other.codeVersions()).not.toEqual(first)
    } finally {
      other.remove()
    }
  })
})

test.each([
  ['select  a\n\tfrom b', 'select a from b'],
  ['select \'a  --b\', "c  /* d" -- e\nfrom f', 'select \'a  --b\', "c  /* d" from f'],
  ['select /* a\n b */ c', 'select c'],
  ["select 'it''s  x'  ", "select 'it''s  x'"],
  ['select $$a  b$$  , 1', 'select $$a  b$$ , 1'],
])('%j is normalised to %j', (text, normal) => {
  expect(normaliseSql(text)).toBe(normal)
})
