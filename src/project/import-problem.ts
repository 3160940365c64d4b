import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { AssayError, type Problem, type SourceLocation, toProblem } from '../errors.ts'
import type { ModuleRecord } from './module-record.ts'
import { placed, userPlace } from './user-place.ts'

const TOO_EARLY = /^Cannot access '(.+)' before initialization$/

/** What an exception says that left a file of the user: while it was imported, or from a function that the loader called. */
export function userProblem(error: unknown, record: ModuleRecord, root: string): Problem {
  const place = userPlace(error, record.isOwn)
  const early = error instanceof ReferenceError ? TOO_EARLY.exec(error.message) : null
  const ring = early && place ? ringThrough(place.file, record) : []
  if (error instanceof AssayError) return { ...toProblem(error), ...placed(root, error.where ?? place) }
  if (ring.length > 0) return { ...toProblem(ringError(early?.[1] ?? '', ring, root), 'ASSAY-1015'), ...placed(root, place) }
  const problem = toProblem(error, 'ASSAY-1002')
  return { ...problem, what: problem.what.replace(/ imported from .*$/, ''), ...placed(root, place ?? withoutFrame(error, record)) }
}

function ringError(name: string, ring: readonly string[], root: string): AssayError {
  const files = ring.map((file) => relative(root, file))
  return new AssayError('ASSAY-1015', `'${name}' was used before it was there: ${files.join(' → ')}`, { details: files })
}

/** The shortest way from a file back to itself by imports, both ends included; empty when there is none. */
function ringThrough(start: string, record: ModuleRecord): readonly string[] {
  const paths = new Map<string, readonly string[]>([[start, [start]]])
  for (const [file, path] of paths) {
    for (const next of record.importsOf(file)) {
      if (next === start) return [...path, start]
      if (!paths.has(next)) paths.set(next, [...path, next])
    }
  }
  return []
}

/** Errors of the module system have no frame of the user: an import that leads nowhere, a file that does not parse. */
function withoutFrame(error: unknown, record: ModuleRecord): SourceLocation | undefined {
  const missing = record.unresolved()
  if (missing !== undefined) return placeOfText(missing.file, missing.specifier)
  const file = record.last()
  return error instanceof SyntaxError && file !== undefined ? { file, line: 1, column: 1 } : undefined
}

function placeOfText(file: string, text: string): SourceLocation {
  const lines = readFileSync(file, 'utf8').split('\n')
  const at = lines.findIndex((line) => line.includes(`'${text}'`) || line.includes(`"${text}"`))
  return { file, line: Math.max(at, 0) + 1, column: Math.max(lines[at]?.indexOf(text) ?? 0, 0) + 1 }
}
