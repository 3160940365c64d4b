import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { newSnapshotId, systemClock } from '../src/clock.ts'
import type { Catalog, LoadedTable } from '../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../src/iceberg/catalogs/sql-catalog.ts'
import { type PreparedCommit, prepareCommit } from '../src/iceberg/commit.ts'
import type { StagedFiles } from '../src/iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../src/iceberg/evolve.ts'
import { encodeManifest } from '../src/iceberg/manifests.ts'
import { ancestors, type TableMetadata } from '../src/iceberg/metadata.ts'
import type { Store } from '../src/iceberg/store.ts'
import { localStore } from '../src/iceberg/stores/local.ts'
import { type Benchmark, type Sample } from './benchmark.ts'

const ID = { namespace: 'bench', name: 'events' }
const { schema: SCHEMA } = evolveSchema(undefined, [{ name: 'id', type: 'long', nullable: false }], 'bench.events')
const SPEC = partitionSpec(SCHEMA, [])

const commitAt = (n: number): Benchmark => ({
  name: `tables.commit-${n}`,
  unit: 'ms',
  must: '≤ 10, and within 20 % of tables.commit-1',
  reach: `an append to a table after ${n - 1} others: load, manifest, manifest list and metadata, all synced, and the catalog; the median of 31 in a row, with manifests merged and snapshots kept to the last 100`,
  run: () => inFolder((folder) => commitsAfter(folder, n - 1)),
})

export const benchmarks: readonly Benchmark[] = [commitAt(1), commitAt(100), commitAt(1000), commitAt(10_000)]

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-bench-'))
  try {
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const COMMITS = 31
const RETAINED = 100

async function commitsAfter(folder: string, before: number): Promise<readonly Sample[]> {
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(folder, 'catalog.db'), warehouse: folder, name: 'bench', store })
  await grow({ store, catalog }, folder, before)
  const samples: Sample[] = []
  for (let i = 0; i < COMMITS; i++) {
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    const base = await catalog.load(ID)
    await committed(catalog, await prepared(store, folder, base))
    const { user, system } = process.cpuUsage(cpu)
    samples.push({ value: performance.now() - began, input: { commits: before }, extra: { cpu_ms: (user + system) / 1000 } })
  }
  catalog.close()
  return samples
}

/** The same commits without syncing, for the history. */
async function grow({ store, catalog }: { store: Store; catalog: Catalog }, folder: string, commits: number): Promise<void> {
  const write = async (path: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
  }
  let base: LoadedTable | undefined
  for (let i = 0; i < commits; i++) {
    const { change, metadata } = await prepared({ ...store, write }, folder, base)
    base = { id: ID, metadataLocation: change.metadataLocation, metadata }
  }
  if (base === undefined) return
  await catalog.commit([{ id: ID, expected: undefined, metadataLocation: base.metadataLocation }])
}

async function prepared(store: Store, folder: string, base: LoadedTable | undefined): Promise<PreparedCommit> {
  const staged = await stagedRow(store, join(folder, 'events'))
  return prepareCommit(store, base, { id: ID, staged, overwrite: 'nothing', summary: {}, now: systemClock.now(), retain: lastSnapshots })
}

async function committed(catalog: Catalog, { change }: PreparedCommit): Promise<void> {
  const outcome = await catalog.commit([change])
  if (outcome.kind !== 'committed') throw new Error(outcome.kind)
}

/** A manifest as staging writes it; its file is not there, since nothing reads it. */
async function stagedRow(store: Store, location: string): Promise<StagedFiles> {
  const snapshotId = String(newSnapshotId(systemClock))
  const folder = `${location}/data/${snapshotId}`
  const file = { path: `${folder}/data.parquet`, partition: {}, specId: 0, rows: 1, size: 500 }
  const fields = { content: 0, file_path: file.path, file_format: 'PARQUET', record_count: 1, file_size_in_bytes: 500 }
  const { bytes, manifest } = encodeManifest({
    path: `${location}/metadata/${snapshotId}-m0.avro`,
    content: 'data',
    snapshotId,
    spec: SPEC,
    schema: SCHEMA,
    schemas: [SCHEMA],
    entries: [{ status: 'added', snapshotId, sequenceNumber: undefined, fileSequenceNumber: undefined, file, fields }],
  })
  await store.write(manifest.path, bytes)
  return { snapshotId, location, folder, schema: SCHEMA, spec: SPEC, manifest, files: [file], rows: 1, size: 500 }
}

function lastSnapshots(metadata: TableMetadata): TableMetadata {
  const kept = new Set(
    ancestors(metadata)
      .slice(0, RETAINED)
      .map((snapshot) => snapshot.id),
  )
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter((snapshot) => kept.has(snapshot.id)),
    snapshotLog: metadata.snapshotLog.filter((entry) => kept.has(entry.snapshotId)),
  }
}
