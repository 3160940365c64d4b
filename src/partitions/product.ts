import { type Interval, normalise, type PartitionSet, union } from './partition-set.ts'
import { ID_BITS, NOT_ADDED } from './registry.ts'
import { type DimensionSpec, dimensionsOf, type PartitionsSpec, type ProductSpec } from './spec.ts'

/**
 * A partition of a product is one number: a time dimension in the low bits, so that all its windows for one value of the
 * others are one interval, and the other dimensions above it, each in a field of its own width.
 */
interface Field {
  /** Position of the dimension. */
  readonly dimension: number
  /** What one step in this dimension adds to the number. */
  readonly unit: number
  readonly size: number
  /** Added to a coordinate, so that it is no negative number. */
  readonly bias: number
}

/** All fields together: numbers stay exact. */
const BITS = 52
/** Windows of a grain on both sides of 1970: enough for a thousand years, and of a cron that ticks each minute for a hundred. */
const WINDOW_BITS = { hour: 24, day: 20, week: 20, month: 20, cron: 28 } as const

/** Partitions that have a coordinate in each of these sets, one set a dimension. */
export type Box = readonly PartitionSet[]

/** The dimension whose coordinates are neighbours: the first one of time, else the first one that can grow. */
export function lowDimension(spec: PartitionsSpec): number {
  const kinds = dimensionsOf(spec).map((dimension) => dimension.spec.dim)
  return Math.max(0, kinds.includes('time') ? kinds.indexOf('time') : kinds.indexOf('dynamic'))
}

const fields = new WeakMap<ProductSpec, readonly [Field, ...Field[]]>()

/** The fields of a spec, that of the low bits first. @returns undefined for what is no product */
function fieldsOf(spec: PartitionsSpec): readonly [Field, ...Field[]] | undefined {
  if (spec.dim !== 'product') return undefined
  const known = fields.get(spec) ?? laidOut(spec)
  fields.set(spec, known)
  return known
}

/**
 * Widths follow from the kinds of the dimensions alone, never from how many values there are now: to add values renumbers
 * nothing. Above the low bits a dynamic dimension gets twice the width of another.
 */
function laidOut(spec: ProductSpec): readonly [Field, ...Field[]] {
  const kinds = spec.dimensions.map((dimension) => dimension.spec)
  const low = lowDimension(spec)
  const lowKind = kinds[low]
  const lowBits = lowKind?.dim === 'time' ? WINDOW_BITS[lowKind.grain] : ID_BITS
  const shares = kinds.reduce((sum, kind, i) => sum + (i === low ? 0 : shareOf(kind)), 0)
  let unit = 2 ** lowBits
  const upper = kinds.flatMap((kind, dimension): readonly Field[] => {
    if (dimension === low) return []
    const bits = Math.floor(((BITS - lowBits) * shareOf(kind)) / shares)
    const field = fieldOf(kind, dimension, unit, kind.dim === 'time' ? bits : Math.min(bits, ID_BITS))
    unit *= field.size
    return [field]
  })
  return [fieldOf(lowKind, low, 1, lowBits), ...upper]
}

const shareOf = (spec: DimensionSpec): number => (spec.dim === 'dynamic' ? 2 : 1)

/** Values leave one number free for {@link NOT_ADDED}. */
const fieldOf = (spec: DimensionSpec | undefined, dimension: number, unit: number, bits: number): Field => ({
  dimension,
  unit,
  size: 2 ** bits,
  bias: spec?.dim === 'time' ? 2 ** (bits - 1) : -NOT_ADDED,
})

/** Coordinates that a dimension can have: `from ≤ n < to`. */
export function room(spec: PartitionsSpec, dimension: number): Interval {
  const field = fieldsOf(spec)?.find((f) => f.dimension === dimension)
  return field === undefined ? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] : [-field.bias, field.size - field.bias]
}

/** The partition with these coordinates, one a dimension. */
export function pack(spec: PartitionsSpec, coordinates: readonly number[]): number {
  const laid = fieldsOf(spec)
  if (laid === undefined) return coordinates[0] ?? 0
  return laid.reduce((sum, { dimension, unit, bias }) => sum + ((coordinates[dimension] ?? 0) + bias) * unit, 0)
}

/** The coordinates of a partition, one a dimension. */
export function unpack(spec: PartitionsSpec, partition: number): readonly number[] {
  const laid = fieldsOf(spec)
  if (laid === undefined) return dimensionsOf(spec).map(() => partition)
  const out: number[] = []
  for (const { dimension, unit, size, bias } of laid) out[dimension] = (Math.floor(partition / unit) % size) - bias
  return out
}

/** A set as boxes: of a product one for each combination of the upper dimensions, of any other spec one. */
export function boxesOf(spec: PartitionsSpec, set: PartitionSet): readonly Box[] {
  const laid = fieldsOf(spec)
  if (laid === undefined) return set.length === 0 ? [] : [dimensionsOf(spec).map(() => set)]
  const [{ dimension: low, bias, size }] = laid
  const rows = new Map<number, Interval[]>()
  for (const [from, to] of set) {
    for (let row = Math.floor(from / size); row * size < to; row++) {
      const base = row * size + bias
      const part: Interval = [Math.max(from - base, -bias), Math.min(to - base, size - bias)]
      const list = rows.get(row)
      if (list) list.push(part)
      else rows.set(row, [part])
    }
  }
  return [...rows].map(([row, part]) =>
    unpack(spec, row * size).map((at, dimension): PartitionSet => (dimension === low ? part : [[at, at + 1]])),
  )
}

/** The partitions of all boxes. Lists the combinations of the upper dimensions, never the windows. */
export function fromBoxes(spec: PartitionsSpec, boxes: readonly Box[]): PartitionSet {
  if (spec.dim === 'none') return boxes.length === 0 ? [] : [[0, 1]]
  const laid = fieldsOf(spec)
  if (laid === undefined) return union(...boxes.map(([set]) => set ?? []))
  return normalise(boxes.flatMap((box) => intervalsOf(laid, box)))
}

function intervalsOf([low, ...upper]: readonly [Field, ...Field[]], box: Box): readonly Interval[] {
  let bases = [low.bias]
  for (const { dimension, unit, bias } of upper) {
    const steps = (box[dimension] ?? []).flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => (from + i + bias) * unit))
    bases = bases.flatMap((base) => steps.map((by) => base + by))
  }
  return bases.flatMap((base) => (box[low.dimension] ?? []).map(([from, to]): Interval => [base + from, base + to]))
}

/** The coordinates that a set has in one dimension. */
export const project = (spec: PartitionsSpec, set: PartitionSet, dimension: number): PartitionSet =>
  normalise(boxesOf(spec, set).flatMap((box) => box[dimension] ?? []))
