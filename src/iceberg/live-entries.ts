import type { DataFile } from './data-file.ts'
import { FILE_PATH_ID } from './delete-index.ts'
import { metric } from './filter.ts'
import { contentOf, hasLive, type ManifestEntry, readManifest, readManifestList } from './manifests.ts'
import { type Snapshot, type SnapshotId, snapshotOf, type TableMetadata } from './metadata.ts'
import type { Store } from './store.ts'

/** The files of a version with all that manifests tell of them. */
export interface LiveEntries {
  readonly data: readonly ManifestEntry[]
  /** Files that take rows out of the data files. */
  readonly deletes: readonly ManifestEntry[]
}

/** Manifests read at once. */
const READERS = 16

/** Of the current version or another, read in full, since writers carry entries over. @throws ASSAY-2004, ASSAY-2005, ASSAY-2009 */
export async function allLiveEntries(store: Store, metadata: TableMetadata, snapshotId?: SnapshotId): Promise<LiveEntries> {
  const snapshot = snapshotOf(metadata, snapshotId)
  if (snapshot === undefined) return { data: [], deletes: [] }
  const manifests = (await readManifestList(store, snapshot.manifestList)).filter(hasLive)
  const live: { data: ManifestEntry[]; deletes: ManifestEntry[] } = { data: [], deletes: [] }
  for (let i = 0; i < manifests.length; i += READERS) {
    await Promise.all(
      manifests.slice(i, i + READERS).map(async (manifest) => {
        const entries = await readManifest(store, metadata, manifest)
        for (const entry of entries) if (entry.status !== 'deleted') live[manifest.content].push(entry)
      }),
    )
  }
  return live
}

/** The entries that a snapshot itself added. */
export async function addedBy(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<LiveEntries> {
  const own = (await readManifestList(store, snapshot.manifestList)).filter(
    (manifest) => manifest.addedSnapshotId === snapshot.id && manifest.addedFiles !== 0,
  )
  const added: { data: ManifestEntry[]; deletes: ManifestEntry[] } = { data: [], deletes: [] }
  for (const manifest of own) {
    const entries = await readManifest(store, metadata, manifest)
    added[manifest.content].push(...entries.filter((entry) => entry.status === 'added' && entry.snapshotId === snapshot.id))
  }
  return added
}

/** The one data file that a position delete file points to, where its bounds tell. */
export function onlyTarget(store: Store, entry: ManifestEntry): string | undefined {
  if (contentOf(entry.fields) !== 'position deletes') return undefined
  const [lower, upper] = ['lower_bounds', 'upper_bounds'].map((name) => metric(entry.fields, name, FILE_PATH_ID))
  if (!(lower instanceof Uint8Array) || !(upper instanceof Uint8Array)) return undefined
  const path = Buffer.from(lower).toString()
  return Buffer.from(upper).toString() === path ? store.normalise(path) : undefined
}

/**
 * Whether a delete file may take rows out of one of these data files. Deletes reach the files of their partition; those by
 * key that were written without partitions reach all.
 */
export function mayReach(store: Store, deletes: ManifestEntry, files: readonly DataFile[]): boolean {
  const target = onlyTarget(store, deletes)
  if (target !== undefined) return files.some((file) => file.path === target)
  if (Object.keys(deletes.file.partition).length === 0 && contentOf(deletes.fields) === 'equality deletes') return files.length > 0
  const place = partitionId(deletes.file)
  return files.some((file) => partitionId(file) === place)
}

/** Tells the partitions of a table apart, those of different specs too. */
export const partitionId = (file: DataFile): string => `${file.specId} ${JSON.stringify(file.partition)}`
