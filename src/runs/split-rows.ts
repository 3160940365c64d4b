import type { Emitted } from '../computes/compute.ts'

/** The rows of one source, by output. */
export interface SplitRows {
  /** Those of one output, in their order. To be read once, beside the others. */
  rows(output: string): AsyncIterable<object>
  /** Ends the source: its readers get this error. */
  stop(error: unknown): void
}

/**
 * Divides a source of rows of several outputs, without holding more of them than its readers have not yet taken: whoever
 * has no row left pulls the source on, for all. Rows of outputs that nobody reads are dropped.
 */
export function splitRows(source: AsyncIterable<Emitted>, outputs: readonly string[]): SplitRows {
  const iterator = source[Symbol.asyncIterator]()
  const waiting = new Map(outputs.map((output) => [output, [] as object[]]))
  let pulling: Promise<void> | undefined
  let ended = false
  let failure: { readonly error: unknown } | undefined
  const pull = async (): Promise<void> => {
    const next = await iterator.next()
    if (next.done) ended = true
    else waiting.get(next.value.output)?.push(next.value.row)
  }
  async function* rows(output: string): AsyncIterable<object> {
    const own = waiting.get(output) ?? []
    while (!ended || own.length > 0) {
      yield* own.splice(0)
      if (failure !== undefined) throw failure.error
      if (ended) continue
      pulling ??= pull().finally(() => {
        pulling = undefined
      })
      await pulling
    }
  }
  const stop = (error: unknown): void => {
    failure ??= { error }
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
  return { rows, stop }
}
