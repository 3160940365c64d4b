import type { Registry } from './registry.ts'

/** What time windows are cut into. `cron`: from one tick to the next. */
export type Grain = 'hour' | 'day' | 'week' | 'month' | 'cron'

/** Time windows, as plain data. `start` and `end` are local times of the zone; `end` is exclusive. */
export interface TimeSpec {
  readonly dim: 'time'
  readonly grain: Grain
  readonly start: string
  readonly end?: string
  /** IANA name; absent for UTC. */
  readonly zone?: string
  /** The expression of the grain `cron`. */
  readonly cron?: string
  /** Windows that exist beyond the last one that is over; negative: fewer. */
  readonly endOffset?: number
  /** The column that holds the window in the table. */
  readonly column?: string
}

/** A fixed list of values. A partition is the index of its value. */
export interface StaticSpec {
  readonly dim: 'static'
  readonly values: readonly string[]
  readonly column?: string
}

/**
 * Values that are added and removed while the project stands, in a registry that assets share by its name. A partition is
 * the id of its value.
 */
export interface DynamicSpec {
  readonly dim: 'dynamic'
  readonly registry: string
  readonly column?: string
  /** What the registry holds. Not known to the manifest: whoever reads the store binds it. */
  readonly held?: Registry
}

/** One way of slicing. */
export type DimensionSpec = TimeSpec | StaticSpec | DynamicSpec

/** Every combination of the partitions of its dimensions. */
export interface ProductSpec {
  readonly dim: 'product'
  readonly dimensions: readonly { readonly name: string; readonly spec: DimensionSpec }[]
}

/** How an asset is sliced, as plain data. */
export type PartitionsSpec = { readonly dim: 'none' } | DimensionSpec | ProductSpec

/** The time dimension whose windows a step is told the bounds of: that of a name, or the first one. */
export const timeOf = (spec: PartitionsSpec, name = ''): TimeSpec | undefined =>
  dimensionsOf(spec)
    .filter((dimension) => name === '' || dimension.name === name)
    .map((dimension) => dimension.spec)
    .find((dimension) => dimension.dim === 'time')

/** The dimensions of any spec: none of an unpartitioned one, one without a name, or those of a product. */
export const dimensionsOf = (spec: PartitionsSpec): ProductSpec['dimensions'] =>
  spec.dim === 'none' ? [] : spec.dim === 'product' ? spec.dimensions : [{ name: '', spec }]
