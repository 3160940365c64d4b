import { each, EMPTY, type Interval, intersect, isEmpty, normalise, type PartitionSet, range, subtract, union } from './partition-set.ts'
import { type Box, boxesOf, fromBoxes, lowDimension, project, room } from './product.ts'
import type { ValueTable } from './mapping.ts'
import { type DimensionSpec, dimensionsOf, type PartitionsSpec, type TimeSpec } from './spec.ts'
import { axisOf, step } from './time-axis.ts'

/**
 * Which partitions of a dep a partition reads, as plain data that needs nothing beside it. `resolve.ts` makes it of what was
 * declared and of both sides' partitions.
 */
export type MappingSpec = { readonly kind: 'all' } | { readonly kind: 'last' } | DimensionMapping | ProductMapping

/** From one dimension of a reader to one of a dep. */
export type DimensionMapping =
  | { readonly kind: 'identity' }
  | {
      readonly kind: 'timeWindow'
      readonly startOffset: number
      readonly endOffset: number
      readonly allowHoleAtStart?: boolean
      readonly allowHoleAtEnd: boolean
      /** Absent where both count the same windows, none left out: then one is found from the other by adding. */
      readonly between?: { readonly reader: TimeSpec; readonly dep: TimeSpec }
    }
  /**
   * The values of the dep that each value of the reader reads, by their numbers. `by` is there where either side is dynamic:
   * `to` is then made of it, with what the registries hold.
   */
  | { readonly kind: 'values'; readonly to: readonly (readonly number[])[]; readonly by?: NamedValues }

/** The values of a dep that each value of a reader reads, by their names. */
export interface NamedValues {
  readonly table: ValueTable
  readonly reader: DimensionSpec
  readonly dep: DimensionSpec
}

export interface ProductMapping {
  readonly kind: 'dimensions'
  readonly reader: PartitionsSpec
  readonly dep: PartitionsSpec
  /** For each dimension of the dep, which one of the reader it follows. */
  readonly rules: readonly DimensionLink[]
}
export type DimensionLink = { readonly of: number; readonly mapping: DimensionMapping } | { readonly of: null }

type Window = DimensionMapping & { readonly kind: 'timeWindow' }

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
  if (mapping.kind === 'all' || mapping.kind === 'last') {
    const there = intersect(exist, made)
    return { needed: mapping.kind === 'all' ? there : lastOf(there), missing: isEmpty(there) ? exist : EMPTY }
  }
  const wish = mapping.kind === 'dimensions' ? boxesNeeded(mapping, wanted, exist, made) : needed(mapping, wanted, exist, made)
  return { needed: intersect(wish, made), missing: subtract(wish, made) }
}

const lastOf = (set: PartitionSet): PartitionSet => set.slice(-1).map(([, to]) => [to - 1, to])

/** With a hole allowed at the end, the first partition of each window must be there; later ones only up to the last that was made. */
function needed(mapping: DimensionMapping, wanted: PartitionSet, exist: PartitionSet, made: PartitionSet): PartitionSet {
  const reach = up(mapping, wanted)
  if (mapping.kind !== 'timeWindow') return reach
  const begun = mapping.allowHoleAtStart === true ? intersect(reach, range(exist[0]?.[0] ?? 0, Number.MAX_SAFE_INTEGER)) : reach
  if (!mapping.allowHoleAtEnd) return begun
  const firsts = intersect(
    begun,
    normalise(wanted.map(([from, to]): Interval => [firstRead(mapping, from), firstRead(mapping, to - 1) + 1])),
  )
  return union(firsts, intersect(begun, range(Number.MIN_SAFE_INTEGER, made.at(-1)?.[1] ?? Number.MIN_SAFE_INTEGER)))
}

const EVERYTHING: PartitionSet = [[Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]]

/**
 * All partitions of a dep that partitions of a reader may look at, there or not.
 * @param made partitions of the dep that have been made, where that matters: which of them is the last one
 */
export function reachOf(mapping: MappingSpec, wanted: PartitionSet, made: () => PartitionSet): PartitionSet {
  if (isEmpty(wanted)) return EMPTY
  if (mapping.kind === 'all') return EVERYTHING
  if (mapping.kind === 'last') return lastOf(made())
  return mapping.kind === 'dimensions' ? boxesReached(mapping, wanted, made()) : up(mapping, wanted)
}

/** The partitions of a reader that read any of the `changed` ones of a dep. @param reader all partitions of the reader. */
export function downstreamOf(mapping: MappingSpec, changed: PartitionSet, reader: PartitionSet): PartitionSet {
  if (isEmpty(changed)) return EMPTY
  if (mapping.kind === 'all' || mapping.kind === 'last') return reader
  return intersect(mapping.kind === 'dimensions' ? boxesDown(mapping, changed, reader) : down(mapping, changed), reader)
}

/** What is read of one dimension. */
function up(mapping: DimensionMapping, wanted: PartitionSet): PartitionSet {
  if (mapping.kind === 'identity') return wanted
  if (mapping.kind === 'values') return normalise(chosen(wanted, mapping.to.length).flatMap((at) => (mapping.to[at] ?? []).map(single)))
  const reach = normalise(wanted.map(([from, to]): Interval => [firstRead(mapping, from), lastRead(mapping, to - 1) + 1]))
  return mapping.between === undefined ? reach : withoutHoles(mapping.between.dep, reach)
}

/** What reads of one dimension; may hold numbers that are no partition. */
function down(mapping: DimensionMapping, changed: PartitionSet): PartitionSet {
  if (mapping.kind === 'identity') return changed
  if (mapping.kind === 'values')
    return normalise(mapping.to.flatMap((reads, at) => (reads.some((n) => !isEmpty(intersect([single(n)], changed))) ? [single(at)] : [])))
  return normalise(changed.map(([from, to]): Interval => [firstReader(mapping, from), lastReader(mapping, to - 1) + 1]))
}

const single = (n: number): Interval => [n, n + 1]
const chosen = (set: PartitionSet, size: number): readonly number[] => [...each(intersect(set, range(0, size)))]

const withoutHoles = (spec: TimeSpec, set: PartitionSet): PartitionSet =>
  subtract(set, normalise(set.flatMap(([from, to]) => axisOf(spec).holes(from, to))))

/** The first window of the dep that a window of the reader reads. */
function firstRead({ between, startOffset }: Window, window: number): number {
  if (between === undefined) return window + startOffset
  const [reader, dep] = [axisOf(between.reader), axisOf(between.dep)]
  return step(dep, dep.at(reader.startOf(window)), startOffset)
}

function lastRead({ between, endOffset }: Window, window: number): number {
  if (between === undefined) return window + endOffset
  const [reader, dep] = [axisOf(between.reader), axisOf(between.dep)]
  return step(dep, dep.at(reader.startOf(window + 1) - 1), endOffset)
}

/** The first window of the reader that reads up to a window of the dep. */
function firstReader({ between, endOffset }: Window, window: number): number {
  if (between === undefined) return window - endOffset
  const [reader, dep] = [axisOf(between.reader), axisOf(between.dep)]
  return reader.at(dep.startOf(step(dep, window, -endOffset)))
}

function lastReader({ between, startOffset }: Window, window: number): number {
  if (between === undefined) return window - startOffset
  const [reader, dep] = [axisOf(between.reader), axisOf(between.dep)]
  return reader.at(dep.startOf(step(dep, window, -startOffset) + 1) - 1)
}

function boxesNeeded(mapping: ProductMapping, wanted: PartitionSet, exist: PartitionSet, made: PartitionSet): PartitionSet {
  const dep = mapping.rules.map((_, i) => ({ exist: project(mapping.dep, exist, i), made: project(mapping.dep, made, i) }))
  const boxes = boxesOf(mapping.reader, wanted).map(
    (box): Box =>
      mapping.rules.map((rule, i) => {
        const [there, done] = [dep[i]?.exist ?? EMPTY, dep[i]?.made ?? EMPTY]
        return rule.of === null ? there : needed(rule.mapping, box[rule.of] ?? EMPTY, there, done)
      }),
  )
  return fromBoxes(mapping.dep, boxes)
}

/** Of a dimension that is read whole, what has been made; what has not can be in no version either. */
function boxesReached({ reader, dep, rules }: ProductMapping, wanted: PartitionSet, made: PartitionSet): PartitionSet {
  const whole = rules.map((rule, i) => (rule.of === null ? wholeOf(dep, i, made) : EMPTY))
  const boxes = boxesOf(reader, wanted).map(
    (box): Box => rules.map((rule, i) => (rule.of === null ? (whole[i] ?? EMPTY) : up(rule.mapping, box[rule.of] ?? EMPTY))),
  )
  return fromBoxes(dep, boxes)
}

function wholeOf(dep: PartitionsSpec, dimension: number, made: PartitionSet): PartitionSet {
  const spec = dimensionsOf(dep)[dimension]?.spec
  if (spec?.dim === 'static') return range(0, spec.values.length)
  return dimension === lowDimension(dep) ? [room(dep, dimension)] : project(dep, made, dimension)
}

function boxesDown({ reader, dep, rules }: ProductMapping, changed: PartitionSet, all: PartitionSet): PartitionSet {
  const whole = dimensionsOf(reader).map((_, i) => project(reader, all, i))
  const boxes = boxesOf(dep, changed).map(
    (box): Box =>
      rules.reduce<Box>(
        (out, rule, i) =>
          rule.of === null ? out : out.with(rule.of, intersect(out[rule.of] ?? EMPTY, down(rule.mapping, box[i] ?? EMPTY))),
        whole,
      ),
  )
  return fromBoxes(reader, boxes)
}
