import { AssayError } from '../errors.ts'
import { formatTableId, type LoadedTable, type TableId } from './catalog.ts'
import type { FilePlace, StagedFiles } from './data-file.ts'
import type { Overwrite } from './drop-files.ts'
import { matchOf } from './filter.ts'
import { addedBy, allLiveEntries, mayReach } from './live-entries.ts'
import { ancestors, schemaOf, type Snapshot, type SnapshotId, type TableMetadata } from './metadata.ts'
import type { Rewrite } from './rewrite.ts'
import { ancestorsSince, changesSince } from './scan.ts'
import type { Store } from './store.ts'

/** What a change depends on. */
export interface Dependent {
  readonly id: TableId
  readonly staged: StagedFiles
  readonly overwrite: Overwrite
  readonly readFrom?: SnapshotId | 'nothing' | undefined
}

/**
 * Refuses a change that does not hold on the table as it is now. What follows from what is a table in docs/tables.md.
 * @throws ASSAY-2006, ASSAY-2004
 */
export async function refuseConflicts(store: Store, base: LoadedTable, { id, staged, overwrite, readFrom }: Dependent): Promise<void> {
  const { metadata } = base
  const name = formatTableId(id)
  if (metadata.formatVersion !== 2)
    throw new AssayError('ASSAY-2004', `${name} has Iceberg format version ${metadata.formatVersion}, which Assay reads but does not write`)
  if (metadata.snapshots.some((snapshot) => snapshot.id === staged.snapshotId)) {
    throw new AssayError('ASSAY-2006', `${name} already has the snapshot ${staged.snapshotId}`)
  }
  if (overwrite === 'nothing') return
  if (typeof overwrite === 'object') return refuseMovedFiles(store, metadata, name, overwrite)
  if (readFrom === undefined || readFrom === metadata.currentSnapshotId) return
  const since = readFrom === 'nothing' ? undefined : readFrom
  if (since !== undefined) snapshotsSince(metadata, since, name)
  // Files of a spec without partitions, such as delete files by key, are about the rows of all.
  const touches = ({ partition }: FilePlace): boolean =>
    overwrite === 'everything' || Object.keys(partition).length === 0 || overwrite(partition)
  await refuseTouched(store, metadata, { name, since, touches })
}

/** The snapshots of the branch since another, newest first. @throws ASSAY-2006 when it is not part of the history any more */
function snapshotsSince(metadata: TableMetadata, since: SnapshotId, name: string): readonly Snapshot[] {
  const newer = ancestorsSince(metadata, since)
  if (newer === undefined) throw new AssayError('ASSAY-2006', `${name} was rolled back behind snapshot ${since}, which this step had read`)
  return newer
}

async function refuseTouched(
  store: Store,
  metadata: TableMetadata,
  asked: { readonly name: string; readonly since: SnapshotId | undefined; readonly touches: (place: FilePlace) => boolean },
): Promise<void> {
  const { name, since, touches } = asked
  const clash = (await changesSince(store, metadata, since)).find((made) => made.partitions.some(touches))
  if (clash === undefined) return
  const partitions = clash.partitions.filter(touches).map(({ partition }) => JSON.stringify(partition))
  throw new AssayError(
    'ASSAY-2006',
    `${name} was changed by snapshot ${clash.snapshotId} (${clash.operation}) in partitions that this step overwrites`,
    {
      details: partitions.slice(0, 3),
    },
  )
}

/**
 * A rewrite holds on a later version when the files it was made from are still there with no more rows deleted, and no row
 * was added that it would have had to look at. Rows that were only moved to other files were looked at where they lay.
 */
async function refuseMovedFiles(store: Store, metadata: TableMetadata, name: string, rewrite: Rewrite): Promise<void> {
  const { readFrom, scope } = rewrite
  if (readFrom === (metadata.currentSnapshotId ?? 'nothing')) return
  const newer = readFrom === 'nothing' ? ancestors(metadata) : snapshotsSince(metadata, readFrom, name)
  const needed = [...rewrite.removed, ...rewrite.deletedFrom, ...(rewrite.relied ?? [])]
  const live = new Set((await allLiveEntries(store, metadata)).data.map((entry) => entry.file.path))
  const lost = needed.find((file) => !live.has(file.path))
  if (lost !== undefined) {
    throw new AssayError('ASSAY-2006', `${name} was rewritten by others: a file that this change starts from is gone`, {
      details: [lost.path],
    })
  }
  const schema = schemaOf(metadata)
  for (const snapshot of newer.toReversed()) {
    const added = await addedBy(store, metadata, snapshot)
    const made = `snapshot ${snapshot.id} (${snapshot.operation})`
    if (added.deletes.some((entry) => mayReach(store, entry, needed)))
      throw new AssayError('ASSAY-2006', `${name}: ${made} deleted rows of files that this change rewrites or relies on`)
    if (scope === undefined || snapshot.operation === 'replace') continue
    const clash = added.data.find((entry) => matchOf(scope, metadata, schema, entry) !== 'none')
    if (clash !== undefined)
      throw new AssayError('ASSAY-2006', `${name}: ${made} added rows that this change may be about`, { details: [clash.file.path] })
  }
}
