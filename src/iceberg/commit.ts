import { randomUUID } from 'node:crypto'
import { AssayError } from '../errors.ts'
import { allFields, type IcebergSchema, type PartitionSpec } from '../schema/iceberg-type.ts'
import { formatTableId, type LoadedTable, type TableChange, type TableId } from './catalog.ts'
import type { DataFile, ManifestFile, PartitionTuple, StagedFiles } from './data-file.ts'
import { encodeManifest, encodeManifestList, type ManifestEntry, readManifest, specOf, withSequence } from './manifests.ts'
import { FIRST_PARTITION_FIELD, type Snapshot, type SnapshotId, serialiseMetadata, snapshotOf, type TableMetadata } from './metadata.ts'
import { ancestorsSince, changesSince, dataManifests, distinctPartitions, liveFiles } from './scan.ts'
import { withSortOrder } from './sort-order.ts'
import type { Store } from './store.ts'
import { partitionTypes } from './transforms.ts'

/** Which live files a commit takes out: none, all, or those of the partitions for which it is true. */
export type Overwrite = 'nothing' | 'everything' | ((partition: PartitionTuple) => boolean)

export interface Change {
  readonly id: TableId
  readonly staged: StagedFiles
  readonly overwrite: Overwrite
  /**
   * Where `main` stood when the overwritten partitions were looked at, or that there was nothing yet. When given, a
   * commit of others to these partitions since then is a conflict.
   */
  readonly readFrom?: SnapshotId | 'nothing' | undefined
  /** Further properties of the snapshot's summary. */
  readonly summary: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Table properties to set. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface PreparedCommit {
  /** For the catalog. */
  readonly change: TableChange
  /** The table as it will be. */
  readonly metadata: TableMetadata
  readonly removedRows: number
  /** Files written for this commit alone; to be removed when the catalog rejects it, and only then. */
  readonly written: readonly string[]
}

/** Old metadata files that a table remembers, as in Iceberg's own default. */
const REMEMBERED = 100
const PROPERTIES = { 'write.parquet.compression-codec': 'zstd' }

/**
 * Writes all that a commit needs but the catalog's pointer: manifests without the files that go, manifest list and
 * metadata, all durable. May be called again with a newer `base` when the catalog rejects.
 * @param base the table as the catalog has it; undefined makes it
 * @throws ASSAY-2006 when others changed the overwritten partitions; ASSAY-2004 for tables that Assay cannot write
 */
export async function prepareCommit(store: Store, base: LoadedTable | undefined, change: Change): Promise<PreparedCommit> {
  if (base !== undefined) await refuseConflicts(store, base, change)
  const before = adopted(base?.metadata, change)
  const sequenceNumber = before.lastSequenceNumber + 1
  const places = {
    folder: `${store.normalise(before.location)}/metadata`,
    version: versionAfter(base?.metadataLocation),
    uuid: randomUUID(),
  }
  const dropped = await dropFiles(store, before, { change, folder: places.folder })
  const added = change.staged.manifest === undefined ? [] : [change.staged.manifest]
  const manifests = [...added, ...dropped.manifests].map((manifest) => withSequence(manifest, sequenceNumber))
  const parent = snapshotOf(before)
  const { snapshotId } = change.staged
  const list = encodeManifestList({ snapshotId, parentId: parent?.id, sequenceNumber, manifests })
  const snapshot: Snapshot = {
    id: snapshotId,
    parentId: parent?.id,
    sequenceNumber,
    timestamp: Math.max(change.now, before.lastUpdated + 1),
    operation: dropped.files.length === 0 ? 'append' : 'overwrite',
    summary: { ...change.summary, ...totals(await totalsOf(store, before, parent), change.staged, dropped.files) },
    manifestList: `${places.folder}/snap-${snapshotId}-${places.version}-${places.uuid}.avro`,
    schemaId: before.currentSchemaId,
  }
  const metadata = withSnapshot(before, snapshot, base?.metadataLocation)
  const metadataLocation = `${places.folder}/${String(places.version).padStart(5, '0')}-${places.uuid}.metadata.json`
  const files = [
    ...dropped.rewritten,
    { path: snapshot.manifestList, bytes: list },
    { path: metadataLocation, bytes: Buffer.from(serialiseMetadata(metadata)) },
  ]
  await writeAll(store, files)
  return {
    change: { id: change.id, expected: base?.metadataLocation, metadataLocation },
    metadata,
    removedRows: rowsOf(dropped.files),
    written: files.map((file) => file.path),
  }
}

interface NewFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** None of these is reachable before the catalog's transaction, so their order does not matter and all are synced at once. */
async function writeAll(store: Store, files: readonly NewFile[]): Promise<void> {
  const results = await Promise.allSettled(files.map((file) => store.write(file.path, file.bytes)))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return
  await Promise.all(files.map((file) => store.remove(file.path)))
  throw failed.reason
}

/** Counts on from `00007-….metadata.json` or `v7.metadata.json`. */
function versionAfter(location: string | undefined): number {
  const match = /(?:^|\/)v?(\d+)[-.][^/]*$/.exec(location ?? '')
  return match ? Number(match[1]) + 1 : 0
}

/** @throws ASSAY-2006, ASSAY-2004 */
async function refuseConflicts(store: Store, base: LoadedTable, { id, staged, overwrite, readFrom }: Change): Promise<void> {
  const { metadata } = base
  const name = formatTableId(id)
  if (metadata.formatVersion === 1)
    throw new AssayError('ASSAY-2004', `${name} has Iceberg format version 1, which Assay reads but does not write`)
  if (metadata.snapshots.some((snapshot) => snapshot.id === staged.snapshotId)) {
    throw new AssayError('ASSAY-2006', `${name} already has the snapshot ${staged.snapshotId}`)
  }
  if (overwrite === 'nothing' || readFrom === undefined || readFrom === metadata.currentSnapshotId) return
  const since = readFrom === 'nothing' ? undefined : readFrom
  if (since !== undefined && ancestorsSince(metadata, since) === undefined) {
    throw new AssayError('ASSAY-2006', `${name} was rolled back behind snapshot ${readFrom}, which this step had read`)
  }
  const touches = (partition: PartitionTuple): boolean => overwrite === 'everything' || overwrite(partition)
  const clash = (await changesSince(store, metadata, since)).find((made) => made.partitions.some(touches))
  if (clash === undefined) return
  const partitions = clash.partitions.filter(touches).map((partition) => JSON.stringify(partition))
  throw new AssayError(
    'ASSAY-2006',
    `${name} was changed by snapshot ${clash.snapshotId} (${clash.operation}) in partitions that this step overwrites`,
    {
      details: partitions.slice(0, 3),
    },
  )
}

/** The table with the schema, spec and properties that the change asks for, but without its snapshot. */
function adopted(base: TableMetadata | undefined, change: Change): TableMetadata {
  const { staged, properties = {} } = change
  if (base === undefined) return sorted(newTable(staged, { ...PROPERTIES, ...properties }), staged)
  const known = base.specs.find((spec) => spec['spec-id'] === staged.spec['spec-id'])
  if (known !== undefined && JSON.stringify(known.fields) !== JSON.stringify(staged.spec.fields)) {
    throw new AssayError(
      'ASSAY-2011',
      `${formatTableId(change.id)} was given another partition spec ${staged.spec['spec-id']} than this step wrote by`,
    )
  }
  const specs = known === undefined ? withSpec(base, staged.spec) : {}
  const evolved = { ...base, ...withSchema(base, staged, change.id), ...specs, properties: { ...base.properties, ...properties } }
  return sorted(evolved, staged)
}

const sorted = (table: TableMetadata, { sortOrder }: StagedFiles): TableMetadata =>
  sortOrder === undefined ? table : { ...table, rest: withSortOrder(table, sortOrder) }

/** A new spec becomes the one that other writers write by. */
const withSpec = (base: TableMetadata, spec: PartitionSpec): Pick<TableMetadata, 'specs' | 'defaultSpecId' | 'lastPartitionId'> => ({
  specs: [...base.specs, spec],
  defaultSpecId: spec['spec-id'],
  lastPartitionId: Math.max(base.lastPartitionId, ...spec.fields.map((field) => field['field-id'])),
})

function newTable(staged: StagedFiles, properties: Readonly<Record<string, string>>): TableMetadata {
  const { schema, spec, location } = staged
  return {
    formatVersion: 2,
    uuid: randomUUID(),
    location,
    lastSequenceNumber: 0,
    lastUpdated: 0,
    lastColumnId: Math.max(0, ...allFields(schema.fields).map((field) => field.id)),
    lastPartitionId: Math.max(FIRST_PARTITION_FIELD - 1, ...spec.fields.map((field) => field['field-id'])),
    schemas: [schema],
    currentSchemaId: schema['schema-id'],
    specs: [spec],
    defaultSpecId: spec['spec-id'],
    properties,
    snapshots: [],
    currentSnapshotId: undefined,
    refs: {},
    snapshotLog: [],
    metadataLog: [],
    rest: { 'sort-orders': [{ 'order-id': 0, fields: [] }], 'default-sort-order-id': 0 },
  }
}

/** Makes the staged schema current: one that the table has had before, or a new one under a free id. */
function withSchema(
  base: TableMetadata,
  { schema, knownColumnId }: StagedFiles,
  id: TableId,
): Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'lastColumnId'> {
  const content = ({ 'schema-id': _, ...rest }: IcebergSchema): string => JSON.stringify(rest.fields)
  const same = base.schemas.find((known) => content(known) === content(schema))
  if (same !== undefined) return { schemas: base.schemas, currentSchemaId: same['schema-id'], lastColumnId: base.lastColumnId }
  const fields = allFields(schema.fields)
  refuseReusedIds(
    base,
    fields.filter((field) => field.id > (knownColumnId ?? 0)),
    id,
  )
  const ids = base.schemas.map((known) => known['schema-id'])
  const free = ids.includes(schema['schema-id']) ? Math.max(...ids) + 1 : schema['schema-id']
  return {
    schemas: [...base.schemas, { ...schema, 'schema-id': free }],
    currentSchemaId: free,
    lastColumnId: Math.max(base.lastColumnId, ...fields.map((field) => field.id)),
  }
}

/** Two writers that each added a column since the same schema gave the same id to different columns. */
function refuseReusedIds(base: TableMetadata, added: ReturnType<typeof allFields>, id: TableId): void {
  const known = base.schemas.flatMap((schema) => allFields(schema.fields))
  for (const { id: fieldId, path } of added) {
    if (fieldId > base.lastColumnId || known.some((field) => field.id === fieldId && field.path === path)) continue
    throw new AssayError(
      'ASSAY-2006',
      `The schema of ${formatTableId(id)} was changed by another writer: the id of column ${path} is taken`,
    )
  }
}

interface Dropped {
  /** The manifests of the parent that stay, rewritten where files go. */
  readonly manifests: readonly ManifestFile[]
  readonly files: readonly DataFile[]
  readonly rewritten: readonly NewFile[]
}

async function dropFiles(store: Store, before: TableMetadata, to: { readonly change: Change; readonly folder: string }): Promise<Dropped> {
  const parent = snapshotOf(before)
  if (parent === undefined) return { manifests: [], files: [], rewritten: [] }
  const manifests = await dataManifests(store, before, parent)
  for (const manifest of manifests) specOf(before, manifest)
  const { overwrite, staged } = to.change
  if (overwrite === 'nothing') return { manifests, files: [], rewritten: [] }
  const drops = overwrite === 'everything' ? () => true : overwrite
  if (overwrite !== 'everything') refuseOtherSpecs(before, manifests, staged)
  const parts = await Promise.all(
    manifests.map(async (manifest, i): Promise<Dropped> => {
      const stays = { manifests: [manifest], files: [], rewritten: [] }
      if (!mayDrop(before, manifest, drops)) return stays
      const live = (await readManifest(store, before, manifest)).filter((entry) => entry.status !== 'deleted')
      const gone = live.filter((entry) => drops(entry.file.partition))
      if (gone.length === 0) return stays
      const path = `${to.folder}/${staged.snapshotId}-${randomUUID()}-d${i}.avro`
      const entries = live.map((entry) => carriedOver(entry, gone.includes(entry), staged.snapshotId))
      const { bytes, manifest: made } = encodeManifest({
        path,
        snapshotId: staged.snapshotId,
        spec: specOf(before, manifest),
        schema: staged.schema,
        schemas: before.schemas,
        entries,
      })
      return { manifests: [made], files: gone.map((entry) => entry.file), rewritten: [{ path, bytes }] }
    }),
  )
  return {
    manifests: parts.flatMap((p) => p.manifests),
    files: parts.flatMap((p) => p.files),
    rewritten: parts.flatMap((p) => p.rewritten),
  }
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

interface Totals {
  readonly files: number
  readonly rows: number
  readonly size: number
}

const rowsOf = (files: readonly DataFile[]): number => files.reduce((sum, file) => sum + file.rows, 0)
const sizeOf = (files: readonly DataFile[]): number => files.reduce((sum, file) => sum + file.size, 0)

/** What the parent's summary says, or where it says nothing, what its files add up to. */
async function totalsOf(store: Store, before: TableMetadata, parent: Snapshot | undefined): Promise<Totals> {
  if (parent === undefined) return { files: 0, rows: 0, size: 0 }
  const [files, rows, size] = ['total-data-files', 'total-records', 'total-files-size'].map((name) =>
    Number.parseInt(parent.summary[name] ?? '', 10),
  )
  if (files !== undefined && rows !== undefined && size !== undefined && !Number.isNaN(files + rows + size)) return { files, rows, size }
  const live = await liveFiles(store, before, parent.id)
  return { files: live.length, rows: rowsOf(live), size: sizeOf(live) }
}

/** The complete set: ClickHouse refuses to append to a table whose last summary lacks one. */
function totals(before: Totals, staged: StagedFiles, dropped: readonly DataFile[]): Record<string, string> {
  const counts = {
    'added-data-files': staged.files.length,
    'added-records': staged.rows,
    'added-files-size': staged.size,
    'deleted-data-files': dropped.length,
    'deleted-records': rowsOf(dropped),
    'removed-files-size': sizeOf(dropped),
    'changed-partition-count': distinctPartitions([...staged.files, ...dropped]).length,
    'total-data-files': before.files + staged.files.length - dropped.length,
    'total-records': before.rows + staged.rows - rowsOf(dropped),
    'total-files-size': before.size + staged.size - sizeOf(dropped),
    'total-delete-files': 0,
    'total-position-deletes': 0,
    'total-equality-deletes': 0,
  }
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]))
}

function withSnapshot(before: TableMetadata, snapshot: Snapshot, previous: string | undefined): TableMetadata {
  const metadataLog =
    previous === undefined ? before.metadataLog : [...before.metadataLog, { timestamp: before.lastUpdated, file: previous }]
  return {
    ...before,
    lastSequenceNumber: snapshot.sequenceNumber,
    lastUpdated: snapshot.timestamp,
    snapshots: [...before.snapshots, snapshot],
    currentSnapshotId: snapshot.id,
    refs: { ...before.refs, main: { ...before.refs['main'], type: 'branch', snapshotId: snapshot.id } },
    snapshotLog: [...before.snapshotLog, { timestamp: snapshot.timestamp, snapshotId: snapshot.id }],
    metadataLog: metadataLog.slice(-REMEMBERED),
  }
}
