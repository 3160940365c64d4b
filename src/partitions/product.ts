import { type Interval, normalise, type PartitionSet, union } from './partition-set.ts'
import { dimensionsOf, type PartitionsSpec } from './spec.ts'

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
  /** Added to a coordinate, so that what lies before 1970 is no negative number. */
  readonly bias: number
}

const LOW_BITS = 30
/** With the low bits 52: numbers stay exact. */
const HIGH_BITS = 22
const LOW_SIZE = 2 ** LOW_BITS

/** Partitions that have a coordinate in each of these sets, one set a dimension. */
export type Box = readonly PartitionSet[]

/** The fields of a spec, that of the low bits first. @returns undefined for what is no product */
function fieldsOf(spec: PartitionsSpec): readonly [Field, ...Field[]] | undefined {
  if (spec.dim !== 'product') return undefined
  const kinds = spec.dimensions.map((dimension) => dimension.spec.dim)
  const low = Math.max(0, kinds.indexOf('time'))
  const size = 2 ** Math.floor(HIGH_BITS / Math.max(1, kinds.length - 1))
  const above = kinds.flatMap((kind, dimension) => (dimension === low ? [] : [{ dimension, size, bias: kind === 'time' ? size / 2 : 0 }]))
  return [
    { dimension: low, unit: 1, size: LOW_SIZE, bias: LOW_SIZE / 2 },
    ...above.map((field, i) => ({ ...field, unit: LOW_SIZE * size ** i })),
  ]
}

/** Coordinates that a dimension can have: `from ≤ n < to`. */
export function room(spec: PartitionsSpec, dimension: number): Interval {
  const field = fieldsOf(spec)?.find((f) => f.dimension === dimension)
  return field === undefined ? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] : [-field.bias, field.size - field.bias]
}

/** The partition with these coordinates, one a dimension. */
export function pack(spec: PartitionsSpec, coordinates: readonly number[]): number {
  const fields = fieldsOf(spec)
  if (fields === undefined) return coordinates[0] ?? 0
  return fields.reduce((sum, { dimension, unit, bias }) => sum + ((coordinates[dimension] ?? 0) + bias) * unit, 0)
}

/** The coordinates of a partition, one a dimension. */
export function unpack(spec: PartitionsSpec, partition: number): readonly number[] {
  const fields = fieldsOf(spec)
  if (fields === undefined) return dimensionsOf(spec).map(() => partition)
  const out: number[] = []
  for (const { dimension, unit, size, bias } of fields) out[dimension] = (Math.floor(partition / unit) % size) - bias
  return out
}

/** A set as boxes: of a product one for each combination of the upper dimensions, of any other spec one. */
export function boxesOf(spec: PartitionsSpec, set: PartitionSet): readonly Box[] {
  const fields = fieldsOf(spec)
  if (fields === undefined) return set.length === 0 ? [] : [dimensionsOf(spec).map(() => set)]
  const [{ dimension: low, bias }] = fields
  const rows = new Map<number, Interval[]>()
  for (const [from, to] of set) {
    for (let row = Math.floor(from / LOW_SIZE); row * LOW_SIZE < to; row++) {
      const base = row * LOW_SIZE + bias
      const part: Interval = [Math.max(from - base, -bias), Math.min(to - base, LOW_SIZE - bias)]
      const list = rows.get(row)
      if (list) list.push(part)
      else rows.set(row, [part])
    }
  }
  return [...rows].map(([row, part]) =>
    unpack(spec, row * LOW_SIZE).map((at, dimension): PartitionSet => (dimension === low ? part : [[at, at + 1]])),
  )
}

/** The partitions of all boxes. Lists the combinations of the upper dimensions, never the windows. */
export function fromBoxes(spec: PartitionsSpec, boxes: readonly Box[]): PartitionSet {
  if (spec.dim === 'none') return boxes.length === 0 ? [] : [[0, 1]]
  const fields = fieldsOf(spec)
  if (fields === undefined) return union(...boxes.map(([set]) => set ?? []))
  return normalise(boxes.flatMap((box) => intervalsOf(fields, box)))
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
  union(...boxesOf(spec, set).map((box) => box[dimension] ?? []))
