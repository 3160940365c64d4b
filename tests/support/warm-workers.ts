import type { Executor } from '../../src/runs/executor.ts'
import { childProcesses } from '../../src/runs/executors/child-process.ts'

/** Worker processes that outlive the run they were started for: starting them is most of what a small run costs. */
export interface WarmWorkers {
  readonly workers: typeof childProcesses
  close(): Promise<void>
}

/** Runs that would start their workers alike, one after the other, get the same ones. Those of a run that was stopped end with it. */
export function warmWorkers(): WarmWorkers {
  const warm = new Map<string, Executor>()
  return {
    workers: (slots, options) => {
      const key = JSON.stringify([slots, options, process.env])
      const real = warm.get(key) ?? childProcesses(slots, options)
      warm.set(key, real)
      let running = 0
      return {
        slots,
        run: async (...step) => {
          running++
          return real.run(...step).finally(() => running--)
        },
        kill: () => {
          if (running === 0) return
          warm.delete(key)
          real.kill()
        },
        close: async () => {},
      }
    },
    close: async () => {
      await Promise.all([...warm.values()].map((executor) => executor.close()))
      warm.clear()
    },
  }
}
