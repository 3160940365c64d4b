import type { Read } from './case.ts'
import type { LakeTable } from './lake.ts'

/** A table that another engine writes and Assay reads. */
export interface ForeignCase {
  readonly name: string
  /**
   * What Spark runs, with `$T` for the table and `$N` for its name within the catalog; or the function of
   * `pyiceberg_writes.py` that PyIceberg runs.
   */
  readonly writes: readonly string[] | string
  readonly reads: readonly Read[]
  /** Why Assay does not read it: a part of what its ASSAY-2004 says. */
  readonly refused?: string
  /** A part of the ASSAY-2004 by which Assay does not append to it. */
  readonly notWritten?: string
  /** What Assay then does to the table, and what both sides read afterwards. */
  readonly goesOn?: { readonly write: (table: LakeTable) => Promise<unknown>; readonly reads: readonly Read[] }
}
