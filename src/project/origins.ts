import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { SourceLocation } from '../errors.ts'
import type { SqlPiece } from '../sql/template.ts'

/** Reads the files of the user once, and says where in them the text of a statement stands. */
export interface Origins {
  /** The pieces with the `origin` of each text in place of its `site`. */
  locate(pieces: readonly SqlPiece[]): readonly SqlPiece[]
}

/** @param root folder that the files of origins are relative to */
export function readOrigins(root: string): Origins {
  const texts = new Map<string, Lined>()
  const templates = new Map<string, readonly SourceLocation[]>()
  const textOf = (file: string): Lined => {
    const known = texts.get(file) ?? lined(readText(file) ?? '')
    texts.set(file, known)
    return known
  }
  const quasisAt = (call: SourceLocation): readonly SourceLocation[] => {
    const id = `${call.file}:${call.line}:${call.column}`
    const known = templates.get(id) ?? placesIn(textOf(call.file), call)
    templates.set(id, known)
    return known
  }
  const locate = (piece: SqlPiece): SqlPiece => {
    if (piece.kind !== 'text' || piece.site === undefined) return piece
    const { site, ...rest } = piece
    const origin = quasisAt(site.call)[site.quasi]
    return origin === undefined ? rest : { ...rest, origin: { ...origin, file: relative(root, origin.file) } }
  }
  return { locate: (pieces) => pieces.map(locate) }
}

/** Line ends as JavaScript gives them in a template: always `\n`. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
  } catch {
    return undefined
  }
}

/**
 * Where each text of a template literal begins: those between its `${…}`. V8 gives the place of a tagged template as that
 * of the template itself. Exported for its test.
 */
export const quasiPlaces = (text: string, call: SourceLocation): readonly SourceLocation[] => placesIn(lined(text), call)

function placesIn({ text, starts }: Lined, call: SourceLocation): readonly SourceLocation[] {
  const open = text.indexOf('`', (starts[call.line - 1] ?? text.length) + call.column - 1)
  if (open === -1) return []
  const places: SourceLocation[] = []
  let line = call.line
  skipTemplate(text, open, (start) => {
    while ((starts[line] ?? Number.POSITIVE_INFINITY) <= start) line++
    places.push({ file: call.file, line, column: start - (starts[line - 1] ?? 0) + 1 })
  })
  return places
}

/** A text with the offset at which each of its lines begins. */
interface Lined {
  readonly text: string
  readonly starts: readonly number[]
}

function lined(text: string): Lined {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return { text, starts }
}

/** From the opening backtick to behind the closing one. */
function skipTemplate(text: string, open: number, onText: (start: number) => void = () => {}): number {
  let at = open + 1
  onText(at)
  while (at < text.length && text[at] !== '`') {
    if (text.startsWith('${', at)) {
      at = skipExpression(text, at + 2)
      onText(at)
    } else at += text[at] === '\\' ? 2 : 1
  }
  return at + 1
}

/** From behind `${` to behind its `}`; braces in strings, comments and inner templates do not count. */
function skipExpression(text: string, start: number): number {
  let at = start
  for (let depth = 1; at < text.length; ) {
    const char = text[at]
    if (char === '`') at = skipTemplate(text, at)
    else if (char === "'" || char === '"') at = skipString(text, at, char)
    else if (text.startsWith('//', at)) at = behind(text, '\n', at)
    else if (text.startsWith('/*', at)) at = behind(text, '*/', at + 2)
    else {
      if (char === '{') depth++
      if (char === '}' && --depth === 0) return at + 1
      at++
    }
  }
  return at
}

function skipString(text: string, open: number, quote: string): number {
  let at = open + 1
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function behind(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at === -1 ? text.length : at + mark.length
}
