import { type AstNode, childrenOf, expressionsIn, fold, nodeAt, nodesAt, textAt, textsAt } from './lineage-ast.ts'
import { columnIn, type Relation, resolveName, type Scope } from './lineage-scope.ts'
import { aggregated, derived, NONE, type Sources, UnknownLineage, unite, usedAs } from './lineage-sources.ts'

/** What the walk over expressions needs of the walk over queries. */
export interface Walk {
  readonly isAggregate: (functionName: string) => boolean
  readonly query: (node: AstNode, outer: Scope) => Relation
}

/** What an expression is computed from. @throws UnknownLineage */
export function sourcesOf(walk: Walk, node: AstNode, scope: Scope): Sources {
  switch (node['class']) {
    case 'CONSTANT':
    case 'PARAMETER':
      return NONE
    case 'COLUMN_REF':
      return resolveName(textsAt(node, 'column_names'), scope)
    case 'FUNCTION':
      return functionSources(walk, node, scope)
    case 'WINDOW':
      return windowSources(walk, node, scope)
    case 'SUBQUERY':
      return subquerySources(walk, node, scope)
    case 'LAMBDA':
      return lambdaSources(walk, node, scope)
    case 'POSITIONAL_REFERENCE':
      return positionalSources(node, scope)
    case 'CASE':
    case 'CAST':
    case 'COLLATE':
    case 'COMPARISON':
    case 'CONJUNCTION':
    case 'OPERATOR':
    case 'BETWEEN':
      return derived(allOf(walk, childrenOf(node), scope))
    default:
      throw new UnknownLineage(`${node['class'] === 'STAR' ? '* or COLUMNS()' : node['class']} within an expression is not followed`)
  }
}

/** What any of these expressions is computed from. */
export const allOf = (walk: Walk, nodes: readonly AstNode[], scope: Scope): Sources =>
  unite(...nodes.map((node) => sourcesOf(walk, node, scope)))

/** Aggregates whose result is the same in whatever order the rows come. */
const ORDER_FREE = new Set([
  'sum',
  'count',
  'count_star',
  'min',
  'max',
  'avg',
  'mean',
  'count_if',
  'countif',
  'bool_and',
  'bool_or',
  'median',
])

function functionSources(walk: Walk, node: AstNode, scope: Scope): Sources {
  const name = fold(textAt(node, 'function_name'))
  const values = allOf(walk, childrenOf(node, ['filter', 'order_bys']), scope)
  const filter = usedAs('filter', allOf(walk, expressionsIn(node['filter']), scope))
  const order = usedAs('order', allOf(walk, expressionsIn(node['order_bys']), scope))
  if (!walk.isAggregate(name)) return unite(derived(values), filter, order)
  return unite(aggregated(values), filter, order, ORDER_FREE.has(name) ? NONE : scope.from.order)
}

/** Window functions that give the value of one row. */
const PICKING = new Set(['lag', 'lead', 'first_value', 'last_value', 'nth_value', 'first', 'last'])

function windowSources(walk: Walk, node: AstNode, scope: Scope): Sources {
  const values = allOf(walk, childrenOf(node, ['partitions', 'orders', 'filter_expr']), scope)
  const part = (field: string): Sources => allOf(walk, expressionsIn(node[field]), scope)
  return unite(
    PICKING.has(fold(textAt(node, 'function_name'))) ? derived(values) : aggregated(values),
    usedAs('group', part('partitions')),
    usedAs('order', part('orders')),
    usedAs('filter', part('filter_expr')),
    scope.from.order,
  )
}

/** EXISTS looks at the rows alone. */
function subquerySources(walk: Walk, node: AstNode, scope: Scope): Sources {
  const { columns, rows, open } = walk.query(nodeAt(nodeAt(node, 'subquery'), 'node'), scope)
  const compared = allOf(walk, childrenOf(node, ['subquery']), scope)
  const plain = node['subquery_type'] === 'SCALAR'
  const values = /EXISTS/.test(textAt(node, 'subquery_type')) ? NONE : unite(...columns.map(({ sources }) => sources), open ?? NONE)
  return unite(plain ? values : derived(values), derived(compared), rows)
}

/** `lambda x: …`, and `a -> b`, which is a lambda or reads JSON: a name on the left that is a column too counts as one. */
function lambdaSources(walk: Walk, node: AstNode, scope: Scope): Sources {
  const left = nodeAt(node, 'lhs')
  const row = left['class'] === 'FUNCTION' && textAt(left, 'function_name') === 'row'
  const names = (row ? nodesAt(left, 'children') : [left]).filter((each) => each['class'] === 'COLUMN_REF')
  const parameters = new Set([...scope.parameters, ...names.map((each) => fold(textsAt(each, 'column_names')[0] ?? ''))])
  const inside = { ...scope, parameters }
  return derived(allOf(walk, [left, nodeAt(node, 'expr')], inside))
}

function positionalSources(node: AstNode, { from }: Scope): Sources {
  const columns = from.bindings.flatMap((binding) => binding.columns)
  const closed = from.merged.size === 0 && from.bindings.every((binding) => binding.open === undefined)
  const column = columns[Number(node['index']) - 1]
  if (column !== undefined && closed) return column.sources
  throw new UnknownLineage('a column by its number is not followed here')
}

/** True when the expression is computed from many rows; `aliases` are those of the select list that are. */
export function holdsAggregate(walk: Walk, node: AstNode, scope: Scope, aliases: ReadonlySet<string>): boolean {
  if (node['class'] === 'SUBQUERY') return false
  if (node['class'] === 'FUNCTION' && walk.isAggregate(fold(textAt(node, 'function_name')))) return true
  if (node['class'] === 'COLUMN_REF') {
    const [name = '', ...more] = textsAt(node, 'column_names')
    return more.length === 0 && aliases.has(fold(name)) && columnIn(scope.from, name) === undefined
  }
  return childrenOf(node).some((child) => holdsAggregate(walk, child, scope, aliases))
}

/** True when it makes several rows of one. */
export const makesRows = (node: AstNode): boolean =>
  node['class'] !== 'SUBQUERY' &&
  ((node['class'] === 'FUNCTION' && MAKES_ROWS.has(fold(textAt(node, 'function_name')))) || childrenOf(node).some(makesRows))

const MAKES_ROWS = new Set(['unnest', 'unlist', 'generate_subscripts'])
