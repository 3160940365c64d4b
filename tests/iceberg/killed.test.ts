import { it } from 'vitest'
import { surviveKills } from './killed.ts'

it(
  'a commit that is killed around its turning point is found done or not done',
  () =>
    surviveKills(() => [
      { kind: 'write', at: 0, moment: 'after' },
      { kind: 'commit', at: 0, moment: 'before' },
      { kind: 'commit', at: 0, moment: 'after' },
    ]),
  60_000,
)
