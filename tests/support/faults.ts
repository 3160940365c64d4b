import type { AssayError } from '../../src/errors.ts'

/**
 * What goes wrong at a step. `before`: an input/output error, nothing was done. `after`: it was done, and an error is all
 * that the caller hears. `lost`: nothing was done, and the caller cannot know. `full`: no space is left. `slow`: another
 * writer does something first.
 */
export const FAULTS = ['before', 'after', 'lost', 'full', 'slow'] as const
export type Fault = (typeof FAULTS)[number]

export interface FaultPlan {
  /** Steps count from 0. */
  readonly at: number
  /** How many steps go wrong: that one, and those that follow fail without being done. */
  readonly span: number
  readonly fault: Fault
  /** What the other writer does while a `slow` step waits. */
  readonly meanwhile: () => Promise<void>
}

/** What a step throws, as its contract says. */
export interface StepErrors {
  readonly failed: () => AssayError
  readonly full: () => AssayError
}

/** A step of which nothing is heard. Where that is not the same as an error, the caller makes an answer of it. */
export class Unanswered extends Error {
  constructor(cause: AssayError) {
    super(cause.message, { cause })
  }
}

/** The calls that go through a faulty store and a faulty catalog, counted together. */
export interface Faults {
  /** All calls so far, as `write /x`. */
  readonly steps: readonly string[]
  /** @throws Unanswered, and what `errors` gives */
  through<T>(step: string, act: () => Promise<T>, errors: StepErrors): Promise<T>
}

/** Faults by a plan: the steps that it names go wrong. Without a plan all goes well, and steps are only counted. */
export function faultsOf(plan?: FaultPlan): Faults {
  const steps: string[] = []
  return {
    steps,
    through: async (step, act, errors) => {
      const at = steps.push(step) - 1
      if (plan === undefined || at < plan.at || at >= plan.at + plan.span) return act()
      if (at > plan.at && plan.fault !== 'slow') throw errors.failed()
      switch (plan.fault) {
        case 'before':
          throw errors.failed()
        case 'full':
          throw errors.full()
        case 'after':
          await act()
          throw new Unanswered(errors.failed())
        case 'lost':
          throw new Unanswered(errors.failed())
        case 'slow':
          if (at === plan.at) await plan.meanwhile()
          return act()
      }
    },
  }
}

/** For calls whose callers take silence for an error. */
export const heard = (error: unknown): never => {
  throw error instanceof Unanswered ? error.cause : error
}
