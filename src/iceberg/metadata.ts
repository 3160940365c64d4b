import type { IcebergSchema, PartitionSpec } from '../schema/iceberg-type.ts'

/** A 64-bit snapshot id as decimal text: JavaScript numbers would round those that Java and Spark write. */
export type SnapshotId = string

export interface Snapshot {
  readonly id: SnapshotId
  readonly parentId: SnapshotId | undefined
  readonly sequenceNumber: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  /** All of the summary but `operation`. */
  readonly summary: Readonly<Record<string, string>>
  readonly manifestList: string
  readonly schemaId: number | undefined
}

export interface SnapshotRef {
  readonly snapshotId: SnapshotId
  readonly type: 'branch' | 'tag'
}

/**
 * Table metadata, format version 2, parsed. What Assay does not interpret (sort orders, statistics files, properties
 * of other engines …) is kept in `rest` and written back unchanged.
 */
export interface TableMetadata {
  readonly formatVersion: 1 | 2
  readonly uuid: string
  readonly location: string
  readonly lastSequenceNumber: number
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number
  readonly lastColumnId: number
  readonly lastPartitionId: number
  readonly schemas: readonly IcebergSchema[]
  readonly currentSchemaId: number
  readonly specs: readonly PartitionSpec[]
  readonly defaultSpecId: number
  readonly properties: Readonly<Record<string, string>>
  readonly snapshots: readonly Snapshot[]
  readonly currentSnapshotId: SnapshotId | undefined
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly snapshotLog: readonly { readonly timestamp: number; readonly snapshotId: SnapshotId }[]
  readonly metadataLog: readonly { readonly timestamp: number; readonly file: string }[]
  readonly rest: Readonly<Record<string, unknown>>
}
