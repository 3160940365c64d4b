import type { AssetSpec } from '../assets/spec.ts'
import type { Clock } from '../clock.ts'
import { AssayError } from '../errors.ts'
import type { StepAnswer, StepLimit } from './executor.ts'

/** Milliseconds that a worker may take to come up and to load the code of a step, which no timeout counts. */
const START = 120_000

/** How a step ended. `tooLong`: not in time. */
export interface TimedAnswer {
  readonly answer: StepAnswer
  readonly tooLong: AssayError | undefined
}

/**
 * Runs a step for as long as the strictest timeout of what it makes allows.
 * @param run with the limit of the step; undefined where it may take as long as it will
 */
export async function inTime(
  specs: readonly AssetSpec[],
  clock: Clock,
  run: (limit: StepLimit | undefined) => Promise<StepAnswer>,
): Promise<TimedAnswer> {
  const timed = specs.filter((spec) => spec.timeout !== undefined).toSorted((a, b) => (a.timeout ?? 0) - (b.timeout ?? 0))
  const [strictest] = timed
  const timeout = strictest?.timeout
  if (strictest === undefined || timeout === undefined) return { answer: await run(undefined), tooLong: undefined }
  const [over, begun, ended] = [new AbortController(), new AbortController(), new AbortController()]
  const allow = async (ms: number, until: AbortSignal): Promise<void> => {
    await clock.sleep(ms, until)
    if (!until.aborted) over.abort()
  }
  const begin = (): void => {
    begun.abort()
    void allow(timeout, ended.signal)
  }
  void allow(Math.max(timeout, START), begun.signal)
  const answer = await run({ over: over.signal, begun: begin })
  const isStarted = begun.signal.aborted
  begun.abort()
  ended.abort()
  const isTooLong = answer.type === 'lost' && over.signal.aborted
  return { answer, tooLong: isTooLong ? (isStarted ? tookTooLong(strictest) : startedTooLate(strictest)) : undefined }
}

const tookTooLong = ({ key, timeout, where }: AssetSpec): AssayError =>
  new AssayError('ASSAY-3045', `${key} had not ended after ${timeout} ms, which is its timeout`, { where })

const startedTooLate = ({ key, timeout = 0, where }: AssetSpec): AssayError =>
  new AssayError('ASSAY-3045', `the code of ${key} was not loaded after ${Math.max(timeout, START)} ms`, { where })
