import { createHash } from 'node:crypto'
import { type Versions, withVersions } from '../assets/column-versions.ts'
import { type AssetSpec, boundTo, type DepSpec } from '../assets/spec.ts'
import { isUnknown, NOTHING_KNOWN } from '../assets/status.ts'
import { type Stale, type VersionStatus, versionStatus } from '../assets/versions.ts'
import type { AssetKey } from '../keys.ts'
import { domain } from '../partitions/interval-map.ts'
import { downstreamOf, reachOf, upstreamOf } from '../partitions/reach.ts'
import { chunks, EMPTY, intersect, isEmpty, type PartitionSet, subtract, union, WHOLE } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
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

/** One for all, as ten thousand assets have fifty thousand empty lists. */
const NONE: readonly never[] = Object.freeze([])

const NO_PARTITIONS = {
  run: EMPTY,
  reuse: EMPTY,
  missing: EMPTY,
  because: NONE,
  blocked: NONE,
  widened: EMPTY,
  together: NONE,
  unobserved: NONE,
  checks: NONE,
}

/** What is asked of an asset, and what of that is due. */
interface Wish {
  readonly spec: AssetSpec
  readonly wanted: PartitionSet
  readonly status: VersionStatus
  readonly due: PartitionSet
}

/** An asset as it will be when the plan has run. */
interface Ahead {
  /** Partitions that this plan makes carry the id of their step. */
  readonly versions: Versions
  /** Those that have a version. */
  readonly made: PartitionSet
  /** The steps that make it, by partitions. */
  readonly steps: readonly PlannedStep[]
}

/** Walks the selection upstream first, keeping what each asset will look like when the plan has run. */
class Planner {
  readonly steps: PlannedStep[] = []
  readonly #loaded: LoadedManifest
  readonly #states: ReadonlyMap<AssetKey, AssetState>
  readonly #request: PlanRequest
  readonly #wanted: ReadonlyMap<AssetKey, PartitionSet>
  readonly #ahead = new Map<AssetKey, Ahead>()
  readonly #selected: ReadonlySet<AssetKey>
  readonly #universeOf: UniverseOf

  constructor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, request: PlanRequest, now: number) {
    this.#loaded = loaded
    this.#states = states
    this.#request = request
    this.#selected = new Set(request.selection)
    this.#universeOf = universesAt(now)
    this.#wanted = wantedPartitions(loaded, request, this.#universeOf)
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
    const run = intersect(this.#universeOf(partitions), this.#wanted.get(key) ?? EMPTY)
    if (observe === undefined || isEmpty(run)) return []
    this.steps.push({ id: `s${this.steps.length + 1}`, kind: 'observe', assets: [key], partitions: run, after: [] })
    return [{ ...NO_PARTITIONS, asset: key, action: 'observe', run }]
  }

  #wish(spec: AssetSpec): Wish {
    const exist = this.#universeOf(spec.partitions)
    const wanted = intersect(this.#wanted.get(spec.key) ?? EMPTY, exist)
    const status = versionStatus(spec, this.#states.get(spec.key) ?? NOTHING_KNOWN, exist, (key) => this.#aheadOf(key).versions)
    return { spec, wanted, status, due: this.#request.force ? wanted : intersect(wanted, union(status.missing, status.stale)) }
  }

  /** @param group the outputs that are made together, itself included. They have the same deps: what blocks one blocks all. */
  #planned({ spec, wanted, status, due: own }: Wish, group: readonly Wish[]): PlannedAsset {
    const due = group.length === 1 ? own : union(...group.map((wish) => wish.due))
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
      together: group.length === 1 ? NONE : togetherWith(group, run, own),
      unobserved: isEmpty(run) ? NONE : this.#unobserved(spec),
      checks: spec.checks.length === 0 ? NONE : spec.checks.filter((check) => check.mode === 'block').map((check) => check.name),
    }
  }

  #aheadOf(key: AssetKey): Ahead {
    const known = this.#ahead.get(key)
    if (known !== undefined) return known
    const versions = this.#states.get(key) ?? NOTHING_KNOWN
    const now = { versions, made: domain(versions.versions), steps: NONE }
    this.#ahead.set(key, now)
    return now
  }

  #blockedBy(spec: AssetSpec, due: PartitionSet): PlannedAsset['blocked'] {
    const blocked: PlannedAsset['blocked'][number][] = []
    for (const dep of isEmpty(due) ? NONE : spec.deps) {
      const upstream = this.#loaded.asset(dep.asset)
      if (upstream === undefined || upstream.kind === 'external') continue
      const { missing } = upstreamOf(dep.mapping, due, this.#universeOf(upstream.partitions), this.#aheadOf(dep.asset).made)
      if (!isEmpty(missing)) blocked.push({ dep: dep.asset, missing, partitions: downstreamOf(dep.mapping, missing, due) })
    }
    return blocked.length === 0 ? NONE : blocked
  }

  /** A step for each slice of partitions on which the same assets are to run. */
  #addSteps(specs: readonly AssetSpec[], planned: readonly PlannedAsset[]): void {
    const [first] = specs
    if (first === undefined) return
    const own: PlannedStep[] = []
    for (const { assets, run } of alike(planned)) {
      for (const partitions of chunks(run, first.backfill.partitionsPerStep)) {
        const step: PlannedStep = {
          id: `s${this.steps.length + 1}`,
          kind: 'make',
          assets,
          partitions,
          after: this.#before(first.deps, partitions),
        }
        own.push(step)
        this.steps.push(step)
      }
    }
    if (own.length > 0) for (const { key } of specs) this.#lookAhead(key, own)
  }

  #lookAhead(key: AssetKey, made: readonly PlannedStep[]): void {
    const steps = made.filter((step) => step.assets.includes(key)).sort((a, b) => firstOf(a.partitions) - firstOf(b.partitions))
    const written = steps.flatMap(({ id, partitions }) => partitions.map(([from, to]) => ({ from, to, value: `${PLANNED}${id}` })))
    const versions = withVersions(this.#aheadOf(key).versions, written)
    this.#ahead.set(key, { versions, made: domain(versions.versions), steps })
  }

  /** Steps that make what some partitions read. */
  #before(deps: readonly DepSpec[], partitions: PartitionSet): readonly string[] {
    const ids = new Set<string>()
    for (const dep of deps) {
      const { steps, made } = this.#aheadOf(dep.asset)
      if (steps.length > 0)
        for (const { id } of among(
          steps,
          reachOf(dep.mapping, partitions, () => made),
        ))
          ids.add(id)
    }
    return ids.size === 0 ? NONE : [...ids]
  }

  #reasons(because: readonly Stale[], fresh: PartitionSet, run: PartitionSet): readonly Stale[] {
    if (because.length === 0 && !this.#request.force) return NONE
    const forced = this.#request.force ? [{ partitions: intersect(fresh, run), cause: { kind: 'forced' as const } }] : []
    return [...because, ...forced].map((s) => ({ ...s, partitions: intersect(s.partitions, run) })).filter((s) => !isEmpty(s.partitions))
  }

  #unobserved(spec: AssetSpec): readonly AssetKey[] {
    const unknown = spec.deps.map((dep) => dep.asset).filter((key) => this.#isUnknown(key))
    return unknown.length === 0 ? NONE : [...new Set(unknown)]
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

/** What other outputs of a group are due for where one runs. @param own what that one is due for by itself */
const togetherWith = (group: readonly Wish[], run: PartitionSet, own: PartitionSet): PlannedAsset['together'] =>
  group
    .map((wish) => ({ asset: wish.spec.key, partitions: subtract(intersect(wish.due, run), own) }))
    .filter(({ partitions }) => !isEmpty(partitions))

const firstOf = (set: PartitionSet): number => set[0]?.[0] ?? 0

/** Of steps by partitions, each of one interval, those that touch a set. What lies outside is passed over. */
function among(steps: readonly PlannedStep[], set: PartitionSet): readonly PlannedStep[] {
  if (steps.length === 1) return isEmpty(intersect(steps[0]?.partitions ?? EMPTY, set)) ? NONE : steps
  const found: PlannedStep[] = []
  for (const [from, to] of set) {
    let at = firstEndingAfter(steps, from)
    for (; at < steps.length && firstOf(steps[at]?.partitions ?? EMPTY) < to; at++) found.push(steps[at] as PlannedStep)
  }
  return found
}

/** Index of the first step that makes a partition behind one, or that one. */
function firstEndingAfter(steps: readonly PlannedStep[], partition: number): number {
  let [low, high] = [0, steps.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((steps[middle]?.partitions.at(-1)?.[1] ?? 0) <= partition) low = middle + 1
    else high = middle
  }
  return low
}

/** The partitions to run, by the assets that are to run there. Most often they are the same for all. */
function alike(planned: readonly PlannedAsset[]): readonly { readonly assets: readonly AssetKey[]; readonly run: PartitionSet }[] {
  const [first] = planned
  if (first !== undefined && planned.length === 1) return isEmpty(first.run) ? NONE : [{ assets: [first.asset], run: first.run }]
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

type UniverseOf = (spec: PartitionsSpec) => PartitionSet

/** All partitions there are at a time, found once for each spec: an asset is looked at by each of its readers. */
function universesAt(now: number): UniverseOf {
  const known = new Map<PartitionsSpec, PartitionSet>()
  return (spec) => {
    const exist = known.get(spec) ?? universe(spec, now)
    known.set(spec, exist)
    return exist
  }
}

/** The asked-for partitions of each asset, and those that its selected readers need of it. Readers first. */
function wantedPartitions(loaded: LoadedManifest, request: PlanRequest, universeOf: UniverseOf): ReadonlyMap<AssetKey, PartitionSet> {
  const wanted = new Map<AssetKey, PartitionSet>()
  for (const key of [...request.selection].reverse()) {
    const spec = loaded.asset(key) as AssetSpec
    const exist = universeOf(spec.partitions)
    const asked = spec.partitions.dim === 'none' ? WHOLE : (askedOf(request, key) ?? exist)
    const mine = intersect(exist, union(asked, wanted.get(key) ?? EMPTY))
    wanted.set(key, mine)
    for (const dep of spec.deps) {
      if (dep.mapping.kind !== 'all')
        wanted.set(
          dep.asset,
          union(
            wanted.get(dep.asset) ?? EMPTY,
            reachOf(dep.mapping, mine, () => EMPTY),
          ),
        )
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
