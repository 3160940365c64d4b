import type { AssetSpec } from '../assets/spec.ts'
import type { TableId } from '../iceberg/catalog.ts'
import type { FilePlace, PartitionTuple, PartitionValue } from '../iceberg/data-file.ts'
import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import { contains, type PartitionSet } from '../partitions/partition-set.ts'
import type { PartitionsSpec } from '../partitions/partitions.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Transform } from '../schema/iceberg-type.ts'

/** One of the tables that an asset writes: its rows, or those that it rejected. */
export interface AssetTable {
  readonly role: 'rows' | 'rejects'
  readonly key: AssetKey
  readonly id: TableId
  readonly columns: readonly ColumnSpec[]
  readonly partitionFields: readonly { readonly column: string; readonly transform: Transform }[]
}

/** The tables of an asset: none for a marker, two where it quarantines. */
export function tablesOf(spec: AssetSpec): readonly AssetTable[] {
  if (spec.kind !== 'table') return []
  const partitionFields = partitionFieldsOf(spec.partitions)
  const rows: AssetTable = { role: 'rows', key: spec.key, id: tableNameOf(spec.key), columns: spec.columns, partitionFields }
  if (spec.rejects === undefined) return [rows]
  const { key, columns } = spec.rejects
  return [rows, { role: 'rejects', key, id: tableNameOf(key), columns, partitionFields }]
}

/** Iceberg's `day` is UTC for a `timestamptz` and wall time for a `timestamp` or `date`, as daily partitions are. */
const partitionFieldsOf = (spec: PartitionsSpec): AssetTable['partitionFields'] =>
  spec.dim === 'none' || spec.column === undefined ? [] : [{ column: spec.column, transform: 'day' }]

/** The partition of a file that Assay itself laid out: its day, or 0 where there are none. Undefined: no day (a null). */
export function partitionOf(tuple: PartitionTuple): number | undefined {
  const values = Object.values(tuple)
  if (values.length === 0) return 0
  return typeof values[0] === 'number' ? values[0] : undefined
}

/**
 * How the files of a table tell the day of an asset's rows, whoever laid them out: each by a `day` of the partition column
 * in its own spec. Undefined for a file whose spec has none, null for rows without a day.
 */
export function dayOfFiles(metadata: TableMetadata, partitions: PartitionsSpec): (file: FilePlace) => PartitionValue | undefined {
  if (partitions.dim === 'none') return () => undefined
  const source = schemaOf(metadata).fields.find((field) => field.name === partitions.column)?.id
  const names = new Map(
    metadata.specs.map((spec) => [
      spec['spec-id'],
      spec.fields.find((field) => field['source-id'] === source && field.transform === 'day')?.name,
    ]),
  )
  return ({ specId, partition }) => {
    const name = names.get(specId)
    return name === undefined ? undefined : partition[name]
  }
}

/** True for the files of these partitions. */
export const inPartitions =
  (set: PartitionSet) =>
  (tuple: PartitionTuple): boolean => {
    const partition = partitionOf(tuple)
    return partition !== undefined && contains(set, partition)
  }
