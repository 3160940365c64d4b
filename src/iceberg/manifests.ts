import { AssayError } from '../errors.ts'
import type { IcebergSchema, PartitionSpec, StructType } from '../schema/iceberg-type.ts'
import { avroFile, type AvroRecord, type AvroValue, encodeAvro, recordEncoder } from './avro.ts'
import { type AvroFile, decodeAvro } from './avro-read.ts'
import { compareValues, encodeValue } from './bounds.ts'
import type { DataFile, ManifestFile, PartitionTuple, PartitionValue } from './data-file.ts'
import {
  avroName,
  DATA_FILE_FIELD_NAMES,
  entrySchema,
  fromAvro,
  LIST_SCHEMA,
  partitionFieldName,
  specifiedName,
  toAvro,
} from './manifest-schema.ts'
import type { SnapshotId, TableMetadata } from './metadata.ts'
import type { Store } from './store.ts'
import { partitionTypes } from './transforms.ts'

const STATUS = ['existing', 'added', 'deleted'] as const

/** A file as a manifest names it: what happened to it, when, and all that is known of it. */
export interface ManifestEntry {
  readonly status: (typeof STATUS)[number]
  /** The snapshot that added or deleted it. */
  readonly snapshotId: SnapshotId
  /** Undefined: that of the snapshot which the manifest will be part of. */
  readonly sequenceNumber: number | undefined
  readonly fileSequenceNumber: number | undefined
  readonly file: DataFile
  /** The fields of the manifest, metrics and all, but for the partition. */
  readonly fields: AvroRecord
}

/** A manifest not yet part of a snapshot inherits this from the list that will name it. */
const UNASSIGNED = -1
/** Version 1 lists may not count. */
const UNCOUNTED = -1

/** False only where a manifest surely names no live file. */
export const hasLive = (manifest: ManifestFile): boolean => manifest.addedFiles !== 0 || manifest.existingFiles !== 0

/** The spec that a manifest was written with. @throws ASSAY-2004 when the table does not tell */
export function specOf(metadata: TableMetadata, manifest: ManifestFile): PartitionSpec {
  const found = metadata.specs.find((spec) => spec['spec-id'] === manifest.specId)
  if (found === undefined)
    throw new AssayError('ASSAY-2004', `${manifest.path} uses partition spec ${manifest.specId}, which the table does not describe`)
  return found
}

/** The manifests of a snapshot. @throws ASSAY-2005 when the list is missing or corrupt */
export async function readManifestList(store: Store, path: string): Promise<readonly ManifestFile[]> {
  const { records } = await readAvro(store, path, NOTHING)
  return records.map((record) => manifestOf(record, store, path))
}

function manifestOf(record: AvroRecord, store: Store, list: string): ManifestFile {
  if (record['key_metadata'] instanceof Uint8Array) throw new AssayError('ASSAY-2004', `${list} names encrypted manifests`)
  const count = (name: string): number => numberOf(record[name], UNCOUNTED)
  return {
    path: store.normalise(String(record['manifest_path'])),
    length: count('manifest_length'),
    specId: numberOf(record['partition_spec_id'], 0),
    content: numberOf(record['content'], 0) === 1 ? 'deletes' : 'data',
    sequenceNumber: numberOf(record['sequence_number'], 0),
    minSequenceNumber: numberOf(record['min_sequence_number'], 0),
    addedSnapshotId: String(record['added_snapshot_id']),
    addedFiles: count('added_files_count'),
    existingFiles: count('existing_files_count'),
    deletedFiles: count('deleted_files_count'),
    addedRows: count('added_rows_count'),
    existingRows: count('existing_rows_count'),
    deletedRows: count('deleted_rows_count'),
    partitions: listOf(record['partitions']).map((summary) => ({
      containsNull: summary['contains_null'] === true,
      containsNan: typeof summary['contains_nan'] === 'boolean' ? summary['contains_nan'] : undefined,
      lower: base64(summary['lower_bound']),
      upper: base64(summary['upper_bound']),
    })),
  }
}

const NOTHING: ReadonlySet<string> = new Set()
const UNASKED: ReadonlySet<string> = new Set(['column_sizes', 'split_offsets', 'sort_order_id', 'distinct_counts'])
const METRICS: ReadonlySet<string> = new Set(['value_counts', 'null_value_counts', 'nan_value_counts', 'lower_bounds', 'upper_bounds'])

/** An entry whose metrics are decoded when they are asked for. */
export interface LeanEntry extends ManifestEntry {
  /** The fields with counts and bounds. */
  metrics(): AvroRecord
}

/**
 * The entries of a manifest in full, with what they inherit filled in, such as a rewritten manifest carries them over.
 * @throws ASSAY-2004, ASSAY-2005
 */
export async function readManifest(store: Store, metadata: TableMetadata, manifest: ManifestFile): Promise<readonly ManifestEntry[]> {
  const { records } = await readAvro(store, manifest.path, NOTHING)
  return records.map(entryReader(store, metadata, manifest))
}

/** The entries of a manifest as planning needs them, and the bytes of memory that hold them. @throws ASSAY-2004, ASSAY-2005 */
export async function readLeanManifest(
  store: Store,
  metadata: TableMetadata,
  manifest: ManifestFile,
): Promise<{ readonly entries: readonly LeanEntry[]; readonly bytes: number }> {
  const { records, whole, size } = await readAvro(store, manifest.path, UNASKED, METRICS)
  const read = entryReader(store, metadata, manifest)
  const entries = records.map((record, i) => ({ ...read(record), metrics: () => recordOf(whole(i)['data_file']) }))
  return { entries, bytes: size + entries.length * ENTRY_BYTES }
}

/** About what an entry takes in memory. */
const ENTRY_BYTES = 1024

function entryReader(store: Store, metadata: TableMetadata, manifest: ManifestFile): (record: AvroRecord) => ManifestEntry {
  const types = partitionTypes(specOf(metadata, manifest), metadata.schemas).map(({ field, type }) => ({
    name: field.name,
    key: partitionFieldName(field['field-id']),
    type,
  }))
  return (record) => {
    const fields = recordOf(record['data_file'])
    refuseUnknown(record, fields, manifest)
    const tuple = recordOf(fields['partition'])
    const partition: Record<string, PartitionValue> = {}
    for (const { name, key, type } of types) partition[name] = fromAvro(type, tuple[key])
    return {
      status: STATUS[numberOf(record['status'], 0)] ?? 'existing',
      snapshotId: String(record['snapshot_id'] ?? manifest.addedSnapshotId),
      sequenceNumber: numberOf(record['sequence_number'], manifest.sequenceNumber),
      fileSequenceNumber: numberOf(record['file_sequence_number'], manifest.sequenceNumber),
      file: {
        path: store.normalise(String(fields['file_path'])),
        partition,
        specId: manifest.specId,
        rows: numberOf(fields['record_count'], 0),
        size: numberOf(fields['file_size_in_bytes'], 0),
      },
      fields,
    }
  }
}

/** What a file holds, as manifests count it: rows, rows deleted by position (or by a deletion vector), rows deleted by value. */
const CONTENTS = ['data', 'position deletes', 'equality deletes'] as const
export const contentOf = (fields: AvroRecord): (typeof CONTENTS)[number] => CONTENTS[numberOf(fields['content'], 0)] ?? 'data'

/** A later version of the format may say more than this reader knows; guessing would give wrong rows. */
function refuseUnknown(record: AvroRecord, fields: AvroRecord, manifest: ManifestFile): void {
  const [status, content] = [numberOf(record['status'], 0), numberOf(fields['content'], 0)]
  const holds = (what: string): AssayError => new AssayError('ASSAY-2004', `${manifest.path} has ${what}`)
  if (STATUS[status] === undefined) throw holds(`an entry of status ${status}`)
  if (CONTENTS[content] === undefined) throw holds(`an entry of content ${content}`)
  if (typeof fields['file_path'] !== 'string') throw new AssayError('ASSAY-2005', `${manifest.path} has an entry without a file`)
  if (fields['key_metadata'] instanceof Uint8Array) throw holds(`encrypted files, such as ${fields['file_path']}`)
}

async function readAvro(store: Store, path: string, without: ReadonlySet<string>, deferred = NOTHING): Promise<AvroFile> {
  const bytes = await store.read(path)
  try {
    return decodeAvro(bytes, { nameOf: specifiedName, without, deferred })
  } catch (error) {
    throw new AssayError('ASSAY-2005', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

export interface NewManifest {
  readonly path: string
  readonly snapshotId: SnapshotId
  readonly spec: PartitionSpec
  /** The schema of the header, and older ones that the spec's source columns may come from. */
  readonly schema: IcebergSchema
  readonly schemas: readonly StructType[]
  readonly entries: readonly ManifestEntry[]
  /** Manifests hold either data files or delete files; data files when absent. */
  readonly content?: ManifestFile['content']
}

/** A manifest as bytes and as a list names it; {@link withSequence} completes the latter. */
export function encodeManifest(manifest: NewManifest): { readonly bytes: Buffer; readonly manifest: ManifestFile } {
  const { path, snapshotId, spec, schema, schemas, entries, content = 'data' } = manifest
  const types = partitionTypes(spec, schemas)
  const header = {
    schema: JSON.stringify(schema),
    'schema-id': String(schema['schema-id']),
    'partition-spec': JSON.stringify(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': '2',
    content,
  }
  const bytes = encodeAvro(
    entrySchema(spec, schemas),
    header,
    entries.map((entry) => recordOfEntry(entry, types)),
  )
  const files = (status: ManifestEntry['status']): number => entries.filter((entry) => entry.status === status).length
  const rows = (status: ManifestEntry['status']): number =>
    entries.filter((entry) => entry.status === status).reduce((sum, entry) => sum + entry.file.rows, 0)
  const live = entries.flatMap((entry) => (entry.status === 'deleted' || entry.sequenceNumber === undefined ? [] : [entry.sequenceNumber]))
  return {
    bytes,
    manifest: {
      path,
      length: bytes.length,
      specId: spec['spec-id'],
      content,
      sequenceNumber: UNASSIGNED,
      minSequenceNumber: live.length === 0 ? UNASSIGNED : Math.min(...live),
      addedSnapshotId: snapshotId,
      addedFiles: files('added'),
      existingFiles: files('existing'),
      deletedFiles: files('deleted'),
      addedRows: rows('added'),
      existingRows: rows('existing'),
      deletedRows: rows('deleted'),
      partitions: types.map(({ field, type }) =>
        summaryOf(
          type,
          entries.map((entry) => entry.file.partition[field.name] ?? null),
        ),
      ),
    },
  }
}

type PartitionTypes = ReturnType<typeof partitionTypes>

function recordOfEntry(entry: ManifestEntry, types: PartitionTypes): AvroRecord {
  const kept = Object.fromEntries(DATA_FILE_FIELD_NAMES.map((name) => [name, entry.fields[name] ?? null]))
  return {
    status: STATUS.indexOf(entry.status),
    snapshot_id: BigInt(entry.snapshotId),
    sequence_number: entry.sequenceNumber ?? null,
    file_sequence_number: entry.fileSequenceNumber ?? null,
    data_file: { ...kept, content: entry.fields['content'] ?? 0, partition: partitionRecord(entry.file.partition, types) },
  }
}

const partitionRecord = (tuple: PartitionTuple, types: PartitionTypes): AvroRecord =>
  Object.fromEntries(types.map(({ field, type }) => [avroName(field.name), toAvro(type, tuple[field.name] ?? null)]))

function summaryOf(type: PartitionTypes[number]['type'], values: readonly PartitionTuple[string][]): ManifestFile['partitions'][number] {
  const present = values.filter((value) => value !== null)
  const numbers = present
    .filter((value) => value !== 'NaN' || (type !== 'float' && type !== 'double'))
    .toSorted((a, b) => compareValues(type, a, b))
  const bound = (value: (typeof numbers)[number] | undefined): string | undefined =>
    value === undefined ? undefined : encodeValue(type, value).toString('base64')
  return {
    containsNull: present.length < values.length,
    containsNan: numbers.length < present.length,
    lower: bound(numbers[0]),
    upper: bound(numbers.at(-1)),
  }
}

/** A new manifest with the sequence number of the snapshot that takes it in. */
export const withSequence = (manifest: ManifestFile, sequenceNumber: number): ManifestFile =>
  manifest.sequenceNumber === UNASSIGNED || manifest.minSequenceNumber === UNASSIGNED
    ? {
        ...manifest,
        sequenceNumber: manifest.sequenceNumber === UNASSIGNED ? sequenceNumber : manifest.sequenceNumber,
        minSequenceNumber: manifest.minSequenceNumber === UNASSIGNED ? sequenceNumber : manifest.minSequenceNumber,
      }
    : manifest

export interface NewManifestList {
  readonly snapshotId: SnapshotId
  readonly parentId: SnapshotId | undefined
  readonly sequenceNumber: number
  readonly manifests: readonly ManifestFile[]
}

/** The bytes of a manifest list. */
export function encodeManifestList({ snapshotId, parentId, sequenceNumber, manifests }: NewManifestList): Buffer {
  const header = {
    'snapshot-id': snapshotId,
    'parent-snapshot-id': parentId ?? 'null',
    'sequence-number': String(sequenceNumber),
    'format-version': '2',
  }
  return avroFile(LIST_SCHEMA, header, manifests.map(bytesOf))
}

/** Most manifests of a list are those of the list before. */
const encoded = new WeakMap<ManifestFile, Buffer>()
const encodeManifestRecord = recordEncoder(LIST_SCHEMA)

function bytesOf(manifest: ManifestFile): Buffer {
  const bytes = encoded.get(manifest) ?? encodeManifestRecord(recordOfManifest(manifest))
  encoded.set(manifest, bytes)
  return bytes
}

const recordOfManifest = (manifest: ManifestFile): AvroRecord => ({
  manifest_path: manifest.path,
  manifest_length: manifest.length,
  partition_spec_id: manifest.specId,
  content: manifest.content === 'deletes' ? 1 : 0,
  sequence_number: manifest.sequenceNumber,
  min_sequence_number: manifest.minSequenceNumber,
  added_snapshot_id: BigInt(manifest.addedSnapshotId),
  added_files_count: manifest.addedFiles,
  existing_files_count: manifest.existingFiles,
  deleted_files_count: manifest.deletedFiles,
  added_rows_count: manifest.addedRows,
  existing_rows_count: manifest.existingRows,
  deleted_rows_count: manifest.deletedRows,
  partitions: manifest.partitions.map((summary) => ({
    contains_null: summary.containsNull,
    contains_nan: summary.containsNan ?? null,
    lower_bound: summary.lower === undefined ? null : Buffer.from(summary.lower, 'base64'),
    upper_bound: summary.upper === undefined ? null : Buffer.from(summary.upper, 'base64'),
  })),
  key_metadata: null,
})

export const numberOf = (value: AvroValue | undefined, absent: number): number =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : absent
const base64 = (value: AvroValue | undefined): string | undefined =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64') : undefined

/** The entries of a map by field id, as an array of pairs. */
export const pairsOf = (value: AvroValue | undefined): ReadonlyMap<number, AvroValue> =>
  new Map(listOf(value).map((pair) => [numberOf(pair['key'], -1), pair['value'] ?? null]))

const isRecord = (value: AvroValue | undefined): value is AvroRecord =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value)
const recordOf = (value: AvroValue | undefined): AvroRecord => (isRecord(value) ? value : {})
const listOf = (value: AvroValue | undefined): readonly AvroRecord[] => (Array.isArray(value) ? value.filter(isRecord) : [])
