import type { Schema } from '../schema/column.ts'
import { EMPTY, type Interval, intersect, isEmpty, normalise, type PartitionSet, range, shift, subtract, union } from './partition-set.ts'
import type { Daily, Partitions } from './partitions.ts'

/** Which partitions of a dep a partition reads, as plain data. */
export type MappingSpec =
  | { readonly kind: 'identity' }
  | { readonly kind: 'all' }
  | { readonly kind: 'timeWindow'; readonly startOffset: number; readonly endOffset: number; readonly allowHoleAtEnd: boolean }

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
  readonly mapping: MappingSpec
}
export type Deps = { readonly [name: string]: Dep }

/**
 * Each partition reads those from `startOffset` to `endOffset` partitions away, both included; 0 is the same one.
 * `allowHoleAtEnd`: partitions after the last one that has been made may be absent. Term and meaning: Dagster's
 * TimeWindowPartitionMapping.
 */
export const timeWindow = <S extends Schema, P extends Daily>(
  dep: Dep<S, P>,
  window: { readonly startOffset: number; readonly endOffset: number; readonly allowHoleAtEnd?: boolean },
): Dep<S, P, Daily> =>
  mapped(dep, {
    kind: 'timeWindow',
    startOffset: window.startOffset,
    endOffset: window.endOffset,
    allowHoleAtEnd: window.allowHoleAtEnd ?? false,
  })

/** Every partition of the reader reads all of the dep. */
export const all = <S extends Schema, P extends Partitions>(dep: Dep<S, P>): Dep<S, P> => mapped(dep, { kind: 'all' })

const mapped = <D>(dep: Dep, mapping: MappingSpec): D =>
  ({ key: dep.key, schema: dep.schema, partitions: dep.partitions, feeds: undefined, mapping }) as D

/** `unknown` where the dep fits, else a sentence: `D & Fitting<D, P>` then fails on that dep alone. */
export type Fitting<D extends Deps, P extends Partitions> = {
  readonly [N in keyof D]: P extends D[N]['feeds']
    ? unknown
    : `'${D[N]['partitions']['name']}' partitions do not line up with '${P['name']}': wrap the dep in timeWindow() or all()`
}

/** Partitions of a dep: those that a reader will see, and those that it needs and that are not there. */
export interface Upstream {
  readonly needed: PartitionSet
  readonly missing: PartitionSet
}

/**
 * What `wanted` partitions of a reader need of a dep.
 * @param exist all partitions that the dep has. @param made those that have been made, or will be in this plan.
 */
export function upstreamOf(mapping: MappingSpec, wanted: PartitionSet, exist: PartitionSet, made: PartitionSet): Upstream {
  if (isEmpty(wanted)) return { needed: EMPTY, missing: EMPTY }
  if (mapping.kind === 'all') {
    const needed = intersect(exist, made)
    return { needed, missing: isEmpty(needed) ? exist : EMPTY }
  }
  const wish = mapping.kind === 'identity' ? wanted : windowOf(mapping, wanted, made)
  return { needed: intersect(wish, made), missing: subtract(wish, made) }
}

/** With a hole allowed, the first partition of each window must be there; later ones only up to the last that was made. */
function windowOf(mapping: MappingSpec & { kind: 'timeWindow' }, wanted: PartitionSet, made: PartitionSet): PartitionSet {
  const reach = normalise(wanted.map(([from, to]): Interval => [from + mapping.startOffset, to + mapping.endOffset]))
  if (!mapping.allowHoleAtEnd) return reach
  const madeUpTo = range(Number.MIN_SAFE_INTEGER, made.at(-1)?.[1] ?? Number.MIN_SAFE_INTEGER)
  return union(shift(wanted, mapping.startOffset), intersect(reach, madeUpTo))
}

/** The partitions of a reader that read any of the `changed` ones of a dep. @param reader all partitions of the reader. */
export function downstreamOf(mapping: MappingSpec, changed: PartitionSet, reader: PartitionSet): PartitionSet {
  if (isEmpty(changed)) return EMPTY
  if (mapping.kind === 'all') return reader
  if (mapping.kind === 'identity') return intersect(changed, reader)
  return intersect(normalise(changed.map(([from, to]): Interval => [from - mapping.endOffset, to - mapping.startOffset])), reader)
}
