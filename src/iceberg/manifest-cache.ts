import type { ManifestFile } from './data-file.ts'
import { type LeanEntry, readLeanManifest, readManifestList } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'
import type { Store } from './store.ts'

/**
 * Manifests and their lists never change, so what was decoded once serves every later plan of the process. Oldest use goes
 * first when the bound is reached.
 */
interface Cache {
  readonly kept: Map<string, { readonly value: unknown; readonly bytes: number }>
  bytes: number
}

const MOST_BYTES = 64 * 2 ** 20
/** About what one manifest of a list takes in memory. */
const LISTED_BYTES = 512

const caches = new WeakMap<Store, Cache>()

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

async function cached<T>(store: Store, key: string, read: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T> {
  const cache = caches.get(store) ?? { kept: new Map(), bytes: 0 }
  caches.set(store, cache)
  const known = cache.kept.get(key)
  if (known !== undefined) {
    cache.kept.delete(key)
    cache.kept.set(key, known)
    return known.value as T
  }
  const made = await read()
  forget(cache, key)
  cache.kept.set(key, made)
  cache.bytes += made.bytes
  for (const oldest of cache.kept.keys()) {
    if (cache.bytes <= MOST_BYTES) break
    forget(cache, oldest)
  }
  return made.value
}

function forget(cache: Cache, key: string): void {
  cache.bytes -= cache.kept.get(key)?.bytes ?? 0
  cache.kept.delete(key)
}
