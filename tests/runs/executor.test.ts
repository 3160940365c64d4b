import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { assetKey } from '../../src/keys.ts'
import { WHOLE } from '../../src/partitions/partition-set.ts'
import { loadProject } from '../../src/project/load.ts'
import { manifestFile } from '../../src/project/manifest.ts'
import type { Executor, StepAnswer } from '../../src/runs/executor.ts'
import { childProcesses } from '../../src/runs/executors/child-process.ts'
import type { StepMessage } from '../../src/runs/worker-protocol.ts'
import { type TestProject, testProject } from '../support/project.ts'

let open: TestProject | undefined
let executor: Executor | undefined
afterEach(async () => {
  executor?.kill()
  await executor?.close()
  await open?.remove()
  executor = undefined
  open = undefined
})

const HEAD = `import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { asset, defineProject, typescript } from 'assay'
`

const TELL_PID = 'console.log(process.pid)'
const print = (name: string): string =>
  `for (let i = 0; i < 3000; i++) { console.log('${name} ' + i); console.error('${name} ' + i) }; process.stdout.write('${name} ends')`

/** What the assets of one project do, by name; none has rows. */
const BODIES = {
  tells: TELL_PID,
  one: print('one'),
  two: print('two'),
  dies: `console.log('last words'); process.kill(process.pid, 'SIGKILL')`,
  spawns: `const child = spawn('sleep', ['60'], { stdio: 'inherit', detached: true }); console.log(child.pid); process.exit(4)`,
  silences: `process.stdout.write = () => true`,
  late: `const t = setInterval(() => { if (globalThis.go) { clearInterval(t); throw new Error('too late') } }, 1); console.log(process.pid)`,
  meets: `const thrown = new Promise((resolve) => process.once('uncaughtExceptionMonitor', () => setImmediate(resolve)))
    globalThis.go = true; await thrown; console.log(process.pid)`,
  rejects: `setTimeout(() => void Promise.reject(new Error('soon')), 3); console.log(process.pid)`,
  breaks: `setTimeout(() => { throw new Error('my own') }); await new Promise(() => {})`,
  ends: `process.stdout.on('error', () => {}); process.stdout.end()`,
}
/** Exports beside the assets, which a search for them meets. */
const LINKED = `export const linked = Array.from({ length: 60 }, () => ({}))
for (const a of linked) linked.forEach((b, i) => { a['to' + i] = b })
export const aFirst = linked[0]`

let project: TestProject
let manifestId: string
beforeAll(async () => {
  const assets = Object.entries(BODIES).map(
    ([name, body]) => `export const ${name} = asset('t.${name}', {})\n${name}.from({}, typescript(async () => { ${body} }))\n`,
  )
  const text = `${HEAD}${LINKED}\n${assets.join('')}\nexport default defineProject({ name: 'test', assets: { ${Object.keys(BODIES).join(', ')} } })`
  project = await testProject({ 'project.ts': text })
  manifestId = (await loadProject(project.settings)).id
})
afterAll(() => project.remove())

const stepOf = (name: keyof typeof BODIES): StepMessage => ({
  type: 'step',
  kind: 'make',
  runId: 'r',
  stepId: name,
  attempt: 1,
  assets: [assetKey(`t.${name}`)],
  partitions: WHOLE,
  inputs: {},
  compare: [],
  compareColumns: {},
  targets: [],
})

interface Ran {
  readonly answer: StepAnswer
  readonly lines: readonly string[]
}

/** Runs steps on one worker, as the supervisor does. */
function runner(): (name: keyof typeof BODIES) => Promise<Ran> {
  const { root, projectFile, home } = project.settings
  const made = childProcesses(1, {
    manifestFile: manifestFile(home, manifestId),
    root,
    projectFile,
    home,
    threads: 1,
    memory: 1_000_000_000,
    tempFolder: join(home, 'tmp'),
    profile: 'local',
  })
  executor = made
  return async (name) => {
    const lines: string[] = []
    const answer = await made.run(stepOf(name), (stream, text) => lines.push(`${stream}: ${text}`))
    return { answer, lines: [...lines] }
  }
}

/** Without a turn of the event loop. A process that has ended is a zombie until its parent asks. */
const isDead = (pid: number): boolean => /Z/.test(execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }))
const pidOf = ({ lines }: Ran): number => Number(lines[0]?.split(' ')[1])

describe('child processes', () => {
  it('gives no step to a worker that died while idle', async () => {
    open = await testProject(
      {
        'project.ts': `${HEAD}
const alive = () => { try { return process.kill(Number(readFileSync('pid', 'utf8')), 0) } catch (error) { return error.code !== 'ESRCH' } }
export const ends = asset('t.ends', {})
ends.from({}, typescript(() => { writeFileSync('pid', String(process.pid)); setInterval(() => existsSync('go') && process.exit(3), 5) }))
export const waits = asset('t.waits', {})
waits.from({}, typescript(() => new Promise((resolve) => { setInterval(() => alive() || resolve(), 5) })))
export const left = asset('t.left', {})
left.from({ waits }, typescript(() => {}))
export const right = asset('t.right', {})
right.from({ waits }, typescript(() => {}))
export default defineProject({ name: 'test', assets: { ends, waits, left, right } })`,
      },
      'assay-project',
      2,
    )
    const p = open
    const { state, events } = await p.run({
      onEvent: (event) => {
        if (event.type === 'step.succeeded' && event.stepId === 's1') void writeFile(join(p.root, 'go'), '')
      },
    })
    expect(events.filter((e) => e.type === 'step.succeeded')).toHaveLength(4)
    expect(state).toBe('succeeded')
  })

  it('answers lost, once, for a worker that dies as it gets its step, and starts another for the next', async () => {
    const run = runner()
    const first = await run('tells')
    process.kill(pidOf(first), 'SIGKILL')
    expect((await run('tells')).answer.type).toBe('lost')
    expect((await run('tells')).answer.type).toBe('done')
  })

  it('gives no second step to a worker that could not take its first', async () => {
    const run = runner()
    const first = await run('tells')
    process.kill(pidOf(first), 'SIGKILL')
    // It is dead before it is sent anything, and we have not been told: no turn of the event loop lies between.
    while (!isDead(pidOf(first))) {}
    expect((await run('tells')).answer.type).toBe('lost')
    const next = await run('tells')
    expect(next.answer.type).toBe('done')
    expect(pidOf(next)).not.toBe(pidOf(first))
  })

  it('answers lost when a worker cannot be started', async () => {
    const made = childProcesses(1, {
      manifestFile: '',
      root: join(project.root, 'not there'),
      projectFile: '',
      home: '',
      threads: 1,
      memory: 1_000_000_000,
      tempFolder: '',
      profile: 'local',
    })
    expect(await made.run(stepOf('tells'), () => {})).toMatchObject({ type: 'lost' })
    await made.close()
  })

  it('gives each step all that it printed, and nothing else', async () => {
    const run = runner()
    for (const name of ['one', 'two', 'one'] as const) {
      const { answer, lines } = await run(name)
      expect(answer.type).toBe('done')
      const of = (stream: string): readonly string[] => Array.from({ length: 3000 }, (_, i) => `${stream}: ${name} ${i}`)
      expect(lines.filter((line) => line.startsWith('stdout'))).toEqual([...of('stdout'), `stdout: ${name} ends`])
      expect(lines.filter((line) => line.startsWith('stderr'))).toEqual(of('stderr'))
    }
  })

  it('keeps the last lines of a worker that dies', async () => {
    const run = runner()
    expect(await run('dies')).toEqual({ answer: { type: 'lost', reason: 'it was ended by SIGKILL' }, lines: ['stdout: last words'] })
  })

  it('lets no other step fail by what an earlier one left behind', async () => {
    const run = runner()
    const lines: string[] = []
    await executor?.run(stepOf('late'), (stream, text) => lines.push(`${stream}: ${text}`))
    const during = await run('meets')
    expect(during).toEqual({ answer: expect.objectContaining({ type: 'done' }), lines: [lines[0]] })
    expect(lines[1]).toBe('stderr: Error: too late')
    const rejecting = await run('rejects')
    expect(pidOf(rejecting)).not.toBe(pidOf(during))
    // It throws before, while, or after the worker is given one of these.
    let next = rejecting
    while (pidOf(next) === pidOf(rejecting)) {
      next = await run('tells')
      expect(next.answer.type).toBe('done')
    }
  }, 60_000)

  it('loses a step that throws where nobody catches it, and says what', async () => {
    const { answer, lines } = await runner()('breaks')
    expect(answer).toEqual({ type: 'lost', reason: 'it ended with exit code 1' })
    expect(lines[0]).toBe('stderr: Error: my own')
  })

  it('does not wait for a process that outlives its worker and holds its streams', async () => {
    const run = runner()
    const ran = await run('spawns')
    process.kill(pidOf(ran), 'SIGKILL')
    expect(ran.answer).toEqual({ type: 'lost', reason: 'it ended with exit code 4' })
  })

  it('ends a step whose code has replaced or ended its streams', async () => {
    const run = runner()
    expect((await run('silences')).answer.type).toBe('done')
    expect((await run('ends')).answer.type).toBe('done')
    expect((await run('silences')).answer.type).toBe('done')
  })

  it('starts nothing after it was killed', async () => {
    const run = runner()
    executor?.kill()
    expect(await run('tells')).toEqual({ answer: { type: 'lost', reason: 'the run was stopped' }, lines: [] })
  })
})
