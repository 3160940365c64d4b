import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { parse } from 'acorn'
import type { SourceLocation } from '../errors.ts'
import { freeNames, lexicalNames, nodeOf, nodesOf, type SyntaxNode } from './free-names.ts'

/** Where a name of a module comes from: an import, or a declaration at its top level. */
export type Binding =
  | { readonly kind: 'import'; readonly specifier: string; readonly name: string }
  | { readonly kind: 'local'; readonly node: SyntaxNode }

export interface Effect {
  readonly node: SyntaxNode
  readonly names: ReadonlySet<string>
}

/** A module as syntax: its top-level names, and what it exports under which of them. */
export interface ModuleSyntax {
  readonly body: readonly SyntaxNode[]
  readonly bindings: ReadonlyMap<string, Binding>
  /** `*` as the name of an import stands for the whole module. */
  readonly exports: ReadonlyMap<string, Binding>
  /** Specifiers of `export * from`. */
  readonly exportsAllOf: readonly string[]
  /** Statements at the top level that declare nothing, with the names they use: what they change is not known. */
  readonly effects: readonly Effect[]
  /** Offset of a place (line and column from 1) in the source. */
  offsetOf(place: SourceLocation): number
}

/** Parses a file of JavaScript or TypeScript; types are blanked, so that offsets stay those of the file. */
export function readModuleSyntax(file: string): ModuleSyntax {
  const source = readFileSync(file, 'utf8')
  const script = /\.[cm]?ts$/.test(file) ? stripTypeScriptTypes(source) : source
  const program = parse(script, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true }) as unknown as SyntaxNode
  const body = nodesOf(program['body'])
  const bindings = new Map(
    body.flatMap((statement) => [...imported(statement), ...declared(nodeOf(statement['declaration']) ?? statement)]),
  )
  const lines = lineStarts(source)
  return {
    body,
    bindings,
    exports: new Map(body.flatMap((statement) => exported(statement, bindings))),
    exportsAllOf: body.filter((s) => s.type === 'ExportAllDeclaration' && s['exported'] === null).map((s) => specifierOf(s)),
    effects: body.filter((node) => !DECLARES.test(node.type)).map((node) => ({ node, names: new Set(freeNames(node)) })),
    offsetOf: ({ line, column }) => (lines[line - 1] ?? 0) + column - 1,
  }
}

const DECLARES = /^(?:Import|Export)|Declaration$|^EmptyStatement$/

type Named = readonly [string, Binding]

function imported(statement: SyntaxNode): readonly Named[] {
  if (statement.type !== 'ImportDeclaration') return []
  return nodesOf(statement['specifiers']).map((part): Named => {
    const name = part.type === 'ImportSpecifier' ? nameOf(part['imported']) : part.type === 'ImportDefaultSpecifier' ? 'default' : '*'
    return [nameOf(part['local']), { kind: 'import', specifier: specifierOf(statement), name }]
  })
}

/** Each declarator stands for itself: a change of one constant does not touch its neighbours. */
function declared(statement: SyntaxNode): readonly Named[] {
  const parts = statement.type === 'VariableDeclaration' ? nodesOf(statement['declarations']) : [statement]
  return parts.flatMap((node) => {
    const names = node.type === 'VariableDeclarator' ? lexicalNames({ ...statement, declarations: [node] }) : lexicalNames(node)
    return names.map((name): Named => [name, { kind: 'local', node }])
  })
}

function exported(statement: SyntaxNode, bindings: ReadonlyMap<string, Binding>): readonly Named[] {
  if (statement.type === 'ExportAllDeclaration' && statement['exported'] !== null) {
    return [[nameOf(statement['exported']), { kind: 'import', specifier: specifierOf(statement), name: '*' }]]
  }
  const declaration = nodeOf(statement['declaration'])
  if (statement.type === 'ExportDefaultDeclaration' && declaration) {
    const known = declaration.type === 'Identifier' ? bindings.get(nameOf(declaration)) : undefined
    return [['default', known ?? { kind: 'local', node: declaration }]]
  }
  if (statement.type !== 'ExportNamedDeclaration') return []
  if (declaration) return declared(declaration)
  return nodesOf(statement['specifiers']).flatMap((part): readonly Named[] => {
    const local = nameOf(part['local'])
    const binding: Binding | undefined = statement['source']
      ? { kind: 'import', specifier: specifierOf(statement), name: local }
      : bindings.get(local)
    return binding === undefined ? [] : [[nameOf(part['exported']), binding]]
  })
}

const specifierOf = (statement: SyntaxNode): string => String(nodeOf(statement['source'])?.['value'])

/** Specifiers of `import('…')` in a piece of a program, where they are literal. */
export function dynamicImports(node: SyntaxNode): readonly string[] {
  const source = node.type === 'ImportExpression' ? nodeOf(node['source']) : undefined
  const text = source?.type === 'TemplateLiteral' && nodesOf(source['expressions']).length === 0 ? cooked(source) : source?.['value']
  const within = Object.values(node).flatMap(nodesOf).flatMap(dynamicImports)
  return typeof text === 'string' ? [text, ...within] : within
}

const cooked = (template: SyntaxNode): unknown => (nodesOf(template['quasis'])[0]?.['value'] as { cooked?: unknown } | undefined)?.cooked

/** Names of imports and exports are identifiers or, rarely, string literals. */
const nameOf = (value: unknown): string => String(nodeOf(value)?.['name'] ?? nodeOf(value)?.['value'])

function lineStarts(source: string): readonly number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
