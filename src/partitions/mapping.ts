import type { Schema } from '../schema/column.ts'
import type {
  Dimensions,
  DynamicPartitions,
  Partitions,
  ProductPartitions,
  StaticPartitions,
  TimeWindows,
  Unpartitioned,
} from './declare.ts'

/** Which partitions of a dep a partition reads, as declared. `resolve.ts` makes of it what plans and stores work with. */
export type DeclaredMapping =
  | { readonly kind: 'identity' }
  | { readonly kind: 'all' }
  | { readonly kind: 'last' }
  | WindowMapping
  | { readonly kind: 'table'; readonly table: ValueTable }
  | { readonly kind: 'dimensions'; readonly dimensions: { readonly [name: string]: DimensionRule } }

export interface WindowMapping {
  readonly kind: 'timeWindow'
  readonly startOffset: number
  readonly endOffset: number
  readonly allowHoleAtStart?: boolean
  readonly allowHoleAtEnd: boolean
}

/** The values of the dep that each value of the reader reads. */
export type ValueTable = { readonly [value: string]: readonly string[] }

/**
 * What a dimension of a dep takes of the reader: the same partition, all there are, a window, or values by a table. `of`
 * is the dimension of the reader that is meant, where it has another name.
 */
export type DimensionRule =
  | 'same'
  | 'all'
  | { readonly of: string }
  | { readonly timeWindow: WindowOffsets; readonly of?: string }
  | { readonly table: ValueTable; readonly of?: string }

/**
 * What assets and mapped deps share: columns to read, and the partitions that a reader may have (`feeds`). The type never
 * holds deps, or declarations would nest without end.
 */
export interface Dep<out S extends Schema = Schema, out P extends Partitions = Partitions, out Feeds extends Partitions = Partitions> {
  readonly key: string
  readonly schema: S
  readonly partitions: P
  /** For the type checker only. */
  readonly feeds: Feeds
  readonly mapping: DeclaredMapping
  /** Absent: all that the mapping leads to. */
  readonly reads?: 'changed'
}
export type Deps = { readonly [name: string]: Dep }

/**
 * The partitions of a reader that line up with `P` by themselves: windows with the windows that they share an instant
 * with, values with the same values, those of a registry with the same registry, a product dimension by dimension. What lies within a product is held at load.
 */
export type FedBy<P extends Partitions> = P extends Unpartitioned
  ? Partitions
  : P extends TimeWindows
    ? TimeWindows | ProductPartitions
    : P extends StaticPartitions<infer V>
      ? StaticPartitions<V> | ProductPartitions
      : P extends DynamicPartitions<infer N>
        ? DynamicPartitions<N> | ProductPartitions
        : ProductPartitions

export interface WindowOffsets {
  /** Partitions of the dep before (negative) or after the first one that shares an instant with the reader's. */
  readonly startOffset: number
  /** Likewise from the last one; included. */
  readonly endOffset: number
  /** Partitions before the first one that the dep has need not be there: the first windows are then incomplete. */
  readonly allowHoleAtStart?: boolean
  /** Partitions after the last one that has been made may be absent, but for the first of each window. */
  readonly allowHoleAtEnd?: boolean
}

/** `unknown` for windows of time, else a sentence, which `Dep<S, P> & OfTime<P>` then fails on. */
type OfTime<P extends Partitions, Also extends Partitions = never> = P extends TimeWindows | Also
  ? unknown
  : `'${P['name']}' partitions are no windows of time: take all(), byTable() or perDimension()`

/**
 * Each partition reads those of the dep that share an instant with it, widened by `startOffset` and `endOffset` partitions
 * of the dep; 0 and 0 is how windows of any two grains and zones line up without it. Term and meaning: Dagster's
 * TimeWindowPartitionMapping.
 */
export const timeWindow = <S extends Schema, P extends Partitions>(
  dep: Dep<S, P> & OfTime<P>,
  window: WindowOffsets,
): Dep<S, P, TimeWindows | ProductPartitions> => mapped(dep, windowMapping(window))

/** Every partition of the reader reads all of the dep. */
export const all = <S extends Schema, P extends Partitions>(dep: Dep<S, P>): Dep<S, P> => mapped(dep, { kind: 'all' })

/**
 * For an asset that appends or merges: only the partitions of the dep that are new or have changed since the asset last
 * read them. All of it when the code of the asset or what else it reads has changed, and when it is forced.
 */
export const changed = <S extends Schema, P extends Partitions>(dep: Dep<S, P>): Dep<S, P> => ({ ...all(dep), reads: 'changed' })

/**
 * Every partition of the reader reads the last one of the dep that has been made; of a registry, of the value that was
 * first added last.
 */
export const last = <S extends Schema, P extends Partitions>(dep: Dep<S, P> & OfTime<P, DynamicPartitions>): Dep<S, P> =>
  mapped(dep, { kind: 'last' })

/**
 * Each value of the reader reads the values of the dep that the table names. Values of a registry that are not there yet
 * count as missing.
 * @example byTable(orders, { eu: ['de', 'fr'], us: ['us'] })
 */
export const byTable = <S extends Schema, P extends StaticPartitions | DynamicPartitions, const R extends string>(
  dep: Dep<S, P>,
  table: { readonly [Value in R]: readonly NoInfer<P extends StaticPartitions<infer V> ? V : string>[] },
): Dep<S, P, StaticPartitions<R> | DynamicPartitions | ProductPartitions> => mapped(dep, { kind: 'table', table })

/**
 * How each dimension of a product is read.
 * @example perDimension(sales, { day: { timeWindow: { startOffset: -6, endOffset: 0 } }, country: 'all' })
 */
export const perDimension = <S extends Schema, D extends Dimensions>(
  dep: Dep<S, ProductPartitions<D>>,
  dimensions: { readonly [N in keyof D]: DimensionRule },
): Dep<S, ProductPartitions<D>> => mapped(dep, { kind: 'dimensions', dimensions: dimensions as { readonly [name: string]: DimensionRule } })

/** A window with what was left out filled in. */
export const windowMapping = ({ startOffset, endOffset, allowHoleAtStart, allowHoleAtEnd }: WindowOffsets): WindowMapping => ({
  kind: 'timeWindow',
  startOffset,
  endOffset,
  ...(allowHoleAtStart === true ? { allowHoleAtStart } : {}),
  allowHoleAtEnd: allowHoleAtEnd ?? false,
})

const mapped = <D>(dep: Dep, mapping: DeclaredMapping): D =>
  ({ key: dep.key, schema: dep.schema, partitions: dep.partitions, feeds: undefined, mapping }) as D

/** `unknown` where the dep fits, else a sentence: `D & Fitting<D, P>` then fails on that dep alone. */
export type Fitting<D extends Deps, P extends Partitions> = {
  readonly [N in keyof D]: P extends D[N]['feeds']
    ? unknown
    : `'${D[N]['partitions']['name']}' partitions do not line up with '${P['name']}': wrap the dep in timeWindow() or all()`
}
