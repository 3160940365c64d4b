/** `node scripts/plan-schema.ts` writes docs/plan.schema.json; tests/repo/plan-schema.test.ts holds the two equal. */
import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { planLine } from '../src/cli/plan-format.ts'

/** The text of docs/plan.schema.json. */
export const planSchema = (): string =>
  `${JSON.stringify({ title: 'assay plan --json', ...z.toJSONSchema(planLine, { reused: 'ref' }) }, null, 2)}\n`

if (import.meta.main) writeFileSync(new URL('../docs/plan.schema.json', import.meta.url), planSchema())
