import { afterEach, expect, test } from 'vitest'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
afterEach(() => project.remove())

const text = (version: string, helper: string): string => `import { asset, externalAsset, typescript } from 'assay'
const places = new Map([['a', 1]])
const look = (name: string) => ${helper}
export const files = externalAsset('x.files')
files.observe(() => ${version})
export const reader = asset('x.reader', {})
reader.from({ files }, typescript(async () => { look('b') }))
export const other = asset('x.other', {})
other.from({}, typescript(async () => { places.clear() }))
`

test('how a version is found out is no part of the code of what reads it, nor of what shares its helpers', async () => {
  project = tempProject({ 'a.ts': text('look("a")', 'String(places.get(name))') })
  const before = await project.codeVersions()
  project.write({ 'a.ts': text('look("a") + places.size', 'String(places.get(name))') })
  expect(await project.codeVersions()).toEqual(before)
  project.write({ 'a.ts': text('look("a")', 'String(places.get(name) ?? 0)') })
  expect(await project.codeVersions()).toEqual({ ...before, 'x.reader': expect.not.stringMatching(before['x.reader'] ?? '') })
  expect((await project.load()).asset('x.files')?.observe).toEqual({ module: 'a.ts' })
})

test('1008: a second version function', async () => {
  project = tempProject({ 'a.ts': `${text('"v"', '""')}files.observe(() => 'w')` })
  expect(await project.problems()).toMatchObject([
    { code: 'ASSAY-1008', what: 'x.files was already given a version function', where: { line: 10 } },
  ])
})
