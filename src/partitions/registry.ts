import { EMPTY, each, type PartitionSet } from './partition-set.ts'

/**
 * The values of dynamic partitions as they are at one moment, as plain data. Ids count up from 0 in the order of adding; a
 * removed value keeps its id, and has it again when it is added again.
 */
export interface Registry {
  /** In the order of ids. */
  readonly values: readonly RegisteredValue[]
  /** Ids of the values that have not been removed. */
  readonly live: PartitionSet
}
export type RegisteredValue = readonly [id: number, value: string]

/** What each registry holds, by its name. */
export type Registries = ReadonlyMap<string, Registry>

export const NO_VALUES: Registry = { values: [], live: EMPTY }

/** Bits of an id, and with them the values that a registry can ever have, removed ones included. */
export const ID_BITS = 24
export const MOST_VALUES = 2 ** ID_BITS - 1

/** Stands for a value that no registry has: a partition that is always missing. */
export const NOT_ADDED = -1

interface Index {
  readonly byId: ReadonlyMap<number, string>
  readonly byValue: ReadonlyMap<string, number>
}

/** Kept with the registry: a million values are looked up often, and indexed once. */
const indexes = new WeakMap<Registry, Index>()

function indexOf(registry: Registry): Index {
  const known = indexes.get(registry)
  if (known !== undefined) return known
  const made = { byId: new Map(registry.values), byValue: new Map(registry.values.map(([id, value]) => [value, id])) }
  indexes.set(registry, made)
  return made
}

/** The value of an id, removed ones too. */
export const valueOfId = (registry: Registry, id: number): string | undefined => indexOf(registry).byId.get(id)

/** The id of a value, removed ones too. */
export const idOf = (registry: Registry, value: string): number | undefined => indexOf(registry).byValue.get(value)

/** The registry with these ids alone, so that what travels is as large as what it is needed for. */
export function narrowTo(registry: Registry, ids: PartitionSet): Registry {
  const values = [...each(ids)].flatMap((id): readonly RegisteredValue[] => {
    const value = valueOfId(registry, id)
    return value === undefined ? [] : [[id, value]]
  })
  return { values, live: ids }
}
