import { fileURLToPath } from 'node:url'
import type { SourceLocation } from './errors.ts'

type Callee = (...args: never[]) => unknown

/**
 * Where `callee` was called: the file, line and column of the first frame below it. Definitions remember it, so that
 * every error can point into the user's own file. Undefined where V8 gives no file (an eval, a REPL).
 */
export const callSite = (callee: Callee): SourceLocation | undefined => framesBelow(callee, 1)[0]

/** All places that led to the call of `callee`, innermost first; frames without a file are left out. */
export const callSites = (callee: Callee): readonly SourceLocation[] => framesBelow(callee, Number.POSITIVE_INFINITY)

/** Reads V8's frames as data: as text, a path with blanks or brackets could not be told from what stands around it. */
function framesBelow(callee: Callee, limit: number): readonly SourceLocation[] {
  const { stackTraceLimit, prepareStackTrace } = Error
  const holder: { stack?: readonly SourceLocation[] } = {}
  Error.stackTraceLimit = limit
  Error.prepareStackTrace = readFrames
  try {
    Error.captureStackTrace(holder, callee)
    return holder.stack ?? []
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Error.prepareStackTrace = prepareStackTrace
  }
}

/** Written out: ten thousand assets call it thirty thousand times while they load. */
function readFrames(_: unknown, frames: readonly NodeJS.CallSite[]): readonly SourceLocation[] {
  const places: SourceLocation[] = []
  for (const frame of frames) {
    const name = frame.getFileName()
    const file = name ? fileOf(name) : ''
    if (file === '') continue
    const line = frame.getLineNumber()
    const column = frame.getColumnNumber()
    if (line !== null && column !== null) places.push({ file, line, column })
  }
  return places
}

const files = new Map<string, string>()

/** The path of what V8 names; empty for what is no file. */
function fileOf(name: string): string {
  const known = files.get(name)
  if (known !== undefined) return known
  const file = IS_FILE.test(name) ? pathOf(name) : ''
  files.set(name, file)
  return file
}

const IS_FILE = /^(?:file:\/\/|\/|[A-Za-z]:\\)/
const pathOf = (file: string): string => (file.startsWith('file://') ? fileURLToPath(file.replace(/[?#].*$/, '')) : file)

/** `at <place>`, or `at <function> (<place>)`. The first bracket that a path follows opens the place: the path may hold more. */
const FRAME =
  /^(?!.*\(eval at )(?:at (?:async )?)?(?:.*? \((?=file:\/\/|\/|[A-Za-z]:\\)(.+):(\d+):(\d+)\)|((?:file:\/\/|\/|[A-Za-z]:\\).+):(\d+):(\d+))$/

/** A line of a V8 stack as a place; undefined for frames without a file. */
export function parseFrame(frame: string): SourceLocation | undefined {
  const [, bracketed, line, column, bare, bareLine, bareColumn] = FRAME.exec(frame.trim()) ?? []
  const file = bracketed ?? bare
  return file === undefined ? undefined : { file: pathOf(file), line: Number(line ?? bareLine), column: Number(column ?? bareColumn) }
}
