import fc from 'fast-check'
import { afterAll, beforeAll, it } from 'vitest'
import { close, EXAMPLES, histories, open } from './append-world.ts'

beforeAll(open)
afterAll(close)

it('each partition of a feed is in the log at most once, and exactly once unless it has changed', { timeout: 120000 }, () =>
  fc.assert(histories, { numRuns: EXAMPLES.length + 3, examples: EXAMPLES }),
)
