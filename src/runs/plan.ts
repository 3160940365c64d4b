import { createHash } from 'node:crypto'
import { type Versions, withVersion } from '../assets/column-versions.ts'
import { type AssetSpec, boundTo, type DepSpec } from '../assets/spec.ts'
import { isUnknown, NOTHING_KNOWN } from '../assets/status.ts'
import { type Stale, type VersionStatus, versionStatus } from '../assets/versions.ts'
import type { AssetKey } from '../keys.ts'
import { domain } from '../partitions/interval-map.ts'
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
  readonly action: 'run' | 'observe' | 'reuse' | 'blocked' | 'external'
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
  /** Fresh or not asked for, but other outputs of its compute are due there, and are not made without it. */
  readonly together: readonly { readonly asset: AssetKey; readonly partitions: PartitionSet }[]
  /** External assets that it reads or is, and of which no version is known: that they move will be known from the next observation on. */
  readonly unobserved: readonly AssetKey[]
  /** Names of the checks that gate its publishing. */
  readonly checks: readonly string[]
}

/** One step: one asset, or outputs of one compute, on one partition set, after the steps whose results they read. */
export interface PlannedStep {
  readonly id: string
  /** `observe`: an external asset is asked for its versions. */
  readonly kind: 'make' | 'observe'
  /** In the order in which the compute declares them. */
  readonly assets: readonly AssetKey[]
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
  /** Ask external assets for their versions, and make nothing. */
  readonly observe?: boolean | undefined
}

/**
 * Pure: from the manifest, what is known of each asset, and the time, to what has to run. Idea: SQLMesh's plan as data.
 * @param now milliseconds since the epoch; open-ended partitions end there
 */
export function makePlan(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: PlanRequest, now: number): Plan {
  const planner = new Planner(loaded, states, request, now)
  const groups = jointly(loaded, request.selection)
  const assets = request.observe ? groups.flat().flatMap((spec) => planner.observe(spec)) : groups.flatMap((specs) => planner.decide(specs))
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

const NO_PARTITIONS = {
  run: EMPTY,
  reuse: EMPTY,
  missing: EMPTY,
  because: [],
  blocked: [],
  widened: EMPTY,
  together: [],
  unobserved: [],
  checks: [],
}

/** What is asked of an asset, and what of that is due. */
interface Wish {
  readonly spec: AssetSpec
  readonly wanted: PartitionSet
  readonly status: VersionStatus
  readonly due: PartitionSet
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
  readonly #versions = new Map<AssetKey, Versions>()
  readonly #stepsOf = new Map<AssetKey, PlannedStep[]>()
  readonly #selected: ReadonlySet<AssetKey>

  constructor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: PlanRequest, now: number) {
    this.#loaded = loaded
    this.#states = states
    this.#request = request
    this.#now = now
    this.#selected = new Set(request.selection)
    this.#wanted = wantedPartitions(loaded, request, now)
  }

  /** @param specs one asset, or the outputs of one compute that are made together or may be */
  decide(specs: readonly AssetSpec[]): readonly PlannedAsset[] {
    const wishes = specs.map((spec) => this.#wish(spec))
    const planned = wishes.map((wish) => this.#planned(wish, boundTo(wish.spec).length === 0 ? [wish] : wishes))
    this.#addSteps(specs, planned)
    return planned.filter(({ asset, action }) => this.#selected.has(asset) || action === 'run')
  }

  /** One step for all partitions: who looks at a source sees all of it at once. */
  observe({ key, observe, partitions }: AssetSpec): readonly PlannedAsset[] {
    const run = intersect(universe(partitions, this.#now), this.#wanted.get(key) ?? EMPTY)
    if (observe === undefined || isEmpty(run)) return []
    this.steps.push({ id: `s${this.steps.length + 1}`, kind: 'observe', assets: [key], partitions: run, after: [] })
    return [{ ...NO_PARTITIONS, asset: key, action: 'observe', run }]
  }

  #wish(spec: AssetSpec): Wish {
    const exist = universe(spec.partitions, this.#now)
    const wanted = intersect(this.#wanted.get(spec.key) ?? EMPTY, exist)
    const status = versionStatus(spec, this.#states.get(spec.key) ?? NOTHING_KNOWN, exist, (key) => this.#versionsOf(key))
    return { spec, wanted, status, due: this.#request.force ? wanted : intersect(wanted, union(status.missing, status.stale)) }
  }

  /** @param group the outputs that are made together, itself included. They have the same deps: what blocks one blocks all. */
  #planned({ spec, wanted, status, due: own }: Wish, group: readonly Wish[]): PlannedAsset {
    const due = union(...group.map((wish) => wish.due))
    if (spec.kind === 'external')
      return { ...NO_PARTITIONS, asset: spec.key, action: 'external', unobserved: this.#isUnknown(spec.key) ? [spec.key] : [] }
    const blocked = this.#blockedBy(spec, due)
    const run = subtract(due, union(...blocked.map((b) => b.partitions)))
    return {
      asset: spec.key,
      action: isEmpty(run) ? (isEmpty(due) ? 'reuse' : 'blocked') : 'run',
      run,
      reuse: subtract(wanted, due),
      missing: intersect(run, status.missing),
      because: this.#reasons(status.because, intersect(status.fresh, own), run),
      blocked,
      widened: this.#widened(spec, wanted),
      together: group
        .map((wish) => ({ asset: wish.spec.key, partitions: subtract(intersect(wish.due, run), own) }))
        .filter(({ partitions }) => !isEmpty(partitions)),
      unobserved: isEmpty(run) ? [] : this.#unobserved(spec),
      checks: spec.checks.filter((check) => check.mode === 'block').map((check) => check.name),
    }
  }

  #versionsOf(key: AssetKey): Versions {
    return this.#versions.get(key) ?? this.#states.get(key) ?? NOTHING_KNOWN
  }

  #blockedBy(spec: AssetSpec, due: PartitionSet): PlannedAsset['blocked'] {
    return spec.deps.flatMap((dep) => {
      const upstream = this.#loaded.asset(dep.asset)
      if (upstream === undefined || upstream.kind === 'external') return []
      const exist = universe(upstream.partitions, this.#now)
      const { missing } = upstreamOf(dep.mapping, due, exist, domain(this.#versionsOf(dep.asset).versions))
      return isEmpty(missing) ? [] : [{ dep: dep.asset, missing, partitions: downstreamOf(dep.mapping, missing, due) }]
    })
  }

  /** A step for each slice of partitions on which the same assets are to run. */
  #addSteps(specs: readonly AssetSpec[], planned: readonly PlannedAsset[]): void {
    const [first] = specs
    if (first === undefined) return
    const own: PlannedStep[] = []
    for (const { assets, run } of alike(planned)) {
      for (const partitions of chunks(run, first.backfill.partitionsPerStep)) {
        const after = first.deps.flatMap((dep) => this.#madeFor(dep, partitions))
        own.push({ id: `s${this.steps.length + own.length + 1}`, kind: 'make', assets, partitions, after: [...new Set(after)] })
      }
    }
    this.steps.push(...own)
    for (const { key } of specs) {
      const steps = own.filter((step) => step.assets.includes(key))
      this.#stepsOf.set(key, steps)
      let versions = this.#versionsOf(key)
      for (const step of steps) versions = withVersion(versions, step.partitions, `${PLANNED}${step.id}`)
      this.#versions.set(key, versions)
    }
  }

  /** Steps that make what some partitions read of a dep. */
  #madeFor(dep: DepSpec, partitions: PartitionSet): readonly string[] {
    const reach = reachOf(dep.mapping, partitions, domain(this.#versionsOf(dep.asset).versions))
    return (this.#stepsOf.get(dep.asset) ?? []).filter((step) => !isEmpty(intersect(step.partitions, reach))).map((step) => step.id)
  }

  #reasons(because: readonly Stale[], fresh: PartitionSet, run: PartitionSet): readonly Stale[] {
    const forced = this.#request.force ? [{ partitions: intersect(fresh, run), cause: { kind: 'forced' as const } }] : []
    return [...because, ...forced].map((s) => ({ ...s, partitions: intersect(s.partitions, run) })).filter((s) => !isEmpty(s.partitions))
  }

  #unobserved(spec: AssetSpec): readonly AssetKey[] {
    return [...new Set(spec.deps.map((dep) => dep.asset))].filter((key) => this.#isUnknown(key))
  }

  #isUnknown(key: AssetKey): boolean {
    const spec = this.#loaded.asset(key)
    return spec !== undefined && isUnknown(spec, this.#states.get(key) ?? NOTHING_KNOWN)
  }

  #widened(spec: AssetSpec, wanted: PartitionSet): PartitionSet {
    const asked = askedOf(this.#request, spec.key)
    return asked === undefined || spec.partitions.dim === 'none' ? EMPTY : subtract(wanted, asked)
  }
}

/**
 * The selected assets, each with the selected outputs of its compute, and with those that cannot be made without it, where
 * the first of them stands: the others read the same, so all that they read lies before.
 */
function jointly(loaded: LoadedManifest, selection: readonly AssetKey[]): readonly (readonly AssetSpec[])[] {
  const selected = new Set(selection)
  const seen = new Set<AssetKey>()
  return selection.flatMap((key) => {
    const spec = loaded.asset(key) as AssetSpec
    if (seen.has(key)) return []
    const outputs = Object.values(spec.outputs?.assets ?? { key })
    const group = outputs
      .filter((other) => selected.has(other) || boundTo(spec).includes(other))
      .map((each) => loaded.asset(each) as AssetSpec)
    for (const each of group) seen.add(each.key)
    return [group]
  })
}

/** The partitions to run, by the assets that are to run there. Most often they are the same for all. */
function alike(planned: readonly PlannedAsset[]): readonly { readonly assets: readonly AssetKey[]; readonly run: PartitionSet }[] {
  let parts: { readonly assets: readonly AssetKey[]; readonly run: PartitionSet }[] = []
  for (const { asset, run } of planned) {
    const rest = subtract(run, union(...parts.map((part) => part.run)))
    const divided = parts.flatMap((part) => [
      { assets: [...part.assets, asset], run: intersect(part.run, run) },
      { assets: part.assets, run: subtract(part.run, run) },
    ])
    parts = [...divided, { assets: [asset], run: rest }].filter((part) => !isEmpty(part.run))
  }
  return parts
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
