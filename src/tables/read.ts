import { AssayError } from '../errors.ts'
import type { DataFile, PartitionValue } from '../iceberg/data-file.ts'
import { type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { liveFiles, scanSql } from '../iceberg/scan.ts'
import type { Store } from '../iceberg/store.ts'
import { contains, type PartitionSet } from '../partitions/partition-set.ts'
import type { PartitionsSpec } from '../partitions/partitions.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { SqlError } from '../sql/engine.ts'
import { dayFieldOf } from './asset-table.ts'

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
 * hold one day each, row by row where another engine laid them out differently.
 */
export async function relationOf(store: Store, metadata: TableMetadata, { snapshotId, slice }: Pinned): Promise<string> {
  const files = await liveFiles(store, metadata, snapshotId)
  const schema = schemaOf(metadata, snapshotOf(metadata, snapshotId))
  if (slice === undefined || slice.spec.dim === 'none') return scanSql(store, schema, files, metadata.schemas)
  const field = dayFieldOf(metadata, slice.spec)
  const dayIn = (file: DataFile): PartitionValue | undefined => (field === undefined ? undefined : file.partition[field])
  const kept = files.filter((file) => {
    const day = dayIn(file)
    return day === undefined || (typeof day === 'number' && contains(slice.partitions, day))
  })
  const scan = scanSql(store, schema, kept, metadata.schemas)
  return kept.some((file) => dayIn(file) === undefined) ? `SELECT * FROM (${scan}) WHERE ${insideOf(slice)}` : scan
}

function insideOf({ spec, partitions }: Slice): string {
  const column = quoteIdentifier(spec.dim === 'none' ? '' : (spec.column ?? ''))
  const day = (index: number): string => `DATE '1970-01-01' + ${index}`
  const ranges = partitions.map(([from, to]) => `${column}::DATE >= ${day(from)} AND ${column}::DATE < ${day(to)}`)
  return ranges.length === 0 ? 'false' : ranges.map((range) => `(${range})`).join(' OR ')
}

/** An engine's error about a data file that is not there or not whole, as one of the catalogue; any other error as it is. */
export function fileProblem(error: unknown): unknown {
  if (!(error instanceof SqlError) || error.kind !== 'io') return error
  const missing = /No files found that match the pattern|Cannot open file|No such file|No magic bytes|too small to be a Parquet file/i.test(
    error.message,
  )
  return missing ? new AssayError('ASSAY-2005', error.message.split('\n')[0] ?? '', { cause: error }) : error
}
