import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../node-flags.ts'
import type { Executor, OnLine, StepAnswer, StepLimit } from '../executor.ts'
import { endMark, type FromWorker, PRINTED, type StepMessage, type ToWorker, type WorkerOptions } from '../worker-protocol.ts'

const ENTRY = fileURLToPath(new URL(`../worker${extname(import.meta.url)}`, import.meta.url))

/**
 * Warm worker processes, started when first needed, one step at a time each: a step that crashes takes nobody with it,
 * and what a worker prints belongs to its step.
 */
export function childProcesses(slots: number, options: WorkerOptions): Executor {
  const workers = new Set<Worker>()
  let killed = false
  const start = (): Worker => {
    const worker = new Worker(options, () => workers.delete(worker))
    workers.add(worker)
    return worker
  }
  return {
    slots,
    run: async (step, onLine, limit) => {
      const over = limit?.over
      if (killed) return lost('the run was stopped')
      try {
        while (!over?.aborted) {
          const worker = [...workers].find((w) => w.free) ?? start()
          const strike = (): void => worker.kill()
          over?.addEventListener('abort', strike, { once: true })
          const answer = await worker.run(step, onLine, limit)
          over?.removeEventListener('abort', strike)
          if (answer !== 'refused') return answer
        }
        return lost('its time was over')
      } catch (error) {
        return lost(`it could not be started: ${String(error)}`)
      }
    },
    kill: () => {
      killed = true
      for (const worker of workers) worker.kill()
    },
    close: async () => {
      await Promise.all([...workers].map((worker) => worker.close()))
    },
  }
}

const lost = (reason: string): StepAnswer => ({ type: 'lost', reason })

/** A step that a worker has. It ends when its answer and the end marks of both streams are there, in whatever order. */
interface Task {
  readonly resolve: (answer: StepAnswer | 'refused') => void
  readonly mark: string
  readonly unmarked: Set<'stdout' | 'stderr'>
  readonly limit: StepLimit | undefined
  answer: StepAnswer | undefined
}

class Worker {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #alive = true
  #task: Task | undefined
  /** Of the last step: what its background work prints after its end is still its own. */
  #onLine: OnLine = () => {}
  /** Where the lines of each of its steps go, by end mark. */
  readonly #lines = new Map<string, OnLine>()
  /** Something that a step left going has thrown; when idle, it ends. */
  #spent = false

  constructor(options: WorkerOptions, onEnd: () => void) {
    this.#child = fork(ENTRY, [JSON.stringify(options)], {
      cwd: options.root,
      execArgv: [...NODE_FLAGS],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Leader of a process group: what the step starts can be ended with it.
      detached: true,
      env: { NODE_COMPILE_CACHE: `${options.home}/v8`, ...process.env, UV_THREADPOOL_SIZE: '8' },
    })
    this.#child.on('message', (message: FromWorker) => this.#receive(message))
    for (const stream of PRINTED) {
      const input = this.#child[stream]
      if (input) createInterface({ input, crlfDelay: Infinity }).on('line', (line) => this.#print(stream, line))
    }
    const gone = (): void => {
      this.#alive = false
      onEnd()
    }
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        gone()
        this.#finish(this.#task?.answer ?? lost(reason))
        resolve()
      }
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) end(`it could not be started: ${error.message}`)
      })
      this.#child.on('exit', () => {
        gone()
        this.#dropStreams()
      })
      // After the last line and the last message.
      this.#child.on('close', (code, signal) => end(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`))
    })
  }

  /** Whether it can be given a step. */
  get free(): boolean {
    return this.#alive && !this.#spent && this.#child.connected && this.#task === undefined
  }

  /** `refused`: it is another worker's; nothing of it has been done. */
  run(step: StepMessage, onLine: OnLine, limit: StepLimit | undefined): Promise<StepAnswer | 'refused'> {
    return new Promise((resolve) => {
      this.#task = { resolve, mark: endMark(step), unmarked: new Set(PRINTED), limit, answer: undefined }
      this.#onLine = onLine
      this.#lines.set(endMark(step), onLine)
      // A process that could not be started has no channel, and tells by its event.
      if (!this.#child.connected) return
      this.#child.send(step, (error) => {
        if (error === null) return
        this.kill()
        this.#finish(lost(`it ended before it got the step: ${error.message}`))
      })
    })
  }

  /** Ends it with all that it has started. From here on it is given no step, although its end is known only later. */
  kill(): void {
    this.#alive = false
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // The group is gone, or the system knows no groups.
      this.#child.kill('SIGKILL')
    }
  }

  async close(): Promise<void> {
    // Where it cannot be sent, the worker is ending already.
    if (this.#child.connected) this.#child.send({ type: 'close' } satisfies ToWorker, () => {})
    await this.#ended
  }

  #receive(message: FromWorker): void {
    if (message.type === 'ready') return
    if (message.type === 'begun') return this.#task?.limit?.begun()
    if (message.type === 'log') return this.#onLine('log', message.text)
    if (message.type === 'spent') return this.#spend(message.by, message.text)
    if (message.type === 'refused') return this.#finish('refused')
    if (this.#task !== undefined) this.#task.answer = message
    this.#finishIfComplete()
  }

  #print(stream: 'stdout' | 'stderr', line: string): void {
    const mark = this.#task?.mark
    if (mark === undefined || !line.endsWith(mark)) return this.#onLine(stream, line)
    // The last line of a step need not end in a line break.
    if (line.length > mark.length) this.#onLine(stream, line.slice(0, -mark.length))
    this.#task?.unmarked.delete(stream)
    this.#finishIfComplete()
  }

  #finishIfComplete(): void {
    const task = this.#task
    if (task?.answer !== undefined && task.unmarked.size === 0) this.#finish(task.answer)
  }

  #finish(answer: StepAnswer | 'refused'): void {
    const task = this.#task
    this.#task = undefined
    task?.resolve(answer)
    if (this.#spent) void this.close()
  }

  #spend(by: string, text: string): void {
    const isNew = !this.#spent
    this.#spent = true
    for (const line of text.split('\n')) this.#lines.get(by)?.('stderr', line)
    if (isNew && this.#task === undefined) void this.close()
  }

  /**
   * A process that user code started and that outlives the worker holds the streams open, maybe for ever. What the worker
   * itself wrote is in them when it ends, and is read in one whole turn of the event loop.
   */
  #dropStreams(): void {
    const drop = (): void => {
      for (const stream of PRINTED) this.#child[stream]?.destroy()
    }
    setImmediate(() => setImmediate(drop))
  }
}
