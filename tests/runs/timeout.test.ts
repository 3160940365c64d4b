import { existsSync, readFileSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { type TestProject, testProject } from '../support/project.ts'

const PROJECT = `
import { spawn } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { asset, defineProject, outputs, t, typescript } from 'assay'
if (process.argv[1]?.includes('worker')) appendFileSync(import.meta.dirname + '/imports', 'x')
export const slow = asset('a.slow', { schema: { n: t.int() }, timeout: 5000 })
slow.from({}, typescript(async function* (_, row) {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  yield row({ n: 1 })
  writeFileSync('pids', process.pid + ' ' + child.pid)
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}))
export const quick = asset('a.quick', { schema: { n: t.int() }, timeout: 5000 })
quick.from({}, typescript(function* (_, row) { yield row({ n: 1 }) }))
export const lax = asset('a.lax', { schema: { n: t.int() }, timeout: 7000 })
export const strict = asset('a.strict', { schema: { n: t.int() }, timeout: 5000 })
export const unlimited = asset('a.unlimited', { schema: { n: t.int() } })
outputs({ lax, strict, unlimited }).from({}, typescript(async function* () {
  writeFileSync('pids', String(process.pid))
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}))
export default defineProject({ name: 'test', assets: { slow, quick, lax, strict, unlimited } })
`

let p: TestProject
beforeAll(async () => {
  p = await testProject({ 'project.ts': PROJECT })
})
afterAll(() => p.remove())

/** A clock on which 5 seconds have passed as soon as the file `pids` is there; other sleeps last until they are ended. */
function clockOf(root: string): Clock {
  const file = join(root, 'pids')
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (existsSync(file) && readFileSync(file, 'utf8') !== '' && ms === 5000) done()
      }
      const watcher = watch(root, look)
      const done = (): void => {
        watcher.close()
        resolve()
      }
      signal?.addEventListener('abort', done, { once: true })
      look()
    })
  return { ...systemClock, sleep }
}

/** A process that nobody has waited for yet is dead all the same. */
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

it('ends a step that takes too long with all that it has started, and says so', async () => {
  const { state, events } = await p.run({ select: 'a.slow', clock: clockOf(p.root) })
  expect(state).toBe('failed')
  const problem = events.flatMap((event) => (event.type === 'step.failed' ? [event.problem] : []))
  expect(problem).toMatchObject([{ code: 'ASSAY-3045', what: 'a.slow had not ended after 5000 ms, which is its timeout' }])
  const pids = readFileSync(join(p.root, 'pids'), 'utf8').split(' ').map(Number)
  expect(pids).toHaveLength(2)
  while (pids.some(isAlive)) await new Promise(setImmediate)
  expect(await p.rows('a.slow')).toEqual([])
}, 20_000)

it('leaves one alone that ends in time, which is counted from when a worker has loaded it', async () => {
  // Of a project that no worker has loaded yet.
  await p.write({ 'project.ts': `${PROJECT}// anew`, imports: '' })
  const imports = (): number => readFileSync(join(p.root, 'imports'), 'utf8').length
  const atBegin: number[] = []
  const sleep: Clock['sleep'] = (ms, signal) => {
    if (ms === 5000) atBegin.push(imports())
    return new Promise((ended) => signal?.addEventListener('abort', () => ended()))
  }
  expect((await p.run({ select: 'a.quick', clock: { ...systemClock, sleep } })).state).toBe('succeeded')
  expect(atBegin).toEqual([1])
})

it('holds several outputs to the strictest of their timeouts', async () => {
  rmSync(join(p.root, 'pids'), { force: true })
  const { events } = await p.run({ select: 'a.strict', clock: clockOf(p.root) })
  expect(events).toContainEqual(
    expect.objectContaining({ problem: expect.objectContaining({ what: 'a.strict had not ended after 5000 ms, which is its timeout' }) }),
  )
}, 20_000)
