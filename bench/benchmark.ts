import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One run of a benchmark. A ratio is computed within the run, so that the load of the machine touches both of its sides. */
export interface Sample {
  readonly value: number
  /** The size of what was measured, e.g. `{ rows: 10_000_000 }`. The same in all runs. */
  readonly input: Readonly<Record<string, number | string>>
  /** Peak resident memory of the largest process, in MB. */
  readonly memory_mb?: number
  /** Further facts about the run, printed as they are. */
  readonly extra?: Readonly<Record<string, number | string>>
}

/** Something that is measured, as a module `bench/<group>.ts` lists it in `benchmarks`. */
export interface Benchmark {
  readonly name: string
  /** Of the value: `s`, `ms`, `MB`, `x` (a ratio) … */
  readonly unit: string
  /** How far the measurement goes: what it includes and what it leaves out. */
  readonly reach: string
  /** What the value has to be, in words: `≤ 1.2`. */
  readonly must: string
  /** At least three runs. */
  run(): Promise<readonly Sample[]>
}

/** Runs `sample` `times` times, one after the other. */
export async function repeat(times: number, sample: (run: number) => Promise<Sample>): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (let run = 0; run < times; run++) samples.push(await sample(run))
  return samples
}

/** Gives `run` a folder of its own, which is gone afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-bench-'))
  try {
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export interface Measured {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** From spawn to exit. */
  readonly seconds: number
  /** Peak resident memory of the largest process of the tree; 0 where there is no /proc. */
  readonly memory_mb: number
}

const POLL_MS = 10

/** Runs a command to its end and measures it. Memory is polled, so that a process of less than a few milliseconds escapes. */
export function measure(
  command: string,
  args: readonly string[],
  settings: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(command, args, { ...settings, stdio: ['ignore', 'pipe', 'pipe'] })
    let peak = 0
    const poll = setInterval(() => {
      peak = Math.max(peak, largestProcess(child))
    }, POLL_MS)
    const caught = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        caught[stream] += text
      })
    }
    let seconds = 0
    child.on('exit', () => {
      seconds = (performance.now() - began) / 1000
      clearInterval(poll)
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...caught, seconds, memory_mb: peak / 1024 }))
  })
}

const largestProcess = (child: ChildProcess): number => (child.pid === undefined ? 0 : Math.max(...treeOf(child.pid).map(peakOf)))

/** A process and all that it started. */
function treeOf(pid: number): readonly number[] {
  const children = readOr('', `/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((text) => text !== '')
  return [pid, ...children.flatMap((text) => treeOf(Number(text)))]
}

/** VmHWM in KiB: the kernel's own high-water mark. */
const peakOf = (pid: number): number => Number(/^VmHWM:\s+(\d+)/m.exec(readOr('', `/proc/${pid}/status`))?.[1] ?? 0)

/** A process may end between two reads. */
function readOr(otherwise: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}
