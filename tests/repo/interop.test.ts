import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { interopDocs } from '../../scripts/interop-docs.ts'

it('docs/interop.md is what the cases of the engines say (node scripts/interop-docs.ts writes it)', () => {
  expect(readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8')).toBe(interopDocs())
})
