import { inOrder, type LineageEdge, type LineageGraph, type LineageTree, lineageGraph, lineageTree } from '../../assets/lineage.ts'
import { didYouMean } from '../../assets/nearest.ts'
import type { AssetSpec } from '../../assets/spec.ts'
import { AssayError } from '../../errors.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { typeName } from '../../schema/iceberg-type.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { oneAsset, openProject } from '../open-project.ts'
import { type TableCell, table } from '../render/table.ts'
import type { Terminal } from '../render/terminal.ts'
import { cut, withRemark, wrap } from '../render/words.ts'

/** `assay lineage <asset | asset.column>`: what it comes from and what it feeds, column by column. */
export const lineage: Command = async (context) => {
  const { loaded } = await openProject(context)
  const { spec, column } = placeOf(loaded, context.words[0] ?? '')
  const graph = lineageGraph(loaded.manifest.assets)
  const shown = column === undefined ? assetLineage(loaded, graph, spec) : columnLineage(graph, spec, column)
  const { up, down } = context.options
  const sides = { ...(down && !up ? {} : { up: shown.up }), ...(up && !down ? {} : { down: shown.down }) }
  if (context.options.json)
    emit(context, 'lineage', {
      asset: spec.key,
      column: column ?? null,
      ...sides,
      rows: graph.rows(spec.key),
      unknown: spec.lineage?.unknown ?? null,
    })
  else print(context, { spec, column, graph, ...sides })
  return 0
}

interface Place {
  readonly spec: AssetSpec
  readonly column: string | undefined
}

/** `silver.orders`, or `silver.orders.amount`: both have dots, so what is an asset decides. @throws ASSAY-4003 */
function placeOf(loaded: LoadedManifest, text: string): Place {
  for (let at = text.length; at > 0; at = text.lastIndexOf('.', at - 1)) {
    const spec = loaded.asset(text.slice(0, at))
    const wanted = text.slice(at + 1)
    if (spec === undefined) continue
    if (wanted === '') return { spec, column: undefined }
    const names = spec.columns.map((column) => column.name)
    const column = names.find((name) => name.toLowerCase() === wanted.toLowerCase())
    if (column !== undefined) return { spec, column }
    throw new AssayError('ASSAY-4003', `${spec.key} has no column '${wanted}'`, {
      next: didYouMean(wanted, names) ?? `\`assay show ${spec.key}\` lists its columns.`,
    })
  }
  return { spec: oneAsset(loaded, text), column: undefined }
}

interface BothWays {
  readonly up: readonly LineageTree[]
  readonly down: readonly LineageTree[]
}

function columnLineage(graph: LineageGraph, { key }: AssetSpec, column: string): BothWays {
  const on = (next: LineageGraph['up']) => (edge: LineageEdge) => (edge.column === undefined ? [] : next(edge.asset, edge.column))
  return { up: lineageTree(graph.up(key, column), on(graph.up)), down: lineageTree(graph.down(key, column), on(graph.down)) }
}

function assetLineage(loaded: LoadedManifest, graph: LineageGraph, { key }: AssetSpec): BothWays {
  const upOf = (asset: AssetSpec['key']): readonly LineageEdge[] =>
    [...new Set(loaded.asset(asset)?.deps.map((dep) => dep.asset))].map((dep) => ({
      asset: dep,
      kinds: kindsOf(graph, loaded, asset, dep),
    }))
  const downOf = (asset: AssetSpec['key']): readonly LineageEdge[] =>
    loaded.readers(asset).map((reader) => ({ asset: reader.key, kinds: kindsOf(graph, loaded, reader.key, asset) }))
  return { up: lineageTree(upOf(key), (edge) => upOf(edge.asset)), down: lineageTree(downOf(key), (edge) => downOf(edge.asset)) }
}

/** All ways in which an asset uses columns of another. */
function kindsOf(graph: LineageGraph, loaded: LoadedManifest, reader: AssetSpec['key'], read: AssetSpec['key']): LineageEdge['kinds'] {
  const columns = loaded.asset(reader)?.columns ?? []
  const edges = [...columns.flatMap(({ name }) => graph.up(reader, name)), ...graph.rows(reader)]
  return inOrder(edges.filter(({ asset }) => asset === read))
}

interface Shown extends Place, Partial<BothWays> {
  readonly graph: LineageGraph
}

function print({ terminal }: CommandContext, { spec, column, graph, up, down }: Shown): void {
  const type = spec.columns.find(({ name }) => name === column)?.type
  for (const line of withRemark(
    terminal.paint('bold', column === undefined ? spec.key : `${spec.key}.${column}`),
    type === undefined ? (spec.description ?? '') : typeName(type),
    terminal.columns(),
  ))
    terminal.line(line)
  const ofRows = column === undefined ? '' : 'rows: '
  if (up !== undefined) {
    tree(terminal, 'comes from', treeLines(up, ofRows), nothingAbove(spec))
    rowLines(terminal, graph.rows(spec.key))
    if (column === undefined) columnTable(terminal, spec, graph)
  }
  if (down !== undefined) tree(terminal, 'leads to', treeLines(down, ofRows), 'nothing reads it')
  const { unknown } = spec.lineage ?? {}
  if (unknown === undefined) return
  terminal.line()
  for (const line of wrap(`Not all is known: ${unknown}.`, terminal.columns())) terminal.line(terminal.paint('yellow', line))
}

const nothingAbove = ({ compute, deps }: AssetSpec): string =>
  deps.length > 0
    ? 'no column: it is the same for all rows'
    : compute === undefined
      ? 'elsewhere: others make it'
      : `no other asset: made by ${compute.kind}`

interface Line {
  /** Branches of the tree before the name, and before what stands below it. */
  readonly indent: string
  readonly under: string
  readonly name: string
  readonly kinds: string
}

const nameOf = ({ asset, column }: LineageEdge): string => (column === undefined ? asset : `${asset}.${column}`)

/** @param ofRows stands before the kinds of an edge to an asset as a whole */
function treeLines(trees: readonly LineageTree[], ofRows: string, indent = ''): readonly Line[] {
  return trees.flatMap(({ edge, repeated, branches }, i): readonly Line[] => {
    const last = i === trees.length - 1
    const whole = edge.column === undefined && !edge.kinds.includes('unknown')
    const kinds = `${whole && edge.kinds.length > 0 ? ofRows : ''}${edge.kinds.join(', ')}${repeated ? ', see above' : ''}`
    const inner = `${indent}${last ? '   ' : '│  '}`
    return [
      { indent: `${indent}${last ? '└─ ' : '├─ '}`, under: `${inner}${branches.length > 0 ? '│  ' : '   '}`, name: nameOf(edge), kinds },
      ...treeLines(branches, ofRows, inner),
    ]
  })
}

const MARGIN = 2
const GAP = 2

/** Kinds stand in a column of their own; on a terminal too narrow for that, below the names. */
function tree(terminal: Terminal, title: string, lines: readonly Line[], otherwise: string): void {
  heading(terminal, title)
  const widest = Math.max(0, ...lines.map((line) => line.indent.length + line.name.length))
  const beside = lines.every(({ kinds }) => MARGIN + widest + GAP + kinds.length <= terminal.columns())
  for (const { indent, under, name, kinds } of lines) {
    const space = ' '.repeat(widest - indent.length - name.length + GAP)
    if (beside) terminal.line(`  ${indent}${name}${kinds === '' ? '' : space}${terminal.paint('grey', kinds)}`)
    else {
      terminal.line(`  ${indent}${cut(name, terminal.columns() - MARGIN - indent.length)}`)
      if (kinds !== '') terminal.line(`  ${under}${terminal.paint('grey', cut(kinds, terminal.columns() - MARGIN - under.length))}`)
    }
  }
  if (lines.length === 0) for (const line of wrap(otherwise, terminal.columns() - MARGIN)) terminal.line(`  ${line}`)
}

/** By kind and asset: `group  silver.events: country, store`. */
function rowLines(terminal: Terminal, edges: readonly LineageEdge[]): void {
  if (edges.length === 0) return
  heading(terminal, 'its rows are decided by')
  for (const kind of inOrder(edges)) {
    const used = edges.filter(({ kinds }) => kinds.includes(kind))
    for (const [asset, columns] of Map.groupBy(used, (edge) => edge.asset)) {
      const names = columns.flatMap(({ column }) => column ?? [])
      const [first = '', ...more] = wrap(
        `${asset}${names.length === 0 ? '' : `: ${names.join(', ')}`}`,
        terminal.columns() - KIND_WIDTH - MARGIN,
      )
      terminal.line(`  ${terminal.paint('grey', kind.padEnd(KIND_WIDTH))}${first}`)
      for (const line of more) terminal.line(`${' '.repeat(MARGIN + KIND_WIDTH)}${line}`)
    }
  }
}

const KIND_WIDTH = 'aggregate'.length + GAP

/** What each column comes from, one step up. */
function columnTable(terminal: Terminal, spec: AssetSpec, graph: LineageGraph): void {
  if (spec.columns.length === 0) return
  heading(terminal, 'its columns come from')
  const rows = spec.columns.flatMap(({ name }): readonly (readonly TableCell[])[] => {
    const edges = graph.up(spec.key, name)
    if (edges.length === 0) return [[name, ['no column', 'grey'], '']]
    return edges.map((edge, i) => [i === 0 ? name : '', nameOf(edge), [edge.kinds.join(', '), 'grey']])
  })
  const inner = { ...terminal, columns: () => terminal.columns() - MARGIN }
  for (const line of table(
    inner,
    [
      { title: '', min: 8 },
      { title: '', min: 16 },
      { title: '', drop: 1 },
    ],
    rows,
  ))
    terminal.line(`  ${line}`)
}

function heading(terminal: Terminal, title: string): void {
  terminal.line()
  terminal.line(terminal.paint('bold', title))
}
