import { describe, expect, test } from 'vitest'
import { CATALOGUE } from '../src/error-catalogue.ts'
import { AssayError, fromProblem, type Problem, toProblem } from '../src/errors.ts'

const WHERE = { file: 'silver/orders.ts', line: 3, column: 5 }

describe('AssayError', () => {
  test('takes its advice from the catalogue, or from the case', () => {
    expect(new AssayError('ASSAY-3001', 'in use').next).toBe(CATALOGUE['ASSAY-3001'].next)
    expect(new AssayError('ASSAY-3001', 'in use', { next: 'Stop process 7.' }).next).toBe('Stop process 7.')
  })

  test('carries code, text, place, facts and cause', () => {
    const cause = new Error('below')
    const error = new AssayError('ASSAY-5001', 'a check failed', { where: WHERE, details: ['{"id":1}'], cause })
    expect(error).toMatchObject({
      name: 'AssayError',
      code: 'ASSAY-5001',
      message: 'a check failed',
      where: WHERE,
      details: ['{"id":1}'],
      cause,
    })
    expect(new AssayError('ASSAY-5001', 'a check failed').details).toEqual([])
  })
})

describe('problems', () => {
  test('an error survives the way through JSON and back', () => {
    const error = new AssayError('ASSAY-5001', 'a check failed', { where: WHERE, details: ['one', 'two'], next: 'Mend it.' })
    const problem: Problem = JSON.parse(JSON.stringify(toProblem(error)))
    expect(fromProblem(problem)).toMatchObject({
      code: error.code,
      message: error.message,
      where: WHERE,
      details: error.details,
      next: error.next,
    })
    expect(toProblem(fromProblem(problem))).toMatchObject({
      code: error.code,
      what: error.message,
      where: WHERE,
      details: ['one', 'two'],
      next: 'Mend it.',
    })
  })

  test('what is not there is left out', () => {
    const problem = toProblem(new AssayError('ASSAY-3001', 'in use'))
    expect(Object.keys(problem).sort()).toEqual(['code', 'next', 'trace', 'what'])
  })

  test.each([
    [new TypeError('x is undefined'), 'TypeError: x is undefined'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
  ])('%s, thrown by others, is a defect or what the caller says', (thrown, what) => {
    expect(toProblem(thrown)).toMatchObject({ code: 'ASSAY-9001', what, next: CATALOGUE['ASSAY-9001'].next })
    expect(toProblem(thrown, 'ASSAY-3003')).toMatchObject({ code: 'ASSAY-3003', what, next: CATALOGUE['ASSAY-3003'].next })
  })

  test('the trace names every cause, and a ring of causes ends', () => {
    const inner = new Error('inner')
    expect(toProblem(new AssayError('ASSAY-3003', 'outer', { cause: new Error('middle', { cause: inner }) })).trace).toMatch(
      /outer[\s\S]*\ncaused by Error: middle[\s\S]*\ncaused by Error: inner/,
    )
    inner.cause = inner
    expect(toProblem(inner).trace?.split('\ncaused by ')).toHaveLength(8)
  })
})

test('every entry of the catalogue has a title, a reason and an advice, each a sentence', () => {
  for (const [code, entry] of Object.entries(CATALOGUE)) {
    expect(code).toMatch(/^ASSAY-[1-9]\d{3}$/)
    expect(entry.title).toMatch(/^[A-Z.].*[^.]$/)
    expect(entry.why).toMatch(/[.]$/)
    expect(entry.next).toMatch(/[.]$/)
  }
})
