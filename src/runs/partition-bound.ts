import type { AssetSpec } from '../assets/spec.ts'
import { boundSql, heldKey } from '../partitions/holder.ts'
import { each, type PartitionSet } from '../partitions/partition-set.ts'
import { project } from '../partitions/product.ts'
import { dimensionsOf, timeOf } from '../partitions/spec.ts'
import { quoteText } from '../schema/iceberg-type.ts'
import { dimensionNamed, isBound, type ParamName } from '../sql/template.ts'

/** Where the windows of a step begin or end, as a literal of the type of the column that holds them; or its keys, as a list. */
export function boundOf(spec: AssetSpec, partitions: PartitionSet, name: ParamName): string {
  if (!isBound(name)) return keysOf(spec, partitions, name)
  const time = timeOf(spec.partitions, dimensionNamed(name))
  const dimension = dimensionsOf(spec.partitions).findIndex((d) => d.spec === time)
  const windows = project(spec.partitions, partitions, Math.max(0, dimension))
  const bound = name.startsWith('partition.start') ? windows[0]?.[0] : windows.at(-1)?.[1]
  if (time === undefined || bound === undefined) return 'NULL'
  return boundSql(time, spec.columns.find((column) => column.name === time.column)?.type, bound)
}

/** The keys in one dimension, or in the only one. */
function keysOf(spec: AssetSpec, partitions: PartitionSet, name: ParamName): string {
  const at = dimensionsOf(spec.partitions).findIndex((d) => d.name === dimensionNamed(name))
  const dimension = dimensionsOf(spec.partitions)[at]?.spec
  const keys =
    dimension === undefined ? [] : Array.from(each(project(spec.partitions, partitions, at)), (p) => quoteText(heldKey(dimension, p)))
  return `([${keys.join(', ')}]::VARCHAR[])`
}
