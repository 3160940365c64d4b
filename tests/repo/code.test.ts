import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { filesBelow, textOf } from './tree.ts'

const MAX_FILE = 400
const MAX_FUNCTION = 70

const parse = (path: string): ts.SourceFile => ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true)
const ours = ['src', 'lakehouse', 'scripts', 'bench'].flatMap((folder) => filesBelow(folder, '.ts')).map(parse)
const source = ours.filter(({ fileName }) => fileName.startsWith('src/'))
/** Without the test of the clock itself. */
const tests = filesBelow('tests', '.ts')
  .filter((path) => path !== 'tests/clock.test.ts')
  .map(parse)

/** Places (`file:line`) of all nodes that `matches`. */
function places(files: readonly ts.SourceFile[], matches: (node: ts.Node, file: ts.SourceFile) => boolean): readonly string[] {
  const found: string[] = []
  for (const file of files) {
    const visit = (node: ts.Node): void => {
      if (matches(node, file)) found.push(`${file.fileName}:${lineOf(file, node.getStart(file)) + 1}`)
      ts.forEachChild(node, visit)
    }
    visit(file)
  }
  return found
}

const lineOf = (file: ts.SourceFile, position: number): number => file.getLineAndCharacterOfPosition(position).line

const linesOf = (node: ts.Node, file: ts.SourceFile): number => lineOf(file, node.end) - lineOf(file, node.getStart(file)) + 1

/** `Date.now` for a property access on a plain name, `setTimeout` for a plain name that is called. */
function called(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) return `${node.expression.text}.${node.name.text}`
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) return node.expression.text
  return undefined
}

const isCurrentDate = (node: ts.Node): boolean =>
  ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0

describe('code', () => {
  it(`has no file over ${MAX_FILE} lines`, () => {
    expect(ours.filter((file) => lineOf(file, file.end) > MAX_FILE).map(({ fileName }) => fileName)).toEqual([])
  })

  it(`has no function over ${MAX_FUNCTION} lines`, () => {
    expect(places(ours, (node, file) => ts.isFunctionLike(node) && linesOf(node, file) > MAX_FUNCTION)).toEqual([])
  })

  it('has no any', () => {
    expect(places([...ours, ...tests], (node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([])
  })

  it('asks the clock for time and chance', () => {
    const banned = new Set(['Date.now', 'performance.now', 'Math.random', 'setTimeout', 'setInterval'])
    const elsewhere = source.filter(({ fileName }) => fileName !== 'src/clock.ts' && !fileName.startsWith('src/ui-server/web/'))
    expect(places(elsewhere, (node) => isCurrentDate(node) || banned.has(called(node) ?? ''))).toEqual([])
  })
})

describe('tests', () => {
  it('wait for events and never sleep', () => {
    const banned = new Set(['setTimeout', 'sleep', 'delay', 'systemClock.sleep', 'Atomics.wait'])
    expect(places(tests, (node) => banned.has(called(node) ?? ''))).toEqual([])
    expect(tests.filter(({ text }) => /['"](node:)?timers\/promises['"]/.test(text)).map(({ fileName }) => fileName)).toEqual([])
  })

  it('are named for what they test, not for an issue or by number', () => {
    expect(tests.map(({ fileName }) => fileName).filter((name) => /(issue|bug|fix)-?\d|\d+\.test\.ts$/.test(name))).toEqual([])
  })
})
