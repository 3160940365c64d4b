import { fileURLToPath } from 'node:url'
import type { SourceLocation } from './errors.ts'

const FRAME = /\(?((?:file:\/\/)?\/[^()]*?|[A-Za-z]:\\[^()]*?):(\d+):(\d+)\)?$/

/**
 * Where `callee` was called: the file, line and column of the first frame below it. Definitions remember it, so that
 * every error can point into the user's own file. Undefined where V8 gives no file (an eval, a REPL).
 */
export function callSite(callee: (...args: never[]) => unknown): SourceLocation | undefined {
  const holder: { stack?: string } = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 1
  Error.captureStackTrace(holder, callee)
  Error.stackTraceLimit = limit
  return parseFrame(holder.stack?.split('\n').at(-1) ?? '')
}

/** A line of a V8 stack as a place; undefined for frames without a file. */
export function parseFrame(frame: string): SourceLocation | undefined {
  const match = FRAME.exec(frame.trim().replace(/^at /, ''))
  if (!match) return undefined
  const file = match[1] ?? ''
  const path = file.startsWith('file://') ? fileURLToPath(file.replace(/\?.*$/, '')) : file
  return { file: path, line: Number(match[2]), column: Number(match[3]) }
}
