import { it } from 'vitest'
import { surviveKills } from './killed.ts'

it(
  'a commit that is killed around its turning point is found done or not done',
  () =>
    surviveKills((steps) => {
      const at = steps.indexOf('commit')
      return [
        { at: steps.findIndex((step) => step.startsWith('write')), moment: 'after' },
        { at, moment: 'before' },
        { at, moment: 'after' },
      ]
    }),
  60_000,
)
