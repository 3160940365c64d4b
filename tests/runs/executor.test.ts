import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
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

/** A project of assets without rows, by name with the body of what they do. */
async function projectOf(bodies: Readonly<Record<string, string>>, more = ''): Promise<TestProject> {
  const assets = Object.entries(bodies).map(
    ([name, body]) => `export const ${name} = asset('t.${name}', {})\n${name}.from({}, typescript(async () => { ${body} }))\n`,
  )
  const text = `${HEAD}${assets.join('')}${more}\nexport default defineProject({ name: 'test', assets: { ${Object.keys(bodies).join(', ')} } })`
  open = await testProject({ 'project.ts': text })
  return open
}

const stepOf = (name: string): StepMessage => ({
  type: 'step',
  runId: 'r',
  stepId: name,
  attempt: 1,
  asset: assetKey(`t.${name}`),
  partitions: WHOLE,
  inputs: {},
  targets: [],
})

interface Ran {
  readonly answer: StepAnswer
  readonly lines: readonly string[]
}

/** Runs steps of the assets of a project, as the supervisor does. */
async function runnerOf({ settings }: TestProject): Promise<(name: string) => Promise<Ran>> {
  const loaded = await loadProject(settings)
  const { root, projectFile, home } = settings
  const made = childProcesses(1, {
    manifestFile: manifestFile(home, loaded.id),
    root,
    projectFile,
    home,
    threads: 1,
    memory: 1_000_000_000,
    tempFolder: join(home, 'tmp'),
  })
  executor = made
  return async (name) => {
    const lines: string[] = []
    const answer = await made.run(stepOf(name), (stream, text) => lines.push(`${stream}: ${text}`))
    return { answer, lines: [...lines] }
  }
}

const TELL_PID = 'console.log(process.pid)'
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
    const run = await runnerOf(await projectOf({ tells: TELL_PID }))
    const first = await run('tells')
    process.kill(pidOf(first), 'SIGKILL')
    expect((await run('tells')).answer.type).toBe('lost')
    const next = await run('tells')
    expect(next.answer.type).toBe('done')
    expect(pidOf(next)).not.toBe(pidOf(first))
  })

  it('answers lost when a worker cannot be started', async () => {
    const p = await projectOf({ tells: TELL_PID })
    const made = childProcesses(1, {
      manifestFile: '',
      root: join(p.root, 'not there'),
      projectFile: '',
      home: '',
      threads: 1,
      memory: 1_000_000_000,
      tempFolder: '',
    })
    expect(await made.run(stepOf('tells'), () => {})).toMatchObject({ type: 'lost' })
    await made.close()
  })

  it('gives each step all that it printed, and nothing else', async () => {
    const print = (name: string): string =>
      `for (let i = 0; i < 3000; i++) { console.log('${name} ' + i); console.error('${name} ' + i) }; process.stdout.write('${name} ends')`
    const run = await runnerOf(await projectOf({ one: print('one'), two: print('two') }))
    for (const name of ['one', 'two', 'one']) {
      const { answer, lines } = await run(name)
      expect(answer.type).toBe('done')
      const of = (stream: string): readonly string[] => Array.from({ length: 3000 }, (_, i) => `${stream}: ${name} ${i}`)
      expect(lines.filter((line) => line.startsWith('stdout'))).toEqual([...of('stdout'), `stdout: ${name} ends`])
      expect(lines.filter((line) => line.startsWith('stderr'))).toEqual(of('stderr'))
    }
  })

  it('keeps the last lines of a worker that dies', async () => {
    const run = await runnerOf(await projectOf({ dies: `console.log('last words'); process.kill(process.pid, 'SIGKILL')` }))
    expect(await run('dies')).toEqual({ answer: { type: 'lost', reason: 'it was ended by SIGKILL' }, lines: ['stdout: last words'] })
  })

  it('does not wait for a process that outlives its worker and holds its streams', async () => {
    const spawns = `const child = spawn('sleep', ['60'], { stdio: 'inherit', detached: true }); console.log(child.pid); process.exit(4)`
    const run = await runnerOf(await projectOf({ spawns }))
    const ran = await run('spawns')
    process.kill(pidOf(ran), 'SIGKILL')
    expect(ran.answer).toEqual({ type: 'lost', reason: 'it ended with exit code 4' })
  })

  it('ends a step whose code has replaced or ended its streams', async () => {
    const run = await runnerOf(
      await projectOf({
        silences: `process.stdout.write = () => true`,
        ends: `process.stdout.on('error', () => {}); process.stdout.end()`,
      }),
    )
    expect((await run('silences')).answer.type).toBe('done')
    expect((await run('ends')).answer.type).toBe('done')
    expect((await run('silences')).answer.type).toBe('done')
  })

  it('starts nothing after it was killed', async () => {
    const p = await projectOf({ tells: TELL_PID })
    const run = await runnerOf(p)
    executor?.kill()
    expect(await run('tells')).toEqual({ answer: { type: 'lost', reason: 'the run was stopped' }, lines: [] })
  })

  it('finds assets beside objects that link each other', async () => {
    const linked = `export const linked = Array.from({ length: 60 }, () => ({}))
for (const a of linked) linked.forEach((b, i) => { a['to' + i] = b })
export const first = linked[0]`
    const run = await runnerOf(await projectOf({ tells: TELL_PID }, linked))
    expect((await run('tells')).answer.type).toBe('done')
  })
})
