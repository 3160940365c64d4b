import type { SourceLocation } from '../errors.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { ParamName, SqlPiece } from './template.ts'

/** What stands for the symbolic pieces of a statement when it runs. */
export interface Bindings {
  /** The SQL name of the relation that holds a dep. */
  readonly table: (dep: string) => string
  /** The SQL literal of a bound. */
  readonly param: (name: ParamName) => string
}

/** Deps as relations of their own name. */
export const byDepName = (dep: string): string => quoteIdentifier(dep)

/** The statement as text. */
export const render = (pieces: readonly SqlPiece[], bindings: Bindings): string =>
  pieces.map((piece) => renderPiece(piece, bindings)).join('')

function renderPiece(piece: SqlPiece, bindings: Bindings): string {
  switch (piece.kind) {
    case 'text':
      return piece.text
    case 'table':
      return piece.alias === undefined ? bindings.table(piece.dep) : `${bindings.table(piece.dep)} AS ${quoteIdentifier(piece.alias)}`
    case 'column':
      return `${piece.alias === undefined ? bindings.table(piece.dep) : quoteIdentifier(piece.alias)}.${quoteIdentifier(piece.column)}`
    case 'param':
      return bindings.param(piece.name)
  }
}

/** The place in the user's file of a character (from 0) of the rendered statement; undefined inside generated text. */
export function locate(pieces: readonly SqlPiece[], bindings: Bindings, position: number): SourceLocation | undefined {
  let at = 0
  let before: SourceLocation | undefined
  for (const piece of pieces) {
    const text = renderPiece(piece, bindings)
    const origin = piece.kind === 'text' ? piece.origin : undefined
    if (position < at + text.length) return origin === undefined ? before : advance(origin, text.slice(0, position - at))
    if (origin !== undefined) before = advance(origin, text)
    at += text.length
  }
  return before
}

/** The place after `text`, when it begins at `from`. */
function advance(from: SourceLocation, text: string): SourceLocation {
  const lines = text.split('\n')
  const last = lines.at(-1) ?? ''
  return lines.length === 1
    ? { ...from, column: from.column + last.length }
    : { file: from.file, line: from.line + lines.length - 1, column: last.length + 1 }
}
