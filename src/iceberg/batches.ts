/** Files read at once. */
const READERS = 16

/** The results of an action on each item, in order, some of them at a time. */
export async function inBatches<T, R>(items: readonly T[], action: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += READERS) results.push(...(await Promise.all(items.slice(i, i + READERS).map(action))))
  return results
}
