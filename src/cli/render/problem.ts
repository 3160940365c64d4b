import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import type { Problem, SourceLocation } from '../../errors.ts'
import type { Terminal } from './terminal.ts'
import { cut, harmless, wrap } from './words.ts'

export interface ProblemFrame {
  /** The folder that the places of problems are relative to. */
  readonly root: string
  /** Show our own stack. */
  readonly trace: boolean
}

/** A problem as lines: code and sentence, the user's code around the place, facts, and what to do next. */
export function problemLines(terminal: Terminal, problem: Problem, frame: ProblemFrame): readonly string[] {
  const { paint } = terminal
  const columns = terminal.columns()
  const [first = '', ...rest] = wrap(harmless(problem.what), columns - problem.code.length - 2)
  return [
    `${paint('red', problem.code)}  ${paint('bold', first)}`,
    ...rest.map((line) => `${' '.repeat(problem.code.length + 2)}${paint('bold', line)}`),
    ...(problem.where === undefined ? [] : codeFrame(terminal, problem.where, frame.root)),
    ...(problem.details ?? []).flatMap((detail) => detailLines(harmless(detail), columns - 2)),
    ...wrap(`next: ${terminal.suggest(problem.next)}`, columns - 2).map((line) => `  ${line}`),
    ...(frame.trace && problem.trace !== undefined ? problem.trace.split('\n').map((line) => paint('grey', `  ${harmless(line)}`)) : []),
  ]
}

/** What is indented is data or code, and is cut; sentences are wrapped. */
const detailLines = (detail: string, columns: number): readonly string[] =>
  (detail.startsWith(' ') ? [cut(detail, columns)] : wrap(detail, columns)).map((line) => `  ${line}`)

/** Lines of the file shown above and below the place. */
const ABOVE = 2
const BELOW = 1

/** The place, and the user's code around it with a caret; only the place where the file cannot be read. */
function codeFrame(terminal: Terminal, where: SourceLocation, root: string): readonly string[] {
  const { paint } = terminal
  const file = isAbsolute(where.file) ? where.file : join(root, where.file)
  const place = `  ${paint('cyan', `${relative(root, file)}:${where.line}:${where.column}`)}`
  const source = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  if (source[where.line - 1] === undefined) return [place]
  const from = Math.max(1, where.line - ABOVE)
  const to = Math.min(source.length, where.line + BELOW)
  const digits = String(to).length
  const lines: string[] = [place]
  const room = terminal.columns() - digits - 7
  // Of long lines, the part that the place is in.
  const left = where.column < room ? 0 : where.column - Math.ceil(room / 2)
  for (let n = from; n <= to; n++) {
    const text = cut(harmless(source[n - 1] ?? '').slice(left), room)
    const mark = n === where.line ? paint('red', '>') : ' '
    lines.push(`  ${mark} ${paint('grey', `${String(n).padStart(digits)} |`)} ${text}`.trimEnd())
    if (n === where.line)
      lines.push(`    ${' '.repeat(digits)} ${paint('grey', '|')} ${' '.repeat(Math.max(0, where.column - 1 - left))}${paint('red', '^')}`)
  }
  return lines
}
