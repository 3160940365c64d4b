import { randomUUID } from 'node:crypto'
import type { LoadedTable } from './catalog.ts'
import type { TableMetadata } from './metadata.ts'

/** Old metadata files that a table remembers, as in Iceberg's own default. */
const REMEMBERED = 100

/** Counts on from `00007-….metadata.json` or `v7.metadata.json`. */
export function versionAfter(location: string | undefined): number {
  const match = /(?:^|\/)v?(\d+)[-.][^/]*$/.exec(location ?? '')
  return match ? Number(match[1]) + 1 : 0
}

/** The metadata files before the next one. @param previous the file that holds `before`; undefined for a new table */
export function metadataLogAfter(before: TableMetadata, previous: string | undefined): TableMetadata['metadataLog'] {
  const log = previous === undefined ? before.metadataLog : [...before.metadataLog, { timestamp: before.lastUpdated, file: previous }]
  return log.slice(-REMEMBERED)
}

/** A path that no other metadata file has. @param folder normalised, of all metadata of the table */
export const metadataPath = (folder: string, version: number): string =>
  `${folder}/${String(version).padStart(5, '0')}-${randomUUID()}.metadata.json`

/** The metadata that follows a table as the catalog has it, complete with its log, and where it is to be written. */
export function nextMetadata(folder: string, base: LoadedTable, changed: TableMetadata): { path: string; metadata: TableMetadata } {
  const metadata = { ...changed, metadataLog: metadataLogAfter(base.metadata, base.metadataLocation) }
  return { path: metadataPath(folder, versionAfter(base.metadataLocation)), metadata }
}
