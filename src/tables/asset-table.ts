import type { AssetSpec } from '../assets/spec.ts'
import type { TableId } from '../iceberg/catalog.ts'
import type { FilePlace, PartitionTuple } from '../iceberg/data-file.ts'
import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import { coordinateOf, transformOf } from '../partitions/holder.ts'
import { contains, type PartitionSet } from '../partitions/partition-set.ts'
import { pack } from '../partitions/product.ts'
import { dimensionsOf, type PartitionsSpec } from '../partitions/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { PrimitiveType, Transform } from '../schema/iceberg-type.ts'

/** One of the tables that an asset writes: its rows, or those that it rejected. */
export interface AssetTable {
  readonly role: 'rows' | 'rejects'
  readonly key: AssetKey
  readonly id: TableId
  readonly columns: readonly ColumnSpec[]
  readonly partitionFields: readonly { readonly column: string; readonly transform: Transform }[]
  /** Columns that its files are sorted by. */
  readonly sortBy?: readonly string[]
}

/** The tables of an asset: none for a marker, two where it quarantines. */
export function tablesOf(spec: AssetSpec): readonly AssetTable[] {
  if (spec.kind !== 'table') return []
  const partitionFields = partitionFieldsOf(spec)
  const sorted = spec.sortBy === undefined ? {} : { sortBy: spec.sortBy }
  const rows: AssetTable = { role: 'rows', key: spec.key, id: tableNameOf(spec.key), columns: spec.columns, partitionFields, ...sorted }
  if (spec.rejects === undefined) return [rows]
  const { key, columns } = spec.rejects
  return [rows, { role: 'rejects', key, id: tableNameOf(key), columns, partitionFields }]
}

/** One field a dimension, in their order. */
const partitionFieldsOf = (spec: AssetSpec): AssetTable['partitionFields'] =>
  dimensionsOf(spec.partitions).flatMap(({ spec: dimension }) => {
    const type = typeOf(spec, dimension.column)
    const transform = type === undefined ? undefined : transformOf(dimension, type)
    return dimension.column === undefined || transform === undefined ? [] : [{ column: dimension.column, transform }]
  })

function typeOf(spec: AssetSpec, name: string | undefined): PrimitiveType | undefined {
  const type = spec.columns.find((column) => column.name === name)?.type
  return typeof type === 'string' ? type : undefined
}

/**
 * The partition of a file that Assay itself laid out, 0 where there are none. Undefined: its rows belong to no partition,
 * as those with a null.
 */
export function partitionOf(spec: AssetSpec, tuple: PartitionTuple): number | undefined {
  const values = Object.values(tuple)
  const dimensions = dimensionsOf(spec.partitions)
  if (values.length !== dimensions.length) return undefined
  const at = dimensions.map(({ spec: dimension }, i) => coordinateOf(dimension, typeOf(spec, dimension.column) ?? 'binary', values[i]))
  return packed(spec.partitions, at)
}

function packed(partitions: PartitionsSpec, at: readonly (number | undefined)[]): number | undefined {
  const known = at.filter((coordinate) => coordinate !== undefined)
  return known.length === at.length ? pack(partitions, known) : undefined
}

/**
 * Reads the partition of any file of a table, whoever laid it out: undefined where its rows belong to none, `'any'` where
 * its layout does not tell.
 */
export function locatorOf(metadata: TableMetadata, partitions: PartitionsSpec): (file: FilePlace) => number | 'any' | undefined {
  const columns = schemaOf(metadata).fields
  const dimensions = dimensionsOf(partitions).map(({ spec }) => {
    const column = columns.find((field) => field.name === spec.column)
    const type: PrimitiveType = typeof column?.type === 'string' ? column.type : 'binary'
    const transform = transformOf(spec, type)
    // Each file by its own spec: an older one may use a name for something else.
    const names = metadata.specs.map(
      (laid) =>
        [laid['spec-id'], laid.fields.find((field) => field['source-id'] === column?.id && field.transform === transform)?.name] as const,
    )
    return { spec, type, names: new Map(names) }
  })
  return ({ specId, partition }) => {
    const values = dimensions.map(({ names }) => {
      const name = names.get(specId)
      return name === undefined ? undefined : partition[name]
    })
    if (values.includes(undefined)) return 'any'
    return packed(
      partitions,
      dimensions.map(({ spec, type }, i) => coordinateOf(spec, type, values[i])),
    )
  }
}

/** True for the files of these partitions. */
export const inPartitions =
  (spec: AssetSpec, set: PartitionSet) =>
  (tuple: PartitionTuple): boolean => {
    const partition = partitionOf(spec, tuple)
    return partition !== undefined && contains(set, partition)
  }
