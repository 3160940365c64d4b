import { gunzipSync } from 'node:zlib'
import { AssayError } from '../errors.ts'
import type { IcebergSchema, PartitionSpec } from '../schema/iceberg-type.ts'
import { parseLossless, stringifyLossless } from './json.ts'
import { complaint, METADATA_V1, METADATA_V2, METADATA_V3, type RawMetadata, type RawSnapshot } from './metadata-shape.ts'

/** A 64-bit snapshot id as decimal text: JavaScript numbers would round those that Java and Spark write. */
export type SnapshotId = string

export interface Snapshot {
  readonly id: SnapshotId
  readonly parentId: SnapshotId | undefined
  readonly sequenceNumber: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  /** All of the summary but `operation`. */
  readonly summary: Readonly<Record<string, string>>
  readonly manifestList: string
  readonly schemaId: number | undefined
  /** What Assay does not interpret: row ids of version 3, keys of other engines. */
  readonly rest?: Rest
}

type Rest = Readonly<Record<string, unknown>>

export interface SnapshotRef {
  readonly snapshotId: SnapshotId
  readonly type: 'branch' | 'tag'
  /** How long it and its snapshots are kept, as the table's owner set it. */
  readonly rest?: Rest
}

/**
 * Table metadata, in the form of format version 2, parsed. What Assay does not interpret (sort orders, statistics files, properties
 * of other engines …) is kept in `rest` and written back unchanged.
 */
export interface TableMetadata {
  readonly formatVersion: 1 | 2 | 3
  readonly uuid: string
  readonly location: string
  readonly lastSequenceNumber: number
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number
  readonly lastColumnId: number
  readonly lastPartitionId: number
  readonly schemas: readonly IcebergSchema[]
  readonly currentSchemaId: number
  readonly specs: readonly PartitionSpec[]
  readonly defaultSpecId: number
  readonly properties: Readonly<Record<string, string>>
  readonly snapshots: readonly Snapshot[]
  readonly currentSnapshotId: SnapshotId | undefined
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly snapshotLog: readonly { readonly timestamp: number; readonly snapshotId: SnapshotId; readonly rest?: Rest }[]
  readonly metadataLog: readonly { readonly timestamp: number; readonly file: string; readonly rest?: Rest }[]
  readonly rest: Rest
}

/** The current snapshot, or the one of an id; undefined for a table without any. @throws ASSAY-2009 when there is no such id */
export function snapshotOf(metadata: TableMetadata, id: SnapshotId | undefined = metadata.currentSnapshotId): Snapshot | undefined {
  if (id === undefined) return undefined
  const found = metadata.snapshots.find((snapshot) => snapshot.id === id)
  if (found === undefined) throw new AssayError('ASSAY-2009', `The table at ${metadata.location} has no snapshot ${id}`)
  return found
}

/** The schema that a snapshot was written with, or the current one. */
export function schemaOf(metadata: TableMetadata, snapshot?: Snapshot): IcebergSchema {
  const wanted = snapshot?.schemaId ?? metadata.currentSchemaId
  const found = metadata.schemas.find((schema) => schema['schema-id'] === wanted)
  if (found === undefined) throw new AssayError('ASSAY-2003', `The metadata of the table at ${metadata.location} has no schema ${wanted}`)
  return found
}

/** The snapshots from `main` (or from `from`) back by parents, newest first, as far as they have not expired. */
export function ancestors(metadata: TableMetadata, from: SnapshotId | undefined = metadata.currentSnapshotId): readonly Snapshot[] {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const line: Snapshot[] = []
  for (let at = byId.get(from ?? ''); at !== undefined; at = byId.get(at.parentId ?? '')) {
    byId.delete(at.id)
    line.push(at)
  }
  return line
}

/**
 * Table metadata from the content of its file, gzipped or not.
 * @param path names the file in errors
 * @throws ASSAY-2003 naming what is missing or wrong; ASSAY-2004 for format versions other than 1, 2 and 3
 */
export function parseMetadata(content: string | Uint8Array, path: string): TableMetadata {
  const json = parsed(content, path)
  const version = json['format-version']
  if (typeof version !== 'number') throw corrupt(path, 'format-version is missing')
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new AssayError('ASSAY-2004', `${path} has Iceberg format version ${version}; Assay reads 1, 2 and 3`)
  }
  refuseOtherForms(json, path)
  const shaped = { 1: METADATA_V1, 2: METADATA_V2, 3: METADATA_V3 }[version].safeParse(json)
  if (!shaped.success) throw corrupt(path, complaint(shaped.error))
  const metadata = fromRaw(shaped.data)
  refuseDangling(metadata, path)
  return metadata
}

const corrupt = (path: string, what: string, cause?: unknown): AssayError =>
  new AssayError('ASSAY-2003', `${path} is not Iceberg table metadata: ${what}`, { cause })

function parsed(content: string | Uint8Array, path: string): Readonly<Record<string, unknown>> {
  try {
    const zipped = typeof content !== 'string' && content[0] === 0x1f && content[1] === 0x8b
    const text = typeof content === 'string' ? content : (zipped ? gunzipSync(content) : Buffer.from(content)).toString()
    const json = parseLossless(text)
    if (isRecord(json)) return json
  } catch (error) {
    throw corrupt(path, 'it is not JSON', error)
  }
  throw corrupt(path, 'it is not a JSON object')
}

/** Forms that the specification allows and Assay does not know. */
function refuseOtherForms(json: Rest, path: string): void {
  const specs = recordsOf(json['partition-specs']).flatMap((spec) => recordsOf(spec['fields']))
  const several = specs.find((field) => field['source-id'] === undefined && field['source-ids'] !== undefined)
  if (several !== undefined) {
    throw new AssayError('ASSAY-2004', `${path} has the partition field ${String(several['name'])}, whose transform takes several columns`)
  }
  if (recordsOf(json['snapshots']).some((snapshot) => snapshot['manifest-list'] === undefined && Array.isArray(snapshot['manifests']))) {
    throw new AssayError('ASSAY-2004', `${path} lists the manifests of its snapshots itself, as early writers of version 1 did`)
  }
}

const recordsOf = (value: unknown): Rest[] => (Array.isArray(value) ? value.filter(isRecord) : [])

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const INTERPRETED: ReadonlySet<string> = new Set([
  'format-version',
  'table-uuid',
  'location',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'last-partition-id',
  'schema',
  'schemas',
  'current-schema-id',
  'partition-spec',
  'partition-specs',
  'default-spec-id',
  'properties',
  'snapshots',
  'current-snapshot-id',
  'refs',
  'snapshot-log',
  'metadata-log',
])

/** Both versions in the form of version 2. */
function fromRaw(raw: RawMetadata): TableMetadata {
  const current = raw['current-snapshot-id'] ?? '-1'
  const currentSnapshotId = current === '-1' ? undefined : current
  const refs = Object.fromEntries(Object.entries(raw.refs ?? {}).map(([name, ref]) => [name, refOf(ref)]))
  return {
    formatVersion: raw['format-version'],
    uuid: raw['table-uuid'],
    location: raw.location,
    lastSequenceNumber: raw['format-version'] === 1 ? 0 : raw['last-sequence-number'],
    lastUpdated: raw['last-updated-ms'],
    lastColumnId: raw['last-column-id'],
    ...schemasAndSpecs(raw),
    properties: raw.properties ?? {},
    snapshots: (raw.snapshots ?? []).map(snapshotOfRaw),
    currentSnapshotId,
    refs: currentSnapshotId === undefined ? refs : { main: { snapshotId: currentSnapshotId, type: 'branch' }, ...refs },
    snapshotLog: (raw['snapshot-log'] ?? []).map(({ 'timestamp-ms': timestamp, 'snapshot-id': snapshotId, ...rest }) => ({
      timestamp,
      snapshotId,
      ...kept(rest),
    })),
    metadataLog: (raw['metadata-log'] ?? []).map(({ 'timestamp-ms': timestamp, 'metadata-file': file, ...rest }) => ({
      timestamp,
      file,
      ...kept(rest),
    })),
    rest: without(raw, INTERPRETED),
  }
}

type SchemasAndSpecs = Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'specs' | 'defaultSpecId' | 'lastPartitionId'>

function schemasAndSpecs(raw: RawMetadata): SchemasAndSpecs {
  if (raw['format-version'] !== 1) {
    return {
      schemas: raw.schemas,
      currentSchemaId: raw['current-schema-id'],
      specs: raw['partition-specs'],
      defaultSpecId: raw['default-spec-id'],
      lastPartitionId: raw['last-partition-id'],
    }
  }
  const specs = raw['partition-specs'] ?? [{ 'spec-id': 0, fields: raw['partition-spec'] ?? [] }]
  const fieldIds = specs.flatMap((spec) => spec.fields.map((field) => field['field-id']))
  return {
    schemas: raw.schemas ?? [raw.schema],
    currentSchemaId: raw['current-schema-id'] ?? raw.schema['schema-id'],
    specs,
    defaultSpecId: raw['default-spec-id'] ?? 0,
    lastPartitionId: raw['last-partition-id'] ?? Math.max(FIRST_PARTITION_FIELD - 1, ...fieldIds),
  }
}

/** Ids of partition fields count from here. */
export const FIRST_PARTITION_FIELD = 1000

const without = (record: Readonly<Record<string, unknown>>, keys: ReadonlySet<string>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !keys.has(key)))

const kept = (rest: Rest): { readonly rest?: Rest } => (Object.keys(rest).length === 0 ? {} : { rest })

const OPERATIONS = ['append', 'replace', 'overwrite', 'delete'] as const

function snapshotOfRaw(raw: RawSnapshot): Snapshot {
  const { operation, ...summary } = raw.summary
  return {
    id: raw['snapshot-id'],
    parentId: raw['parent-snapshot-id'] ?? undefined,
    sequenceNumber: raw['sequence-number'],
    timestamp: raw['timestamp-ms'],
    // Version 1 may leave it out; then rows may have been added and removed.
    operation: OPERATIONS.find((known) => known === operation) ?? 'overwrite',
    summary,
    manifestList: raw['manifest-list'],
    schemaId: raw['schema-id'] ?? undefined,
    ...kept(without(raw, SNAPSHOT_KEYS)),
  }
}

const SNAPSHOT_KEYS: ReadonlySet<string> = new Set([
  'snapshot-id',
  'parent-snapshot-id',
  'sequence-number',
  'timestamp-ms',
  'summary',
  'manifest-list',
  'schema-id',
])

function refOf(raw: {
  readonly 'snapshot-id': SnapshotId
  readonly type: SnapshotRef['type']
  readonly [key: string]: unknown
}): SnapshotRef {
  const { 'snapshot-id': snapshotId, type, ...rest } = raw
  return { snapshotId, type, ...kept(rest) }
}

/** What metadata refers to by id has to be there. */
function refuseDangling(metadata: TableMetadata, path: string): void {
  const { currentSchemaId, defaultSpecId, currentSnapshotId } = metadata
  if (!metadata.schemas.some((schema) => schema['schema-id'] === currentSchemaId)) {
    throw corrupt(path, `current-schema-id is ${currentSchemaId}, and schemas has no such schema`)
  }
  if (!metadata.specs.some((spec) => spec['spec-id'] === defaultSpecId)) {
    throw corrupt(path, `default-spec-id is ${defaultSpecId}, and partition-specs has no such spec`)
  }
  if (currentSnapshotId !== undefined && !metadata.snapshots.some((snapshot) => snapshot.id === currentSnapshotId)) {
    throw corrupt(path, `current-snapshot-id is ${currentSnapshotId}, and snapshots has no such snapshot`)
  }
}

/** The JSON of table metadata. */
export function serialiseMetadata(metadata: TableMetadata): string {
  const head = stringifyLossless({
    'format-version': metadata.formatVersion,
    'table-uuid': metadata.uuid,
    location: metadata.location,
    'last-sequence-number': metadata.lastSequenceNumber,
    'last-updated-ms': metadata.lastUpdated,
    'last-column-id': metadata.lastColumnId,
    'current-schema-id': metadata.currentSchemaId,
    schemas: metadata.schemas,
    'default-spec-id': metadata.defaultSpecId,
    'partition-specs': metadata.specs,
    'last-partition-id': metadata.lastPartitionId,
    properties: metadata.properties,
    'current-snapshot-id': metadata.currentSnapshotId === undefined ? -1 : idJson(metadata.currentSnapshotId),
    refs: Object.fromEntries(Object.entries(metadata.refs).map(([name, ref]) => [name, refJson(ref)])),
  })
  const tail = stringifyLossless({
    'snapshot-log': metadata.snapshotLog.map((entry) => ({
      'timestamp-ms': entry.timestamp,
      'snapshot-id': idJson(entry.snapshotId),
      ...entry.rest,
    })),
    'metadata-log': metadata.metadataLog.map((entry) => ({ 'timestamp-ms': entry.timestamp, 'metadata-file': entry.file, ...entry.rest })),
    ...metadata.rest,
  })
  return `${head.slice(0, -1)},"snapshots":[${metadata.snapshots.map(textOf).join(',')}],${tail.slice(1)}`
}

/** A snapshot never changes, and is written again with each that follows. */
const texts = new WeakMap<Snapshot, string>()

function textOf(snapshot: Snapshot): string {
  const text = texts.get(snapshot) ?? stringifyLossless(snapshotJson(snapshot))
  texts.set(snapshot, text)
  return text
}

/** Bigints make the whole text slower to write, and are seldom needed. */
const idJson = (id: SnapshotId): number | bigint => (Number.isSafeInteger(Number(id)) ? Number(id) : BigInt(id))

const refJson = (ref: SnapshotRef): object => ({ 'snapshot-id': idJson(ref.snapshotId), type: ref.type, ...ref.rest })

const snapshotJson = (snapshot: Snapshot): object => ({
  'snapshot-id': idJson(snapshot.id),
  ...(snapshot.parentId === undefined ? {} : { 'parent-snapshot-id': idJson(snapshot.parentId) }),
  'sequence-number': snapshot.sequenceNumber,
  'timestamp-ms': snapshot.timestamp,
  'manifest-list': snapshot.manifestList,
  summary: { operation: snapshot.operation, ...snapshot.summary },
  ...(snapshot.schemaId === undefined ? {} : { 'schema-id': snapshot.schemaId }),
  ...snapshot.rest,
})
