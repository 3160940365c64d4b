import { it } from 'vitest'
import { surviveKills } from './killed.ts'

it('a commit that is killed between any two of its steps is found done or not done', () =>
  surviveKills((steps) => steps.flatMap((_, at) => [{ at, moment: 'before' } as const, { at, moment: 'after' } as const])))
