import { AssayError } from '../errors.ts'
import type { IcebergSchema, IcebergType } from '../schema/iceberg-type.ts'
import type { ManifestFile } from './data-file.ts'
import { comparable, type DeleteFile, deleteFileOf, deletesOf, type Target } from './delete-index.ts'
import { cachedEntries, cachedList } from './manifest-cache.ts'
import { hasLive, type LeanEntry, specOf } from './manifests.ts'
import { type Snapshot, type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from './metadata.ts'
import { type Predicate, prunerOf } from './prune.ts'
import { refuseForeignFile } from './scan.ts'
import type { Store } from './store.ts'

/** A data file that has to be read, and the files that take rows from it. */
export interface ScanFile extends Target {
  readonly deletes: readonly DeleteFile[]
}

/** Counts of manifests and data files; the bytes are those of data files and of what deletes from them. */
export interface ScanCounts {
  readonly manifests: number
  readonly files: number
  readonly bytes: number
}

/** What has to be read for the rows of a table version; `rows-sql` makes a relation of it. */
export interface ScanPlan {
  readonly metadata: TableMetadata
  /** The schema of the version, whose columns the relation has. */
  readonly schema: IcebergSchema
  readonly files: readonly ScanFile[]
  readonly read: ScanCounts
  /** What the filter spared. */
  readonly skipped: ScanCounts
}

export interface ScanRequest {
  /** The current one when absent. */
  readonly snapshotId?: SnapshotId | undefined
  /** Rows that are asked for. Files that surely hold none are left out; the others still hold rows beside them. */
  readonly filter?: Predicate | undefined
}

/** Manifests read at once. */
const READERS = 16

/**
 * Finds the data files of a table version that may hold the rows asked for, with their deletes. Source: table
 * specification, "Scan Planning".
 * @throws ASSAY-2004 for what would be read wrong, by name; ASSAY-2005; ASSAY-2009
 */
export async function planScan(store: Store, metadata: TableMetadata, { snapshotId, filter }: ScanRequest = {}): Promise<ScanPlan> {
  const snapshot = snapshotOf(metadata, snapshotId)
  // The head has the table's current schema, which may be newer than its snapshot.
  const schema = snapshot?.id === metadata.currentSnapshotId ? schemaOf(metadata) : schemaOf(metadata, snapshot)
  if (snapshot === undefined) return { metadata, schema, files: [], read: NOTHING, skipped: NOTHING }
  refuseUnreadable(metadata, schema, snapshot)
  const pruner = prunerOf(schema, filter)
  const manifests = (await cachedList(store, snapshot.manifestList)).filter(hasLive)
  const kept = manifests.filter((manifest) => pruner.manifest(manifest, specOf(metadata, manifest)))
  const [data, deletes] = await Promise.all([
    entriesIn(store, metadata, kept, 'data'),
    entriesIn(store, metadata, kept, 'deletes').then((entries) => entries.map((entry) => deleteFileOf(metadata, entry))),
  ])
  const deletesOn = deletesOf(deletes)
  const files = data
    .filter((entry) => pruner.entry(entry, specById(metadata, entry.file.specId)))
    .map((entry): ScanFile => {
      refuseForeignFile(metadata, entry)
      const target = { file: entry.file, uri: comparable(String(entry.fields['file_path'])), sequenceNumber: entry.sequenceNumber ?? 0 }
      return { ...target, deletes: deletesOn(target) }
    })
  return { metadata, schema, files, ...countsOf({ snapshot, manifests, kept, data, files }) }
}

const NOTHING: ScanCounts = { manifests: 0, files: 0, bytes: 0 }

const specById = (metadata: TableMetadata, id: number): TableMetadata['specs'][number] =>
  metadata.specs.find((spec) => spec['spec-id'] === id) ?? { 'spec-id': id, fields: [] }

/** Those that are live. */
async function entriesIn(
  store: Store,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
  content: ManifestFile['content'],
): Promise<LeanEntry[]> {
  const wanted = manifests.filter((manifest) => manifest.content === content)
  const entries: LeanEntry[] = []
  for (let i = 0; i < wanted.length; i += READERS) {
    const read = await Promise.all(wanted.slice(i, i + READERS).map((manifest) => cachedEntries(store, metadata, manifest)))
    for (const some of read) for (const entry of some) if (entry.status !== 'deleted') entries.push(entry)
  }
  return entries
}

interface Counted {
  readonly snapshot: Snapshot
  readonly manifests: readonly ManifestFile[]
  readonly kept: readonly ManifestFile[]
  /** Of the manifests kept. */
  readonly data: readonly LeanEntry[]
  readonly files: readonly ScanFile[]
}

/** The sizes of files in skipped manifests are known from the totals of the snapshot only, where its writer gave them. */
function countsOf({ snapshot, manifests, kept, data, files }: Counted): Pick<ScanPlan, 'read' | 'skipped'> {
  const deletes = new Set(files.flatMap((file) => file.deletes))
  const sizeOf = (some: readonly { readonly file: { readonly size: number } }[]): number =>
    some.reduce((sum, { file }) => sum + file.size, 0)
  const bytes = sizeOf(files) + [...deletes].reduce((sum, file) => sum + file.size, 0)
  const isKept = new Set(kept)
  const spared = manifests.filter((manifest) => !isKept.has(manifest) && manifest.content === 'data')
  const inSpared = spared.reduce((sum, manifest) => sum + Math.max(0, manifest.addedFiles) + Math.max(0, manifest.existingFiles), 0)
  const total = Number.parseInt(snapshot.summary['total-files-size'] ?? '', 10)
  return {
    read: { manifests: kept.length, files: files.length, bytes },
    skipped: {
      manifests: manifests.length - kept.length,
      files: inSpared + data.length - files.length,
      bytes: Math.max(0, Number.isNaN(total) ? sizeOf(data) - sizeOf(files) : total - bytes),
    },
  }
}

const READ_TYPES = /^(boolean|int|long|float|double|date|time|timestamp|timestamptz|string|uuid|binary|decimal\(\d+,\d+\)|fixed\[\d+\])$/

/** What version 3 has beyond row ids and deletion vectors would give other rows than its writer meant. */
function refuseUnreadable(metadata: TableMetadata, schema: IcebergSchema, snapshot: Snapshot): void {
  const refuse = (what: string): never => {
    throw new AssayError('ASSAY-2004', `The table at ${metadata.location} ${what}`)
  }
  const keys = metadata.rest['encryption-keys']
  if (snapshot.rest?.['key-id'] !== undefined || (Array.isArray(keys) && keys.length > 0)) refuse('is encrypted')
  for (const field of schema.fields) {
    const odd = oddityOf(field.type)
    if (odd !== undefined) refuse(`has the column ${field.name} ${odd}`)
    if ('initial-default' in field && field['initial-default'] != null) refuse(`has the column ${field.name} with an initial default value`)
  }
}

/** What is not read of a type, in words; undefined when all of it is. */
function oddityOf(type: IcebergType): string | undefined {
  if (typeof type === 'string') return READ_TYPES.test(type) ? undefined : `of type ${type}`
  if (type.type === 'list') return oddityOf(type.element)
  if (type.type === 'map') return oddityOf(type.key) ?? oddityOf(type.value)
  const hasDefault = type.fields.some((field) => 'initial-default' in field && field['initial-default'] != null)
  return hasDefault
    ? 'with an initial default value inside'
    : type.fields.map((field) => oddityOf(field.type)).find((odd) => odd !== undefined)
}
