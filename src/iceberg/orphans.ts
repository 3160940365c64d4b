import type { LoadedTable } from './catalog.ts'
import { readManifest, readManifestList } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'
import type { Store, StoredFile } from './store.ts'

/** Tells readers of a bare folder which metadata is the newest; in no metadata itself. */
const HINT = 'version-hint.text'

/**
 * Files in the folder of a table that no version of it names: left by failed commits, killed steps, and expired snapshots.
 * @param before milliseconds since the epoch; files that were written later may be part of a commit under way
 */
export async function findOrphans(store: Store, table: LoadedTable, before: number): Promise<readonly StoredFile[]> {
  // Listed first: what is committed meanwhile is not in the list.
  const found = await store.list(table.metadata.location)
  const old = found.filter((file) => file.modified < before && !file.path.endsWith(`/${HINT}`))
  if (old.length === 0) return []
  const named = await namedFiles(store, table)
  return old.filter((file) => !named.has(file.path))
}

/** All that the metadata reaches. */
async function namedFiles(store: Store, { metadata, metadataLocation }: LoadedTable): Promise<ReadonlySet<string>> {
  const named = new Set<string>([metadataLocation, ...metadata.metadataLog.map((entry) => entry.file)].map(store.normalise))
  for (const path of statisticsOf(metadata)) named.add(store.normalise(path))
  const read = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    named.add(store.normalise(snapshot.manifestList))
    for (const manifest of await readManifestList(store, snapshot.manifestList)) {
      if (read.has(manifest.path)) continue
      read.add(manifest.path)
      named.add(manifest.path)
      for (const entry of await readManifest(store, metadata, manifest)) if (entry.status !== 'deleted') named.add(entry.file.path)
    }
  }
  return named
}

function statisticsOf(metadata: TableMetadata): readonly string[] {
  return ['statistics', 'partition-statistics'].flatMap((name) => {
    const files = metadata.rest[name]
    if (!Array.isArray(files)) return []
    return files.flatMap((file: unknown) =>
      typeof file === 'object' && file !== null && 'statistics-path' in file ? [String(file['statistics-path'])] : [],
    )
  })
}
