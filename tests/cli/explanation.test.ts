import { expect, it } from 'vitest'
import { statusOfAll } from '../../src/assets/status.ts'
import { systemClock } from '../../src/clock.ts'
import { explain } from '../../src/cli/explanation.ts'
import { assetKey } from '../../src/keys.ts'
import { range } from '../../src/partitions/partition-set.ts'
import { loadProject } from '../../src/project/load.ts'
import { inspect } from '../../src/runs/launch.ts'
import { testProject } from '../support/project.ts'

const PROJECT = `
import { asset, defineProject, staticPartitions, t, typescript } from 'assay'
export const broken = asset('a.broken', { partitions: staticPartitions(['de', 'fr', 'nl']).on('country'), schema: { country: t.string() } })
broken.from({}, typescript(function* (_, row, { partitions }) { throw new Error('boom ' + partitions[0].key) }))
export default defineProject({ name: 'test', assets: { broken } })
`

it('reads the steps of a run once, however many partitions it failed for', async () => {
  const project = await testProject({ 'project.ts': PROJECT })
  expect((await project.run()).state).toBe('failed')
  const loaded = await loadProject(project.settings)
  const inspection = await inspect(project.settings, loaded)
  const asked: string[] = []
  const steps = (runId: string) => {
    asked.push(runId)
    return inspection.storage.steps(runId)
  }
  const storage = { ...inspection.storage, steps }
  const statuses = statusOfAll(loaded.manifest.assets, inspection.states, systemClock.now())
  const spec = loaded.asset(assetKey('a.broken'))
  const reasons = spec === undefined ? [] : await explain({ loaded, inspection: { ...inspection, storage }, statuses }, spec, range(0, 3))
  inspection.close()
  await project.remove()
  expect(reasons.flatMap((reason) => (reason.kind === 'attempt' ? [reason.problem] : []))).toEqual(
    ['de', 'fr', 'nl'].map((key) => `ASSAY-3003 Error: boom ${key}`),
  )
  expect(asked).toHaveLength(1)
})
