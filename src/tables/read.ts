import { AssayError } from '../errors.ts'
import { type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { liveFiles, scanSql } from '../iceberg/scan.ts'
import type { Store } from '../iceberg/store.ts'
import { insideSql } from '../partitions/holder.ts'
import { contains, type PartitionSet } from '../partitions/partition-set.ts'
import { boxesOf } from '../partitions/product.ts'
import { dimensionsOf, type PartitionsSpec } from '../partitions/spec.ts'
import type { IcebergSchema } from '../schema/iceberg-type.ts'
import { SqlError } from '../sql/engine.ts'
import { locatorOf } from './asset-table.ts'

/** A table version, or the partitions of an asset in it. */
export interface Pinned {
  readonly snapshotId: SnapshotId
  readonly slice?: Slice
}

/** Partitions of an asset, with how the asset is partitioned. */
export interface Slice {
  readonly spec: PartitionsSpec
  readonly partitions: PartitionSet
}

/**
 * A SELECT over the rows of a table version, all columns of its schema, narrowed to partitions: by whole files where they
 * hold one partition each, row by row where another engine laid them out differently.
 */
export async function relationOf(store: Store, metadata: TableMetadata, { snapshotId, slice }: Pinned): Promise<string> {
  const files = await liveFiles(store, metadata, snapshotId)
  const schema = schemaOf(metadata, snapshotOf(metadata, snapshotId))
  if (slice === undefined || slice.spec.dim === 'none') return scanSql(store, schema, files)
  const locate = locatorOf(metadata, slice.spec)
  const kept = files.filter((file) => {
    const at = locate(file.partition)
    return at === 'any' || (at !== undefined && contains(slice.partitions, at))
  })
  const scan = scanSql(store, schema, kept)
  return kept.some((file) => locate(file.partition) === 'any') ? `SELECT * FROM (${scan}) WHERE ${insideOf(slice, schema)}` : scan
}

function insideOf({ spec, partitions }: Slice, schema: IcebergSchema): string {
  const dimensions = dimensionsOf(spec).map(({ spec: dimension }) => {
    const type = schema.fields.find((field) => field.name === dimension.column)?.type
    return { dimension, type: typeof type === 'string' ? type : ('binary' as const) }
  })
  const boxes = boxesOf(spec, partitions).map((box) =>
    dimensions.map(({ dimension, type }, i) => insideSql(dimension, type, box[i] ?? [])).join(' AND '),
  )
  return boxes.length === 0 ? 'false' : boxes.map((box) => `(${box})`).join(' OR ')
}

/** An engine's error about a data file that is not there or not whole, as one of the catalogue; any other error as it is. */
export function fileProblem(error: unknown): unknown {
  if (!(error instanceof SqlError) || error.kind !== 'io') return error
  const missing = /No files found that match the pattern|Cannot open file|No such file|No magic bytes|too small to be a Parquet file/i.test(
    error.message,
  )
  return missing ? new AssayError('ASSAY-2005', error.message.split('\n')[0] ?? '', { cause: error }) : error
}
