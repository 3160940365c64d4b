import type { TableMetadata } from './metadata.ts'

/** A table's name in a catalog. `namespace` may have dots. */
export interface TableId {
  readonly namespace: string
  readonly name: string
}

export const formatTableId = (id: TableId): string => `${id.namespace}.${id.name}`

/** A table as the catalog points to it now. */
export interface LoadedTable {
  readonly id: TableId
  /** The string exactly as the catalog stores it; a commit compares with this very string. */
  readonly metadataLocation: string
  readonly metadata: TableMetadata
}

/** One table of a commit: from what the committer saw (undefined: no such table) to the metadata file written for it. */
export interface TableChange {
  readonly id: TableId
  readonly expected: string | undefined
  readonly metadataLocation: string
}

/** A table that the catalog is to forget; its files stay where they are. */
export interface TableRemoval {
  readonly id: TableId
  readonly expected: string
  readonly metadataLocation: undefined
}

/**
 * `rejected`: some table stood elsewhere than expected, nothing changed. `unknown`: the catalog did not answer; the
 * commit may have happened, so its files must stay and the table's ancestry has to be read.
 */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'rejected'; readonly moved: readonly TableId[] }
  | { readonly kind: 'unknown'; readonly cause: unknown }

/** Where engines look up tables. Every implementation passes `tests/conformance/catalog`. */
export interface Catalog {
  /** Root of the tables that are made here: an absolute path. */
  readonly warehouse: string
  /** @throws ASSAY-2003, ASSAY-2004, ASSAY-2010 */
  load(id: TableId): Promise<LoadedTable | undefined>
  /** Metadata locations of all tables, as stored, in one read. Views are left out. */
  locations(): Promise<readonly { readonly id: TableId; readonly metadataLocation: string }[]>
  /** Moves and removes all tables or none, by compare-and-swap, durably. When it throws, nothing has moved. */
  commit(changes: readonly (TableChange | TableRemoval)[]): Promise<CommitOutcome>
  close(): void
}
