import { randomUUID } from 'node:crypto'
import type { IcebergSchema } from '../schema/iceberg-type.ts'
import type { ManifestFile } from './data-file.ts'
import { encodeManifest, hasLive, readManifest, specOf } from './manifests.ts'
import type { SnapshotId, TableMetadata } from './metadata.ts'
import type { NewFile, Store } from './store.ts'

/** Iceberg's names and defaults. */
const MIN_COUNT = 'commit.manifest.min-count-to-merge'
const DEFAULT_MIN_COUNT = 100
const ENABLED = 'commit.manifest-merge.enabled'
/** Manifests of this many bytes are large enough. Iceberg: `commit.manifest.target-size-bytes`. */
const TARGET_SIZE = 8 << 20
/** Manifests read at once. */
const READERS = 16

export interface MergedManifests {
  readonly manifests: readonly ManifestFile[]
  /** How many were merged into fewer. */
  readonly merged: number
  readonly written: readonly NewFile[]
}

/**
 * Merges small manifests where there are too many of a kind, so that the list of a table that grows by small commits stays
 * short. Only manifests with about as many entries are merged with each other: an entry is then written again log(n) times,
 * where merging all with all would write all of them again every time. Entries keep their snapshot and sequence numbers;
 * those that an earlier snapshot deleted are left out.
 */
export async function mergeManifests(
  store: Store,
  before: TableMetadata,
  to: {
    readonly manifests: readonly ManifestFile[]
    readonly snapshotId: SnapshotId
    readonly schema: IcebergSchema
    readonly folder: string
  },
): Promise<MergedManifests> {
  const groups = groupsOf(before, to.manifests)
  const manifests: ManifestFile[] = []
  const written: NewFile[] = []
  let merged = 0
  for (const { group, isMerged } of groups) {
    if (!isMerged) {
      manifests.push(...group)
      continue
    }
    const one = await mergedInto(store, before, group, to)
    manifests.push(one.manifest)
    written.push({ path: one.manifest.path, bytes: one.bytes })
    merged += group.length
  }
  return { manifests, merged, written }
}

/** How many manifests a commit would merge into fewer. */
export const mergeableManifests = (metadata: TableMetadata, manifests: readonly ManifestFile[]): number =>
  groupsOf(metadata, manifests).reduce((sum, { group, isMerged }) => sum + (isMerged ? group.length : 0), 0)

interface Group {
  readonly group: readonly ManifestFile[]
  readonly isMerged: boolean
}

function groupsOf({ properties }: TableMetadata, manifests: readonly ManifestFile[]): readonly Group[] {
  const least = Math.max(2, Number.parseInt(properties[MIN_COUNT] ?? '', 10) || DEFAULT_MIN_COUNT)
  if (properties[ENABLED] === 'false' || manifests.length < least) return [{ group: manifests, isMerged: false }]
  const kinds = Map.groupBy(manifests.filter(hasLive), (manifest) => kindOf(manifest, least))
  return [...kinds].map(([kind, group]) => ({ group, isMerged: kind !== LARGE && group.length >= least }))
}

const LARGE = 'large'

/** Manifests that may be merged have the same kind: content, spec, and number of entries up to a factor. */
function kindOf(manifest: ManifestFile, factor: number): string {
  if (manifest.length >= TARGET_SIZE) return LARGE
  const entries = Math.max(1, manifest.addedFiles + manifest.existingFiles)
  return `${manifest.content} ${manifest.specId} ${Math.floor(Math.log(entries) / Math.log(factor) + 1e-9)}`
}

async function mergedInto(
  store: Store,
  before: TableMetadata,
  group: readonly ManifestFile[],
  to: { readonly snapshotId: SnapshotId; readonly schema: IcebergSchema; readonly folder: string },
): Promise<ReturnType<typeof encodeManifest>> {
  const entries: Awaited<ReturnType<typeof readManifest>>[number][] = []
  for (let i = 0; i < group.length; i += READERS) {
    const read = await Promise.all(group.slice(i, i + READERS).map((manifest) => readManifest(store, before, manifest)))
    for (const entry of read.flat()) if (entry.status !== 'deleted') entries.push({ ...entry, status: 'existing' })
  }
  const [first] = group
  if (first === undefined) throw new Error('no manifests to merge')
  return encodeManifest({
    path: `${to.folder}/${to.snapshotId}-${randomUUID()}-m.avro`,
    content: first.content,
    snapshotId: to.snapshotId,
    spec: specOf(before, first),
    schema: to.schema,
    schemas: before.schemas,
    entries,
  })
}
