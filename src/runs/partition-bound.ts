import type { AssetSpec } from '../assets/spec.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { dayKey, type PartitionsSpec } from '../partitions/partitions.ts'
import type { ParamName } from '../sql/template.ts'

/** A bound of the partitions being made, as a SQL literal. */
export function boundOf(spec: AssetSpec, partitions: PartitionSet, name: ParamName): string {
  const [first] = partitions
  const last = partitions.at(-1)
  if (first === undefined || last === undefined || spec.partitions.dim === 'none') return 'NULL'
  return partitionBound(spec.partitions, spec.columns, name === 'partition.start' ? first[0] : last[1])
}

/** The instant at which a day begins, as a literal of the type of the partition column. */
export function partitionBound(partitions: PartitionsSpec & { dim: 'time' }, columns: AssetSpec['columns'], day: number): string {
  const type = columns.find((column) => column.name === partitions.column)?.type
  if (type === 'timestamptz') return `TIMESTAMPTZ '${dayKey(day)} 00:00:00+00'`
  return type === 'timestamp' ? `TIMESTAMP '${dayKey(day)} 00:00:00'` : `DATE '${dayKey(day)}'`
}
