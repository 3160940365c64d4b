import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { type AssetGraph, assetGraph, withDownstream, withUpstream } from './asset-graph.ts'
import { didYouMean } from './nearest.ts'
import type { AssetSpec } from './spec.ts'

/** The graph of the assets of a manifest. */
export const graphOf = (assets: readonly AssetSpec[]): AssetGraph =>
  assetGraph(assets.map((spec) => ({ key: spec.key, reads: spec.deps.map((dep) => dep.asset) })))

/**
 * The assets that a text selects, in the order of `assets` (upstream first). `x` is one asset, `gold.*` all that match,
 * `+x` also all upstream of it, `x+` all downstream, `+x+` both; several, parted by spaces or commas, are united.
 * @param assets those of a manifest, in its order
 * @throws ASSAY-4003 when a term matches no asset, with the nearest names
 */
export function select(assets: readonly AssetSpec[], text: string): readonly AssetKey[] {
  const graph = graphOf(assets)
  const chosen = new Set<string>()
  for (const term of text.split(/[\s,]+/).filter((word) => word !== '')) {
    for (const key of evaluate(graph, term)) chosen.add(key)
  }
  return assets.filter((spec) => chosen.has(spec.key)).map((spec) => spec.key)
}

function* evaluate(graph: AssetGraph, term: string): Generator<string> {
  const up = term.startsWith('+')
  const down = term.length > 1 && term.endsWith('+')
  const name = term.slice(up ? 1 : 0, down ? -1 : undefined)
  const keys = match(graph, name)
  yield* keys
  if (up) yield* withUpstream(graph, keys)
  if (down) yield* withDownstream(graph, keys)
}

function match(graph: AssetGraph, name: string): readonly string[] {
  if (graph.indexOf.has(name)) return [name]
  const pattern = new RegExp(`^${name.split('*').map(escapeText).join('.*')}$`)
  const found = name.includes('*') ? graph.keys.filter((key) => pattern.test(key)) : []
  if (found.length > 0) return found
  const hint = didYouMean(name, graph.keys)
  throw new AssayError(
    'ASSAY-4003',
    `no asset ${name.includes('*') ? 'matches' : 'is called'} '${name}'`,
    hint === undefined ? {} : { next: hint },
  )
}

const escapeText = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
