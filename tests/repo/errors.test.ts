import { describe, expect, it } from 'vitest'
import { errorDocs } from '../../scripts/error-docs.ts'
import { CATALOGUE } from '../../src/error-catalogue.ts'
import { textOf } from './tree.ts'

const docs = textOf('docs/errors.md')
const documented = [...docs.matchAll(/^### (ASSAY-\d{4})$/gm)].map(([, code]) => code)

describe('docs/errors.md', () => {
  it('names every code of the catalogue, and no other', () => {
    expect(documented).toEqual(Object.keys(CATALOGUE))
  })

  it('is what `node scripts/error-docs.ts` writes', () => {
    expect(docs).toBe(errorDocs())
  })
})

it('codes stand in order, so that each group has its end', () => {
  expect(documented).toEqual([...documented].sort())
})
