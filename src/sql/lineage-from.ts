import { type AstNode, childrenOf, expressionsIn, fold, isNode, nodeAt, textAt, textsAt } from './lineage-ast.ts'
import { allOf, sourcesOf, type Walk } from './lineage-expression.ts'
import { type Binding, bindingOf, columnIn, EMPTY_FROM, type From, type Relation, type Scope } from './lineage-scope.ts'
import { derived, NONE, type Sources, sourceOf, UnknownLineage, unite, usedAs } from './lineage-sources.ts'

/** Tables that are not made by the statement itself: the columns of the inputs, by folded name. */
export type Tables = ReadonlyMap<string, Relation>

/** The inputs of a statement as relations: each column comes from itself. */
export const tablesOf = (inputs: Readonly<Record<string, readonly string[]>>): Tables =>
  new Map(
    Object.entries(inputs).map(([input, columns]) => [
      fold(input),
      { columns: columns.map((name) => ({ name, sources: sourceOf(input, name) })), rows: NONE, order: NONE },
    ]),
  )

/** What an item of FROM gives. @param outer what stands left of it and around the query. @throws UnknownLineage */
export function fromOf(walk: Walk, tables: Tables, node: AstNode, outer: Scope): From {
  switch (node['type']) {
    case 'EMPTY':
      return EMPTY_FROM
    case 'BASE_TABLE':
      return named(node, textAt(node, 'table_name'), tableOf(tables, node, outer))
    case 'SUBQUERY':
      return named(node, '', walk.query(nodeAt(nodeAt(node, 'subquery'), 'node'), outer))
    case 'JOIN':
      return joined(walk, tables, node, outer)
    case 'EXPRESSION_LIST':
      return named(node, '', valuesOf(walk, node, outer))
    case 'TABLE_FUNCTION':
      return named(node, textAt(nodeAt(node, 'function'), 'function_name'), tableFunction(walk, node, outer))
    default:
      throw new UnknownLineage(`${node['type']} is not followed`)
  }
}

function named(node: AstNode, name: string, relation: Relation): From {
  const binding = bindingOf(textAt(node, 'alias') || name, relation, textsAt(node, 'column_name_alias'))
  return { bindings: [binding], merged: new Map(), rows: relation.rows, order: relation.order }
}

function tableOf(tables: Tables, node: AstNode, { ctes }: Scope): Relation {
  const name = textAt(node, 'table_name')
  const qualified = textAt(node, 'schema_name') !== '' || textAt(node, 'catalog_name') !== '' || isNode(node['at_clause'])
  const found = qualified ? undefined : (ctes.get(fold(name)) ?? tables.get(fold(name)))
  if (found === undefined) throw new UnknownLineage(`${name} is no input`)
  return found
}

function valuesOf(walk: Walk, node: AstNode, outer: Scope): Relation {
  const lines = Array.isArray(node['values']) ? node['values'] : []
  const cells = lines.map((line) => expressionsIn(line).map((cell) => sourcesOf(walk, cell, outer)))
  const columns = (cells[0] ?? []).map((_, i) => ({ name: `col${i}`, sources: unite(...cells.map((line) => line[i] ?? NONE)) }))
  return { columns, rows: NONE, order: NONE }
}

/** Functions that look at nothing but their arguments and files, with the columns that they give, where that is told. */
const TABLE_FUNCTIONS: Readonly<Record<string, readonly string[] | undefined>> = {
  unnest: ['unnest'],
  range: ['range'],
  generate_series: ['generate_series'],
  json_each: undefined,
  json_tree: undefined,
  glob: undefined,
  read_csv: undefined,
  read_csv_auto: undefined,
  read_json: undefined,
  read_json_auto: undefined,
  read_ndjson: undefined,
  read_ndjson_auto: undefined,
  read_parquet: undefined,
  parquet_scan: undefined,
  read_text: undefined,
  read_blob: undefined,
}

function tableFunction(walk: Walk, node: AstNode, outer: Scope): Relation {
  const call = nodeAt(node, 'function')
  const name = fold(textAt(call, 'function_name'))
  if (!Object.hasOwn(TABLE_FUNCTIONS, name) || isNode(node['subquery'])) throw new UnknownLineage(`${name}() as a table is not followed`)
  const sources = derived(allOf(walk, childrenOf(call), outer))
  const names = node['with_ordinality'] === 'WITHOUT_ORDINALITY' ? TABLE_FUNCTIONS[name] : undefined
  const columns = (names ?? []).map((column) => ({ name: column, sources }))
  return { columns, rows: usedAs('filter', sources), order: NONE, ...(names === undefined ? { open: sources } : {}) }
}

function joined(walk: Walk, tables: Tables, node: AstNode, outer: Scope): From {
  const left = fromOf(walk, tables, nodeAt(node, 'left'), outer)
  const beside: Scope = { ...outer, from: left, aliases: new Map(), aliasesToo: false, outer }
  const right = fromOf(walk, tables, nodeAt(node, 'right'), beside)
  const names = node['ref_type'] === 'NATURAL' ? commonNames(left, right) : textsAt(node, 'using_columns')
  const both: From = {
    bindings: [...left.bindings, ...right.bindings],
    merged: new Map([...right.merged, ...left.merged]),
    rows: unite(left.rows, right.rows),
    order: unite(left.order, right.order),
  }
  const condition = allOf(walk, expressionsIn(node['condition']), { ...beside, from: both })
  const using = names.map((name): [string, Sources, Sources] => [name, sideOf(left, name), sideOf(right, name)])
  const keys = unite(condition, ...using.map(([, ours, theirs]) => unite(ours, theirs)))
  const placed = node['ref_type'] === 'POSITIONAL' ? usedAs('order', both.order) : NONE
  const merged = new Map(both.merged)
  for (const [name, ours, theirs] of using) merged.set(fold(name), keepsLeft(node) ? ours : derived(unite(ours, theirs)))
  const semi = node['join_type'] === 'SEMI' || node['join_type'] === 'ANTI'
  const shown = semi ? { bindings: left.bindings, merged: left.merged } : { bindings: both.bindings, merged }
  return { ...shown, rows: unite(both.rows, usedAs('join', keys), placed), order: both.order }
}

/** The column of USING is that of the left side, unless the left side may lack the row. */
const keepsLeft = (node: AstNode): boolean => node['join_type'] === 'INNER' || node['join_type'] === 'LEFT'

function sideOf(from: From, name: string): Sources {
  const found = columnIn(from, name)
  if (found === undefined) throw new UnknownLineage(`where ${name} comes from is not known`)
  return found
}

function commonNames(left: From, right: From): readonly string[] {
  const namesOf = (bindings: readonly Binding[]): readonly string[] => {
    const columns = bindings.flatMap((binding) => binding.columns)
    if (bindings.some((binding) => binding.open !== undefined) || columns.some((column) => column.name === undefined))
      throw new UnknownLineage('the columns of a NATURAL JOIN are not known')
    return columns.flatMap((column) => (column.name === undefined ? [] : [column.name]))
  }
  const there = new Set(namesOf(right.bindings).map(fold))
  return [...new Set(namesOf(left.bindings))].filter((name) => there.has(fold(name)))
}
