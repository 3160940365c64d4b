import type { ManifestFile } from './data-file.ts'
import { type LeanEntry, readLeanManifest, readManifestList } from './manifests.ts'
import { parseMetadata, type TableMetadata } from './metadata.ts'
import type { Store } from './store.ts'

/**
 * Metadata files, manifests and their lists never change, so what was decoded once serves every later plan of the process. Oldest use goes
 * first when the bound is reached.
 */
interface Cache {
  readonly kept: Map<string, { readonly value: unknown; readonly bytes: number }>
  bytes: number
}

const MOST_BYTES = 64 * 2 ** 20
/** About what one manifest of a list, and one snapshot of a table, takes in memory. */
const LISTED_BYTES = 512
const SNAPSHOT_BYTES = 2_048

const caches = new WeakMap<Store, Cache>()

/** The table metadata at a location, as the catalog has it. @throws ASSAY-2003, ASSAY-2004, ASSAY-2005 */
export async function cachedMetadata(store: Store, location: string): Promise<TableMetadata> {
  return cached(store, location, async () => sized(parseMetadata(await store.read(location), location)))
}

const sized = (value: TableMetadata): Kept<TableMetadata> => ({ value, bytes: (value.snapshots.length + 1) * SNAPSHOT_BYTES })

/** What was written for a commit, which the next commit on it begins with. */
export function remember(
  store: Store,
  { metadataLocation, metadata }: { readonly metadataLocation: string; readonly metadata: TableMetadata },
  list: { readonly path: string; readonly manifests: readonly ManifestFile[] },
): void {
  keep(store, metadataLocation, sized(metadata))
  keep(store, list.path, { value: list.manifests, bytes: list.manifests.length * LISTED_BYTES })
}

/** The manifests of a snapshot, see {@link readManifestList}. */
export async function cachedList(store: Store, path: string): Promise<readonly ManifestFile[]> {
  return cached(store, path, async () => {
    const value = await readManifestList(store, path)
    return { value, bytes: value.length * LISTED_BYTES }
  })
}

/** The entries of a manifest, see {@link readLeanManifest}. */
export async function cachedEntries(store: Store, metadata: TableMetadata, manifest: ManifestFile): Promise<readonly LeanEntry[]> {
  // What entries inherit comes from the list, and their partition from the table.
  const key = `${metadata.uuid} ${manifest.path} ${manifest.specId} ${manifest.sequenceNumber}`
  return cached(store, key, async () => {
    const { entries, bytes } = await readLeanManifest(store, metadata, manifest)
    return { value: entries, bytes }
  })
}

interface Kept<T> {
  readonly value: T
  readonly bytes: number
}

function cacheOf(store: Store): Cache {
  const cache = caches.get(store) ?? { kept: new Map(), bytes: 0 }
  caches.set(store, cache)
  return cache
}

async function cached<T>(store: Store, key: string, read: () => Promise<Kept<T>>): Promise<T> {
  const cache = cacheOf(store)
  const known = cache.kept.get(key)
  if (known !== undefined) {
    cache.kept.delete(key)
    cache.kept.set(key, known)
    return known.value as T
  }
  const made = await read()
  keep(store, key, made)
  return made.value
}

function keep(store: Store, key: string, made: Kept<unknown>): void {
  const cache = cacheOf(store)
  forget(cache, key)
  cache.kept.set(key, made)
  cache.bytes += made.bytes
  for (const oldest of cache.kept.keys()) {
    if (cache.bytes <= MOST_BYTES) break
    forget(cache, oldest)
  }
}

function forget(cache: Cache, key: string): void {
  cache.bytes -= cache.kept.get(key)?.bytes ?? 0
  cache.kept.delete(key)
}
