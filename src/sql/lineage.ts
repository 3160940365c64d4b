import { type AstNode, expressionsIn, fold, isNode, nodeAt, nodesAt, textAt, textsAt } from './lineage-ast.ts'
import { allOf, holdsAggregate, makesRows, sourcesOf, type Walk } from './lineage-expression.ts'
import { fromOf, type Tables, tablesOf } from './lineage-from.ts'
import { bindingOf, columnIn, EMPTY_FROM, type Relation, type RelationColumn, type Scope, starColumns } from './lineage-scope.ts'
import { type Lineage, NONE, type Sources, sourceList, UnknownLineage, unite, usedAs } from './lineage-sources.ts'

/** A statement as DuckDB parses it, and what is known of its surroundings. */
export interface ParsedStatement {
  /** What `json_serialize_sql` gives, parsed. */
  readonly ast: unknown
  /** Columns of what it reads, by the names it reads it under. */
  readonly inputs: Readonly<Record<string, readonly string[]>>
  /** The names of the columns that it yields, as DuckDB binds them. */
  readonly yields: readonly string[]
  /** Names of functions that make one value of many rows, folded. */
  readonly aggregates: ReadonlySet<string>
}

/**
 * Where each column of a statement comes from. Sound with respect to what SQL defines: a column of an input that is named
 * neither at an output column nor at the rows does not change that output column. (Which rows LIMIT or first() take where
 * nothing sorts them is not defined.) What is not understood is unknown, as a whole: the names that this analysis finds
 * are held against those that DuckDB binds.
 */
export function lineageOf({ ast, inputs, yields, aggregates }: ParsedStatement): Lineage {
  try {
    const { columns, rows, open } = readQuery(tablesOf(inputs), (name) => aggregates.has(name), statementOf(ast))
    const agree =
      columns.length === yields.length && columns.every(({ name }, i) => name === undefined || fold(name) === fold(yields[i] ?? ''))
    if (!agree || open !== undefined) throw new UnknownLineage('its columns are not those that DuckDB binds')
    return { columns: Object.fromEntries(columns.map(({ sources }, i) => [yields[i] ?? '', sourceList(sources)])), rows: sourceList(rows) }
  } catch (error) {
    if (!(error instanceof UnknownLineage)) throw error
    return { columns: {}, unknown: error.message }
  }
}

function statementOf(ast: unknown): AstNode {
  const statements = isNode(ast) && ast['error'] !== true ? nodesAt(ast, 'statements') : []
  const [statement] = statements
  if (statement === undefined || statements.length > 1) throw new UnknownLineage('DuckDB gives no syntax tree of it')
  return nodeAt(statement, 'node')
}

function readQuery(tables: Tables, isAggregate: Walk['isAggregate'], node: AstNode): Relation {
  const walk: Walk = { isAggregate, query: (inner, outer) => queryOf(walk, tables, inner, outer) }
  return walk.query(node, {
    from: EMPTY_FROM,
    aliases: new Map(),
    aliasesToo: false,
    ctes: new Map(),
    outer: undefined,
    parameters: new Set(),
  })
}

function queryOf(walk: Walk, tables: Tables, node: AstNode, outer: Scope): Relation {
  const around: Scope = { ...outer, ctes: withCtes(walk, node, outer) }
  switch (node['type']) {
    case 'SELECT_NODE':
      return selectOf(walk, tables, node, around)
    case 'SET_OPERATION_NODE':
      return setOperation(walk, node, around)
    case 'RECURSIVE_CTE_NODE':
      return recursion(walk, node, around)
    default:
      throw new UnknownLineage(`${node['type']} is not followed`)
  }
}

/** Each sees those before it. */
function withCtes(walk: Walk, node: AstNode, outer: Scope): Scope['ctes'] {
  const entries = isNode(node['cte_map']) ? nodesAt(node['cte_map'], 'map') : []
  if (entries.length === 0) return outer.ctes
  const ctes = new Map(outer.ctes)
  for (const entry of entries) {
    const value = nodeAt(entry, 'value')
    const relation = walk.query(nodeAt(nodeAt(value, 'query'), 'node'), { ...outer, ctes: new Map(ctes) })
    ctes.set(fold(textAt(entry, 'key')), renamed(relation, textsAt(value, 'aliases')))
  }
  return ctes
}

const renamed = (relation: Relation, names: readonly string[]): Relation => ({
  ...relation,
  columns: bindingOf('', relation, names).columns,
})

function selectOf(walk: Walk, tables: Tables, node: AstNode, outer: Scope): Relation {
  const from = fromOf(walk, tables, nodeAt(node, 'from_table'), outer)
  const scope: Scope = { ...outer, from, aliases: new Map(), aliasesToo: false, outer }
  const { columns, aliases, keys, made, aggregates } = selectList(walk, nodesAt(node, 'select_list'), scope)
  const named: Scope = { ...scope, aliases }
  const either: Scope = { ...named, aliasesToo: true }
  const groups = nodesAt(node, 'group_expressions').map((key) => byNumber(key, columns) ?? sourcesOf(walk, key, named))
  const all = node['aggregate_handling'] === 'FORCE_AGGREGATES'
  const rows = unite(
    from.rows,
    made,
    usedAs('filter', allOf(walk, expressionsIn(node['where_clause']), named)),
    usedAs('group', unite(...groups, all ? keys : NONE)),
    usedAs('filter', allOf(walk, expressionsIn([node['having'], node['qualify']]), either)),
  )
  const grouped = aggregates || all || groups.length > 0
  return modified(walk, node, either, { columns, rows, order: grouped ? NONE : from.order })
}

interface SelectList {
  readonly columns: readonly RelationColumn[]
  readonly aliases: ReadonlyMap<string, Sources>
  /** What is computed from one row: the keys of GROUP BY ALL. */
  readonly keys: Sources
  /** What makes several rows of one. */
  readonly made: Sources
  readonly aggregates: boolean
}

function selectList(walk: Walk, items: readonly AstNode[], scope: Scope): SelectList {
  const aliases = new Map<string, Sources>()
  const aggregates = new Set<string>()
  const columns: RelationColumn[] = []
  let [keys, made, grouped] = [NONE, NONE, false]
  for (const item of items) {
    const seen: Scope = { ...scope, aliases }
    if (item['class'] === 'STAR') {
      const chosen = starOf(walk, item, seen)
      columns.push(...chosen)
      keys = unite(keys, ...chosen.map(({ sources }) => sources))
      continue
    }
    const sources = sourcesOf(walk, item, seen)
    const alias = textAt(item, 'alias')
    const isAggregate = holdsAggregate(walk, item, scope, aggregates)
    columns.push({ name: alias === '' ? lastName(item) : alias, sources })
    if (isAggregate) grouped = true
    else keys = unite(keys, sources)
    if (makesRows(item)) made = unite(made, usedAs('filter', sources))
    if (alias === '') continue
    aliases.set(fold(alias), sources)
    if (isAggregate) aggregates.add(fold(alias))
  }
  return { columns, aliases, keys, made, aggregates: grouped }
}

const lastName = (item: AstNode): string | undefined => (item['class'] === 'COLUMN_REF' ? textsAt(item, 'column_names').at(-1) : undefined)

/** `*` with EXCLUDE, REPLACE and RENAME. */
function starOf(walk: Walk, item: AstNode, scope: Scope): readonly RelationColumn[] {
  if (item['columns'] === true || isNode(item['expr'])) throw new UnknownLineage('COLUMNS() is not followed')
  if (nodesAt(item, 'qualified_exclude_list').length > 0) throw new UnknownLineage('EXCLUDE of a qualified name is not followed')
  const excluded = new Set(textsAt(item, 'exclude_list').map(fold))
  const replaced = new Map(nodesAt(item, 'replace_list').map((entry) => [fold(textAt(entry, 'key')), nodeAt(entry, 'value')]))
  const renames = new Map(
    nodesAt(item, 'rename_list').map((entry) => [fold(textAt(nodeAt(entry, 'key'), 'column')), textAt(entry, 'value')]),
  )
  return starColumns(scope.from, textAt(item, 'relation_name')).flatMap(({ name, sources }): readonly RelationColumn[] => {
    const key = fold(name ?? '')
    if (excluded.has(key)) return []
    const value = replaced.get(key)
    return [{ name: renames.get(key) ?? name, sources: value === undefined ? sources : sourcesOf(walk, value, scope) }]
  })
}

/** GROUP BY 1, ORDER BY 2. */
function byNumber(node: AstNode, columns: readonly RelationColumn[]): Sources | undefined {
  const value = isNode(node['value']) ? node['value']['value'] : undefined
  return node['class'] === 'CONSTANT' && typeof value === 'number' ? columns[value - 1]?.sources : undefined
}

/** DISTINCT, ORDER BY and LIMIT. */
function modified(walk: Walk, node: AstNode, scope: Scope, relation: Relation): Relation {
  const modifiers = nodesAt(node, 'modifiers')
  const all = unite(...relation.columns.map(({ sources }) => sources))
  const part = (value: unknown): Sources =>
    unite(
      ...expressionsIn(value).map((key) =>
        key['class'] === 'STAR' ? all : (byNumber(key, relation.columns) ?? sourcesOf(walk, key, scope)),
      ),
    )
  const own = unite(...modifiers.filter(({ type }) => type === 'ORDER_MODIFIER').map((modifier) => usedAs('order', part(modifier))))
  const order = unite(relation.order, own)
  const deciding = modifiers.map((modifier): Sources => {
    if (modifier['type'] === 'ORDER_MODIFIER') return NONE
    if (modifier['type'] === 'DISTINCT_MODIFIER') {
      const on = nodesAt(modifier, 'distinct_on_targets')
      return on.length === 0 ? usedAs('group', all) : unite(usedAs('group', part(on)), order)
    }
    if (modifier['type'] === 'LIMIT_MODIFIER' || modifier['type'] === 'LIMIT_PERCENT_MODIFIER') {
      const { type: _, ...amounts } = modifier
      return unite(usedAs('filter', allOf(walk, expressionsIn(amounts), scope)), order)
    }
    throw new UnknownLineage(`${modifier['type']} is not followed`)
  })
  return { ...relation, rows: unite(relation.rows, ...deciding), order }
}

const SET_OPERATIONS = ['UNION', 'UNION_BY_NAME', 'EXCEPT', 'INTERSECT']

function setOperation(walk: Walk, node: AstNode, outer: Scope): Relation {
  const operation = textAt(node, 'setop_type')
  if (!SET_OPERATIONS.includes(operation)) throw new UnknownLineage(`${operation} is not followed`)
  const left = walk.query(nodeAt(node, 'left'), outer)
  const right = walk.query(nodeAt(node, 'right'), outer)
  const all = unite(...[...left.columns, ...right.columns].map(({ sources }) => sources))
  const united = operation.startsWith('UNION')
  const columns = operation === 'UNION_BY_NAME' ? byNames(left, right) : united ? byPlaces(left, right) : left.columns
  const compared = united && node['setop_all'] === true ? NONE : usedAs(united ? 'group' : 'filter', all)
  const relation = { columns, rows: unite(left.rows, right.rows, compared), order: unite(left.order, right.order) }
  const from = { ...EMPTY_FROM, bindings: [bindingOf('', relation, [])] }
  return modified(walk, node, { ...outer, from, aliases: new Map(), outer }, relation)
}

const byPlaces = (left: Relation, right: Relation): readonly RelationColumn[] =>
  left.columns.map(({ name, sources }, i) => ({ name, sources: unite(sources, right.columns[i]?.sources ?? NONE) }))

function byNames(left: Relation, right: Relation): readonly RelationColumn[] {
  if ([...left.columns, ...right.columns].some(({ name }) => name === undefined))
    throw new UnknownLineage('the names in a UNION BY NAME are not known')
  const there = { ...EMPTY_FROM, bindings: [bindingOf('', right, [])] }
  const here = { ...EMPTY_FROM, bindings: [bindingOf('', left, [])] }
  return [
    ...left.columns.map(({ name = '', sources }) => ({ name, sources: unite(sources, columnIn(there, name) ?? NONE) })),
    ...right.columns.filter(({ name = '' }) => columnIn(here, name) === undefined),
  ]
}

/** What a round adds is put in again until a round adds nothing; there are only so many columns to add. */
function recursion(walk: Walk, node: AstNode, outer: Scope): Relation {
  const name = fold(textAt(node, 'cte_name'))
  let relation = renamed(walk.query(nodeAt(node, 'left'), outer), textsAt(node, 'aliases'))
  for (let before = ''; before !== fingerprint(relation); ) {
    before = fingerprint(relation)
    const round = walk.query(nodeAt(node, 'right'), { ...outer, ctes: new Map([...outer.ctes, [name, relation]]) })
    const columns = byPlaces(relation, round)
    const unlike = node['union_all'] === true && nodesAt(node, 'key_targets').length === 0 ? [] : columns.map(({ sources }) => sources)
    relation = { columns, rows: unite(relation.rows, round.rows, usedAs('group', unite(...unlike))), order: NONE }
  }
  return relation
}

const fingerprint = ({ columns, rows }: Relation): string =>
  JSON.stringify([...columns.map(({ sources }) => sourceList(sources)), sourceList(rows)])
