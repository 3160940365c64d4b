import { randomUUID } from 'node:crypto'
import { AssayError } from '../errors.ts'
import type { DataFile, ManifestFile, PartitionTuple, StagedFiles } from './data-file.ts'
import { partitionId } from './live-entries.ts'
import { encodeManifest, hasLive, type ManifestEntry, readManifest, readManifestList, specOf } from './manifests.ts'
import { type SnapshotId, snapshotOf, type TableMetadata } from './metadata.ts'
import type { Rewrite } from './rewrite.ts'
import type { NewFile, Store } from './store.ts'
import { partitionTypes } from './transforms.ts'

/** Which live files a commit takes out: none, all, those of the partitions for which it is true, or those of a rewrite. */
export type Overwrite = 'nothing' | 'everything' | ((partition: PartitionTuple) => boolean) | Rewrite

export interface Dropped {
  /** The manifests of the parent that stay as they are. */
  readonly kept: readonly ManifestFile[]
  /** Those written anew without the files that go. */
  readonly rewritten: readonly ManifestFile[]
  readonly data: readonly ManifestEntry[]
  readonly deletes: readonly ManifestEntry[]
  readonly written: readonly NewFile[]
}

const NONE: Dropped = { kept: [], rewritten: [], data: [], deletes: [], written: [] }

/** The manifests of the current snapshot without the files that an overwrite takes out. @throws ASSAY-2004 */
export async function dropFiles(
  store: Store,
  before: TableMetadata,
  to: { readonly overwrite: Overwrite; readonly staged: StagedFiles; readonly folder: string },
): Promise<Dropped> {
  const parent = snapshotOf(before)
  if (parent === undefined) return NONE
  const manifests = (await readManifestList(store, parent.manifestList)).filter(hasLive)
  for (const manifest of manifests) specOf(before, manifest)
  const { overwrite, staged, folder } = to
  if (overwrite === 'nothing') return { ...NONE, kept: manifests }
  if (typeof overwrite === 'function') refuseOtherSpecs(before, manifests, staged)
  const parts = await Promise.all(
    manifests.map(async (manifest, i): Promise<Dropped> => {
      const drops = dropsOf(overwrite, manifest)
      const stays = { ...NONE, kept: [manifest] }
      if (!mayDrop(before, manifest, drops.partition)) return stays
      const live = (await readManifest(store, before, manifest)).filter((entry) => entry.status !== 'deleted')
      const gone = new Set(live.filter((entry) => drops.file(entry.file)))
      if (gone.size === 0) return stays
      const made = encodeManifest({
        path: `${folder}/${staged.snapshotId}-${randomUUID()}-d${i}.avro`,
        content: manifest.content,
        snapshotId: staged.snapshotId,
        spec: specOf(before, manifest),
        schema: staged.schema,
        schemas: before.schemas,
        entries: live.map((entry) => carriedOver(entry, gone.has(entry), staged.snapshotId)),
      })
      const written = [{ path: made.manifest.path, bytes: made.bytes }]
      return { ...NONE, rewritten: [made.manifest], [manifest.content]: [...gone], written }
    }),
  )
  return {
    kept: parts.flatMap((part) => part.kept),
    rewritten: parts.flatMap((part) => part.rewritten),
    data: parts.flatMap((part) => part.data),
    deletes: parts.flatMap((part) => part.deletes),
    written: parts.flatMap((part) => part.written),
  }
}

interface Drops {
  readonly partition: (partition: PartitionTuple) => boolean
  readonly file: (file: DataFile) => boolean
}

/** What of a manifest goes. Deletes that lie in a partition go with the rows they are about. */
function dropsOf(overwrite: Exclude<Overwrite, 'nothing'>, manifest: ManifestFile): Drops {
  if (overwrite === 'everything') return { partition: () => true, file: () => true }
  if (typeof overwrite === 'function') return { partition: overwrite, file: (file) => overwrite(file.partition) }
  const files = manifest.content === 'data' ? overwrite.removed : overwrite.removedDeletes
  const paths = new Set(files.map((file) => file.path))
  const places = new Set(files.map(partitionId))
  const at = { path: '', specId: manifest.specId, rows: 0, size: 0 }
  return { partition: (partition) => places.has(partitionId({ ...at, partition })), file: (file) => paths.has(file.path) }
}

/** Deleted entries stay until the next commit, so that the snapshot tells what it removed. */
const carriedOver = (entry: ManifestEntry, gone: boolean, snapshotId: SnapshotId): ManifestEntry =>
  gone ? { ...entry, status: 'deleted', snapshotId } : { ...entry, status: 'existing' }

function refuseOtherSpecs(before: TableMetadata, manifests: readonly ManifestFile[], staged: StagedFiles): void {
  if (manifests.every((manifest) => manifest.specId === staged.spec['spec-id'])) return
  throw new AssayError(
    'ASSAY-2004',
    `The table at ${before.location} has files of an older partition spec, so Assay cannot tell which to overwrite`,
    {
      next: 'Rewrite its data files with the engine that changed the spec.',
    },
  )
}

/** Manifests of more days than this are read rather than counted through. */
const MOST_COUNTED = 4096

/** False where the bounds of a manifest already show that none of its files goes; most manifests of a daily table hold one day. */
function mayDrop(before: TableMetadata, manifest: ManifestFile, drops: (partition: PartitionTuple) => boolean): boolean {
  const [only, ...others] = partitionTypes(specOf(before, manifest), before.schemas)
  const [summary] = manifest.partitions
  if (only === undefined || others.length > 0 || summary === undefined || (only.type !== 'date' && only.type !== 'int')) return true
  const [lower, upper] = [summary.lower, summary.upper].map((bound) =>
    bound === undefined ? undefined : Buffer.from(bound, 'base64').readInt32LE(),
  )
  if (summary.containsNull || lower === undefined || upper === undefined || upper - lower > MOST_COUNTED) return true
  for (let value = lower; value <= upper; value++) if (drops({ [only.field.name]: value })) return true
  return false
}
