import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { newSnapshotId, systemClock } from '../src/clock.ts'
import type { Catalog, LoadedTable } from '../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../src/iceberg/catalogs/sql-catalog.ts'
import { type PreparedCommit, prepareCommit } from '../src/iceberg/commit.ts'
import type { StagedFiles } from '../src/iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../src/iceberg/evolve.ts'
import { encodeManifest } from '../src/iceberg/manifests.ts'
import { mergeFiles } from '../src/iceberg/merge.ts'
import { ancestors, type TableMetadata } from '../src/iceberg/metadata.ts'
import { liveFiles } from '../src/iceberg/scan.ts'
import { stageFiles } from '../src/iceberg/stage.ts'
import type { Store } from '../src/iceberg/store.ts'
import { localStore } from '../src/iceberg/stores/local.ts'
import { openDuckdb } from '../src/resources/duckdb.ts'
import { appendVersusPyiceberg, appendVersusSpark } from './append/versus.ts'
import { appendMemory, appendVersusCopy } from './append/copy.ts'
import { type Benchmark, inFolder, measure, repeat, type Sample } from './benchmark.ts'

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

export const benchmarks: readonly Benchmark[] = [
  commitAt(1),
  commitAt(100),
  commitAt(1000),
  commitAt(10_000),
  {
    name: 'tables.scan-plan-cold',
    unit: 'ms',
    must: '≤ 150',
    reach: 'all live files of a table of 10,000 files by 1,000 commits, from the name of the table on; nothing is cached but by the system',
    run: () => inFolder((folder) => scanPlans(folder, 'cold')),
  },
  {
    name: 'tables.scan-plan-warm',
    unit: 'ms',
    must: '≤ 20',
    reach: 'the same again in the same process, which remembers manifests',
    run: () => inFolder((folder) => scanPlans(folder, 'warm')),
  },
  {
    name: 'tables.merge-vs-duckdb',
    unit: 'x',
    must: '≤ 1.5',
    reach:
      'merge of 1 % of the keys, all over a table of ten files, copy-on-write and committed, ÷ DuckDB joining the same files and writing the result as one, by turns',
    run: () => inFolder(mergeVersusDuckdb),
  },
  {
    name: 'tables.concurrent',
    unit: 's',
    must: '≤ 5',
    reach:
      'four processes append fifty times each to one table by one catalog, from their start to their end, and commit again when they lose; no commit may be lost',
    run: () => repeat(3, () => inFolder(concurrently)),
  },
  {
    name: 'tables.append-vs-copy',
    unit: 'x',
    must: '≤ 1.1',
    reach: 'core.append-vs-copy: files, manifest, metadata and catalog, all synced, ÷ raw COPY … PARTITION_BY of the same rows, by turns',
    run: () => inFolder(appendVersusCopy),
  },
  {
    name: 'tables.append-memory',
    unit: 'MB',
    must: '≤ 1024',
    reach: 'the largest that a process gets which does the same append and nothing else',
    run: () => inFolder(appendMemory),
  },
  {
    name: 'tables.append-vs-spark',
    unit: 'x',
    must: '≥ 2.5',
    reach: 'Spark `INSERT INTO` with two cores in a warm session ÷ append by Assay: 10,000,000 rows of one file, by day, by turns',
    run: () => inFolder(appendVersusSpark),
  },
  {
    name: 'tables.append-vs-pyiceberg',
    unit: 'x',
    must: '≥ 1.6',
    reach: 'append by PyIceberg, the file read with PyArrow, ÷ append by Assay: the same rows, by day, by turns',
    run: () => inFolder(appendVersusPyiceberg),
  },
]

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
async function grow(
  { store, catalog, files = 1 }: { store: Store; catalog: Catalog; files?: number },
  folder: string,
  commits: number,
): Promise<void> {
  const write = async (path: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
  }
  let base: LoadedTable | undefined
  for (let i = 0; i < commits; i++) {
    const { change, metadata } = await prepared({ ...store, write }, folder, base, files)
    base = { id: ID, metadataLocation: change.metadataLocation, metadata: lastSnapshots(metadata) }
  }
  if (base === undefined) return
  await catalog.commit([{ id: ID, expected: undefined, metadataLocation: base.metadataLocation }])
}

async function prepared(store: Store, folder: string, base: LoadedTable | undefined, files = 1): Promise<PreparedCommit> {
  const staged = await stagedFiles(store, join(folder, 'events'), files)
  return prepareCommit(store, base, { id: ID, staged, overwrite: 'nothing', summary: {}, now: systemClock.now() })
}

async function committed(catalog: Catalog, { change }: PreparedCommit): Promise<void> {
  const outcome = await catalog.commit([change])
  if (outcome.kind !== 'committed') throw new Error(outcome.kind)
}

/** A manifest as staging writes it; its files are not there, since nothing reads them. */
async function stagedFiles(store: Store, location: string, count: number): Promise<StagedFiles> {
  const snapshotId = String(newSnapshotId(systemClock))
  const folder = `${location}/data/${snapshotId}`
  const files = Array.from({ length: count }, (_, i) => ({ path: `${folder}/${i}.parquet`, partition: {}, specId: 0, rows: 1, size: 500 }))
  const { bytes, manifest } = encodeManifest({
    path: `${location}/metadata/${snapshotId}-m0.avro`,
    content: 'data',
    snapshotId,
    spec: SPEC,
    schema: SCHEMA,
    schemas: [SCHEMA],
    entries: files.map((file) => ({
      status: 'added',
      snapshotId,
      sequenceNumber: undefined,
      fileSequenceNumber: undefined,
      file,
      fields: { content: 0, file_path: file.path, file_format: 'PARQUET', record_count: 1, file_size_in_bytes: 500 },
    })),
  })
  await store.write(manifest.path, bytes)
  return { snapshotId, location, folder, schema: SCHEMA, spec: SPEC, manifest, files, rows: count, size: 500 * count }
}

/** As a table is that expires its snapshots. */
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

const openLake = (folder: string): { store: Store; catalog: Catalog } => {
  const store = localStore()
  return { store, catalog: openSqlCatalog({ file: join(folder, 'catalog.db'), warehouse: folder, name: 'bench', store }) }
}

async function scanPlans(folder: string, kind: 'cold' | 'warm'): Promise<readonly Sample[]> {
  const first = openLake(folder)
  await grow({ ...first, files: 10 }, folder, 1000)
  const plan = async (lake: typeof first): Promise<void> => {
    const table = await lake.catalog.load(ID)
    const files = table === undefined ? [] : await liveFiles(lake.store, table.metadata)
    if (files.length !== 10_000) throw new Error(`${files.length} files`)
  }
  await plan(first)
  const samples = await repeat(7, async () => {
    // What was decoded is remembered by store.
    const lake = kind === 'warm' ? first : openLake(folder)
    const began = performance.now()
    await plan(lake)
    const value = performance.now() - began
    if (kind === 'cold') lake.catalog.close()
    return { value, input: { files: 10_000, commits: 1000 } }
  })
  first.catalog.close()
  return samples
}

const ROWS = 10_000_000
const FILES = 10

async function mergeVersusDuckdb(folder: string): Promise<readonly Sample[]> {
  const { store, catalog } = openLake(folder)
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const columns = [
    { name: 'id', type: 'long', nullable: false },
    { name: 'v', type: 'double', nullable: false },
  ] as const
  const { schema } = evolveSchema(undefined, columns, 'bench.events')
  const request = (): { snapshotId: string; location: string; attempt: string; schema: typeof schema; spec: typeof SPEC } => {
    const snapshotId = String(newSnapshotId(systemClock))
    return { snapshotId, location: join(folder, 'events'), attempt: snapshotId, schema, spec: SPEC }
  }
  const query = Array.from({ length: FILES }, (_, i) => ({
    query: `SELECT i AS id, random() AS v FROM range(${(i * ROWS) / FILES}, ${((i + 1) * ROWS) / FILES}) r(i)`,
  }))
  const first = await stageFiles(session, store, { ...request(), query })
  await committed(catalog, await prepareCommit(store, undefined, { id: ID, staged: first, overwrite: 'nothing', summary: {}, now: 1 }))
  const source = `SELECT i * 100 AS id, random() AS v FROM range(${ROWS / 100}) r(i)`
  const samples = await repeat(3, async (run) => {
    const base = await catalog.load(ID)
    if (base === undefined) throw new Error('no table')
    const paths = (await liveFiles(store, base.metadata)).map((file) => `'${file.path}'`).join(', ')
    const plain = performance.now()
    await session.run(`CREATE OR REPLACE TABLE plain_source AS ${source}`)
    await session.run(
      `COPY (SELECT * FROM read_parquet([${paths}]) t ANTI JOIN plain_source s USING (id) UNION ALL SELECT * FROM plain_source) TO '${folder}/plain-${run}.parquet' (FORMAT parquet, COMPRESSION zstd)`,
    )
    const began = performance.now()
    const { staged, rewrite, updated } = await mergeFiles(
      { session, store },
      { ...request(), base: base.metadata, source, keys: ['id'], mode: 'copy-on-write' },
    )
    await committed(catalog, await prepareCommit(store, base, { id: ID, staged, overwrite: rewrite, summary: {}, now: systemClock.now() }))
    const ended = performance.now()
    if (updated !== ROWS / 100) throw new Error(`${updated} rows updated`)
    const extra = { duckdb_s: (began - plain) / 1000, merge_s: (ended - began) / 1000 }
    return { value: (ended - began) / (began - plain), input: { rows: ROWS, source: ROWS / 100, files: FILES }, extra }
  })
  session.close()
  engine.close()
  catalog.close()
  return samples
}

const WRITERS = 4
const EACH = 50
const WRITER = new URL('./append/writer.ts', import.meta.url).pathname

async function concurrently(folder: string): Promise<Sample> {
  const first = openLake(folder)
  await committed(first.catalog, await prepared(first.store, folder, undefined))
  const began = performance.now()
  const ended = await Promise.all(
    Array.from({ length: WRITERS }, () => measure(process.execPath, ['--no-warnings', WRITER, folder, String(EACH)])),
  )
  const seconds = (performance.now() - began) / 1000
  const broken = ended.find(({ code }) => code !== 0)
  if (broken !== undefined) throw new Error(broken.stderr)
  const table = await first.catalog.load(ID)
  const commits = table === undefined ? 0 : ancestors(table.metadata).length - 1
  first.catalog.close()
  if (commits !== WRITERS * EACH) throw new Error(`${commits} of ${WRITERS * EACH} commits are in the table`)
  const rejected = ended.reduce((sum, { stdout }) => sum + Number(stdout), 0)
  return { value: seconds, input: { writers: WRITERS, commits: EACH }, extra: { rejected } }
}

/** Commits to the table of a folder until it has done so often enough; each loss is tried again. @returns the losses */
export async function commitAgainstOthers(folder: string, commits: number): Promise<number> {
  const { store, catalog } = openLake(folder)
  let rejected = 0
  for (let done = 0; done < commits; done++) {
    const staged = await stagedFiles(store, join(folder, 'events'), 1)
    for (;;) {
      const base = await catalog.load(ID)
      const { change } = await prepareCommit(store, base, { id: ID, staged, overwrite: 'nothing', summary: {}, now: systemClock.now() })
      if ((await catalog.commit([change])).kind === 'committed') break
      rejected++
    }
  }
  catalog.close()
  return rejected
}
