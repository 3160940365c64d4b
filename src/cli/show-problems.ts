import { AssayError, type Problem, toProblem } from '../errors.ts'
import { jsonLine, type Surroundings } from './context.ts'
import { type ProblemFrame, problemLines } from './render/problem.ts'
import { terminalOn } from './render/terminal.ts'

/** What an error tells of; a project can have several at once, see `project/problems`. */
export const problemsOf = (error: unknown): readonly Problem[] =>
  error instanceof AssayError && 'problems' in error && Array.isArray(error.problems) ? error.problems : [toProblem(error)]

/** Prints problems to standard error, or with `--json` as lines to standard output. */
export function showProblems(
  surroundings: Surroundings,
  problems: readonly Problem[],
  how: ProblemFrame & { readonly json: boolean; readonly environment?: string | undefined },
): void {
  if (how.json) {
    for (const { trace, ...problem } of problems) {
      surroundings.stdout.write(`${jsonLine('error', { problem: how.trace ? { ...problem, trace } : problem })}\n`)
    }
    return
  }
  const terminal = terminalOn(surroundings.stderr, surroundings.env, how.environment)
  for (const problem of problems) {
    for (const line of problemLines(terminal, problem, how)) terminal.line(line)
    if (problem !== problems.at(-1)) terminal.line()
  }
  if (problems.length > 1) terminal.line(`\n${problems.length} problems`)
}
