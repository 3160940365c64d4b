import type { IsoDate } from '../schema/column.ts'
import { Instant } from '../schema/instant.ts'
import type {
  Dimension,
  DynamicPartitions,
  Partitions,
  ProductPartitions,
  StaticPartitions,
  TimeWindows,
  Unpartitioned,
} from './declare.ts'
import { heldKey } from './holder.ts'
import { each, type PartitionSet } from './partition-set.ts'
import { unpack } from './product.ts'
import { type DimensionSpec, dimensionsOf, type PartitionsSpec } from './spec.ts'
import { partitionKey } from './texts.ts'
import { axisOf } from './time-axis.ts'

/** A window as a TypeScript compute sees it. The key of a day or a week is its date. */
export interface WindowPartition<out Key extends string = string> {
  readonly key: Key
  readonly start: Instant
  /** Exclusive. */
  readonly end: Instant
}

/** A value as a TypeScript compute sees it. */
export interface ValuePartition<out Key extends string = string> {
  readonly key: Key
}

type CoordinateOf<D extends Dimension> =
  D extends TimeWindows<infer G>
    ? WindowPartition<G extends 'day' | 'week' ? IsoDate : string>
    : D extends StaticPartitions<infer V>
      ? ValuePartition<V>
      : D extends DynamicPartitions
        ? ValuePartition
        : never

/**
 * A partition as a TypeScript compute sees it, in one form for all kinds: `key` names it, a window has `start` and `end`,
 * and a product has each of its dimensions under its name: `p.day.start`, `p.country.key`.
 */
export type PartitionOf<P extends Partitions> = P extends Unpartitioned
  ? never
  : P extends ProductPartitions<infer D>
    ? { readonly key: string } & { readonly [N in keyof D]: CoordinateOf<D[N]> }
    : P extends Dimension
      ? CoordinateOf<P>
      : never

/** The partitions of a set, one by one in their order: what a compute is asked for. */
export function partitionsIn(spec: PartitionsSpec, set: PartitionSet): readonly PartitionOf<Partitions>[] {
  if (spec.dim === 'none') return []
  return Array.from(each(set), (at) => {
    const coordinates = unpack(spec, at)
    const [only, ...more] = dimensionsOf(spec).map(
      (dimension, i) => [dimension.name, coordinateIn(dimension.spec, coordinates[i] ?? 0)] as const,
    )
    if (only !== undefined && spec.dim !== 'product') return only[1] as PartitionOf<Partitions>
    return { key: partitionKey(spec, at), ...Object.fromEntries(only === undefined ? more : [only, ...more]) }
  })
}

function coordinateIn(spec: DimensionSpec, at: number): WindowPartition | ValuePartition {
  const key = heldKey(spec, at)
  if (spec.dim !== 'time') return { key }
  const axis = axisOf(spec)
  return { key, start: Instant.fromMillis(axis.startOf(at)), end: Instant.fromMillis(axis.startOf(at + 1)) }
}
