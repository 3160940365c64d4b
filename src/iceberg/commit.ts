import { randomUUID } from 'node:crypto'
import { type Adoption, adopted } from './adopt.ts'
import type { LoadedTable, TableChange } from './catalog.ts'
import { refuseConflicts } from './conflicts.ts'
import { type Dropped, dropFiles, type Overwrite } from './drop-files.ts'
import { remember } from './manifest-cache.ts'
import { encodeManifestList, withSequence } from './manifests.ts'
import { mergeManifests } from './merge-manifests.ts'
import { metadataLogAfter, metadataPath, versionAfter } from './metadata-file.ts'
import { type Snapshot, type SnapshotId, serialiseMetadata, snapshotOf, type TableMetadata } from './metadata.ts'
import { MAIN, onBranch } from './refs.ts'
import { type Store, writeAll } from './store.ts'
import { rowsIn, totalsAfter, totalsOf } from './summary.ts'

export interface Change extends Adoption {
  readonly overwrite: Overwrite
  /**
   * Where the branch stood when the overwritten partitions were looked at, or that there was nothing yet. When given, a
   * commit of others to these partitions since then is a conflict. A rewrite says so itself.
   */
  readonly readFrom?: SnapshotId | 'nothing' | undefined
  /** Further properties of the snapshot's summary. */
  readonly summary: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly now: number
  /**
   * The branch that moves, which is there already. Absent: `main`. A schema that another branch brings is added to the table
   * and named by the snapshot, but not made current: readers of `main` see the old one until `main` is moved forward to it.
   */
  readonly branch?: string
}

export interface PreparedCommit {
  /** For the catalog. */
  readonly change: TableChange
  /** The table as it will be. */
  readonly metadata: TableMetadata
  readonly removedRows: number
  /** How many manifests were merged into fewer. */
  readonly mergedManifests: number
  /** Files written for this commit alone; to be removed when the catalog rejects it, and only then. */
  readonly written: readonly string[]
}

/**
 * Writes all that a commit needs but the catalog's pointer: manifests without the files that go, manifest list and
 * metadata, all durable. May be called again with a newer `base` when the catalog rejects.
 * @param base the table as the catalog has it; undefined makes it
 * @throws ASSAY-2006 when others changed what the change rests on; ASSAY-2004 for tables that Assay cannot write
 */
export async function prepareCommit(store: Store, base: LoadedTable | undefined, change: Change): Promise<PreparedCommit> {
  const seen = base === undefined ? undefined : { ...base, metadata: onBranch(base.metadata, change.branch) }
  if (seen !== undefined) await refuseConflicts(store, seen, change)
  const before = adopted(seen?.metadata, change)
  const places = {
    folder: `${store.normalise(before.location)}/metadata`,
    version: versionAfter(base?.metadataLocation),
    uuid: randomUUID(),
  }
  const { staged, overwrite } = change
  const dropped = await dropFiles(store, before, { overwrite, staged, folder: places.folder })
  const { snapshotId, schema } = staged
  const merged = await mergeManifests(store, before, { manifests: dropped.kept, snapshotId, schema, folder: places.folder })
  const deletes = typeof overwrite === 'object' ? overwrite.deletes : undefined
  const sequenceNumber = before.lastSequenceNumber + 1
  const manifests = [
    ...(staged.manifest === undefined ? [] : [staged.manifest]),
    ...(deletes?.manifests ?? []),
    ...dropped.rewritten,
    ...merged.manifests,
  ].map((manifest) => withSequence(manifest, sequenceNumber))
  const parent = snapshotOf(before)
  const snapshot: Snapshot = {
    id: snapshotId,
    parentId: parent?.id,
    sequenceNumber,
    timestamp: Math.max(change.now, before.lastUpdated + 1),
    operation: operationOf(overwrite, dropped),
    summary: { ...change.summary, ...totalsAfter(await totalsOf(store, before, parent), { staged, deletes, dropped }) },
    manifestList: `${places.folder}/snap-${snapshotId}-${places.version}-${places.uuid}.avro`,
    schemaId: before.currentSchemaId,
  }
  const metadata = withSnapshot(before, snapshot, { base, branch: change.branch ?? MAIN })
  const metadataLocation = metadataPath(places.folder, places.version)
  const files = [
    ...dropped.written,
    ...merged.written,
    { path: snapshot.manifestList, bytes: encodeManifestList({ snapshotId, parentId: parent?.id, sequenceNumber, manifests }) },
    { path: metadataLocation, bytes: Buffer.from(serialiseMetadata(metadata)) },
  ]
  // None of these is reachable before the catalog's transaction, so their order does not matter and all are synced at once.
  await writeAll(store, files)
  remember(store, { metadataLocation, metadata }, { path: snapshot.manifestList, manifests })
  return {
    change: { id: change.id, expected: base?.metadataLocation, metadataLocation },
    metadata,
    removedRows: rowsIn(dropped.data),
    mergedManifests: merged.merged,
    written: files.map((file) => file.path),
  }
}

function operationOf(overwrite: Overwrite, dropped: Dropped): Snapshot['operation'] {
  if (typeof overwrite === 'object') return overwrite.operation
  return dropped.data.length + dropped.deletes.length === 0 ? 'append' : 'overwrite'
}

/** What a branch leaves to `main`. A spec by a column that only the branch has would keep engines from loading the table. */
const ofMain = ({ currentSchemaId, defaultSpecId }: TableMetadata): Pick<TableMetadata, 'currentSchemaId' | 'defaultSpecId'> => ({
  currentSchemaId,
  defaultSpecId,
})

interface Onto {
  /** The table before the change. */
  readonly base: LoadedTable | undefined
  readonly branch: string
}

function withSnapshot(before: TableMetadata, snapshot: Snapshot, { base, branch }: Onto): TableMetadata {
  const isMain = branch === MAIN
  return {
    ...before,
    ...(isMain || base === undefined ? {} : ofMain(base.metadata)),
    lastSequenceNumber: snapshot.sequenceNumber,
    lastUpdated: snapshot.timestamp,
    snapshots: [...before.snapshots, snapshot],
    currentSnapshotId: isMain ? snapshot.id : before.refs[MAIN]?.snapshotId,
    refs: { ...before.refs, [branch]: { ...before.refs[branch], type: 'branch', snapshotId: snapshot.id } },
    snapshotLog: isMain ? [...before.snapshotLog, { timestamp: snapshot.timestamp, snapshotId: snapshot.id }] : before.snapshotLog,
    metadataLog: metadataLogAfter(before, base?.metadataLocation),
  }
}
