import { AssayError, fromProblem, type Problem } from '../errors.ts'

/**
 * The project has errors: all that were found at once. It is the first of them, and `problems` holds every one, that one
 * included, by file and line. Places are relative to the root of the project.
 */
export class ProjectErrors extends AssayError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly [Problem, ...Problem[]]) {
    const first = fromProblem(problems[0])
    super(first.code, first.message, { where: first.where, next: first.next, details: first.details, cause: first.cause })
    this.problems = problems
  }
}

/** By file, line and column; problems without a place first. The same problem at the same place is kept once. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const byPlace = (a: Problem, b: Problem): number =>
    compare(a.where?.file ?? '', b.where?.file ?? '') ||
    (a.where?.line ?? 0) - (b.where?.line ?? 0) ||
    (a.where?.column ?? 0) - (b.where?.column ?? 0)
  const unique = new Map(problems.map((problem) => [JSON.stringify([problem.code, problem.what, problem.where]), problem]))
  return [...unique.values()].sort(byPlace)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
