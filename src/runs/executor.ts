import type { FromWorker, StepMessage } from './worker-protocol.ts'

/** How a step ended. `lost`: its worker went away before it answered. */
export type StepAnswer =
  | Extract<FromWorker, { readonly type: 'done' | 'observed' | 'skipped' | 'failed' }>
  | { readonly type: 'lost'; readonly reason: string }

/** A line that a step printed, or logged through its context. */
export type OnLine = (stream: 'stdout' | 'stderr' | 'log', text: string) => void

/** How long a step may take: who knows tells, and is told when to begin counting. */
export interface StepLimit {
  /** Aborts when its time is over. */
  readonly over: AbortSignal
  /** Called when the worker is up and has loaded what the step needs: from here on the time is the step's own. */
  begun(): void
}

/** Where steps run. The caller keeps at most `slots` of them going. */
export interface Executor {
  readonly slots: number
  /**
   * Never rejects: a lost worker is an answer. All that the step printed has been given to `onLine` before the answer. When
   * its time is over, the worker of the step is ended with all that it has started, and the step is lost;
   * a step in this very process has no worker, and goes on to its end.
   */
  run(step: StepMessage, onLine: OnLine, limit?: StepLimit): Promise<StepAnswer>
  /** Ends all workers at once; running steps are answered with `lost`, and so are those that come later. */
  kill(): void
  /** Ends the workers, which must be idle. */
  close(): Promise<void>
}
