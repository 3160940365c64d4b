import { createHash } from 'node:crypto'
import type { AssetSpec } from '../assets/spec.ts'
import { type Stale, versionStatus } from '../assets/versions.ts'
import type { AssetKey } from '../keys.ts'
import { assign, domain, type IntervalMap } from '../partitions/interval-map.ts'
import { downstreamOf, reachOf, upstreamOf } from '../partitions/reach.ts'
import { chunks, EMPTY, intersect, isEmpty, type PartitionSet, subtract, union, WHOLE } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { AssetState } from '../storage/storage.ts'
import { type NamedIds, namesOf } from './registries.ts'

/** One asset of a plan. */
export interface PlannedAsset {
  readonly asset: AssetKey
  /** `external`: made by others, only looked at. */
  readonly action: 'run' | 'reuse' | 'blocked' | 'external'
  readonly run: PartitionSet
  /** Fresh, so not made again. */
  readonly reuse: PartitionSet
  /** Those to run that were never made. */
  readonly missing: PartitionSet
  /** Why those of `run` that were made before are made again. */
  readonly because: readonly Stale[]
  /** To run, but partitions of deps are missing that this plan does not make. */
  readonly blocked: readonly { readonly dep: AssetKey; readonly missing: PartitionSet; readonly partitions: PartitionSet }[]
  /** Partitions beyond those asked for, because a selected reader needs them. */
  readonly widened: PartitionSet
  /** Names of the checks that gate its publishing. */
  readonly checks: readonly string[]
}

/** One step: one asset on one partition set, after the steps whose results it reads. */
export interface PlannedStep {
  readonly id: string
  readonly asset: AssetKey
  readonly partitions: PartitionSet
  readonly after: readonly string[]
}

/** What will run, on which partitions, and why: the same object is shown and executed. */
export interface Plan {
  readonly formatVersion: 1
  /** Hash of its content. */
  readonly id: string
  readonly manifestId: string
  /** What was asked for, in words. */
  readonly request: string
  readonly assets: readonly PlannedAsset[]
  readonly steps: readonly PlannedStep[]
  /** The values of dynamic partitions that it is about, so that it says the same to any store. */
  readonly values?: NamedIds
}

export interface PlanRequest {
  readonly request: string
  /** In topological order. */
  readonly selection: readonly AssetKey[]
  /** Of each asset, or the same of all that have days alike. Undefined: all. */
  readonly partitions?: PartitionSet | ReadonlyMap<AssetKey, PartitionSet> | undefined
  /** Make also what is fresh. */
  readonly force: boolean
}

export const NOTHING_KNOWN: AssetState = { versions: [], made: [], snapshotId: undefined, lastAttempt: [] }

/**
 * Pure: from the manifest, what is known of each asset, and the time, to what has to run. Idea: SQLMesh's plan as data.
 * @param now milliseconds since the epoch; open-ended partitions end there
 */
export function makePlan(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: PlanRequest, now: number): Plan {
  const planner = new Planner(loaded, states, request, now)
  const assets = request.selection.map((key) => planner.decide(loaded.asset(key) as AssetSpec))
  const values = namesOf(
    loaded,
    assets.map(({ asset, run, blocked }) => [asset, union(run, ...blocked.map((b) => b.partitions))]),
  )
  const content = {
    formatVersion: 1 as const,
    manifestId: loaded.id,
    request: request.request,
    assets,
    steps: planner.steps,
    ...(values === undefined ? {} : { values }),
  }
  const id = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12)
  return deepFreeze({ id, ...content })
}

/** Walks the selection upstream first, keeping what each asset will look like when the plan has run. */
class Planner {
  readonly steps: PlannedStep[] = []
  readonly #loaded: LoadedManifest
  readonly #states: ReadonlyMap<AssetKey, AssetState>
  readonly #request: PlanRequest
  readonly #now: number
  readonly #wanted: ReadonlyMap<AssetKey, PartitionSet>
  /** Data versions as they will be: partitions that this plan makes carry the id of their step. */
  readonly #versions = new Map<AssetKey, IntervalMap<string>>()
  readonly #stepsOf = new Map<AssetKey, PlannedStep[]>()

  constructor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: PlanRequest, now: number) {
    this.#loaded = loaded
    this.#states = states
    this.#request = request
    this.#now = now
    this.#wanted = wantedPartitions(loaded, request, now)
  }

  decide(spec: AssetSpec): PlannedAsset {
    const nothing = { asset: spec.key, run: EMPTY, reuse: EMPTY, missing: EMPTY, because: [], blocked: [], widened: EMPTY, checks: [] }
    if (spec.kind === 'external') return { ...nothing, action: 'external' }
    const exist = universe(spec.partitions, this.#now)
    const wanted = this.#wanted.get(spec.key) ?? EMPTY
    const state = this.#states.get(spec.key) ?? NOTHING_KNOWN
    const status = versionStatus(spec, state, exist, (key) => this.#versionsOf(key))
    const due = this.#request.force ? wanted : intersect(wanted, union(status.missing, status.stale))
    const blocked = this.#blockedBy(spec, due)
    const run = subtract(due, union(...blocked.map((b) => b.partitions)))
    this.#addSteps(spec, run)
    return {
      asset: spec.key,
      action: isEmpty(run) ? (isEmpty(due) ? 'reuse' : 'blocked') : 'run',
      run,
      reuse: subtract(wanted, due),
      missing: intersect(run, status.missing),
      because: this.#reasons(status.because, status.fresh, run),
      blocked,
      widened: this.#widened(spec, wanted),
      checks: spec.checks.filter((check) => check.mode === 'block').map((check) => check.name),
    }
  }

  #versionsOf(key: AssetKey): IntervalMap<string> {
    return this.#versions.get(key) ?? this.#states.get(key)?.versions ?? []
  }

  #blockedBy(spec: AssetSpec, due: PartitionSet): PlannedAsset['blocked'] {
    return spec.deps.flatMap((dep) => {
      const upstream = this.#loaded.asset(dep.asset)
      if (upstream === undefined || upstream.kind === 'external') return []
      const exist = universe(upstream.partitions, this.#now)
      const { missing } = upstreamOf(dep.mapping, due, exist, domain(this.#versionsOf(dep.asset)))
      return isEmpty(missing) ? [] : [{ dep: dep.asset, missing, partitions: downstreamOf(dep.mapping, missing, due) }]
    })
  }

  #addSteps(spec: AssetSpec, run: PartitionSet): void {
    const own: PlannedStep[] = []
    for (const partitions of chunks(run, spec.backfill.partitionsPerStep)) {
      const after = spec.deps.flatMap((dep) => {
        const reach = reachOf(dep.mapping, partitions, domain(this.#versionsOf(dep.asset)))
        return (this.#stepsOf.get(dep.asset) ?? []).filter((step) => !isEmpty(intersect(step.partitions, reach))).map((step) => step.id)
      })
      own.push({ id: `s${this.steps.length + own.length + 1}`, asset: spec.key, partitions, after: [...new Set(after)] })
    }
    this.steps.push(...own)
    this.#stepsOf.set(spec.key, own)
    let versions = this.#versionsOf(spec.key)
    for (const step of own) versions = assign(versions, step.partitions, `${PLANNED}${step.id}`)
    this.#versions.set(spec.key, versions)
  }

  #reasons(because: readonly Stale[], fresh: PartitionSet, run: PartitionSet): readonly Stale[] {
    const forced = this.#request.force ? [{ partitions: intersect(fresh, run), cause: { kind: 'forced' as const } }] : []
    return [...because, ...forced].map((s) => ({ ...s, partitions: intersect(s.partitions, run) })).filter((s) => !isEmpty(s.partitions))
  }

  #widened(spec: AssetSpec, wanted: PartitionSet): PartitionSet {
    const asked = askedOf(this.#request, spec.key)
    return asked === undefined || spec.partitions.dim === 'none' ? EMPTY : subtract(wanted, asked)
  }
}

/** In a plan, the data version that a partition will get from this plan. */
const PLANNED = 'plan:'
export const isPlanned = (version: string): boolean => version.startsWith(PLANNED)

const askedOf = ({ partitions }: PlanRequest, key: AssetKey): PartitionSet | undefined =>
  partitions !== undefined && 'get' in partitions ? (partitions.get(key) ?? EMPTY) : partitions

/** The asked-for partitions of each asset, and those that its selected readers need of it. Readers first. */
function wantedPartitions(loaded: LoadedManifest, request: PlanRequest, now: number): ReadonlyMap<AssetKey, PartitionSet> {
  const wanted = new Map<AssetKey, PartitionSet>()
  for (const key of [...request.selection].reverse()) {
    const spec = loaded.asset(key) as AssetSpec
    const exist = universe(spec.partitions, now)
    const asked = spec.partitions.dim === 'none' ? WHOLE : (askedOf(request, key) ?? exist)
    const mine = intersect(exist, union(asked, wanted.get(key) ?? EMPTY))
    wanted.set(key, mine)
    for (const dep of spec.deps) {
      if (dep.mapping.kind !== 'all') wanted.set(dep.asset, union(wanted.get(dep.asset) ?? EMPTY, reachOf(dep.mapping, mine, EMPTY)))
    }
  }
  return wanted
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
