import { CATALOGUE, type ErrorCode } from './error-catalogue.ts'

/** A place in a user's file. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * An error as plain data: it crosses process borders, is stored with the step that failed, and is what `--json` prints.
 * `what` says what happened, `where` points into the user's file, `next` says what to do.
 */
export interface Problem {
  readonly code: ErrorCode
  readonly what: string
  readonly where?: SourceLocation
  readonly next: string
  /** Further lines of fact (a failing row, a cycle's path, candidates), one each. */
  readonly details?: readonly string[]
  /** Shown with `--trace` only. */
  readonly trace?: string
}

export interface ErrorDetail {
  readonly where?: SourceLocation | undefined
  /** Replaces the catalogue's general advice by one that fits the case. */
  readonly next?: string
  readonly details?: readonly string[]
  readonly cause?: unknown
}

/**
 * The one error class that Assay throws on purpose. Match on `code`, never on the text.
 * Source of the form: fastify's error catalogue.
 */
export class AssayError extends Error {
  readonly code: ErrorCode
  readonly where: SourceLocation | undefined
  readonly next: string
  readonly details: readonly string[]

  constructor(code: ErrorCode, what: string, detail: ErrorDetail = {}) {
    super(what, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'AssayError'
    this.code = code
    this.where = detail.where
    this.next = detail.next ?? CATALOGUE[code].next
    this.details = detail.details ?? []
  }
}

/** Any thrown value as a {@link Problem}. What is not ours becomes `fallback`, with the original text kept. */
export function toProblem(error: unknown, fallback: ErrorCode = 'ASSAY-9001'): Problem {
  if (error instanceof AssayError) {
    return {
      code: error.code,
      what: error.message,
      next: error.next,
      ...(error.where === undefined ? {} : { where: error.where }),
      ...(error.details.length === 0 ? {} : { details: error.details }),
      trace: traceOf(error),
    }
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { code: fallback, what, next: CATALOGUE[fallback].next, trace: traceOf(error) }
}

/** The error that a {@link Problem} from another process stands for. */
export function fromProblem(problem: Problem): AssayError {
  return new AssayError(problem.code, problem.what, {
    where: problem.where,
    next: problem.next,
    ...(problem.details === undefined ? {} : { details: problem.details }),
    cause: problem.trace,
  })
}

/** Stack of an error and of its causes. */
function traceOf(error: unknown): string {
  const lines: string[] = []
  for (let at: unknown = error; at !== undefined && at !== null && lines.length < 8; ) {
    if (!(at instanceof Error)) {
      lines.push(String(at))
      break
    }
    lines.push(at.stack ?? `${at.name}: ${at.message}`)
    at = at.cause
  }
  return lines.join('\ncaused by ')
}
