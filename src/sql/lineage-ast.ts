import { UnknownLineage } from './lineage-sources.ts'

/** A node of the tree that DuckDB's `json_serialize_sql` gives. */
export type AstNode = Readonly<Record<string, unknown>>

export const isNode = (value: unknown): value is AstNode => typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws UnknownLineage when it is no node */
export function nodeAt(node: AstNode, field: string): AstNode {
  const value = node[field]
  if (isNode(value)) return value
  throw new UnknownLineage(`a part of the statement has no ${field}`)
}

export const nodesAt = (node: AstNode, field: string): readonly AstNode[] => listAt(node, field).filter(isNode)
export const textAt = (node: AstNode, field: string): string => String(node[field] ?? '')
export const textsAt = (node: AstNode, field: string): readonly string[] => listAt(node, field).map(String)

function listAt(node: AstNode, field: string): readonly unknown[] {
  const value = node[field]
  return Array.isArray(value) ? value : []
}

/** Expressions are told by their class. */
const isExpression = (node: AstNode): boolean => typeof node['class'] === 'string'

/**
 * The outermost expressions in a value, wherever they stand in it: so no part of a node is passed over that a later
 * DuckDB may add.
 * @throws UnknownLineage for a query that is not in an expression of its own
 */
export function expressionsIn(value: unknown): readonly AstNode[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn)
  if (!isNode(value)) return []
  if (isExpression(value)) return [value]
  if (String(value['type'] ?? '').endsWith('_NODE')) throw new UnknownLineage('a query stands where none is expected')
  return Object.values(value).flatMap(expressionsIn)
}

/** The expressions right below one, but for those in some of its fields. */
export const childrenOf = (node: AstNode, but: readonly string[] = []): readonly AstNode[] =>
  Object.entries(node).flatMap(([field, value]) => (but.includes(field) ? [] : expressionsIn(value)))

/** Names in SQL have no case. */
export const fold = (name: string): string => name.toLowerCase()
