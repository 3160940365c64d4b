import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { type Clock, newId, newSnapshotId } from '../clock.ts'
import { CATALOG_NAME } from '../config.ts'
import type { StepContext } from '../computes/compute.ts'
import { AssayError } from '../errors.ts'
import { sqlCatalog } from '../iceberg/catalogs/sql-catalog.ts'
import { memoryDatabase } from '../iceberg/catalogs/sqlite-database.ts'
import { temporaryStore } from '../iceberg/stores/temporary.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import type { IntervalMap } from '../partitions/interval-map.ts'
import { normalise, type PartitionSet, WHOLE } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { EngineRow, SqlEngine, SqlSession } from '../sql/engine.ts'
import type { StoreEvent } from '../storage/events.ts'
import type { AssetState } from '../storage/storage.ts'
import { partitionOf, tablesOf } from '../tables/asset-table.ts'
import { loadHeads } from '../tables/observe.ts'
import { type Lake, publish } from '../tables/publish.ts'
import { relationOf } from '../tables/read.ts'
import { stageRows } from '../tables/stage.ts'
import { inProcess } from './executors/in-process.ts'
import { makePlan } from './plan.ts'
import { RunLake } from './run-state.ts'
import { supervise } from './supervise.ts'

/** One asset, made once from given rows. */
export interface Rehearsal {
  /** The asset and what it reads, which are others' to make. */
  readonly loaded: LoadedManifest
  readonly definition: AssetDefinition
  /** The rows of what it reads, by key; by its own, those that its table holds before. */
  readonly given: ReadonlyMap<AssetKey, Iterable<EngineRow>>
  readonly partitions: PartitionSet
  readonly engine: SqlEngine
  readonly clock: Clock
  readonly use: StepContext['use']
  /** Absolute folder that user code lies in. */
  readonly root: string
}

/** What came of it. */
export interface Rehearsed {
  readonly events: readonly StoreEvent[]
  /** What was published: by key where the asset has one, else by all columns. */
  readonly rows: readonly EngineRow[]
  readonly rejects: readonly EngineRow[]
  readonly logs: readonly string[]
}

/**
 * Plans, runs, checks and publishes one asset the way a run does it, in this process and in a folder that is gone when
 * this ends. @throws what a plan and the laying out of rows throw; a step that fails is an event
 */
export async function rehearse(rehearsal: Rehearsal): Promise<Rehearsed> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-rehearsal-'))
  const store = temporaryStore()
  const catalog = sqlCatalog(memoryDatabase(), { warehouse: folder, name: CATALOG_NAME, store })
  const session = await rehearsal.engine.session()
  try {
    const lake = { catalog, store, now: () => rehearsal.clock.now() }
    const states = await layOut(rehearsal, lake, session)
    const { events, logs } = await run(rehearsal, lake, states)
    const [rows = [], rejects = []] = await Promise.all(
      tablesOf(specOf(rehearsal)).map(({ key }) => published(rehearsal, lake, session, key)),
    )
    return { events, logs, rows, rejects }
  } finally {
    session.close()
    catalog.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const specOf = ({ loaded, definition }: Rehearsal): AssetSpec => loaded.asset(definition.key) as AssetSpec

/** What is known of deps when their rows lie in tables. */
async function layOut({ loaded, given, clock }: Rehearsal, lake: Lake, session: SqlSession): Promise<ReadonlyMap<AssetKey, AssetState>> {
  const states = new Map<AssetKey, AssetState>()
  for (const [key, rows] of given) {
    const { rejects: _, write: __, ...spec }: AssetSpec = { ...(loaded.asset(key) as AssetSpec), kind: 'table' }
    const table = `given ${key}`
    const laidOut = session
      .load(table, spec.columns, rows)
      .then(() => publishGiven({ lake, session, clock }, spec, `SELECT * FROM ${quoteIdentifier(table)}`))
    states.set(key, await laidOut.catch((error: unknown) => refuseGiven(spec, error)))
  }
  return states
}

/** Of rows that lie in no partition, or of cells that fit no column: they are those of the test, not those of a compute. */
function refuseGiven({ key, where, partitions }: AssetSpec, error: unknown): never {
  if (!(error instanceof AssayError)) throw error
  const next =
    partitions.dim === 'none' ? 'Mend the row.' : 'Mend the row, or let the clock be later: partitions without an end go up to it.'
  throw new AssayError(error.code, `among the rows given of ${key}: ${error.message}`, {
    where,
    next,
    details: error.details,
    cause: error,
  })
}

interface Tools {
  readonly lake: Lake
  readonly session: SqlSession
  readonly clock: Clock
}

/** Partitions without rows are left out of what is made, so that the last one made is the last one with rows. */
async function publishGiven({ lake, session, clock }: Tools, spec: AssetSpec, query: string): Promise<AssetState> {
  const partitions = universe(spec.partitions, clock.now())
  const snapshotId = String(newSnapshotId(clock))
  const id = newId(clock)
  const { namespace, name } = tableNameOf(spec.key)
  const location = `${lake.catalog.warehouse}/${namespace.replaceAll('.', '/')}/${name}`
  const target = { role: 'rows' as const, snapshotId, location, attemptName: 'given' }
  const tables = await stageRows({ session, store: lake.store, spec, partitions }, [target], query)
  const files = tables.flatMap((table) => table.staged.files)
  const held = files.flatMap((file) => partitionOf(spec, file.partition) ?? []).map((at) => [at, at + 1] as const)
  const made: PartitionSet = spec.partitions.dim === 'none' ? WHOLE : normalise(held)
  const materialization = {
    ...{ id, asset: spec.key, partitions: made, dataVersion: snapshotId, codeVersion: '', inputs: {} },
    ...{ snapshotId, rows: undefined, runId: id, stepId: '', at: clock.now() },
  }
  await publish(lake, { spec, partitions, tables, readFrom: new Map(), materialization })
  const versions: IntervalMap<string> = made.map(([from, to]) => ({ from, to, value: snapshotId }))
  return { versions, made: [], snapshotId, lastAttempt: [] }
}

async function run(
  { loaded, definition, partitions, engine, clock, use, root }: Rehearsal,
  lake: Lake,
  states: ReadonlyMap<AssetKey, AssetState>,
): Promise<Pick<Rehearsed, 'events' | 'logs'>> {
  const { key } = definition
  const events: StoreEvent[] = []
  const logs: string[] = []
  const asked = { request: `test ${key}`, selection: [key], partitions: new Map([[key, partitions]]), force: true }
  await supervise({
    runId: newId(clock),
    plan: makePlan(loaded, states, asked, clock.now()),
    loaded,
    storage: { append: async (appended) => void events.push(...appended) },
    lake,
    state: new RunLake(loaded, states, await loadHeads(lake.catalog, loaded.manifest.assets), lake.catalog.warehouse),
    executor: inProcess({ loaded, store: lake.store, session: () => engine.session(), definition: async () => definition, use }, root),
    clock,
    force: true,
    signal: new AbortController().signal,
    onEvent: () => {},
    logOf: () => (_, text) => logs.push(text),
  })
  return { events, logs }
}

/** Nothing where nothing was published. */
async function published(rehearsal: Rehearsal, lake: Lake, session: SqlSession, key: AssetKey): Promise<readonly EngineRow[]> {
  const head = await lake.catalog.load(tableNameOf(key))
  const snapshotId = head?.metadata.currentSnapshotId
  if (head === undefined || snapshotId === undefined) return []
  const spec = specOf(rehearsal)
  const isOwn = key === spec.key && spec.rowKey.length > 0
  const relation = await relationOf({ store: lake.store, session }, head.metadata, { snapshotId })
  return session.rows(`SELECT * FROM (${relation}) ORDER BY ${isOwn ? spec.rowKey.map(quoteIdentifier).join(', ') : 'ALL'}`)
}
