import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { select, type StatusesOf } from '../assets/selection.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { NOTHING_KNOWN, statusOfAll, statusWordsOf } from '../assets/status.ts'
import { type Clock, newId } from '../clock.ts'
import { CATALOG_NAME, type Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import type { Catalog } from '../iceberg/catalog.ts'
import { directoryCatalog } from '../iceberg/catalogs/directory-catalog.ts'
import { type EnvironmentCatalog, environmentCatalog } from '../iceberg/catalogs/environment-catalog.ts'
import { sqlCatalog } from '../iceberg/catalogs/sql-catalog.ts'
import { sqliteDatabase } from '../iceberg/catalogs/sqlite-database.ts'
import type { Store } from '../iceberg/store.ts'
import { localStore } from '../iceberg/stores/local.ts'
import type { AssetKey } from '../keys.ts'
import type { LogLine } from '../log.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { Registries } from '../partitions/registry.ts'
import { type LoadedManifest, manifestFile } from '../project/manifest.ts'
import { openPostgres } from '../resources/postgres.ts'
import type { RunState, StoreEvent } from '../storage/events.ts'
import { openStorage, openStorageReader } from '../storage/sqlite.ts'
import type { AssetState, StorageReader } from '../storage/storage.ts'
import type { Maintained } from '../tables/maintain.ts'
import { type Heads, loadHeads, type Observation, observe, withObservations } from '../tables/observe.ts'
import { adoption, environmentReader, type Known, knownStates } from './environment.ts'
import type { OnLine } from './executor.ts'
import { childProcesses } from './executors/child-process.ts'
import { makePlan, type Plan } from './plan.ts'
import { refuseOutdated } from './plan-diff.ts'
import { type Recovered, recover } from './recover.ts'
import { bindManifest, lackOfValues, registriesOf, withoutRemoved } from './registries.ts'
import { RunLake } from './run-state.ts'
import { type Supervision, supervise } from './supervise.ts'
import { endPromotions } from './take-over.ts'
import { keepUp, type Upkeep } from './upkeep.ts'
import type { WorkerOptions } from './worker-protocol.ts'

/** The one shape in which work is asked for: by the terminal today, by schedules, sensors and the UI later. */
export interface RunRequest {
  /** In words, for people: `materialize +gold.rfm`. */
  readonly request: string
  /** A selection; undefined: all assets. */
  readonly select?: string | undefined
  /** Of each asset, or the same of all that have days alike. Undefined: all. */
  readonly partitions?: PartitionSet | ReadonlyMap<AssetKey, PartitionSet> | undefined
  readonly force: boolean
  /** Ask external assets for their versions, and make nothing. */
  readonly observe?: boolean | undefined
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

/** What the registries hold now: those of `main` in every environment, so that a number means the same value in all. */
export async function registriesIn({ home, environment }: Settings): Promise<Registries> {
  const storage = openStorageReader({ folder: environment?.mainHome ?? home })
  return storage.registries().finally(() => storage.close())
}

/** The project with its dynamic partitions as they are in the store now. @throws ASSAY-1016 where there are too many */
export const boundToStore = async (settings: Settings, loaded: LoadedManifest): Promise<LoadedManifest> =>
  registriesOf(loaded).size === 0 ? loaded : bindManifest(loaded, await registriesIn(settings))

/** Opens store and catalog for reading; works beside a run. */
export async function inspect(settings: Settings, loaded: LoadedManifest): Promise<Inspection> {
  const storage = openReader(settings)
  const store = localStore()
  const catalog = openCatalog(settings, store)
  const close = (): void => {
    storage.close()
    catalog.close()
  }
  const { states, heads, observations } = await look({ settings, storage, catalog, store }, loaded)
  return { states, heads, observations, storage, catalog, store, close }
}

function openReader({ home, environment }: Settings): StorageReader {
  const own = openStorageReader({ folder: home })
  return environment === undefined ? own : environmentReader(own, openStorageReader({ folder: environment.mainHome }))
}

/** The catalog as it is seen from the environment that one is in. */
export function openCatalog(settings: Settings, store: Store): Catalog | EnvironmentCatalog {
  const catalog = openMainCatalog(settings, store)
  return settings.environment === undefined ? catalog : environmentCatalog(catalog, settings.environment.name)
}

/** The catalog with the tables of all environments, under the names that other engines know them by. */
export function openMainCatalog({ catalog: place, warehouse }: Settings, store: Store): Catalog {
  if (place.kind === 'directory') return directoryCatalog(place.folder, store)
  const database = place.kind === 'sqlite' ? sqliteDatabase(place.file) : openPostgres(place.uri)
  return sqlCatalog(database, { warehouse, name: CATALOG_NAME, store })
}

interface Lookout extends Pick<Inspection, 'storage' | 'catalog' | 'store'> {
  readonly settings: Settings
}

async function look(
  { settings, storage, catalog, store }: Lookout,
  loaded: LoadedManifest,
): Promise<Known & Pick<Inspection, 'heads' | 'observations'> & { readonly recorded: Known['states'] }> {
  const { states, isOwn } = await knownStates(settings, storage, catalog, loaded)
  const heads = await loadHeads(catalog, loaded.manifest.assets)
  const observations = await observe(store, loaded.manifest.assets, heads, states)
  const recorded = withObservations(states, observations)
  return { states: withoutRemoved(loaded, recorded), recorded, isOwn, heads, observations }
}

/** The plan that a request leads to now. @throws ASSAY-4003 for an unknown asset */
export function planFor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: RunRequest, now: number): Plan {
  const { assets } = loaded.manifest
  const selection =
    request.select === undefined ? assets.map((a) => a.key) : select(assets, request.select, statusesIn(assets, states, now))
  const { request: words, partitions, force, observe } = request
  return makePlan(loaded, states, { request: words, selection, partitions, force, observe }, now)
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
  /** Makes what steps run in. Absent: processes that end with the run. */
  readonly workers?: typeof childProcesses
}

/** What a run tells while it goes. */
export interface RunListener {
  recovered(runs: readonly Recovered[]): void
  observed(observations: readonly Observation[]): void
  planned(plan: Plan, runId: string | undefined): void
  /** An event that is durable. */
  event(event: StoreEvent): void
  /** Tables for which it had become due, after the run. */
  maintained(tables: readonly Maintained[]): void
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
  const { settings, clock, listener, request } = options
  const storage = openStorage({ folder: settings.home, clock })
  const store = localStore()
  const catalog = openCatalog(settings, store)
  try {
    const lake = { catalog, store, now: () => clock.now() }
    const recovered = await recover(storage, lake)
    if (recovered.length > 0) listener.recovered(recovered)
    if (settings.environment === undefined) await endPromotions({ storage, catalog, loaded: options.loaded }, settings.home, clock)
    const loaded = await boundToStore(settings, options.loaded)
    const { states, recorded, isOwn, heads, observations } = await look({ settings, storage, catalog, store }, loaded)
    if (observations.length > 0) {
      await storage.append(observations.map((o) => ({ type: 'table.observed' as const, ...o })))
      listener.observed(observations)
    }
    const plan = planFor(loaded, states, request, clock.now())
    if (request.shown !== undefined) refuseOutdated(request.shown, plan, loaded)
    refuseBlocked(plan, loaded)
    const runId = plan.steps.length === 0 ? undefined : newId(clock)
    listener.planned(plan, runId)
    if (runId === undefined) return { runId, plan, state: 'succeeded' }
    const taken = new Set(plan.steps.flatMap((step) => step.assets))
    const foreign = loaded.manifest.assets.filter((spec) => taken.has(spec.key) && !isOwn(spec))
    await storage.append([
      ...foreign.flatMap(({ key }) => adoption(key, recorded.get(key) ?? NOTHING_KNOWN)),
      { type: 'run.created', runId, planId: plan.id, manifestId: loaded.id, request: request.request, steps: plan.steps },
    ])
    const lakeState = new RunLake(loaded, states, heads, settings.warehouse)
    const state = await execute({ ...options, loaded }, { runId, plan, storage, lake, state: lakeState })
    // What stands on the files of `main` is not rearranged.
    if (settings.environment === undefined) await maintain(options, { catalog, store, clock, heads }, plan)
    return { runId, plan, state }
  } finally {
    catalog.close()
    storage.close()
  }
}

/** A run is what it was, also where the upkeep after it fails; it is tried again when it is due again. */
async function maintain({ loaded, listener, signal }: LaunchOptions, upkeep: Upkeep, plan: Plan): Promise<void> {
  if (signal.aborted) return
  const made = new Set(plan.steps.flatMap((step) => step.assets))
  try {
    const done = await keepUp(
      upkeep,
      loaded.manifest.assets.filter((spec) => made.has(spec.key)),
    )
    if (done.length > 0) listener.maintained(done)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    console.error(`warning: tables were not maintained: ${error.message}`)
  }
}

type Created = Pick<Supervision, 'runId' | 'plan' | 'storage' | 'lake' | 'state'>

async function execute(
  { settings, loaded, clock, signal, listener, request, workers = childProcesses }: LaunchOptions,
  created: Created,
): Promise<RunOutcome['state']> {
  const executor = workers(settings.workers, workerOptions(settings, loaded))
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

function refuseBlocked(plan: Plan, loaded: LoadedManifest): void {
  const blocked = plan.assets.find((a) => a.blocked.length > 0)
  const first = blocked?.blocked[0]
  if (blocked === undefined || first === undefined) return
  const [reader, dep] = [loaded.asset(blocked.asset), loaded.asset(first.dep)]
  const lack = reader === undefined || dep === undefined ? undefined : lackOfValues(reader, dep, first)
  if (lack !== undefined) throw lack
  throw new AssayError('ASSAY-3004', `${blocked.asset} needs ${first.dep}, which was not made for the partitions asked for`, {
    next: `Select upstream too: \`assay materialize +${blocked.asset}\`.`,
  })
}

/** Of the machine's memory, that all workers together may take for queries. */
const MEMORY_SHARE = 0.75

function workerOptions(settings: Settings, loaded: LoadedManifest): WorkerOptions {
  const tempFolder = join(settings.home, 'tmp')
  // What workers that were killed have left: no others are at work while the store is open for writing.
  rmSync(tempFolder, { recursive: true, force: true })
  return {
    manifestFile: manifestFile(settings.home, loaded.id),
    root: settings.root,
    projectFile: settings.projectFile,
    home: settings.home,
    threads: availableParallelism(),
    memory: Math.floor((totalmem() * MEMORY_SHARE) / settings.workers),
    tempFolder,
    profile: settings.profile,
  }
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
