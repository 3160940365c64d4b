import { isAbsolute, relative, sep } from 'node:path'
import { parseFrame } from '../call-site.ts'
import type { SourceLocation } from '../errors.ts'

/** A place with its file relative to the root of the project. */
function relativePlace(root: string, { file, line, column }: SourceLocation): SourceLocation {
  // Of ten thousand assets nearly all lie below the root.
  const below = file.startsWith(root) && file[root.length] === sep && !file.includes('..')
  return { file: below ? file.slice(root.length + 1) : isAbsolute(file) ? relative(root, file) : file, line, column }
}

/** For spreading: `{ where }` relative to the root, or nothing. */
export const placed = (root: string, place: SourceLocation | undefined): { readonly where?: SourceLocation } =>
  place === undefined ? {} : { where: relativePlace(root, place) }

/** `silver/orders.ts:12`, as it stands in details. */
export const printPlace = (root: string, place: SourceLocation | undefined): string =>
  place === undefined ? 'an unknown place' : `${relativePlace(root, place).file}:${place.line}`

/** The innermost place of an error in a file that the user wrote: that of a syntax error, else the first frame of the stack. */
export function userPlace(error: unknown, isOwn: (file: string) => boolean): SourceLocation | undefined {
  if (!(error instanceof Error)) return undefined
  const lines = (error.stack ?? '').split('\n')
  const places = [syntaxPlace(lines), ...lines.filter((line) => /^\s+at (?!.*\bnode:)/.test(line)).map(parseFrame)]
  return places.find((place) => place !== undefined && isOwn(place.file))
}

/** Node heads the stack of a syntax error with `file:line`, the line itself, and a caret below it. */
function syntaxPlace(lines: readonly string[]): SourceLocation | undefined {
  const head = parseFrame(`${lines[0] ?? ''}:1`)
  const caret = lines.slice(1, 6).find((line) => /^\s*\^+\s*$/.test(line))
  return head && caret !== undefined ? { ...head, column: caret.indexOf('^') + 1 } : head
}
