import { mkdtempSync, realpathSync, rmSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callSite, parseFrame } from '../src/call-site.ts'

describe('a line of a stack', () => {
  test.each([
    ['    at make (file:///tmp/copy%20(2)/project.ts:3:14)', '/tmp/copy (2)/project.ts', 3, 14],
    ['    at file:///tmp/copy%20(2)/project.ts?v=1:3:14', '/tmp/copy (2)/project.ts', 3, 14],
    ['    at file:///tmp/copy%20(2)/project.ts:3:14', '/tmp/copy (2)/project.ts', 3, 14],
    ['    at async Object.run [as go] (/tmp/a (/b)/(c).ts:1:2)', '/tmp/a (/b)/(c).ts', 1, 2],
    ['    at async /tmp/copy (2)/(c).ts:1:2', '/tmp/copy (2)/(c).ts', 1, 2],
    ['    at new Thing (/tmp/plain.ts:10:20)', '/tmp/plain.ts', 10, 20],
    ['    at eval (eval at make (/tmp/copy (2)/a.ts:1:1), <anonymous>:1:1)', undefined, 0, 0],
    ['    at node:internal/main:1:2', undefined, 0, 0],
    ['    at Promise.all (index 0)', undefined, 0, 0],
  ])('%s', (frame, file, line, column) => {
    expect(parseFrame(frame)).toEqual(file === undefined ? undefined : { file, line, column })
  })
})

describe('the place of a call', () => {
  let folder: string
  beforeAll(() => {
    folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'assay-call-'))), 'copy (2) %41#')
    mkdirSync(folder)
  })
  afterAll(() => rmSync(join(folder, '..'), { recursive: true }))

  test('is found in folders with any name, with all the calls that led to it', () => {
    const module = JSON.stringify(new URL('../src/call-site.ts', import.meta.url).href)
    const file = join(folder, 'a.ts')
    writeFileSync(
      file,
      `import { callSite, callSites } from ${module}\nfunction f() { return [callSite(f), ...callSites(f)] }\nconst outer = () => f()\nconsole.log(JSON.stringify(outer()))\n`,
    )
    const places = JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' })) as unknown
    const inner = { file, line: 3, column: 21 }
    expect(places).toEqual([inner, inner, { file, line: 4, column: 28 }])
  })

  test('leaves how others read stacks as it was', () => {
    const before = [Error.prepareStackTrace, Error.stackTraceLimit]
    const called = (): unknown => callSite(called)
    expect(called()).toMatchObject({ line: expect.any(Number) })
    expect([Error.prepareStackTrace, Error.stackTraceLimit]).toEqual(before)
  })
})
