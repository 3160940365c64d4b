import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assetGraph, findCycles, type GraphNode, marks, reach, topologicalOrder, withUpstream } from '../../src/assets/asset-graph.ts'

/** Any graph of up to twelve nodes; with `acyclic`, nodes read only those before them. */
const graphs = (acyclic: boolean): fc.Arbitrary<readonly GraphNode[]> =>
  fc
    .array(fc.array(fc.nat(11), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
    .map((rows) => rows.map((reads, i) => ({ key: `k${i}`, reads: reads.filter((r) => !acyclic || r < i).map((r) => `k${r}`) })))

describe('asset graph', () => {
  test('orders every acyclic graph with upstream first', () => {
    fc.assert(
      fc.property(graphs(true), (nodes) => {
        const order = topologicalOrder(assetGraph(nodes))
        expect(order.toSorted()).toEqual(nodes.map((n) => n.key).toSorted())
        for (const node of nodes) for (const source of node.reads) expect(order.indexOf(source)).toBeLessThan(order.indexOf(node.key))
      }),
    )
  })

  test('finds a cycle exactly where no order exists, and each cycle found is one', async () => {
    await fc.assert(
      fc.asyncProperty(graphs(false), async (nodes) => {
        const cycles = await findCycles(nodes)
        expect(cycles.length > 0).toBe(topologicalOrder(assetGraph(nodes)).length < nodes.length)
        for (const path of cycles) {
          expect(path[0]).toBe(path.at(-1))
          path.slice(0, -1).forEach((key, i) => expect(nodes.find((n) => n.key === key)?.reads).toContain(path[i + 1]))
        }
      }),
    )
  })

  test('upstream and downstream mirror each other', () => {
    fc.assert(
      fc.property(graphs(false), (nodes) => {
        const graph = assetGraph(nodes)
        const downstream = (key: string): Uint8Array => reach(graph.downstream, marks(graph, [key]), Number.POSITIVE_INFINITY)
        for (const [i, a] of graph.keys.entries()) for (const b of withUpstream(graph, [a])) expect(downstream(b)[i]).toBe(1)
      }),
    )
  })

  test('prints the shortest way around', async () => {
    const nodes = [
      { key: 'a.x', reads: ['a.y', 'a.z'] },
      { key: 'a.y', reads: ['a.w'] },
      { key: 'a.w', reads: ['a.x'] },
      { key: 'a.z', reads: ['a.x'] },
    ]
    expect(await findCycles(nodes)).toEqual([['a.x', 'a.z', 'a.x']])
    expect(await findCycles([{ key: 'a.x', reads: ['a.x'] }])).toEqual([['a.x', 'a.x']])
  })

  test('ten thousand assets take milliseconds', () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) => ({
      key: `k.n${i}`,
      reads: i === 0 ? [] : [`k.n${Math.floor(i / 2)}`, `k.n${i - 1}`],
    }))
    const began = performance.now()
    const graph = assetGraph(nodes)
    expect(topologicalOrder(graph)).toHaveLength(10_000)
    expect(withUpstream(graph, ['k.n9999']).size).toBe(10_000)
    expect(performance.now() - began).toBeLessThan(500)
  })
})
