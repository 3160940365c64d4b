import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Executor, OnLine, StepAnswer } from '../executor.ts'
import type { FromWorker, StepMessage, ToWorker, WorkerOptions } from '../worker-protocol.ts'

/** From the source tree, workers resolve 'assay' to the source as well, so that definitions meet the same module. */
const FROM_SOURCE = import.meta.url.endsWith('.ts')
const ENTRY = fileURLToPath(new URL(`../worker.${FROM_SOURCE ? 'ts' : 'js'}`, import.meta.url))

/**
 * Warm worker processes, started when first needed, one step at a time each: a step that crashes takes nobody with it,
 * and what a worker prints belongs to its step.
 */
export function childProcesses(slots: number, options: WorkerOptions): Executor {
  const idle: Worker[] = []
  const all = new Set<Worker>()
  return {
    slots,
    run: async (step, onLine) => {
      const worker = idle.pop() ?? new Worker(options, (dead) => all.delete(dead))
      all.add(worker)
      const answer = await worker.run(step, onLine)
      if (worker.alive) idle.push(worker)
      return answer
    },
    kill: () => {
      for (const worker of all) worker.kill()
    },
    close: async () => {
      await Promise.all([...all].map((worker) => worker.close()))
    },
  }
}

interface Task {
  readonly answer: (answer: StepAnswer) => void
  readonly onLine: OnLine
}

class Worker {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #task: Task | undefined
  alive = true

  constructor(options: WorkerOptions, onEnd: (worker: Worker) => void) {
    this.#child = fork(ENTRY, [JSON.stringify(options)], {
      cwd: options.root,
      execArgv: [...(FROM_SOURCE ? ['--conditions=assay-source'] : []), '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { NODE_COMPILE_CACHE: `${options.home}/v8`, ...process.env, UV_THREADPOOL_SIZE: '8' },
    })
    this.#child.on('message', (message: FromWorker) => this.#receive(message))
    this.#child.on('error', () => {})
    for (const stream of ['stdout', 'stderr'] as const) {
      const source = this.#child[stream]
      if (source) createInterface({ input: source }).on('line', (line) => this.#task?.onLine(stream, line))
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.alive = false
        onEnd(this)
        this.#finish({ type: 'lost', reason: signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}` })
        resolve()
      })
    })
  }

  run(step: StepMessage, onLine: OnLine): Promise<StepAnswer> {
    return new Promise((answer) => {
      this.#task = { answer, onLine }
      this.#child.send(step, (error) => {
        if (error) this.#child.kill('SIGKILL')
      })
    })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.send({ type: 'close' } satisfies ToWorker)
    await this.#ended
  }

  #receive(message: FromWorker): void {
    if (message.type === 'log') this.#task?.onLine('log', message.text)
    else if (message.type !== 'ready') this.#finish(message)
  }

  #finish(answer: StepAnswer): void {
    const task = this.#task
    this.#task = undefined
    task?.answer(answer)
  }
}
