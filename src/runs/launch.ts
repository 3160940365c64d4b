import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { select, type StatusesOf } from '../assets/selection.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { NOTHING_KNOWN, statusOfAll, statusWordsOf } from '../assets/status.ts'
import { type Clock, newId } from '../clock.ts'
import { CATALOG_NAME, type CatalogPlace, type Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import type { Catalog } from '../iceberg/catalog.ts'
import { sqlCatalog } from '../iceberg/catalogs/sql-catalog.ts'
import { sqliteDatabase } from '../iceberg/catalogs/sqlite-database.ts'
import type { Store } from '../iceberg/store.ts'
import { localStore } from '../iceberg/stores/local.ts'
import type { AssetKey } from '../keys.ts'
import type { LogLine } from '../log.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { type LoadedManifest, manifestFile } from '../project/manifest.ts'
import { openPostgres } from '../resources/postgres.ts'
import type { Database } from '../sql/database.ts'
import type { RunState, StoreEvent } from '../storage/events.ts'
import { openStorage, openStorageReader } from '../storage/sqlite.ts'
import type { AssetState, StorageReader } from '../storage/storage.ts'
import { type Heads, loadHeads, type Observation, observe, withObservations } from '../tables/observe.ts'
import type { OnLine } from './executor.ts'
import { childProcesses } from './executors/child-process.ts'
import { makePlan, type Plan } from './plan.ts'
import { refuseOutdated } from './plan-diff.ts'
import { type Recovered, recover } from './recover.ts'
import { RunLake } from './run-state.ts'
import { type Supervision, supervise } from './supervise.ts'

/** The one shape in which work is asked for: by the terminal today, by schedules, sensors and the UI later. */
export interface RunRequest {
  /** In words, for people: `materialize +gold.rfm`. */
  readonly request: string
  /** A selection; undefined: all assets. */
  readonly select?: string | undefined
  /** Of each asset, or the same of all that have days alike. Undefined: all. */
  readonly partitions?: PartitionSet | ReadonlyMap<AssetKey, PartitionSet> | undefined
  readonly force: boolean
  /** Run only if this is still the plan. */
  readonly shown?: Plan | undefined
}

/** A project with what is known of it, for reading. */
export interface Inspection {
  readonly states: ReadonlyMap<AssetKey, AssetState>
  readonly heads: Heads
  /** What others did to the tables since the last run. */
  readonly observations: readonly Observation[]
  readonly storage: StorageReader
  readonly catalog: Catalog
  readonly store: Store
  close(): void
}

/** Opens store and catalog for reading; works beside a run. */
export async function inspect(settings: Settings, loaded: LoadedManifest): Promise<Inspection> {
  const storage = openStorageReader({ folder: settings.home })
  const store = localStore()
  const catalog = openCatalog(settings, store)
  const close = (): void => {
    storage.close()
    catalog.close()
  }
  return { ...(await look(storage, catalog, store, loaded)), storage, catalog, store, close }
}

export const openCatalog = (settings: Settings, store: Store): Catalog =>
  sqlCatalog(databaseOf(settings.catalog), { warehouse: settings.warehouse, name: CATALOG_NAME, store })

const databaseOf = (place: CatalogPlace): Database => (place.kind === 'sqlite' ? sqliteDatabase(place.file) : openPostgres(place.uri))

async function look(
  storage: StorageReader,
  catalog: Catalog,
  store: Store,
  loaded: LoadedManifest,
): Promise<Pick<Inspection, 'states' | 'heads' | 'observations'>> {
  const states = await storage.assetStates()
  const heads = await loadHeads(catalog, loaded.manifest.assets)
  const observations = await observe(store, loaded.manifest.assets, heads, states)
  return { states: withObservations(states, observations), heads, observations }
}

/** The plan that a request leads to now. @throws ASSAY-4003 for an unknown asset */
export function planFor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: RunRequest, now: number): Plan {
  const { assets } = loaded.manifest
  const selection =
    request.select === undefined ? assets.map((a) => a.key) : select(assets, request.select, statusesIn(assets, states, now))
  return makePlan(loaded, states, { request: request.request, selection, partitions: request.partitions, force: request.force }, now)
}

/** Status words for `status:` in a selection; worked out when it is first asked for. @param now milliseconds since the epoch */
export function statusesIn(assets: readonly AssetSpec[], states: ReadonlyMap<AssetKey, AssetState>, now: number): StatusesOf {
  let all: ReturnType<typeof statusOfAll> | undefined
  return (spec) => {
    all ??= statusOfAll(assets, states, now)
    const status = all.get(spec.key)
    return status === undefined ? new Set() : statusWordsOf(spec, states.get(spec.key) ?? NOTHING_KNOWN, status)
  }
}

export interface LaunchOptions {
  readonly settings: Settings
  readonly loaded: LoadedManifest
  readonly request: RunRequest
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly listener: RunListener
}

/** What a run tells while it goes. */
export interface RunListener {
  recovered(runs: readonly Recovered[]): void
  observed(observations: readonly Observation[]): void
  planned(plan: Plan, runId: string | undefined): void
  /** An event that is durable. */
  event(event: StoreEvent): void
}

export interface RunOutcome {
  /** Undefined when there was nothing to run. */
  readonly runId: string | undefined
  readonly plan: Plan
  readonly state: Exclude<RunState, 'running'>
}

/**
 * Plans and runs: the one way from a request to a result. Takes the store for writing, resolves what an earlier process
 * left open, takes in what others wrote, plans, persists the run, then walks it.
 * @throws ASSAY-3001 when another process is writing, ASSAY-3004 when upstream partitions are missing, ASSAY-3011 when
 * another plan was shown
 */
export async function launch(options: LaunchOptions): Promise<RunOutcome> {
  const { settings, loaded, clock, listener, request } = options
  const storage = openStorage({ folder: settings.home, clock })
  const store = localStore()
  const catalog = openCatalog(settings, store)
  try {
    const lake = { catalog, store, now: () => clock.now() }
    const recovered = await recover(storage, lake)
    if (recovered.length > 0) listener.recovered(recovered)
    const { states, heads, observations } = await look(storage, catalog, store, loaded)
    if (observations.length > 0) {
      await storage.append(observations.map((o) => ({ type: 'table.observed' as const, ...o })))
      listener.observed(observations)
    }
    const plan = planFor(loaded, states, request, clock.now())
    if (request.shown !== undefined) refuseOutdated(request.shown, plan, loaded)
    refuseBlocked(plan)
    const runId = plan.steps.length === 0 ? undefined : newId(clock)
    listener.planned(plan, runId)
    if (runId === undefined) return { runId, plan, state: 'succeeded' }
    await storage.append([
      { type: 'run.created', runId, planId: plan.id, manifestId: loaded.id, request: request.request, steps: plan.steps },
    ])
    const lakeState = new RunLake(loaded, states, heads, settings.warehouse)
    return { runId, plan, state: await execute(options, { runId, plan, storage, lake, state: lakeState }) }
  } finally {
    catalog.close()
    storage.close()
  }
}

type Created = Pick<Supervision, 'runId' | 'plan' | 'storage' | 'lake' | 'state'>

async function execute(
  { settings, loaded, clock, signal, listener, request }: LaunchOptions,
  created: Created,
): Promise<RunOutcome['state']> {
  const executor = executorFor(settings, loaded)
  const complain = complainOnce()
  const logOf = (stepId: string, attempt: number): OnLine => {
    const keep = logTo(settings, clock, { runId: created.runId, stepId, attempt })
    return (...line) => {
      try {
        keep(...line)
      } catch (error) {
        complain(error)
      }
    }
  }
  try {
    const state = await supervise({
      ...created,
      loaded,
      executor,
      clock,
      force: request.force,
      signal,
      logOf,
      onEvent: (event) => listener.event(event),
    })
    await executor.close()
    return state
  } finally {
    executor.kill()
  }
}

/** What steps print is no part of their result: a run does not end where it cannot be kept. */
function complainOnce(): (error: unknown) => void {
  let told = false
  return (error) => {
    if (!told) console.error(`warning: what steps print cannot be kept: ${error instanceof Error ? error.message : String(error)}`)
    told = true
  }
}

function refuseBlocked(plan: Plan): void {
  const blocked = plan.assets.find((a) => a.blocked.length > 0)
  const first = blocked?.blocked[0]
  if (blocked === undefined || first === undefined) return
  throw new AssayError('ASSAY-3004', `${blocked.asset} needs ${first.dep}, which was not made for the partitions asked for`, {
    next: `Select upstream too: \`assay materialize +${blocked.asset}\`.`,
  })
}

/** Of the machine's memory, that all workers together may take for queries. */
const MEMORY_SHARE = 0.75

function executorFor(settings: Settings, loaded: LoadedManifest): ReturnType<typeof childProcesses> {
  const tempFolder = join(settings.home, 'tmp')
  // What workers that were killed have left: no others are at work while the store is open for writing.
  rmSync(tempFolder, { recursive: true, force: true })
  return childProcesses(settings.workers, {
    manifestFile: manifestFile(settings.home, loaded.id),
    root: settings.root,
    projectFile: settings.projectFile,
    home: settings.home,
    threads: availableParallelism(),
    memory: Math.floor((totalmem() * MEMORY_SHARE) / settings.workers),
    tempFolder,
    profile: settings.profile,
  })
}

/** The file that the lines of an attempt are kept in, one JSON object a line. */
export const logFile = (
  settings: Settings,
  attempt: { readonly runId: string; readonly stepId: string; readonly attempt: number },
): string => join(settings.home, 'logs', attempt.runId, `${attempt.stepId}-${attempt.attempt}.jsonl`)

function logTo(
  settings: Settings,
  clock: Clock,
  attempt: { readonly runId: string; readonly stepId: string; readonly attempt: number },
): OnLine {
  const file = logFile(settings, attempt)
  let made = false
  return (stream, text) => {
    if (!made) mkdirSync(join(file, '..'), { recursive: true })
    made = true
    const line: LogLine = { at: clock.now(), stream, text }
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
}
