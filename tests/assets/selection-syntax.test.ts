import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ATTRIBUTES, parseSelection, printSelection, type Selection } from '../../src/assets/selection-syntax.ts'
import { AssayError } from '../../src/errors.ts'

/** Parts as an arbitrary text gives them; between two parts is a wildcard. */
const part = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'B', '7', '.', '-', '@', '/', '_', '"', '\\', '*', ' ', '(', '+', ':', '=', ',', '日'),
    maxLength: 6,
  }),
  fc.constantFrom('and', 'Or', 'not', 'roots', '<null>', '12', 'status', 'gold.x'),
)
const pattern = fc.array(part, { minLength: 1, maxLength: 3 })
const amount = fc.oneof(fc.constant(0), fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 20 }))

const { selection } = fc.letrec<{ selection: Selection }>((tie) => ({
  selection: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.record({ kind: fc.constant('attribute' as const), name: fc.constantFrom(...ATTRIBUTES), value: fc.option(pattern) }),
    fc.record({ kind: fc.constant('attribute' as const), name: fc.constant('tag' as const), value: pattern, equals: pattern }),
    fc
      .record({ kind: fc.constant('walk' as const), of: tie('selection'), up: amount, down: amount })
      .filter(({ up, down }) => up + down > 0),
    fc.record({ kind: fc.constantFrom('roots' as const, 'sinks' as const, 'not' as const), of: tie('selection') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), of: fc.array(tie('selection'), { minLength: 2, maxLength: 3 }) }),
  ),
}))

test('what is printed is read as the same', () => {
  void fc.assert(
    fc.property(selection, (one) => {
      expect(parseSelection(printSelection(one))).toEqual(one)
    }),
    { numRuns: 500 },
  )
})

const key = (text: string): Selection => ({ kind: 'attribute', name: 'key', value: text.split('*') })
const ALL = Number.POSITIVE_INFINITY

test.each<readonly [string, Selection]>([
  ['gold.*', key('gold.*')],
  ['2+x+1', { kind: 'walk', of: key('x'), up: 2, down: 1 }],
  ['+x+', { kind: 'walk', of: key('x'), up: ALL, down: ALL }],
  ['(a or b)+', { kind: 'walk', of: { kind: 'or', of: [key('a'), key('b')] }, up: 0, down: ALL }],
  [
    'not +a and b or c',
    { kind: 'or', of: [{ kind: 'and', of: [{ kind: 'not', of: { kind: 'walk', of: key('a'), up: ALL, down: 0 } }, key('b')] }, key('c')] },
  ],
  ['a, b c AND d', { kind: 'or', of: [key('a'), key('b'), { kind: 'and', of: [key('c'), key('d')] }] }],
  ['x+ y', { kind: 'or', of: [{ kind: 'walk', of: key('x'), up: 0, down: ALL }, key('y')] }],
  ['x +y', { kind: 'or', of: [key('x'), { kind: 'walk', of: key('y'), up: ALL, down: 0 }] }],
  ['owner:ada@example.com', { kind: 'attribute', name: 'owner', value: ['ada@example.com'] }],
  ['tag:2026-q1=x/y', { kind: 'attribute', name: 'tag', value: ['2026-q1'], equals: ['x/y'] }],
  ['group:status', { kind: 'attribute', name: 'group', value: ['status'] }],
  ['group:and', { kind: 'attribute', name: 'group', value: ['and'] }],
  ['group:"a \\"b\\" \\*c*"', { kind: 'attribute', name: 'group', value: ['a "b" *c', ''] }],
  ['owner:<null>', { kind: 'attribute', name: 'owner', value: null }],
  ['sinks(roots(x))', { kind: 'sinks', of: { kind: 'roots', of: key('x') } }],
])('%s', (text, expected) => {
  expect(parseSelection(text)).toEqual(expected)
})

// The caret stands where a person would put it.
test.each([
  ['+', 0, '+ stands alone'],
  ['a and and', 6, `here must stand an asset, not 'and'`],
  ['a and', 5, 'here must stand an asset, it ends here'],
  ['not', 3, 'here must stand an asset, it ends here'],
  ['owner', -1, ''],
  ['ownr:ada', 0, 'assets have no ownr'],
  ['tag:foo=', 8, 'here must stand a value, it ends here'],
  ['(a or b', 7, 'a bracket is not closed'],
  ['a) b', 1, 'this bracket closes nothing'],
  ['group:"x', 6, 'this quote is not closed'],
  ['sink(a)', 0, 'there is no function sink()'],
  ['a+b', 2, 'behind + comes a number, or a blank'],
  [`${'('.repeat(300)}a`, 201, 'this is nested too deep'],
])('%s', (text, at, what) => {
  try {
    parseSelection(text)
    expect(at).toBe(-1)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    expect(error).toMatchObject({ code: 'ASSAY-4008', message: what })
    const [line = '', caret = ''] = error.details ?? []
    expect(line.slice(caret.indexOf('^')).slice(0, 3)).toBe(text.slice(at, at + 3))
    expect(error.next).not.toBe('')
  }
})
