import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { normaliseSql } from '../../src/project/code-version.ts'
import { tempProject, type TempProject } from './temp-project.ts'

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
export const source = asset('x.source', { schema: number })
source.from({}, typescript(async function* (_inputs, row) { yield row({ n: createHash('md5').digest().length }) }))
export const twices = asset('x.twices', { description: 'a', schema: number, checks: (c) => [c.n.between(0, 1)] })
twices.from({ source }, typescript(async function* ({ source }, row) {
  for await (const r of source.rows()) yield row({ n: twice(r.n) })
}))
export const others = asset('x.others', { schema: number })
others.from({ source }, typescript(async function* ({ source: twice }, row) {
  for await (const r of twice.rows()) yield row({ n: other(r.n) })
}))
export const configured = asset('x.configured', { schema: number })
configured.from({}, typescript(async function* (_, row) { yield row({ n: config.factor }); yield row({ n: more(1) }); console.log(source.key) }))
export const filed = asset('x.filed', { schema: number })
filed.from({}, factory.csv('a.csv'))
export const queried = asset('x.queried', { schema: number })
queried.from({ source }, duckdb(({ source: s }) => sql\`select \${s.n} from \${s} where \${recent} and 'a  b' <> ''\`))
`
const PROJECT = `import { defineProject } from 'assay'\nimport { all } from './assets.ts'\nexport default defineProject({ name: 'p', assets: { a: all[0]! } })\n`
const FILES = { 'assets.ts': ASSETS, 'lib/lib.ts': LIB, 'lib/more.ts': MORE, 'lib/factory.ts': FACTORY, 'lib/sql.ts': SQL }

let project: TempProject
let before: Readonly<Record<string, string>>
beforeAll(async () => {
  project = tempProject(FILES)
  before = await project.codeVersions()
})
afterAll(() => project.remove())

/** The assets whose code version changes with these edits of one file. */
async function stale(file: keyof typeof FILES, ...edits: readonly (readonly [string, string])[]): Promise<readonly string[]> {
  let text = FILES[file]
  for (const [from, to] of edits) {
    expect(text).toContain(from)
    text = text.replace(from, to)
  }
  project.write({ ...FILES, [file]: text })
  const after = await project.codeVersions()
  return Object.keys(after)
    .filter((key) => after[key] !== before[key])
    .toSorted()
}

describe('the code version', () => {
  test('is a hash', () => {
    expect(Object.keys(before)).toHaveLength(6)
    for (const version of Object.values(before)) expect(version).toMatch(/^[0-9a-f]{16}$/)
  })

  test('a shared function makes exactly its users stale, through files and other functions', async () => {
    expect(await stale('lib/lib.ts', ['return n - 1', 'return n - 2'])).toEqual(['x.filed', 'x.others'])
    expect(await stale('lib/lib.ts', ['RATE = 2', 'RATE = 3'])).toEqual(['x.twices'])
    expect(await stale('lib/lib.ts', ['return n + limits', 'return n - limits'])).toEqual(['x.twices'])
    expect(await stale('lib/more.ts', ['* 7', '* 8'])).toEqual(['x.configured'])
    expect(await stale('lib/lib.ts', ['factor: 5', 'factor: 6'])).toEqual(['x.configured'])
  })

  test('a statement that changes what a function reads counts', async () => {
    expect(await stale('lib/lib.ts', ["limits.set('b', 2)", "limits.set('b', 3)"])).toEqual(['x.twices'])
  })

  test('a compute that is made in a loop or in a function counts with the statement around it', async () => {
    const loop = `import { asset, typescript } from 'assay'\nimport { other } from './lib/lib.ts'\nexport const all = [asset('x.l', {})]\n`
    const folded = `${loop}all.reduce((_, a) => { a.from({}, typescript(async () => { other(1) })) }, undefined)\n`
    const looped = tempProject({ ...FILES, 'assets.ts': folded, 'project.ts': PROJECT })
    try {
      const first = await looped.codeVersions()
      looped.write({ 'assets.ts': folded.replace('other(1)', 'other(2)') })
      const second = await looped.codeVersions()
      looped.write({ 'lib/lib.ts': LIB.replace('n - 1', 'n - 2') })
      expect(new Set([first, second, await looped.codeVersions()].map((versions) => versions['x.l'])).size).toBe(3)
    } finally {
      looped.remove()
    }
  })

  test('arguments of a function that makes the compute count', async () => {
    expect(await stale('assets.ts', ["'a.csv'", "'b.csv'"])).toEqual(['x.filed'])
    expect(await stale('lib/factory.ts', ['file.length', 'file.length + 1'])).toEqual(['x.filed'])
  })

  test('layout, comments, types, and what nobody uses do not count', async () => {
    expect(
      await stale(
        'lib/lib.ts',
        ['return helper(n) * RATE', '// times\n\n  return (helper( n )*RATE);;'],
        ['n: number): number', 'n: any)'],
        ['unused = 3', 'unused = 4'],
      ),
    ).toEqual([])
    expect(
      await stale('assets.ts', ["import { createHash } from 'node:crypto'", '\n\nimport { createHash } from "node:crypto" // hash']),
    ).toEqual([])
  })

  test('descriptions and checks do not count, columns do', async () => {
    expect(await stale('assets.ts', ["description: 'a'", "description: 'b'"], ['between(0, 1)', 'between(0, 2)'])).toEqual([])
    expect(await stale('assets.ts', ["'x.others', { schema: number }", "'x.others', { schema: { n: t.int().nullable() } }"])).toEqual([
      'x.others',
    ])
  })

  test('an asset counts as its key, not as its definition', async () => {
    expect(await stale('assets.ts', ['digest().length', 'digest().length + 1'])).toEqual(['x.source'])
  })

  test('a statement counts by what it says, not by names of deps, white space or comments', async () => {
    expect(await stale('assets.ts', ['source: s })', 'source: src })'], ['${s.n} from ${s}', '\n ${src.n} -- n\n from ${src}'])).toEqual([])
    expect(await stale('assets.ts', ["'a  b'", "'a b'"])).toEqual(['x.queried'])
    expect(await stale('lib/sql.ts', ['n > 0', 'n > 1'])).toEqual(['x.queried'])
  })

  test('a package counts by its locked version', async () => {
    const lock = (version: string): string => JSON.stringify({ packages: { 'node_modules/dep': { version } } })
    const uses = `import { value } from 'dep'\nimport { asset, t, typescript } from 'assay'\nexport const d = asset('x.d', { schema: { n: t.int() } })\nd.from({}, typescript(async function* (_, row) { yield row({ n: value }) }))\n`
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
