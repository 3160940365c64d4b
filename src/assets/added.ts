import { override } from '../partitions/interval-map.ts'
import type { ConsumedInput, Materialization } from '../storage/events.ts'

/** What was added to a table since it began, by the asset that it was taken from. Each asset occurs once. */
export type Added = readonly ConsumedInput[]

/** What a record says was added. Of a time when the table was written in another way: all that it was made from. */
export const addedBy = ({ added, inputs }: Pick<Materialization, 'added' | 'inputs'>): Added =>
  added ?? withAdded([], Object.values(inputs))

/** With what is added beside it. Of a partition that both know, what came later counts; one that is gone now was added all the same. */
export function withAdded(before: Added, more: Added): Added {
  const added = new Map(before.map((input) => [input.asset, input]))
  for (const input of more) added.set(input.asset, { ...input, versions: override(added.get(input.asset)?.versions ?? [], input.versions) })
  return [...added.values()]
}
