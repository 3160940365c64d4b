import type { IcebergSchema, PartitionSpec, SortOrder } from '../schema/iceberg-type.ts'
import type { SnapshotId } from './metadata.ts'

/** Value of one partition field: days, months, hours and years as integers since 1970, the others as they are. */
export type PartitionValue = string | number | boolean | null
/** Partition tuple by field name. */
export type PartitionTuple = Readonly<Record<string, PartitionValue>>

/** Where a file lies: names of partition fields mean what its own spec says. */
export interface FilePlace {
  readonly partition: PartitionTuple
  readonly specId: number
}

/** A live data file of a snapshot, as far as planning needs it. */
export interface DataFile extends FilePlace {
  readonly path: string
  readonly rows: number
  /** Bytes. */
  readonly size: number
}

/** A manifest as a manifest list names it. Counts are of files and rows. */
export interface ManifestFile {
  readonly path: string
  readonly length: number
  readonly specId: number
  readonly content: 'data' | 'deletes'
  readonly sequenceNumber: number
  readonly minSequenceNumber: number
  readonly addedSnapshotId: SnapshotId
  readonly addedFiles: number
  readonly existingFiles: number
  readonly deletedFiles: number
  readonly addedRows: number
  readonly existingRows: number
  readonly deletedRows: number
  /** Field summaries in the order of the spec; bounds as base64 of Iceberg's single-value binary form. */
  readonly partitions: readonly {
    readonly containsNull: boolean
    readonly containsNan: boolean | undefined
    readonly lower: string | undefined
    readonly upper: string | undefined
  }[]
}

/**
 * Rows written but not yet part of any snapshot: files and the manifest that adds them, all durable. Plain data: it
 * crosses from worker to supervisor.
 */
export interface StagedFiles {
  /** The id that the snapshot will have; the manifest already names it. */
  readonly snapshotId: SnapshotId
  /** Absolute path of the table. */
  readonly location: string
  /** Folder that belongs to this attempt alone; removing it undoes the staging. */
  readonly folder: string
  readonly schema: IcebergSchema
  /** The highest field id that the table had when this was staged: those above are new. Absent: all may be. */
  readonly knownColumnId?: number | undefined
  readonly spec: PartitionSpec
  /** By which the files are sorted, and which becomes the default of the table. */
  readonly sortOrder?: SortOrder | undefined
  /** Absent when there are no rows. */
  readonly manifest: ManifestFile | undefined
  readonly files: readonly DataFile[]
  readonly rows: number
  /** Bytes of all files. */
  readonly size: number
}

/** Below the location of a table, where an attempt puts data files. No other engine writes there, so it tells who wrote them. */
export const OWN_FOLDER = 'data/assay-'

/** Whether Assay wrote a file, which then has its columns under the names that they had. */
export const isOwn = ({ path }: DataFile): boolean => path.includes(`/${OWN_FOLDER}`)
