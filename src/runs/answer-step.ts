import { resolve } from 'node:path'
import { parseFrame } from '../call-site.ts'
import { AssayError, type Problem, type SourceLocation, toProblem } from '../errors.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { masked } from '../resources/secret.ts'
import type { CheckResult } from '../storage/events.ts'
import { SqlError } from '../sql/engine.ts'
import { fileProblem } from '../tables/read.ts'
import { executeStep, type StepEnvironment } from './execute-step.ts'
import type { FromWorker, StepMessage } from './worker-protocol.ts'

/** How a step ended that was executed to its end. */
export type ExecutedStep = Extract<FromWorker, { readonly type: 'done' | 'skipped' | 'failed' }>

/** Executes a step and tells how it ended, in words without secrets. @param root absolute folder that user code lies in */
export async function answerStep(environment: StepEnvironment, step: StepMessage, root: string): Promise<ExecutedStep> {
  try {
    const result = await executeStep(environment, step)
    if (result.kind === 'skipped') return { type: 'skipped', reason: result.reason }
    if (result.kind === 'done') {
      const { tables, checks, unchanged } = result
      return { type: 'done', tables, checks, ...(unchanged && { unchanged }) }
    }
    const problem = blockedProblem(environment.loaded, step, result.checks)
    return { type: 'failed', outcome: 'blocked', problem, checks: result.checks }
  } catch (error) {
    return { type: 'failed', outcome: 'failed', problem: maskedProblem(toProblem(userError(error, root))), checks: [] }
  }
}

/** What user code throws may hold a secret that it was given. */
const maskedProblem = ({ what, details, trace, ...problem }: Problem): Problem => ({
  ...problem,
  what: masked(what),
  ...(details === undefined ? {} : { details: details.map(masked) }),
  ...(trace === undefined ? {} : { trace: masked(trace) }),
})

/** An exception of user code, at the first frame that is not Assay's. */
function userError(error: unknown, root: string): unknown {
  if (error instanceof AssayError) return error
  if (error instanceof SqlError) {
    const known = fileProblem(error)
    return known === error ? new AssayError('ASSAY-3008', error.message, { cause: error }) : known
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const where = error instanceof Error ? userFrame(error, root) : undefined
  return where === undefined ? error : new AssayError('ASSAY-3003', text, { where, cause: error })
}

function userFrame(error: Error, root: string): SourceLocation | undefined {
  const own = resolve(import.meta.dirname, '..')
  const frames = (error.stack ?? '').split('\n').map(parseFrame)
  const isTheirs = ({ file }: SourceLocation): boolean => file.startsWith(root) && !file.startsWith(own) && !file.includes('node_modules')
  return frames.find((frame) => frame !== undefined && isTheirs(frame))
}

function blockedProblem(loaded: LoadedManifest, step: StepMessage, checks: readonly CheckResult[]): Problem {
  const failing = checks.filter((check) => check.blocking && check.outcome !== 'pass')
  const first = failing[0]
  const spec = loaded.asset(step.asset)?.checks.find((check) => check.name === first?.check)
  const details = failing.flatMap((check) => [`${check.check}: ${check.observed}`, ...check.samples.map((sample) => `  ${sample}`)])
  return toProblem(
    new AssayError('ASSAY-5001', `${step.asset}: check ${first?.check ?? ''} failed`, {
      where: spec?.where ?? loaded.asset(step.asset)?.where,
      details,
    }),
  )
}
