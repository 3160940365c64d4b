import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StoreEvent } from '../../src/storage/events.ts'

/** `<run> <step> <event>`: no two events of the child have the same. */
export const nameOf = (event: StoreEvent): string =>
  `${'runId' in event ? event.runId : '-'} ${'stepId' in event ? event.stepId : '-'} ${event.type}`

export interface AppendingChild {
  readonly process: ChildProcess
  /** What it has printed so far, its first `ready` left out. */
  readonly acked: readonly string[]
  /** Resolves when it has printed `n` lines. */
  reached(n: number): Promise<void>
  /** SIGKILL; resolves when it is gone and all that it printed has been read. */
  kill(): Promise<void>
}

/** Starts a process that appends to the store of `folder`; see append-child.ts. Resolves when it holds the store. */
export async function startAppending(folder: string, prefix: string): Promise<AppendingChild> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('append-child.ts', import.meta.url)), folder, prefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acked: string[] = []
  const waiting: { n: number; done: () => void }[] = []
  const ended = once(child, 'close')
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') return resolve()
      acked.push(line)
      for (const waiter of waiting) if (acked.length >= waiter.n) waiter.done()
    })
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)))
  })
  await ready
  return {
    process: child,
    acked,
    reached: (n) => new Promise((done) => (acked.length >= n ? done() : void waiting.push({ n, done }))),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
