import { createHash } from 'node:crypto'
import type { ColumnSpec } from '../schema/column.ts'
import type { AssetDefinition } from '../assets/define-asset.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { render } from '../sql/render.ts'
import type { SqlPiece } from '../sql/template.ts'
import type { CodeReader } from './code-reader.ts'
import { canonicalJson } from './manifest.ts'

/**
 * The hash of what defines an asset: its compute and the shape of what it makes. Descriptions, checks, retries, and how
 * the code is laid out are no part of it; neither is the window of days, which says which partitions there are, not what
 * is in them. Empty for external assets.
 */
export function codeVersion(
  definition: AssetDefinition,
  columns: readonly ColumnSpec[],
  query: readonly SqlPiece[] | undefined,
  reader: CodeReader,
): string {
  const { made } = definition
  if (made === undefined) return ''
  const { start: _, end: __, ...slices } = { start: '', end: '', ...definition.partitions.spec }
  const deps = Object.values(made.deps).map((dep) => canonicalJson([dep.key, dep.mapping]))
  const parts = {
    code: query === undefined ? reader.codeAt(made.where ?? made.compute.where) : statementOf(definition, query),
    columns: columns.map(({ name, type, nullable }) => [name, type, nullable]),
    slices,
    deps: deps.toSorted(),
    rowKey: definition.rowKey,
    quarantine: definition.quarantine,
  }
  return createHash('sha256').update(canonicalJson(parts)).digest('hex').slice(0, 16)
}

/** The statement with each dep as what it reads, so that the name of a dep does not count. */
function statementOf(definition: AssetDefinition, query: readonly SqlPiece[]): string {
  const deps = definition.made?.deps ?? {}
  const table = (name: string): string => quoteIdentifier(`${deps[name]?.key} ${canonicalJson(deps[name]?.mapping ?? null)}`)
  return normaliseSql(render(query, { table, param: (name) => `<${name}>` }))
}

/** Texts and quoted names, comments, and runs of white space. */
const SQL_TOKEN = /('(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\2\$)|(--[^\n]*|\/\*[\s\S]*?\*\/|\s)+/g

/** SQL without comments, and with each run of white space outside of texts as one blank. Exported for its test. */
export const normaliseSql = (text: string): string => text.replaceAll(SQL_TOKEN, (_, quoted: string | undefined) => quoted ?? ' ').trim()
