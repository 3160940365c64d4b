import { AssayError } from '../errors.ts'
import type { DataFile, PartitionTuple } from '../iceberg/data-file.ts'
import { type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { liveFiles, scanSql } from '../iceberg/scan.ts'
import type { Store } from '../iceberg/store.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { SqlError } from '../sql/engine.ts'
import { inPartitions } from './asset-table.ts'

/** A SELECT over the rows of a table version, narrowed to partitions; all columns of the schema of that version. */
export async function relationOf(
  store: Store,
  metadata: TableMetadata,
  pin: { readonly snapshotId: SnapshotId; readonly partitions?: PartitionSet },
): Promise<string> {
  const files = await liveFiles(store, metadata, pin.snapshotId)
  const schema = schemaOf(metadata, snapshotOf(metadata, pin.snapshotId))
  return scanSql(store, schema, pin.partitions === undefined ? files : narrowed(files, inPartitions(pin.partitions)))
}

const narrowed = (files: readonly DataFile[], keep: (tuple: PartitionTuple) => boolean): readonly DataFile[] =>
  files.filter((file) => keep(file.partition))

/** An engine's error about a data file that is not there or not whole, as one of the catalogue; any other error as it is. */
export function fileProblem(error: unknown): unknown {
  if (!(error instanceof SqlError) || error.kind !== 'io') return error
  const missing = /No files found that match the pattern|Cannot open file|No such file|No magic bytes|too small to be a Parquet file/i.test(
    error.message,
  )
  return missing ? new AssayError('ASSAY-2005', error.message.split('\n')[0] ?? '', { cause: error }) : error
}
