import type { AssetKey } from '../keys.ts'
import { LINEAGE_KINDS, type LineageKind, type LineageSource } from '../sql/lineage-sources.ts'
import type { AssetSpec } from './spec.ts'

/** A column, or an asset as a whole, and how it is tied to another one. */
export interface LineageEdge {
  readonly asset: AssetKey
  /** Undefined: which rows the asset has, or all that is known is that the asset is read. */
  readonly column?: string
  readonly kinds: readonly (LineageKind | 'unknown')[]
}

/** What columns come from and what they lead to, over all assets. */
export interface LineageGraph {
  /** What a column comes from. `unknown`: any column of that asset may stand behind it. */
  up(asset: AssetKey, column: string): readonly LineageEdge[]
  /** What decides which rows an asset has: it stands behind every column. */
  rows(asset: AssetKey): readonly LineageEdge[]
  /** The columns that a column stands behind, and the assets whose rows it decides. */
  down(asset: AssetKey, column: string): readonly LineageEdge[]
}

/** @param assets those of a manifest */
export function lineageGraph(assets: readonly AssetSpec[]): LineageGraph {
  const specs = new Map<string, AssetSpec>(assets.map((spec) => [spec.key, spec]))
  const readers = readersOf(assets)
  return {
    up: (asset, column) => edgesUp(specs.get(asset), specs.get(asset)?.lineage?.columns[column]),
    rows: (asset) => edgesUp(specs.get(asset), specs.get(asset)?.lineage?.rows),
    down: (asset, column) => merged([...(readers.get(nodeOf(asset, column)) ?? []), ...(readers.get(nodeOf(asset)) ?? [])]),
  }
}

function edgesUp(spec: AssetSpec | undefined, sources: readonly LineageSource[] | undefined): readonly LineageEdge[] {
  const deps = spec?.deps ?? []
  if (sources === undefined) return merged(deps.map((dep) => ({ asset: dep.asset, kinds: ['unknown'] as const })))
  const assetOf = new Map(deps.map((dep) => [dep.name, dep.asset]))
  return merged(
    sources.flatMap(([dep, column, kind]) => {
      const asset = assetOf.get(dep)
      return asset === undefined ? [] : [{ asset, column, kinds: [kind] }]
    }),
  )
}

/** Edges down by the node that they leave; an asset that is read one knows not how has them on the whole asset. */
function readersOf(assets: readonly AssetSpec[]): ReadonlyMap<string, readonly LineageEdge[]> {
  const readers = new Map<string, LineageEdge[]>()
  const add = (from: LineageEdge, to: LineageEdge): void => {
    const node = nodeOf(from.asset, from.column)
    const edges = readers.get(node)
    if (edges === undefined) readers.set(node, [to])
    else edges.push(to)
  }
  for (const spec of assets) {
    for (const { name } of spec.columns)
      for (const edge of edgesUp(spec, spec.lineage?.columns[name])) add(edge, { asset: spec.key, column: name, kinds: edge.kinds })
    for (const edge of edgesUp(spec, spec.lineage?.rows)) add(edge, { asset: spec.key, kinds: edge.kinds })
  }
  return readers
}

const nodeOf = (asset: string, column?: string): string => (column === undefined ? asset : `${asset}\0${column}`)

/** One edge for each column and asset, with all its kinds. */
function merged(edges: readonly LineageEdge[]): readonly LineageEdge[] {
  const groups = Map.groupBy(edges, ({ asset, column }) => nodeOf(asset, column))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [{ ...first, kinds: inOrder(group) }]
  })
}

/** All kinds of these edges, each once. */
export function inOrder(edges: readonly LineageEdge[]): LineageEdge['kinds'] {
  const there = new Set(edges.flatMap(({ kinds }) => kinds))
  return [...LINEAGE_KINDS, 'unknown' as const].filter((kind) => there.has(kind))
}

/** A node with all that hangs on it. What was shown before has no branches a second time. */
export interface LineageTree {
  readonly edge: LineageEdge
  readonly repeated: boolean
  readonly branches: readonly LineageTree[]
}

/** All that is reached from here, each node with its branches once. @param next the edges of a node */
export function lineageTree(start: readonly LineageEdge[], next: (edge: LineageEdge) => readonly LineageEdge[]): readonly LineageTree[] {
  const seen = new Set<string>()
  const grow = (edges: readonly LineageEdge[]): readonly LineageTree[] =>
    edges.map((edge) => {
      const node = nodeOf(edge.asset, edge.column)
      const repeated = seen.has(node)
      seen.add(node)
      return { edge, repeated, branches: repeated ? [] : grow(next(edge)) }
    })
  return grow(start)
}
