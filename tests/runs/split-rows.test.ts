import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitRows } from '../../src/runs/split-rows.ts'

interface Numbered {
  readonly n: number
}

async function* source(outputs: readonly string[], fault?: { readonly at: number }): AsyncGenerator<{ output: string; row: Numbered }> {
  for (const [n, output] of outputs.entries()) {
    if (n === fault?.at) throw new Error('no more')
    yield { output, row: { n } }
  }
}

async function collect(rows: AsyncIterable<object>, pauses: number): Promise<readonly number[]> {
  const out: number[] = []
  for await (const row of rows) {
    out.push((row as Numbered).n)
    // Readers are not equally fast.
    for (let i = 0; i < pauses; i++) await Promise.resolve()
  }
  return out
}

describe('splitRows', () => {
  it('gives each reader its rows in their order, however fast it is, and drops those that nobody reads', async () => {
    const names = fc.constantFrom('a', 'b', 'c', 'unread')
    await fc.assert(
      fc.asyncProperty(fc.array(names, { maxLength: 40 }), fc.array(fc.nat(7), { minLength: 3, maxLength: 3 }), async (list, pauses) => {
        const read = ['a', 'b', 'c']
        const parts = splitRows(source(list), read)
        const got = await Promise.all(read.map((name, i) => collect(parts.rows(name), pauses[i] ?? 0)))
        expect(got).toEqual(read.map((name) => list.flatMap((output, n) => (output === name ? [n] : []))))
      }),
    )
  })

  it('tells every reader of a source that throws', async () => {
    const parts = splitRows(source(['a', 'b', 'a', 'b'], { at: 3 }), ['a', 'b'])
    const ends = await Promise.allSettled([collect(parts.rows('a'), 0), collect(parts.rows('b'), 5)])
    expect(ends.filter((end) => end.status === 'rejected')).not.toHaveLength(0)
  })

  it('ends the source when one reader has had enough', async () => {
    let ended = false
    async function* endless(): AsyncGenerator<{ output: string; row: object }> {
      try {
        for (let n = 0; ; n++) yield { output: n % 2 === 0 ? 'a' : 'b', row: {} }
      } finally {
        ended = true
      }
    }
    const parts = splitRows(endless(), ['a', 'b'])
    const other = collect(parts.rows('b'), 0)
    for await (const _ of parts.rows('a')) break
    parts.stop(new Error('full'))
    await expect(other).rejects.toThrow('full')
    expect(ended).toBe(true)
  })
})
