import type { FromWorker, StepMessage } from './worker-protocol.ts'

/** How a step ended. `lost`: its worker went away before it answered. */
export type StepAnswer =
  | Extract<FromWorker, { readonly type: 'done' | 'skipped' | 'failed' }>
  | { readonly type: 'lost'; readonly reason: string }

/** A line that a step printed, or logged through its context. */
export type OnLine = (stream: 'stdout' | 'stderr' | 'log', text: string) => void

/** Where steps run. The caller keeps at most `slots` of them going. */
export interface Executor {
  readonly slots: number
  /**
   * Never rejects: a lost worker is an answer. All that the step printed has been given to `onLine` before the answer. When
   * `over` aborts, the worker of the step is ended with all that it has started, and the step is lost;
   * a step in this very process has no worker, and goes on to its end.
   */
  run(step: StepMessage, onLine: OnLine, over?: AbortSignal): Promise<StepAnswer>
  /** Ends all workers at once; running steps are answered with `lost`, and so are those that come later. */
  kill(): void
  /** Ends the workers, which must be idle. */
  close(): Promise<void>
}
