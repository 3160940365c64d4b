import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, test } from 'vitest'
import { edited, EDITS, FILES } from './reload-edits.ts'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
afterEach(() => project.remove())

describe('after a change of', () => {
  test.each(Object.entries(EDITS))('%s', async (_, edit) => {
    project = tempProject(FILES)
    await project.load()
    await edited(project, edit)
  })
})

test('after any edits, one behind the other, what comes out is what loading everything gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(Object.keys(EDITS), { minLength: 6 }), async (names) => {
      project = tempProject(FILES)
      await project.load()
      for (const name of names) {
        const { loaded: _, ...edit } = EDITS[name] ?? { file: '', from: '', to: '' }
        if (!readFileSync(join(project.root, edit.file), 'utf8').includes(edit.from)) continue
        await edited(project, edit)
      }
      project.remove()
    }),
    { numRuns: 12 },
  )
})
