import { expect, it } from 'vitest'
import { planSchema } from '../../scripts/plan-schema.ts'
import { textOf } from './tree.ts'

it('docs/plan.schema.json is what `node scripts/plan-schema.ts` writes', () => {
  expect(textOf('docs/plan.schema.json')).toBe(planSchema())
})
