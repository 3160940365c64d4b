import { existsSync } from 'node:fs'
import type { AssetSpec } from '../assets/spec.ts'
import { NOTHING_KNOWN } from '../assets/status.ts'
import type { Clock } from '../clock.ts'
import { environmentHome } from '../config.ts'
import type { Catalog } from '../iceberg/catalog.ts'
import { override } from '../partitions/interval-map.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { StoreEvent } from '../storage/events.ts'
import { openStorage } from '../storage/sqlite.ts'
import type { AssetState, Storage, StorageReader } from '../storage/storage.ts'
import { loadHeads } from '../tables/observe.ts'
import { adoption, laidOver, laterRecords } from './environment.ts'

export interface TakeOver {
  /** That of `main`, open for writing. */
  readonly storage: Storage
  /** That of `main`. */
  readonly catalog: Catalog
  readonly loaded: LoadedManifest
}

/**
 * Ends promotions that a process which is gone had begun, before anything else is looked at: what it had made the tables of
 * `main` is known by the records of the environment, not as the commits of others.
 * @throws ASSAY-3001 while a run is under way in the environment
 */
export async function endPromotions(over: TakeOver, home: string, clock: Clock): Promise<void> {
  for (const environment of await over.storage.openPromotions()) {
    const folder = environmentHome(home, environment)
    if (!existsSync(folder)) {
      await over.storage.append([{ type: 'promotion.ended', environment }])
      continue
    }
    const own = openStorage({ folder, clock })
    try {
      await endPromotion(over, own, environment)
    } finally {
      own.close()
    }
  }
}

/** Brings the records of what `main` has now from the store of an environment, and with that ends the promotion. */
export async function endPromotion({ storage, catalog, loaded }: TakeOver, own: StorageReader, environment: string): Promise<void> {
  const heads = await loadHeads(catalog, loaded.manifest.assets)
  const [known, recorded] = [await storage.assetStates(), await own.assetStates()]
  const events = loaded.manifest.assets.flatMap((spec): readonly StoreEvent[] => {
    const state = recorded.get(spec.key)
    const head = heads.get(spec.key)?.metadata.currentSnapshotId
    return state === undefined ? [] : taken(spec, known.get(spec.key) ?? NOTHING_KNOWN, state, head)
  })
  await storage.append([...events, { type: 'promotion.ended', environment }])
}

function taken(spec: AssetSpec, before: AssetState, state: AssetState, head: string | undefined): readonly StoreEvent[] {
  const { key, kind } = spec
  if (kind !== 'table') {
    const { versions, made, observedAt } = laidOver(before, state, spec)
    const observed = observedAt === undefined || observedAt === before.observedAt ? {} : { observedAt }
    return adoption(key, { ...before, versions, made, ...observed })
  }
  // The table stands elsewhere than where the environment left it: it did not become that of `main`.
  if (head === undefined || head !== state.snapshotId) return []
  // What `main` has looked at since, and found to be as it was, it knows better.
  if (head !== before.snapshotId) return adoption(key, { ...state, made: override(state.made, laterRecords(before, state)) })
  return adoption(key, { ...before, versions: [], columnVersions: [], made: laterRecords(state, before) }, []).slice(1)
}
