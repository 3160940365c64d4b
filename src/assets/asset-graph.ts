import type { AbstractGraph } from 'graphology-types'

/** A graph of assets by key, in compressed rows: what node `i` reads is `sources[starts[i] … starts[i + 1]]`. */
export interface AssetGraph {
  readonly keys: readonly string[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly upstream: Rows
  readonly downstream: Rows
}
export interface Rows {
  readonly starts: Int32Array
  readonly targets: Int32Array
}

/** What a node of the graph must tell: its key and the keys that it reads. Keys outside the graph are passed over. */
export interface GraphNode {
  readonly key: string
  readonly reads: readonly string[]
}

/** Typed arrays, because plans walk this over ten thousand assets: six times faster than a general graph library. */
export function assetGraph(nodes: readonly GraphNode[]): AssetGraph {
  const indexOf = new Map(nodes.map((node, i) => [node.key, i]))
  const from: number[] = []
  const to: number[] = []
  nodes.forEach((node, i) => {
    for (const source of new Set(node.reads)) {
      const at = indexOf.get(source)
      if (at === undefined) continue
      from.push(i)
      to.push(at)
    }
  })
  return {
    keys: nodes.map((node) => node.key),
    indexOf,
    upstream: rowsOf(nodes.length, from, to),
    downstream: rowsOf(nodes.length, to, from),
  }
}

function rowsOf(size: number, from: readonly number[], to: readonly number[]): Rows {
  const starts = new Int32Array(size + 1)
  for (const node of from) starts[node + 1] = (starts[node + 1] ?? 0) + 1
  for (let i = 0; i < size; i++) starts[i + 1] = (starts[i + 1] ?? 0) + (starts[i] ?? 0)
  const targets = new Int32Array(to.length)
  const next = starts.slice()
  from.forEach((node, edge) => {
    const at = next[node] ?? 0
    targets[at] = to[edge] ?? 0
    next[node] = at + 1
  })
  return { starts, targets }
}

const neighbours = (rows: Rows, node: number): Int32Array => rows.targets.subarray(rows.starts[node], rows.starts[node + 1])

/**
 * All nodes, each after what it reads; among those that could come next, by key. Nodes on a cycle, and what lies below
 * one, are left out: shorter than `keys` means that there is a cycle. Source: Kahn's algorithm.
 */
export function topologicalOrder(graph: AssetGraph): readonly string[] {
  const { keys, upstream, downstream } = graph
  const waiting = Int32Array.from(keys, (_, i) => neighbours(upstream, i).length)
  let level = [...keys.keys()].filter((i) => waiting[i] === 0)
  const order: string[] = []
  while (level.length > 0) {
    const next: number[] = []
    for (const node of level.sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1))) {
      order.push(keys[node] ?? '')
      for (const reader of neighbours(downstream, node)) {
        const left = (waiting[reader] ?? 0) - 1
        waiting[reader] = left
        if (left === 0) next.push(reader)
      }
    }
    level = next
  }
  return order
}

/** The given nodes and all that they read, directly or not. Keys outside the graph are passed over. */
export const withUpstream = (graph: AssetGraph, keys: Iterable<string>): ReadonlySet<string> => {
  const marked = reach(graph.upstream, marks(graph, keys), Number.POSITIVE_INFINITY)
  return new Set(graph.keys.filter((_, i) => marked[i] === 1))
}

/** Nodes as marks: 1 at the index of each that is meant. */
export function marks(graph: AssetGraph, keys: Iterable<string>): Uint8Array {
  const marked = new Uint8Array(graph.keys.length)
  for (const key of keys) {
    const node = graph.indexOf.get(key)
    if (node !== undefined) marked[node] = 1
  }
  return marked
}

/** The marked nodes and those that lie up to `steps` further on. @param rows `graph.upstream` or `graph.downstream` */
export function reach(rows: Rows, from: Uint8Array, steps: number): Uint8Array {
  const seen = from.slice()
  let level: number[] = []
  from.forEach((mark, node) => {
    if (mark === 1) level.push(node)
  })
  for (let step = 0; step < steps && level.length > 0; step++) {
    const next: number[] = []
    for (const node of level) {
      for (let edge = rows.starts[node] ?? 0; edge < (rows.starts[node + 1] ?? 0); edge++) {
        const target = rows.targets[edge] ?? 0
        if (seen[target] === 1) continue
        seen[target] = 1
        next.push(target)
      }
    }
    level = next
  }
  return seen
}

/** The marked nodes of which no neighbour is marked. @param rows `graph.upstream` or `graph.downstream` */
export const endsWithin = (rows: Rows, within: Uint8Array): Uint8Array =>
  within.map((mark, node) => (mark === 1 && !neighbours(rows, node).some((other) => other !== node && within[other] === 1) ? 1 : 0))

/**
 * One shortest cycle of each group of nodes that reach each other, as keys from a node back to itself, each reading the
 * next. Asynchronous, because the graph library is loaded only when there is a cycle to print.
 */
export async function findCycles(nodes: readonly GraphNode[]): Promise<readonly (readonly string[])[]> {
  const [{ DirectedGraph }, { stronglyConnectedComponents }] = await Promise.all([import('graphology'), import('graphology-components')])
  const graph: AbstractGraph = new DirectedGraph()
  for (const node of nodes) graph.mergeNode(node.key)
  for (const node of nodes) for (const source of node.reads) if (graph.hasNode(source)) graph.mergeEdge(node.key, source)
  const groups = stronglyConnectedComponents(graph).filter((group) => group.length > 1 || graph.hasEdge(group[0], group[0]))
  return groups.map((group) =>
    group
      .toSorted()
      .map((key) => shortestCycle(graph, key))
      .reduce((a, b) => (b.length < a.length ? b : a)),
  )
}

/** The shortest cycle through a node: breadth first until it is met again. */
function shortestCycle(graph: AbstractGraph, start: string): readonly string[] {
  const cameFrom = new Map<string, string>()
  for (const queue = [start]; queue.length > 0; ) {
    const node = queue.shift() ?? start
    for (const next of graph.outNeighbors(node)) {
      if (next === start) return [...pathTo(node, start, cameFrom), start]
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return [start]
}

function pathTo(node: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const path = [node]
  for (let at = node; at !== start; ) {
    at = cameFrom.get(at) ?? start
    path.unshift(at)
  }
  return path
}
