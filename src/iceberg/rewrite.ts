import type { DataFile, ManifestFile, StagedFiles } from './data-file.ts'
import type { Filter } from './filter.ts'
import type { Snapshot, SnapshotId } from './metadata.ts'

/** How rows are taken out of files: by writing the files anew, or by files that name the rows which are gone. */
export type WriteMode = 'copy-on-write' | 'merge-on-read'

/** Position deletes that no snapshot names yet. Plain data. */
export interface StagedDeletes {
  readonly manifests: readonly ManifestFile[]
  readonly files: readonly DataFile[]
  /** Positions in all files. */
  readonly rows: number
  /** Bytes of all files. */
  readonly size: number
}

/**
 * What a change that was planned on one version of a table takes out of it, and what others must have left alone when it
 * is committed on a later one. Plain data: it crosses from worker to supervisor.
 */
export interface Rewrite {
  readonly operation: Snapshot['operation']
  /** The version it was planned on; `nothing` for a table without rows. */
  readonly readFrom: SnapshotId | 'nothing'
  /** Data files that go. */
  readonly removed: readonly DataFile[]
  /** Delete files that go, because all that they point to goes. */
  readonly removedDeletes: readonly DataFile[]
  /** Data files that the new position deletes point to. */
  readonly deletedFrom: readonly DataFile[]
  readonly deletes: StagedDeletes | undefined
  /** Data files with rows that were found to be as they should, and so stay. Absent: none. */
  readonly relied?: readonly DataFile[]
  /** Rows that others have added within it since are a conflict. Undefined: whatever they added, nothing is missed. */
  readonly scope: Filter | undefined
}

/** Rows to add and a rewrite, to be committed as one snapshot. */
export interface StagedRewrite {
  readonly staged: StagedFiles
  readonly rewrite: Rewrite
  /** False where the commit would change no row; it can then be left out. */
  readonly changes: boolean
}
