import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { loadProject } from '../../src/project/load.ts'
import { canonicalJson } from '../../src/project/manifest.ts'
import { ProjectErrors } from '../../src/project/problems.ts'
import type { Files, TempProject } from './temp-project.ts'

const NOTES = `import { appendFileSync } from 'node:fs'\nappendFileSync(import.meta.dirname + '/loaded', import.meta.filename.replace(/.*\\//, '') + ' ')\n`
const HEAD = `import { all, asset, duckdb, sql, t, typescript } from 'assay'\n${NOTES}`
export const FILES: Files = {
  'lib/days.ts': `import { daily } from 'assay'\nexport const days = daily({ start: '2026-01-01' })\nexport const LIMIT = 3\n`,
  'lib/names.ts': `export const names = new Map([['a', 1]])\n`,
  'source.ts': `${HEAD}import { days } from './lib/days.ts'
export const source = asset('a.source', { partitions: days.on('day'), schema: { day: t.date(), n: t.long(), kind: t.enum(['u', 'v']), price: t.decimal(18, 2).nullable() } })
source.from({}, typescript(async function* () {}))
export const other = asset('a.other', { schema: { n: t.long() } })
other.from({}, typescript(async function* (_, row) { yield row({ n: 1n }) }))
`,
  'middle.ts': `${HEAD}import { source } from './source.ts'
import { days, LIMIT } from './lib/days.ts'
export const middle = asset('a.middle', { partitions: source.partitions, schema: { ...source.schema, twice: t.long() }, checks: (c) => [c.n.between(0, LIMIT)] })
middle.from({ s: source }, duckdb(({ s }) => sql\`select \${s.day}, \${s.n}, \${s.kind}, \${s.price}, \${s.n} * 2 as twice from \${s}\`))
export { other } from './source.ts'
`,
  'end.ts': `${HEAD}import { middle, other } from './middle.ts'
export const end = asset('b.end', { description: 'one', schema: { total: t.decimal(38, 2).nullable() } })
end.from({ m: all(middle), o: other }, duckdb(({ m, o }) => sql\`select sum(\${m.price}) as total from \${m} join \${o} on \${o.n} = \${m.n}\`))
`,
  'alone.ts': `${HEAD}export const alone = asset('c.alone', { schema: { n: t.int() } })\nalone.from({}, duckdb(() => sql\`select 1::int as n\`))\n`,
  'named.ts': `${HEAD}import { names } from './lib/names.ts'\nnames.set('b', 2)
export const named = asset('c.named', { schema: { n: t.int() } })\nnamed.from({}, typescript(async function* (_, row) { yield row({ n: names.get('b')! }) }))\n`,
  'reader.ts': `${HEAD}import { names } from './lib/names.ts'
export const reader = asset('c.reader', { description: String(names.size), schema: { n: t.int() } })\nreader.from({}, typescript(async function* (_, row) { yield row({ n: 1 }) }))\n`,
  'x1.ts': `${HEAD}export const x1 = asset('x.one', {})\nx1.from({}, typescript(() => {}))\n`,
  'x2.ts': `${HEAD}export const x2 = asset('x.two', {})\nx2.from({}, typescript(() => {}))\n`,
  'x3.ts': `${HEAD}export const x3 = asset('x.three', {})\nx3.from({}, typescript(() => {}))\n`,
}

/** Edits of one file, and the files of assets that are loaded for it; undefined where all are, and how often does not matter. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly loaded?: string
}

export const EDITS: Readonly<Record<string, Edit>> = {
  'a statement': { file: 'end.ts', from: 'sum(${m.price})', to: 'sum(${m.price} + 1)', loaded: 'end.ts' },
  'a description': { file: 'end.ts', from: "'one'", to: "'two'", loaded: 'end.ts' },
  'a line above all': { file: 'middle.ts', from: 'import { all', to: '\nimport { all', loaded: 'middle.ts' },
  'a function': { file: 'source.ts', from: 'yield row({ n: 1n })', to: 'yield row({ n: 2n })', loaded: 'source.ts' },
  'a column that others copy': { file: 'source.ts', from: 'n: t.long(), kind', to: 'n: t.int(), kind' },
  'what a name is exported under': { file: 'end.ts', from: 'export const end', to: 'const it = 1; export const end' },
  'an asset more': {
    file: 'alone.ts',
    from: 'export const',
    to: `export const more = asset('c.more', {})\nmore.from({}, typescript(() => {}))\nexport const`,
  },
  'another key': { file: 'alone.ts', from: "'c.alone'", to: "'c.lonely'" },
  'an input less': { file: 'end.ts', from: ' join ${o} on ${o.n} = ${m.n}', to: '' },
  'what all share': { file: 'lib/days.ts', from: '2026-01-01', to: '2026-02-01' },
  'what a file changes in another': {
    file: 'named.ts',
    from: "names.set('b', 2)",
    to: "names.set('b', 2); names.set('c', 3)",
    loaded: 'named.ts reader.ts',
  },
  'that a file changes nothing in another': { file: 'named.ts', from: "names.set('b', 2)", to: '', loaded: 'named.ts reader.ts' },
  'an import more': {
    file: 'alone.ts',
    from: 'export const',
    to: `import { x1 } from './x1.ts'\nvoid x1\nexport const`,
    loaded: 'alone.ts',
  },
  'an import of what all share': {
    file: 'alone.ts',
    from: 'export const',
    to: `import { LIMIT } from './lib/days.ts'\nvoid LIMIT\nexport const`,
  },
  'a function that is exported': { file: 'alone.ts', from: 'export const', to: `export const f = () => 1\nexport const` },
  'an import of itself by way of another': {
    file: 'source.ts',
    from: 'export const',
    to: `import { end } from './end.ts'\nexport const again = end\nexport const`,
  },
  'an asset that reads what reads it': {
    file: 'source.ts',
    from: 'export const',
    to: `import { end } from './end.ts'\nvoid end.key\nexport const`,
  },
  'the name of the project': { file: 'project.ts', from: "'test'", to: "'best'" },
  'a key that there is already': { file: 'alone.ts', from: "'c.alone'", to: "'x.one'" },
  'a statement that does not bind': { file: 'end.ts', from: 'sum(', to: 'sun(' },
  'a file that is none': { file: 'alone.ts', from: 'export const', to: 'export cons' },
  'a compute less': { file: 'alone.ts', from: 'alone.from', to: 'void alone.from' },
}

/** Manifest or problems, as text. */
async function outcome(of: () => ReturnType<typeof loadProject>): Promise<string> {
  try {
    const { id, manifest } = await of()
    return canonicalJson({ id, manifest: JSON.parse(JSON.stringify(manifest)) as unknown })
  } catch (error) {
    if (!(error instanceof ProjectErrors)) throw error
    return canonicalJson(error.problems.map(({ trace: _, ...problem }) => problem))
  }
}

/** Makes an edit of a project that was loaded, and holds what it leads to against a load with nothing of the one before. */
export async function edited(project: TempProject, { file, from, to, loaded }: Edit): Promise<void> {
  loadedFiles(project)
  const before = readFileSync(join(project.root, file), 'utf8')
  expect(before).toContain(from)
  project.write({ [file]: before.replace(from, to) })
  const after = await outcome(() => project.load())
  if (loaded !== undefined) expect(loadedFiles(project)).toBe(loaded)
  const home = join(project.root, '.again')
  rmSync(home, { recursive: true, force: true })
  expect(after).toBe(await outcome(() => loadProject({ ...project.settings, home })))
}

/** The files that say so when they are loaded, since this was asked last. */
function loadedFiles({ root }: TempProject): string {
  const notes = join(root, 'loaded')
  const text = existsSync(notes) ? readFileSync(notes, 'utf8') : ''
  rmSync(notes, { force: true })
  return text.trim()
}
