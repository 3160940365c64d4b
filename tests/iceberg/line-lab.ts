import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, LoadedTable, TableId } from '../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import type { Overwrite } from '../../src/iceberg/drop-files.ts'
import type { DataFile, StagedFiles } from '../../src/iceberg/data-file.ts'
import { encodeManifest } from '../../src/iceberg/manifests.ts'
import type { SnapshotId } from '../../src/iceberg/metadata.ts'
import { liveFiles } from '../../src/iceberg/scan.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import type { IcebergSchema, PartitionSpec } from '../../src/schema/iceberg-type.ts'

export const ID: TableId = { namespace: 'shop', name: 'lines' }
const SCHEMA: IcebergSchema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'id', required: false, type: 'long' }] }
const SPEC: PartitionSpec = { 'spec-id': 0, fields: [] }

/** A table whose data files hold nothing: for what is done to snapshots and refs, which looks at no row. */
export interface LineLab {
  readonly store: Store
  readonly catalog: Catalog
  readonly location: string
  load(): Promise<LoadedTable>
  /** Commits one new data file, named `<id>.parquet`, at a time of milliseconds since the epoch. */
  put(snapshot: { readonly id: SnapshotId; readonly now: number; readonly overwrite?: Overwrite; readonly branch?: string }): Promise<void>
  /** Names of the live data files of a snapshot, sorted. */
  live(id: SnapshotId): Promise<readonly string[]>
  /** Names of the files that are there, of a folder of the table, with an ending. */
  present(folder: 'data' | 'metadata', ending: string): Promise<readonly string[]>
  close(): Promise<void>
}

export async function openLineLab(): Promise<LineLab> {
  const root = await mkdtemp(join(tmpdir(), 'assay-lines-'))
  const store = localStore()
  const catalog = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: root, name: 'assay', store })
  const location = `${root}/shop/lines`
  const load = async (): Promise<LoadedTable> => {
    const table = await catalog.load(ID)
    if (table === undefined) throw new Error('no table yet')
    return table
  }
  return {
    store,
    catalog,
    location,
    load,
    put: async ({ id, now, overwrite = 'nothing', branch }) => {
      const staged = await stage(store, location, id)
      const change = { id: ID, staged, overwrite, summary: {}, now, ...(branch === undefined ? {} : { branch }) }
      const prepared = await prepareCommit(store, await catalog.load(ID), change).catch(async (error: unknown) => {
        for (const path of [...staged.files.map((file) => file.path), staged.manifest?.path ?? '']) await store.remove(path)
        throw error
      })
      const outcome = await catalog.commit([prepared.change])
      if (outcome.kind !== 'committed') throw new Error(outcome.kind)
    },
    live: async (id) => (await liveFiles(store, (await load()).metadata, id)).map(({ path }) => path.replace(/^.*\//, '')).sort(),
    present: async (folder, ending) => (await readdir(join(location, folder))).filter((name) => name.endsWith(ending)).sort(),
    close: async () => {
      catalog.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function stage(store: Store, location: string, snapshotId: SnapshotId): Promise<StagedFiles> {
  const file: DataFile = { path: `${location}/data/${snapshotId}.parquet`, partition: {}, specId: 0, rows: 1, size: 1 }
  const path = `${location}/metadata/${snapshotId}-m0.avro`
  const fields = { file_path: file.path, file_format: 'PARQUET', record_count: 1, file_size_in_bytes: 1 }
  const entry = { status: 'added', snapshotId, sequenceNumber: undefined, fileSequenceNumber: undefined, file, fields } as const
  const { bytes, manifest } = encodeManifest({ path, snapshotId, spec: SPEC, schema: SCHEMA, schemas: [SCHEMA], entries: [entry] })
  await Promise.all([store.write(file.path, Buffer.from('x')), store.write(path, bytes)])
  return { snapshotId, location, folder: `${location}/data`, schema: SCHEMA, spec: SPEC, manifest, files: [file], rows: 1, size: 1 }
}
