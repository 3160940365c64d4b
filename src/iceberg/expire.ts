import { AssayError } from '../errors.ts'
import { inBatches } from './batches.ts'
import { formatTableId, type TableId } from './catalog.ts'
import { type Committed, commitTable, type Tables, writeMetadata } from './commit-metadata.ts'
import type { ManifestFile } from './data-file.ts'
import { readManifest, readManifestList } from './manifests.ts'
import { ancestors, type Snapshot, type SnapshotId, type SnapshotRef, type TableMetadata } from './metadata.ts'
import { MAIN, retentionOf } from './refs.ts'
import type { Store } from './store.ts'

/** Which snapshots stay. What a branch or tag says of itself goes first, then this, then the table's properties. */
export interface ExpirePolicy {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Snapshots committed at that time or later stay; milliseconds since the epoch. */
  readonly olderThan?: number
  /** Snapshots of each branch that stay whatever their age; at least one does. */
  readonly keepLast?: number
  /** Those that readers and retries still need. */
  readonly keep?: ReadonlySet<SnapshotId>
}

/** What goes: snapshots in the order of the table, and refs that outlived their own age. */
export interface Expiry {
  readonly snapshots: readonly SnapshotId[]
  readonly refs: readonly string[]
}

/** Iceberg's defaults, and the properties that change them. Source: its Java library, `TableProperties`. */
const AGE = { property: 'history.expire.max-snapshot-age-ms', value: 5 * 86_400_000 }
const LEAST = { property: 'history.expire.min-snapshots-to-keep', value: 1 }
const REF_AGE = { property: 'history.expire.max-ref-age-ms', value: Number.POSITIVE_INFINITY }

function propertyOf(metadata: TableMetadata, { property, value }: typeof AGE): number {
  const set = Number(metadata.properties[property] ?? Number.NaN)
  return Number.isNaN(set) ? value : set
}

/**
 * Pure. Of each branch that stays, its newest snapshots up to the number to keep and those young enough stay, without a
 * gap; of each tag its snapshot; what no branch descends from stays while it is young. Source: specification, "Snapshot
 * Retention Policy", and `RemoveSnapshots` of the Java library where that is silent.
 */
export function selectExpired(metadata: TableMetadata, policy: ExpirePolicy): Expiry {
  const olderThan = policy.olderThan ?? policy.now - propertyOf(metadata, AGE)
  const refs = Object.entries(metadata.refs)
  const staying = refs.filter(([name, ref]) => name === MAIN || isYoung(metadata, ref, policy.now))
  const kept = new Set<SnapshotId>(policy.keep)
  const reached = new Set<SnapshotId>()
  for (const [, ref] of staying) {
    const line = ref.type === 'tag' ? ancestors(metadata, ref.snapshotId).slice(0, 1) : ancestors(metadata, ref.snapshotId)
    for (const { id } of line) reached.add(id)
    for (const { id } of ref.type === 'tag' ? line : retained(metadata, ref, line, { ...policy, olderThan })) kept.add(id)
  }
  const stays = ({ id, timestamp }: Snapshot): boolean => kept.has(id) || (!reached.has(id) && timestamp >= olderThan)
  return {
    snapshots: metadata.snapshots.filter((snapshot) => !stays(snapshot)).map((snapshot) => snapshot.id),
    refs: refs.filter((ref) => !staying.includes(ref)).map(([name]) => name),
  }
}

function isYoung(metadata: TableMetadata, ref: SnapshotRef, now: number): boolean {
  const snapshot = metadata.snapshots.find(({ id }) => id === ref.snapshotId)
  return snapshot !== undefined && now - snapshot.timestamp <= (retentionOf(ref).maxRefAge ?? propertyOf(metadata, REF_AGE))
}

/** The head of a branch's line that stays: an older snapshot behind one that goes would be cut off. */
function retained(
  metadata: TableMetadata,
  ref: SnapshotRef,
  line: readonly Snapshot[],
  policy: ExpirePolicy & { readonly olderThan: number },
): readonly Snapshot[] {
  const { minSnapshotsToKeep, maxSnapshotAge } = retentionOf(ref)
  const least = Math.max(1, minSnapshotsToKeep ?? policy.keepLast ?? propertyOf(metadata, LEAST))
  const since = maxSnapshotAge === undefined ? policy.olderThan : policy.now - maxSnapshotAge
  const firstGone = line.findIndex((snapshot, i) => i >= least && snapshot.timestamp < since)
  return firstGone < 0 ? line : line.slice(0, firstGone)
}

/**
 * The table without what goes. The log of current snapshots begins anew after the last entry that names an expired one:
 * before it, it would be wrong about what was current. Source: specification, `snapshot-log`.
 */
function withoutExpired(metadata: TableMetadata, { snapshots, refs }: Expiry, now: number): TableMetadata {
  if (snapshots.length === 0 && refs.length === 0) return metadata
  const gone = new Set(snapshots)
  const lastGone = metadata.snapshotLog.findLastIndex((entry) => gone.has(entry.snapshotId))
  return {
    ...metadata,
    lastUpdated: Math.max(now, metadata.lastUpdated + 1),
    snapshots: metadata.snapshots.filter((snapshot) => !gone.has(snapshot.id)),
    refs: Object.fromEntries(Object.entries(metadata.refs).filter(([name]) => !refs.includes(name))),
    snapshotLog: metadata.snapshotLog.slice(lastGone + 1),
    rest: withStatistics(metadata.rest, (id) => !gone.has(id)),
  }
}

/** Lists of statistics files, which belong to a snapshot each. */
const STATISTICS = ['statistics', 'partition-statistics'] as const

interface StatisticsFile {
  readonly id: SnapshotId
  readonly path: string
  readonly raw: unknown
}

function statisticsOf(rest: TableMetadata['rest'], list: (typeof STATISTICS)[number]): readonly StatisticsFile[] {
  const raws: unknown = rest[list]
  if (!Array.isArray(raws)) return []
  return raws.flatMap((raw: unknown) =>
    typeof raw === 'object' && raw !== null && 'snapshot-id' in raw && 'statistics-path' in raw
      ? [{ id: String(raw['snapshot-id']), path: String(raw['statistics-path']), raw }]
      : [],
  )
}

function withStatistics(rest: TableMetadata['rest'], stays: (id: SnapshotId) => boolean): TableMetadata['rest'] {
  const lists = STATISTICS.filter((list) => list in rest)
  const kept = lists.map((list) => [list, statisticsOf(rest, list).flatMap(({ id, raw }) => (stays(id) ? [raw] : []))])
  return { ...rest, ...Object.fromEntries(kept) }
}

/** Paths of files that only expired snapshots reach, normalised, each once. */
export interface ExpiredFiles {
  /** Data files and delete files. */
  readonly data: readonly string[]
  readonly manifests: readonly string[]
  readonly manifestLists: readonly string[]
  readonly statistics: readonly string[]
}

/**
 * The files that no snapshot but those that go has, exactly: a file that moved to another manifest, or was picked onto
 * another branch, is found there.
 * @param metadata as it is before the expiry
 */
async function filesOnlyOf(store: Store, metadata: TableMetadata, expiry: Expiry): Promise<ExpiredFiles> {
  const ids = new Set(expiry.snapshots)
  const going = metadata.snapshots.filter((snapshot) => ids.has(snapshot.id))
  const staying = metadata.snapshots.filter((snapshot) => !ids.has(snapshot.id))
  const lists = without(pathsOf(store, going), pathsOf(store, staying))
  const kept = await manifestsOf(store, staying)
  const manifests = [...(await manifestsOf(store, going)).values()].filter((manifest) => !kept.has(manifest.path))
  const data = await livePaths(store, metadata, manifests)
  if (data.size > 0) for (const path of await livePaths(store, metadata, [...kept.values()])) data.delete(path)
  const files = STATISTICS.flatMap((list) => statisticsOf(metadata.rest, list))
  const statistics = files.filter(({ id }) => ids.has(id)).map(({ path }) => store.normalise(path))
  return { data: [...data], manifests: manifests.map((manifest) => manifest.path), manifestLists: lists, statistics }
}

const pathsOf = (store: Store, snapshots: readonly Snapshot[]): ReadonlySet<string> =>
  new Set(snapshots.map((snapshot) => store.normalise(snapshot.manifestList)))

const without = (paths: ReadonlySet<string>, others: ReadonlySet<string>): readonly string[] =>
  [...paths].filter((path) => !others.has(path))

async function manifestsOf(store: Store, snapshots: readonly Snapshot[]): Promise<ReadonlyMap<string, ManifestFile>> {
  const lists = await inBatches([...pathsOf(store, snapshots)], (path) => readManifestList(store, path))
  return new Map(lists.flat().map((manifest) => [manifest.path, manifest]))
}

async function livePaths(store: Store, metadata: TableMetadata, manifests: readonly ManifestFile[]): Promise<Set<string>> {
  const paths = new Set<string>()
  await inBatches(manifests, async (manifest) => {
    for (const entry of await readManifest(store, metadata, manifest)) if (entry.status !== 'deleted') paths.add(entry.file.path)
  })
  return paths
}

export interface Expired extends Committed {
  readonly expiry: Expiry
  readonly removed: ExpiredFiles
}

const NOTHING: ExpiredFiles = { data: [], manifests: [], manifestLists: [], statistics: [] }

/**
 * Takes snapshots out of a table, and then the files that only they had: not before the change is known to be committed,
 * and none when the catalog does not say. What a crash in between leaves is no longer named by the table.
 * @throws ASSAY-2033 where `gc.enabled` is false; ASSAY-2005 when a manifest cannot be read; as {@link commitTable}
 */
export async function expireSnapshots(tables: Tables, id: TableId, policy: ExpirePolicy): Promise<Expired> {
  const { store } = tables
  let expiry: Expiry = { snapshots: [], refs: [] }
  let removed = NOTHING
  const committed = await commitTable(tables, id, async (base) => {
    const { metadata } = base
    if (metadata.properties['gc.enabled'] === 'false')
      throw new AssayError('ASSAY-2033', `${formatTableId(id)} has gc.enabled set to false`)
    expiry = selectExpired(metadata, policy)
    removed = await filesOnlyOf(store, metadata, expiry)
    return writeMetadata(store, base, withoutExpired(metadata, expiry, policy.now))
  })
  // Lists last: while they are there, a later look can still find what a crash left behind.
  for (const paths of [removed.statistics, removed.data, removed.manifests, removed.manifestLists])
    await inBatches(paths, (path) => store.remove(path))
  return { ...committed, expiry, removed }
}
