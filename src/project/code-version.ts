import { hash } from 'node:crypto'
import type { AssetDefinition } from '../assets/define-asset.ts'
import { writeSpec } from '../assets/write-mode.ts'
import type { CheckSpec } from '../checks/check.ts'
import { isRowCheck } from '../checks/planner.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { render } from '../sql/render.ts'
import type { SqlPiece } from '../sql/template.ts'
import type { CodeReader } from './code-reader.ts'
import type { Draft } from './draft.ts'
import { canonicalJson } from './manifest.ts'

/**
 * The hash of what defines an asset: its compute and the shape of what it makes. Descriptions, checks, retries, and how
 * the code is laid out are no part of it; neither is the window of days, which says which partitions there are, not what
 * is in them. Of an asset that quarantines, the checks of rows count as well: they say which rows are published. Empty
 * for external assets.
 * @throws ASSAY-1002 when no file of the user's is known to make it
 */
export function codeVersion({ definition, columns, checks, query }: Draft, reader: CodeReader): string {
  const { made } = definition
  if (made === undefined) return ''
  if (definition.codeVersion !== undefined) return definition.codeVersion
  const deps = Object.values(made.deps).map((dep) => canonicalJson([dep.key, dep.mapping, ...(dep.reads === undefined ? [] : [dep.reads])]))
  const parts = {
    code: query === undefined ? reader.codeAt(definition.key, made.frames) : statementOf(definition, query.pieces),
    columns: columns.map(({ name, type, nullable }) => [name, type, nullable]),
    slices: slicesOf(definition.partitions.spec),
    deps: deps.toSorted(),
    rowKey: definition.rowKey,
    ...writtenAs(definition),
    quarantine: definition.quarantine && checks.filter(isRowCheck).map(ruleOf).toSorted(),
  }
  return hash('sha256', canonicalJson(parts)).slice(0, 16)
}

/** What is made of the rows; how changed rows leave their files is no part of it. */
function writtenAs({ write: mode }: AssetDefinition): object {
  const write = writeSpec(mode)
  return write === undefined ? {} : { write: { ...write, as: undefined } }
}

/** How the asset is cut, without which pieces there are. */
function slicesOf(spec: PartitionsSpec): unknown {
  if (spec.dim === 'product') return spec.dimensions.map((dimension) => [dimension.name, slicesOf(dimension.spec)])
  const { start: _, end: __, endOffset: ___, ...slices } = { start: '', end: '', endOffset: 0, ...spec }
  return slices
}

/** What a check holds, without its name and place. The values of an enum are the rule of a check too; their order is none. */
function ruleOf({ name: _, where: __, automatic: ___, ...rule }: CheckSpec): string {
  return canonicalJson(rule.rule === 'in' ? { ...rule, values: rule.values.toSorted() } : rule)
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
