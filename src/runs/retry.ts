import type { RetryPolicy } from '../assets/define-asset.ts'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../error-catalogue.ts'

/**
 * What may pass by itself: exceptions, lost workers, failed statements, what took too long. Mistakes in definitions and data do not, nor does a
 * table that others moved: a run stays with the versions it began with, and the next one starts from the new state.
 */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ASSAY-3002', 'ASSAY-3003', 'ASSAY-3008', 'ASSAY-3045', 'ASSAY-9001'])

/** Milliseconds to wait before the next attempt, or undefined when there is none. @param attempt the one that failed, from 1. */
export function retryDelay(policy: RetryPolicy, attempt: number, code: ErrorCode, clock: Clock): number | undefined {
  if (attempt > policy.max || !PASSING.has(code)) return undefined
  const [chance = 0] = clock.random(1)
  return Math.round(policy.delay * 2 ** (attempt - 1) * (1 + (0.2 * chance) / 255))
}
