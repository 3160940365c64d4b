import type { Literal, Predicate } from '../iceberg/prune.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { project } from '../partitions/product.ts'
import { dimensionsOf, type PartitionsSpec, timeOf } from '../partitions/spec.ts'
import { axisOf } from '../partitions/time-axis.ts'
import type { IcebergSchema } from '../schema/iceberg-type.ts'

const DAY = 86_400_000

/**
 * Partitions as a filter for planning a scan, where a column of times holds their windows: files that surely hold none of
 * them need not be listed. Where it says too little, more is listed, and left out later file by file.
 */
export function pruningOf(
  { fields }: IcebergSchema,
  { spec, partitions }: { readonly spec: PartitionsSpec; readonly partitions: PartitionSet },
): Predicate | undefined {
  const time = timeOf(spec)
  const column = time?.column
  const type = fields.find((field) => field.name === column)?.type
  if (time === undefined || column === undefined || (type !== 'date' && type !== 'timestamp' && type !== 'timestamptz')) return undefined
  const axis = axisOf(time)
  const startOf = (window: number): number => {
    const at = axis.startOf(window)
    return type === 'timestamptz' ? at : at + axis.zone.offsetAt(at)
  }
  const literal = (at: number, less: 0 | 1): Literal =>
    type === 'date' ? Math.ceil(at / DAY) - less : String(BigInt(at) * 1000n - BigInt(less))
  const windows = project(
    spec,
    partitions,
    dimensionsOf(spec).findIndex((dimension) => dimension.spec === time),
  )
  const inside = ([from, to]: PartitionSet[number]): Predicate => ({
    op: 'and',
    of: [
      { op: '>=', column, value: literal(startOf(from), 0) },
      { op: '<=', column, value: literal(startOf(to), 1) },
    ],
  })
  return { op: 'or', of: windows.map(inside) }
}
