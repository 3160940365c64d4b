import { it } from 'vitest'
import { merging } from './faults/operations.ts'
import { surviveKills } from './killed.ts'

const everywhere = (kinds: readonly string[]) =>
  kinds.flatMap((kind, i) => {
    const at = kinds.slice(0, i).filter((other) => other === kind).length
    return [{ kind, at, moment: 'before' } as const, { kind, at, moment: 'after' } as const]
  })

it('a commit that is killed between any two of its steps is found done or not done', () => surviveKills(everywhere))

it('so is a merge that leaves its deletes in files', () =>
  surviveKills(everywhere, { stage: merging('merge-on-read'), rows: (tag) => [`0 0 ${tag}`, '0 1 1', `0 5 ${tag}`] }))
