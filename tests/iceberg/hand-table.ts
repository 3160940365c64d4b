import type { AvroRecord } from '../../src/iceberg/avro.ts'
import type { DataFile, ManifestFile, PartitionTuple } from '../../src/iceberg/data-file.ts'
import { encodeManifest, encodeManifestList, withSequence } from '../../src/iceberg/manifests.ts'
import type { TableMetadata } from '../../src/iceberg/metadata.ts'
import { planScan, type ScanRequest } from '../../src/iceberg/plan-scan.ts'
import { rowsSql } from '../../src/iceberg/rows-sql.ts'
import type { IcebergSchema, PartitionSpec } from '../../src/schema/iceberg-type.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { puffinOf, vectorOf } from './hand-made.ts'
import type { Lab } from './lab.ts'

/** A file as a test hands it to a commit. */
export interface HandFile {
  readonly fields: AvroRecord
  readonly partition: PartitionTuple
  readonly specId: number
  /** That of the commit when absent. */
  readonly sequenceNumber?: number
}

/** Where a file belongs. */
export interface In {
  readonly partition?: PartitionTuple
  readonly specId?: number
  readonly sequenceNumber?: number
}

/** A table written file by file, the way engines with merge-on-read do. */
export interface HandTable {
  readonly metadata: () => TableMetadata
  /** Parquet of a query, with field ids; more fields of its entry. Returns its path. */
  readonly write: (query: string, ids: string, more?: AvroRecord) => Promise<AvroRecord>
  readonly data: (query: string, to?: In, ids?: string) => Promise<HandFile>
  readonly positions: (rows: readonly (readonly [path: string, position: number])[], to?: In & { more?: AvroRecord }) => Promise<HandFile>
  readonly equals: (query: string, columns: string, to?: In) => Promise<HandFile>
  readonly vector: (path: string, positions: readonly number[], to?: In) => Promise<HandFile>
  /** One snapshot that adds files; they inherit its sequence number unless they have their own. */
  readonly commit: (files: readonly HandFile[]) => Promise<void>
  readonly rows: (request?: ScanRequest) => Promise<EngineRow[]>
}

export const pathOf = (file: HandFile): string => String(file.fields['file_path'])

export async function handTable(lab: Lab, schema: IcebergSchema, specs: readonly PartitionSpec[]): Promise<HandTable> {
  let made = 0
  let manifests: readonly ManifestFile[] = []
  let metadata: TableMetadata = {
    formatVersion: 2,
    uuid: lab.root,
    location: `${lab.root}/hand`,
    lastSequenceNumber: 0,
    lastUpdated: 0,
    lastColumnId: 10,
    lastPartitionId: 1000,
    schemas: [schema],
    currentSchemaId: schema['schema-id'],
    specs,
    defaultSpecId: 0,
    properties: {},
    snapshots: [],
    currentSnapshotId: undefined,
    refs: {},
    snapshotLog: [],
    metadataLog: [],
    rest: {},
  }
  await lab.store.makeFolder(metadata.location)
  const idsOf = schema.fields.map((field) => `${field.name}: ${field.id}`).join(', ')
  const write: HandTable['write'] = async (query, ids, more = {}) => {
    const path = `${metadata.location}/f${++made}.parquet`
    const [row] = await lab.session.rows(`COPY (${query}) TO '${path}' (FORMAT parquet${ids === '' ? '' : `, FIELD_IDS {${ids}}`})`)
    const rows = Number(row?.['Count'] ?? 0)
    const size = (await lab.store.read(path)).length
    return { content: 0, file_path: path, file_format: 'PARQUET', record_count: rows, file_size_in_bytes: size, ...more }
  }
  const handed = (fields: AvroRecord, { partition = {}, specId = 0, sequenceNumber }: In = {}): HandFile => ({
    fields,
    partition,
    specId,
    ...(sequenceNumber === undefined ? {} : { sequenceNumber }),
  })
  const manifestOf = async (content: ManifestFile['content'], specId: number, files: readonly HandFile[]): Promise<ManifestFile> => {
    const path = `${metadata.location}/m${++made}.avro`
    const spec = specs.find((known) => known['spec-id'] === specId) ?? { 'spec-id': specId, fields: [] }
    const entries = files.map(({ fields, partition, sequenceNumber }) => ({
      status: 'added' as const,
      snapshotId: String(metadata.snapshots.length + 1),
      sequenceNumber,
      fileSequenceNumber: undefined,
      file: dataFileOf(fields, partition, specId),
      fields,
    }))
    const encoded = encodeManifest({
      path,
      snapshotId: String(metadata.snapshots.length + 1),
      spec,
      schema,
      schemas: [schema],
      entries,
      content,
    })
    await lab.store.write(path, encoded.bytes)
    return withSequence(encoded.manifest, metadata.lastSequenceNumber + 1)
  }
  return {
    metadata: () => metadata,
    write,
    data: async (query, to, ids = idsOf) => handed(await write(query, ids), to),
    positions: async (rows, to) => {
      const values = rows.map(([path, position]) => `('${path}', ${position}::BIGINT)`).join(', ')
      const query = `SELECT * FROM (VALUES ${values}) v(file_path, pos) ORDER BY ALL`
      return handed(await write(query, 'file_path: 2147483546, pos: 2147483545', { content: 1, ...to?.more }), to)
    },
    equals: async (query, columns, to) => {
      const ids = columns.split(',').map((name) => schema.fields.find((field) => field.name === name)?.id ?? 0)
      const named = columns.split(',').map((name, i) => `${name}: ${ids[i]}`)
      return handed(await write(query, named.join(', '), { content: 2, equality_ids: ids }), to)
    },
    vector: async (path, positions, to) => {
      const puffin = `${metadata.location}/v${++made}.puffin`
      const { bytes, offsets } = puffinOf([vectorOf([0]), vectorOf(positions)])
      await lab.store.write(puffin, bytes)
      const place = { content_offset: offsets[1] ?? 0, content_size_in_bytes: vectorOf(positions).length, referenced_data_file: path }
      const file = {
        content: 1,
        file_path: puffin,
        file_format: 'PUFFIN',
        record_count: positions.length,
        file_size_in_bytes: bytes.length,
      }
      return handed({ ...file, ...place }, to)
    },
    commit: async (files) => {
      const groups = Map.groupBy(files, (file) => `${Number(file.fields['content']) === 0 ? 'data' : 'deletes'} ${file.specId}`)
      const added = await Promise.all(
        [...groups].map(([key, some]) => manifestOf(key.startsWith('data') ? 'data' : 'deletes', some[0]?.specId ?? 0, some)),
      )
      manifests = [...manifests, ...added]
      const sequenceNumber = metadata.lastSequenceNumber + 1
      const id = String(metadata.snapshots.length + 1)
      const manifestList = `${metadata.location}/l${++made}.avro`
      await lab.store.write(
        manifestList,
        encodeManifestList({ snapshotId: id, parentId: metadata.currentSnapshotId, sequenceNumber, manifests }),
      )
      const snapshot = {
        id,
        parentId: metadata.currentSnapshotId,
        sequenceNumber,
        timestamp: sequenceNumber,
        operation: 'overwrite' as const,
        summary: {},
        manifestList,
        schemaId: schema['schema-id'],
      }
      metadata = { ...metadata, lastSequenceNumber: sequenceNumber, snapshots: [...metadata.snapshots, snapshot], currentSnapshotId: id }
    },
    rows: async (request) => {
      const sql = await rowsSql(lab, await planScan(lab.store, metadata, request))
      return lab.session.rows(`SELECT * FROM (${sql}) ORDER BY ALL`)
    },
  }
}

const dataFileOf = (fields: AvroRecord, partition: PartitionTuple, specId: number): DataFile => ({
  path: String(fields['file_path']),
  partition,
  specId,
  rows: Number(fields['record_count']),
  size: Number(fields['file_size_in_bytes']),
})
