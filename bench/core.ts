import { rm, symlink, mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { newSnapshotId, systemClock } from '../src/clock.ts'
import { openSqlCatalog } from '../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../src/iceberg/commit.ts'
import { evolveSchema, partitionSpec } from '../src/iceberg/evolve.ts'
import { stageFiles } from '../src/iceberg/stage.ts'
import { localStore } from '../src/iceberg/stores/local.ts'
import { openDuckdb } from '../src/resources/duckdb.ts'
import type { ColumnSpec } from '../src/schema/column.ts'
import type { SqlSession } from '../src/sql/engine.ts'
import { clickstream } from '../lakehouse/generator/clickstream.ts'
import { clickstreamSettings } from '../lakehouse/settings.ts'
import { type Benchmark, inFolder, measure, type Measured, repeat, type Sample } from './benchmark.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ASSAY = join(ROOT, 'bin/assay.js')

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'core.append-vs-copy',
    unit: 'x',
    must: '≤ 1.3',
    reach:
      'append of random rows by day: files, manifest, metadata and catalog, all synced, ÷ raw COPY … PARTITION_BY of the same rows, by turns',
    run: () => inFolder(appendVersusCopy),
  },
  {
    name: 'core.noop-step',
    unit: 'ms',
    must: '≤ 2',
    reach: 'whole `assay materialize` of independent assets without a schema, events durable, ÷ their number; the manifest is cached',
    run: () => inFolder(noopSteps),
  },
  {
    name: 'core.start',
    unit: 's',
    must: '≤ 60',
    reach: '`npm start -- --once` with nothing there: generate, materialize the lakehouse, show the results',
    run: () => repeat(3, () => inFolder(async (folder) => sampleOf(await start(folder)))),
  },
  {
    name: 'core.start-again',
    unit: 's',
    must: '≤ 2',
    reach: '`npm start -- --once` with all fresh, until the results are shown',
    run: () =>
      inFolder(async (folder) => {
        await start(folder)
        return repeat(5, async () => sampleOf(await start(folder)))
      }),
  },
  {
    name: 'core.generate',
    unit: 'events/s',
    must: '≥ 300000',
    reach: 'the NDJSON bytes of the whole span, in one thread, not written to disk',
    run: () => repeat(3, async () => generate()),
  },
  {
    name: 'core.help',
    unit: 'ms',
    must: '≤ 80',
    reach: '`assay --help` as a whole process, without npx',
    run: () => repeat(15, help),
  },
]

const ROWS = 10_000_000
const COLUMNS: readonly ColumnSpec[] = [
  { name: 'event_id', type: 'long', nullable: false },
  { name: 'user_id', type: 'long', nullable: false },
  { name: 'kind', type: 'string', nullable: false },
  { name: 'ts', type: 'timestamptz', nullable: false },
  { name: 'price', type: 'double', nullable: false },
  { name: 'url', type: 'string', nullable: false },
]

async function appendVersusCopy(folder: string): Promise<readonly Sample[]> {
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const source = `SELECT * FROM '${join(folder, 'source.parquet')}'`
  await session.run(`COPY (
    SELECT i AS event_id, hash(i) % 100000 AS user_id, ['view', 'add_to_cart', 'purchase'][1 + (hash(i + 1) % 3)::BIGINT] AS kind,
      TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((hash(i + 2) % 2592000000000)::BIGINT) AS ts,
      (hash(i + 3) % 10000) / 100 AS price, '/product/' || hash(i + 4) % 5000 AS url
    FROM range(${ROWS}) r(i)) TO '${join(folder, 'source.parquet')}' (FORMAT parquet, COMPRESSION zstd)`)
  const samples = await repeat(3, async (run) => {
    const copy = await timed(() => rawCopy(session, source, join(folder, `copy-${run}`)))
    const append = await timed(() => icebergAppend(session, source, join(folder, `table-${run}`)))
    await rm(join(folder, `copy-${run}`), { recursive: true })
    await rm(join(folder, `table-${run}`), { recursive: true })
    const extra = { copy_s: copy, append_s: append }
    return {
      value: append / copy,
      input: { rows: ROWS, columns: COLUMNS.length, files: 30 },
      memory_mb: process.resourceUsage().maxRSS / 1024,
      extra,
    }
  })
  session.close()
  engine.close()
  return samples
}

const rawCopy = (session: SqlSession, source: string, target: string): Promise<void> =>
  session.run(
    `COPY (SELECT *, ts::DATE AS ts_day FROM (${source})) TO '${target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (ts_day))`,
  )

async function icebergAppend(session: SqlSession, source: string, folder: string): Promise<void> {
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(folder, 'catalog.db'), warehouse: folder, name: 'bench', store })
  const { schema } = evolveSchema(undefined, COLUMNS, 'bench.events')
  const spec = partitionSpec(schema, [{ column: 'ts', transform: 'day' }])
  const request = {
    snapshotId: String(newSnapshotId(systemClock)),
    location: join(folder, 'events'),
    attempt: 'a',
    schema,
    spec,
    query: source,
  }
  const staged = await stageFiles(session, store, request)
  const id = { namespace: 'bench', name: 'events' }
  const prepared = await prepareCommit(store, undefined, { id, staged, overwrite: 'nothing', summary: {}, now: systemClock.now() })
  const outcome = await catalog.commit([prepared.change])
  catalog.close()
  if (outcome.kind !== 'committed' || staged.rows !== ROWS) throw new Error(`${outcome.kind}, ${staged.rows} rows`)
}

/** Seconds. */
async function timed(run: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await run()
  return (performance.now() - began) / 1000
}

const NOOPS = 1000

async function noopSteps(folder: string): Promise<readonly Sample[]> {
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules/assay'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(
    join(folder, 'project.ts'),
    `import { asset, defineProject, typescript } from 'assay'
const assets: Record<string, object> = {}
for (let i = 0; i < ${NOOPS}; i++) {
  const noop = asset(\`noop.n\${i}\`, {})
  noop.from({}, typescript(() => {}))
  assets[\`n\${i}\`] = noop
}
export default defineProject({ name: 'noops', assets })
`,
  )
  const run = (): Promise<Measured> =>
    succeed(measure(process.execPath, [ASSAY, 'materialize', '--force', '--json'], { cwd: folder, env: clean() }))
  await run()
  return repeat(5, async () => {
    const { seconds, memory_mb, stdout } = await run()
    const made = stdout.split('\n').filter((line) => line.includes('"step.succeeded"')).length
    if (made !== NOOPS) throw new Error(`${made} of ${NOOPS} steps succeeded`)
    return { value: (seconds * 1000) / NOOPS, input: { assets: NOOPS }, memory_mb }
  })
}

const start = (folder: string): Promise<Measured> =>
  succeed(
    measure('npm', ['start', '--silent', '--', '--once'], {
      cwd: ROOT,
      env: { ...clean(), ASSAY_HOME: join(folder, 'home'), LAKEHOUSE_LANDING: join(folder, 'landing') },
    }),
  )

const sampleOf = ({ seconds, memory_mb }: Measured): Sample => ({
  value: seconds,
  input: { events: 1_000_000, days: 30, retail_lines: 320_705, assets: 15 },
  memory_mb,
})

function generate(): Sample {
  const settings = clickstreamSettings()
  const source = clickstream(settings)
  const first = Date.parse(`${settings.start}T00:00:00Z`)
  let bytes = 0
  const began = performance.now()
  for (let day = 0; day < settings.days; day++)
    bytes += source.arrivalsOn(new Date(first + day * 86_400_000).toISOString().slice(0, 10)).length
  const seconds = (performance.now() - began) / 1000
  return { value: settings.events / seconds, input: { events: settings.events, days: settings.days }, extra: { bytes } }
}

async function help(): Promise<Sample> {
  const { seconds, memory_mb } = await succeed(measure(process.execPath, [ASSAY, '--help'], { cwd: ROOT, env: clean() }))
  return { value: seconds * 1000, input: {}, memory_mb }
}

/** The environment without settings of a shop that someone has open. */
const clean = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ASSAY_') && !name.startsWith('LAKEHOUSE_')))

async function succeed(running: Promise<Measured>): Promise<Measured> {
  const ended = await running
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr}${ended.stdout.slice(-2000)}`)
  return ended
}
