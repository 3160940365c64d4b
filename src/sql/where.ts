import { type AstNode, fold, isNode, nodesAt, textAt, textsAt } from './lineage-ast.ts'

/** A constant as it stands in a statement. */
export interface Constant {
  readonly kind: 'text' | 'number'
  readonly text: string
  /** The type that it is cast to; undefined where it is not. */
  readonly as: string | undefined
}

/** What rows of a table must hold to count in a statement. False for nulls. Columns are spelt as in the statement. */
export type Condition =
  | { readonly op: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly op: '=' | '<' | '<=' | '>' | '>='; readonly column: string; readonly value: Constant }
  | { readonly op: 'in'; readonly column: string; readonly values: readonly Constant[] }

/** Any row may count. */
const ANY: Condition = { op: 'and', of: [] }

/**
 * What a statement asks of the rows of each table, as far as its WHERE clauses compare columns with constants; all else
 * counts as asking nothing. A row that breaks its condition changes nothing in the answer, so it need not be read.
 * @param ast what `json_serialize_sql` gives, parsed
 * @param columnsOf the columns of a table by its full name, in small letters; undefined for what is no table
 * @returns by full name, in small letters; a table that is read several times is asked for what any of its uses asks
 */
export function conditionsOf(ast: unknown, columnsOf: (table: string) => readonly string[] | undefined): ReadonlyMap<string, Condition> {
  const uses = new Map<string, Condition[]>()
  const placed = new Set<AstNode>()
  const use = (table: AstNode, condition: Condition): void => {
    placed.add(table)
    const name = nameOf(table)
    uses.set(name, [...(uses.get(name) ?? []), condition])
  }
  visit(ast, (node) => {
    if (node['type'] !== 'SELECT_NODE') return
    const sources = sourcesIn(node['from_table'])
    for (const { table, isPlain } of sources) {
      if (table === undefined) continue
      const columns = columnsOf(nameOf(table))
      const where = node['where_clause']
      if (!isPlain || columns === undefined || !isNode(where)) use(table, ANY)
      else use(table, conditionOf(where, columnFinder(table, columns, sources.length === 1)) ?? ANY)
    }
  })
  // A table in a place that is not known here may be asked for anything.
  visit(ast, (node) => {
    if (node['type'] === 'BASE_TABLE' && !placed.has(node)) use(node, ANY)
  })
  return new Map([...uses].map(([name, conditions]) => [name, { op: 'or', of: conditions }]))
}

function visit(value: unknown, see: (node: AstNode) => void): void {
  if (Array.isArray(value)) for (const one of value) visit(one, see)
  if (!isNode(value)) return
  see(value)
  for (const inner of Object.values(value)) visit(inner, see)
}

const nameOf = (table: AstNode): string =>
  fold(['catalog_name', 'schema_name', 'table_name'].flatMap((field) => textAt(table, field) || []).join('.'))

interface FromSource {
  /** Undefined for a subquery, a function, and so on. */
  readonly table: AstNode | undefined
  /** Rows that WHERE throws away play no part in which others there are. */
  readonly isPlain: boolean
}

/** In these joins each pair of rows is judged by itself; in others (ASOF, POSITIONAL) it matters which rows stand beside. */
const PLAIN_JOINS: ReadonlySet<unknown> = new Set(['REGULAR', 'CROSS', 'NATURAL'])

function sourcesIn(from: unknown, isPlain = true): readonly FromSource[] {
  if (!isNode(from)) return []
  if (from['type'] === 'BASE_TABLE') return [{ table: from, isPlain: isPlain && from['sample'] == null && from['at_clause'] == null }]
  if (from['type'] !== 'JOIN') return [{ table: undefined, isPlain }]
  const inner = isPlain && PLAIN_JOINS.has(from['ref_type'])
  return [...sourcesIn(from['left'], inner), ...sourcesIn(from['right'], inner)]
}

/** The column of the table that a node names; undefined where it may be another's. */
type ColumnFinder = (node: unknown) => string | undefined

function columnFinder(table: AstNode, columns: readonly string[], isAlone: boolean): ColumnFinder {
  const alias = fold(textAt(table, 'alias') || textAt(table, 'table_name'))
  const renamed = textsAt(table, 'column_name_alias').length > 0
  const known = new Map(columns.map((name) => [fold(name), name]))
  return (node) => {
    if (renamed || !isNode(node) || node['class'] !== 'COLUMN_REF') return undefined
    const names = textsAt(node, 'column_names').map(fold)
    const [first = '', second = ''] = names
    if (names.length === 1 && isAlone) return known.get(first)
    return names.length === 2 && first === alias ? known.get(second) : undefined
  }
}

const COMPARISONS: Readonly<Record<string, '=' | '<' | '<=' | '>' | '>='>> = {
  COMPARE_EQUAL: '=',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
}
const FLIPPED = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

/** Undefined where it says nothing of the table. */
function conditionOf(node: AstNode, columnIn: ColumnFinder): Condition | undefined {
  switch (node['type']) {
    case 'CONJUNCTION_AND': {
      const parts = nodesAt(node, 'children').flatMap((child) => conditionOf(child, columnIn) ?? [])
      return parts.length === 0 ? undefined : { op: 'and', of: parts }
    }
    case 'CONJUNCTION_OR': {
      const parts = nodesAt(node, 'children').map((child) => conditionOf(child, columnIn))
      const known = parts.filter((part) => part !== undefined)
      return known.length < parts.length ? undefined : { op: 'or', of: known }
    }
    case 'COMPARE_BETWEEN': {
      const bounds = [compared('>=', node['input'], node['lower'], columnIn), compared('<=', node['input'], node['upper'], columnIn)]
      const known = bounds.filter((bound) => bound !== undefined)
      return known.length === 0 ? undefined : { op: 'and', of: known }
    }
    case 'COMPARE_IN': {
      const [input, ...list] = nodesAt(node, 'children')
      const column = columnIn(input)
      const values = list.map(constantOf).filter((value) => value !== undefined)
      return column === undefined || values.length < list.length ? undefined : { op: 'in', column, values }
    }
    default: {
      const op = COMPARISONS[String(node['type'])]
      if (op === undefined) return undefined
      return compared(op, node['left'], node['right'], columnIn) ?? compared(FLIPPED[op], node['right'], node['left'], columnIn)
    }
  }
}

function compared(op: '=' | '<' | '<=' | '>' | '>=', left: unknown, right: unknown, columnIn: ColumnFinder): Condition | undefined {
  const column = columnIn(left)
  const value = constantOf(right)
  return column === undefined || value === undefined ? undefined : { op, column, value }
}

const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'])

/** Of whole numbers, texts, and casts of texts; of others it is not asked here how the engine compares them. */
function constantOf(node: unknown): Constant | undefined {
  if (!isNode(node)) return undefined
  if (node['type'] === 'OPERATOR_CAST' && node['try_cast'] === false && isNode(node['cast_type'])) {
    const inner = constantOf(node['child'])
    return inner?.kind === 'text' && inner.as === undefined ? { ...inner, as: textAt(node['cast_type'], 'id') } : undefined
  }
  const value = node['value']
  if (node['type'] !== 'VALUE_CONSTANT' || !isNode(value) || value['is_null'] === true || !isNode(value['type'])) return undefined
  const id = textAt(value['type'], 'id')
  if (id === 'VARCHAR') return { kind: 'text', text: textAt(value, 'value'), as: undefined }
  return WHOLE_NUMBERS.has(id) ? { kind: 'number', text: textAt(value, 'value'), as: undefined } : undefined
}
