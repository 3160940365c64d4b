import { afterEach, describe, test } from 'vitest'
import { edited, EDITS, FILES } from './reload-edits.ts'
import { tempProject, type TempProject } from './temp-project.ts'

/** A change loads a few files and takes the rest from the load before: what comes out is what loading everything gives. All edits are in the deep tests. */
const SOME = [
  'a statement',
  'a column that others copy',
  'what a file changes in another',
  'an import of itself by way of another',
  'a statement that does not bind',
]

let project: TempProject
afterEach(() => project.remove())

describe('after a change of', () => {
  test.each(Object.entries(EDITS).filter(([name]) => SOME.includes(name)))('%s', async (_, edit) => {
    project = tempProject(FILES)
    await project.load()
    await edited(project, edit)
  })
})
