/** A node of an ESTree syntax tree, seen from outside: a type and further properties. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [property: string]: unknown
}

/**
 * The names that a piece of a program uses but does not declare itself, sorted. Scopes are those of ECMAScript: `let`,
 * `const` and `class` belong to their block, `var` and parameters to their function.
 */
export function freeNames(root: SyntaxNode): readonly string[] {
  const free = new Set<string>()
  visit(root, new Set(), free)
  return [...free].sort()
}

type Scope = ReadonlySet<string>

function visit(node: SyntaxNode, scope: Scope, free: Set<string>): void {
  if (node.type === 'Identifier') {
    if (!scope.has(String(node['name']))) free.add(String(node['name']))
    return
  }
  const inner = new Set([...scope, ...declaredBy(node)])
  for (const child of referencesIn(node)) visit(child, inner, free)
}

/** Names that a node brings into scope for what lies within it. */
function declaredBy(node: SyntaxNode): readonly string[] {
  if (isFunction(node))
    return ['arguments', ...idName(node), ...nodesOf(node['params']).flatMap(patternNames), ...varNames(nodeOf(node['body']))]
  if (node.type === 'ClassExpression' || node.type === 'ClassDeclaration') return idName(node)
  if (node.type === 'BlockStatement' || node.type === 'StaticBlock' || node.type === 'Program')
    return nodesOf(node['body']).flatMap(lexicalNames)
  if (node.type === 'SwitchStatement')
    return nodesOf(node['cases'])
      .flatMap((c) => nodesOf(c['consequent']))
      .flatMap(lexicalNames)
  if (node.type === 'ForStatement') return lexicalNames(nodeOf(node['init']))
  if (node.type === 'ForInStatement' || node.type === 'ForOfStatement') return lexicalNames(nodeOf(node['left']))
  return node.type === 'CatchClause' ? patternNames(nodeOf(node['param'])) : []
}

/** Children that are evaluated: not the names of properties, labels and parts of imports. */
function referencesIn(node: SyntaxNode): readonly SyntaxNode[] {
  const isNamed =
    ['MemberExpression', 'Property', 'MethodDefinition', 'PropertyDefinition'].includes(node.type) && node['computed'] !== true
  const skipped = isNamed
    ? node.type === 'MemberExpression'
      ? 'property'
      : 'key'
    : ['LabeledStatement', 'BreakStatement', 'ContinueStatement'].includes(node.type)
      ? 'label'
      : ''
  return Object.entries(node).flatMap(([name, value]) => (name === skipped || node.type === 'MetaProperty' ? [] : nodesOf(value)))
}

/** `let`, `const`, `class` and functions, when they stand directly in a block. */
export function lexicalNames(statement: SyntaxNode | undefined): readonly string[] {
  if (statement?.type === 'FunctionDeclaration' || statement?.type === 'ClassDeclaration') return idName(statement)
  return statement?.type === 'VariableDeclaration' ? nodesOf(statement['declarations']).flatMap((d) => patternNames(nodeOf(d['id']))) : []
}

/** `var` anywhere in a function, but not in functions within it. */
function varNames(node: SyntaxNode | undefined): readonly string[] {
  if (node === undefined || isFunction(node)) return []
  const own = node.type === 'VariableDeclaration' && node['kind'] === 'var' ? lexicalNames(node) : []
  return [...own, ...Object.values(node).flatMap(nodesOf).flatMap(varNames)]
}

/** The names that a pattern binds. */
function patternNames(pattern: SyntaxNode | undefined): readonly string[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [String(pattern['name'])]
    case 'ObjectPattern':
      return nodesOf(pattern['properties']).flatMap((p) => patternNames(nodeOf(p['value']) ?? nodeOf(p['argument'])))
    case 'ArrayPattern':
      return nodesOf(pattern['elements']).flatMap(patternNames)
    case 'AssignmentPattern':
      return patternNames(nodeOf(pattern['left']))
    case 'RestElement':
      return patternNames(nodeOf(pattern['argument']))
    default:
      return []
  }
}

const idName = (node: SyntaxNode): readonly string[] => patternNames(nodeOf(node['id']))
const isFunction = (node: SyntaxNode): boolean =>
  ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)

/** The value as a node; undefined when it is none. */
export const nodeOf = (value: unknown): SyntaxNode | undefined =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string' ? (value as SyntaxNode) : undefined

/** The nodes in a value: itself, or those of a list. Holes are left out. */
export const nodesOf = (value: unknown): readonly SyntaxNode[] =>
  (Array.isArray(value) ? value : [value]).map(nodeOf).filter((node) => node !== undefined)
