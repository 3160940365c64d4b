import { type Clock, newId, newSnapshotId } from '../clock.ts'
import { AssayError } from '../errors.ts'
import { type Catalog, formatTableId, type LoadedTable, type TableId } from '../iceberg/catalog.ts'
import { isEnvironmentOf } from '../iceberg/catalogs/environment-catalog.ts'
import { prepareCommit } from '../iceberg/commit.ts'
import { commitTable, mayHaveHappened } from '../iceberg/commit-metadata.ts'
import { compactable, compactFiles } from '../iceberg/compact.ts'
import { expireSnapshots, type ExpirePolicy, selectExpired } from '../iceberg/expire.ts'
import { readManifestList } from '../iceberg/manifests.ts'
import { mergeableManifests } from '../iceberg/merge-manifests.ts'
import { schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { findOrphans } from '../iceberg/orphans.ts'
import type { StagedRewrite } from '../iceberg/rewrite.ts'
import { ascending, sortOrder } from '../iceberg/sort-order.ts'
import { discardStaged } from '../iceberg/stage.ts'
import type { Store } from '../iceberg/store.ts'
import type { SqlSession } from '../sql/engine.ts'

/** What maintenance did to a table, or would do. */
export interface Maintained {
  readonly table: string
  /** Data files written anew, and how many they became; in a dry run that is not known. */
  readonly compactedFiles: number
  readonly compactedInto: number | undefined
  readonly mergedManifests: number
  /** Versions that are kept no longer, with the files that only they had. */
  readonly expiredSnapshots: number
  readonly orphans: number
  /** Bytes of the orphans. */
  readonly orphanBytes: number
  /** True where others changed the files while they were compacted; the next time will do. */
  readonly wasBusy: boolean
  /** The table of an environment that stands on this one's files, which therefore stay as they are. */
  readonly heldBy?: string
}

export interface Maintenance {
  readonly catalog: Catalog
  readonly store: Store
  readonly session: SqlSession
  readonly clock: Clock
  readonly isDryRun: boolean
}

/** Files that no version names are left alone for three days, as in Iceberg: a step may be writing them. */
const SAFE_AGE_MS = 3 * 86_400_000

/** Versions that stay whatever their age, where neither the table nor the branch says so: enough to look back at, and to roll back to. */
const KEPT_VERSIONS = 20

const NOTHING_DONE = {
  compactedFiles: 0,
  compactedInto: 0,
  mergedManifests: 0,
  expiredSnapshots: 0,
  orphans: 0,
  orphanBytes: 0,
  wasBusy: false,
} as const

/**
 * Compacts a table, merges its manifests, lets old versions expire and removes files that nothing names. Its rows, and so
 * the data versions of its partitions, stay as they are. A table that an environment stands on is left alone: rearranged,
 * it could not take over what the environment has. Undefined for a table that is not there.
 * @param sortBy columns that the rows of compacted files are sorted by; absent: by the order that the table has
 * @throws ASSAY-2004 for tables that cannot be rewritten, ASSAY-2010 when the catalog does not answer
 */
export async function maintainTable(tools: Maintenance, id: TableId, sortBy?: readonly string[]): Promise<Maintained | undefined> {
  const loaded = await tools.catalog.load(id)
  const head = loaded === undefined ? undefined : snapshotOf(loaded.metadata)
  if (loaded === undefined || head === undefined) return undefined
  const holder = (await tools.catalog.locations()).find((other) => isEnvironmentOf(id, other.id))
  if (holder !== undefined) return { table: formatTableId(id), ...NOTHING_DONE, heldBy: formatTableId(holder.id) }
  const rewritten = tools.isDryRun
    ? {
        compactedFiles: (await compactable(tools.store, loaded.metadata)).length,
        compactedInto: undefined,
        mergedManifests: mergeableManifests(loaded.metadata, await readManifestList(tools.store, head.manifestList)),
        wasBusy: false,
      }
    : await rewriteTable(tools, loaded, sortBy)
  // What another entry of the catalog names, this one cannot tell; nor what a table has whose files are not to be collected.
  const keepsAll = loaded.metadata.properties['gc.enabled'] === 'false' || (await sharesFiles(tools.catalog, loaded))
  const expiredSnapshots = keepsAll ? 0 : await expire(tools, loaded)
  const orphans = keepsAll ? [] : await orphansOf(tools, id)
  if (!tools.isDryRun) for (const file of orphans) await tools.store.remove(file.path)
  const orphanBytes = orphans.reduce((sum, file) => sum + file.size, 0)
  return { table: formatTableId(id), ...rewritten, expiredSnapshots, orphans: orphans.length, orphanBytes }
}

type Rewritten = Pick<Maintained, 'compactedFiles' | 'compactedInto' | 'mergedManifests' | 'wasBusy'>

async function rewriteTable(tools: Maintenance, loaded: LoadedTable, sortBy: readonly string[] | undefined): Promise<Rewritten> {
  const { metadata } = loaded
  const place = { snapshotId: String(newSnapshotId(tools.clock)), location: metadata.location, attempt: `maintain-${newId(tools.clock)}` }
  const order = sortBy === undefined ? {} : { sortOrder: sortOrder(schemaOf(metadata), ascending(sortBy), metadata) }
  const head = snapshotOf(metadata)
  const mergeable = head === undefined ? 0 : mergeableManifests(metadata, await readManifestList(tools.store, head.manifestList))
  // Last of what may fail before the commit: then nothing is left of it.
  const compacted = await compactFiles(tools, { ...place, ...order, base: metadata })
  if (compacted === undefined && mergeable === 0) return { compactedFiles: 0, compactedInto: 0, mergedManifests: 0, wasBusy: false }
  const change = compacted ?? onlyManifests(loaded, place)
  try {
    const mergedManifests = await commitRewrite(tools, loaded.id, change)
    return { compactedFiles: change.rewrite.removed.length, compactedInto: change.staged.files.length, mergedManifests, wasBusy: false }
  } catch (error) {
    if (compacted !== undefined && !mayHaveHappened(error)) await discardStaged(tools.store, compacted.staged).catch(() => {})
    if (!(error instanceof AssayError) || error.code !== 'ASSAY-2006') throw error
    return { compactedFiles: 0, compactedInto: 0, mergedManifests: 0, wasBusy: true }
  }
}

/** A commit that changes no file; manifests are merged by the way. */
function onlyManifests({ metadata }: LoadedTable, place: { readonly snapshotId: string; readonly location: string }): StagedRewrite {
  const spec = metadata.specs.find((one) => one['spec-id'] === metadata.defaultSpecId)
  if (spec === undefined) throw new Error(`no spec ${metadata.defaultSpecId}`)
  const nothing = { manifest: undefined, files: [], rows: 0, size: 0 }
  const rewrite = { removed: [], removedDeletes: [], deletedFrom: [], deletes: undefined, scope: undefined }
  return {
    staged: { ...nothing, snapshotId: place.snapshotId, location: place.location, folder: '', schema: schemaOf(metadata), spec },
    rewrite: { ...rewrite, operation: 'replace', readFrom: metadata.currentSnapshotId ?? 'nothing' },
    changes: false,
  }
}

/** @returns how many manifests were merged. @throws ASSAY-2006 when others changed what was rewritten, ASSAY-2010 */
async function commitRewrite(tools: Maintenance, id: TableId, { staged, rewrite }: StagedRewrite): Promise<number> {
  let merged = 0
  await commitTable(tools, id, async (base) => {
    const schemaId = staged.schema['schema-id']
    const change = { id, staged, overwrite: rewrite, schemaId, summary: {}, now: tools.clock.now() }
    const { metadata, change: to, written, mergedManifests } = await prepareCommit(tools.store, base, change)
    merged = mergedManifests
    return { metadata, metadataLocation: to.metadataLocation, written }
  })
  return merged
}

/** @returns how many versions went, or would go */
async function expire(tools: Maintenance, { id, metadata }: LoadedTable): Promise<number> {
  const policy = expiryOf(metadata, tools.clock.now())
  const due = selectExpired(metadata, policy)
  if (tools.isDryRun || due.snapshots.length + due.refs.length === 0) return due.snapshots.length
  return (await expireSnapshots(tools, id, policy)).expiry.snapshots.length
}

/** Iceberg's own policy, five days unless the table says otherwise, but for the versions kept at least. */
const expiryOf = ({ properties }: TableMetadata, now: number): ExpirePolicy =>
  properties['history.expire.min-snapshots-to-keep'] === undefined ? { now, keepLast: KEPT_VERSIONS } : { now }

async function orphansOf({ catalog, store, clock }: Maintenance, id: TableId): ReturnType<typeof findOrphans> {
  const loaded = await catalog.load(id)
  return loaded === undefined ? [] : findOrphans(store, loaded, clock.now() - SAFE_AGE_MS)
}

/** Whether another table of the catalog may name files in this one's folder, or the other way round. */
async function sharesFiles(catalog: Catalog, { id, metadata }: LoadedTable): Promise<boolean> {
  const others = (await catalog.locations()).filter((other) => formatTableId(other.id) !== formatTableId(id))
  return others.some((other) => other.metadataLocation.includes(`${metadata.location}/`))
}
