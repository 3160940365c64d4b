import type { AssetKey } from '../keys.ts'
import { where } from '../partitions/interval-map.ts'
import { EMPTY, equals, intersect, isEmpty, type PartitionSet, union } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import { downstreamOf } from '../partitions/reach.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import type { AssetState } from '../storage/storage.ts'
import type { AssetSpec } from './spec.ts'
import { type VersionStatus, versionStatus } from './versions.ts'

/** What can be said of an asset in a word. Version status and last attempt are two axes, so several may hold at once. */
export const STATUS_WORDS = ['fresh', 'stale', 'missing', 'outdated', 'failed', 'blocked', 'external', 'unknown'] as const
export type StatusWord = (typeof STATUS_WORDS)[number]

/** Whether it is only known by a version function, which was never asked. */
export const isUnknown = (spec: AssetSpec, { observedAt }: AssetState): boolean => spec.observe !== undefined && observedAt === undefined

/** An asset of which nothing was ever made or seen. */
export const NOTHING_KNOWN: AssetState = { versions: [], made: [], snapshotId: undefined, lastAttempt: [] }

/** Version status of an asset among the others. */
export interface AssetStatus {
  /** All its partitions. */
  readonly exist: PartitionSet
  readonly version: VersionStatus
  /** Fresh, but something that they come from, further up, is stale or missing: when that is made, these may turn stale. */
  readonly outdated: PartitionSet
}

type StateOf = (key: AssetKey) => AssetState | undefined

/**
 * Status of all assets. One walk down the graph, in which each dep is looked at once.
 * @param assets upstream before downstream, as a manifest has them. @param now milliseconds since the epoch
 */
export function statusOfAll(
  assets: readonly AssetSpec[],
  states: ReadonlyMap<AssetKey, AssetState>,
  now: number,
): ReadonlyMap<AssetKey, AssetStatus> {
  const direct = new StatusBoard(assets).update((key) => states.get(key), now)
  const due = new Map<AssetKey, PartitionSet>()
  return new Map(
    assets.map((spec) => {
      const { exist, version } = direct.get(spec.key) ?? NOTHING_SEEN
      const below = spec.deps.map((dep) => downstreamOf(dep.mapping, due.get(dep.asset) ?? EMPTY, exist))
      const outdated = intersect(union(...below), version.fresh)
      if (spec.kind !== 'external') due.set(spec.key, union(version.stale, version.missing, outdated))
      return [spec.key, { exist, version, outdated }]
    }),
  )
}

const NOTHING_SEEN: DirectStatus = { exist: EMPTY, version: { fresh: EMPTY, stale: EMPTY, missing: EMPTY, because: [] } }

/** Status by code and direct inputs. */
export type DirectStatus = Omit<AssetStatus, 'outdated'>

/**
 * Direct status of all assets of a manifest, kept up to date: only what changed, and what reads it, is looked at anew. What
 * is known of an asset is asked for when it is looked at, and not kept, so that ten million partitions fit.
 */
export class StatusBoard {
  readonly #assets: readonly AssetSpec[]
  readonly #statuses = new Map<AssetKey, DirectStatus>()
  /** For each asset the first that is cut alike: what exists of one, exists of the other. */
  readonly #cuts: readonly PartitionsSpec[]

  constructor(assets: readonly AssetSpec[]) {
    this.#assets = assets
    const alike = new Map<string, PartitionsSpec>()
    this.#cuts = assets.map(({ partitions }) => {
      // Of time windows there are many alike; lists of values may be long, and are not written out to be compared.
      if (partitions.dim !== 'time') return partitions
      const text = JSON.stringify(partitions)
      const first = alike.get(text) ?? partitions
      alike.set(text, first)
      return first
    })
  }

  /** @param now milliseconds since the epoch. @param changed what may be other than at the last update; absent: all */
  update(stateOf: StateOf, now: number, changed?: ReadonlySet<AssetKey>): ReadonlyMap<AssetKey, DirectStatus> {
    const universes = new Map(new Set(this.#cuts).values().map((cut) => [cut, universe(cut, now)]))
    for (const [i, spec] of this.#assets.entries()) {
      const exist = universes.get(this.#cuts[i] ?? spec.partitions) ?? EMPTY
      const known = this.#statuses.get(spec.key)
      const isTouched = changed === undefined || changed.has(spec.key) || spec.deps.some((dep) => changed.has(dep.asset))
      if (known !== undefined && !isTouched && equals(known.exist, exist)) continue
      this.#statuses.set(spec.key, { exist, version: versionStatus(spec, stateOf(spec.key) ?? NOTHING_KNOWN, exist, stateOf) })
    }
    return this.#statuses
  }
}

/** All words that hold: `stale` when any partition is, `fresh` when all are. */
export function statusWordsOf(spec: AssetSpec, state: AssetState, { exist, version, outdated }: AssetStatus): ReadonlySet<StatusWord> {
  if (spec.kind === 'external') return new Set(isUnknown(spec, state) ? ['external', 'unknown'] : ['external'])
  const attempt = (...states: readonly string[]): boolean =>
    !isEmpty(
      intersect(
        where(state.lastAttempt, (last) => states.includes(last.state)),
        exist,
      ),
    )
  const words: Record<Exclude<StatusWord, 'external' | 'unknown'>, boolean> = {
    fresh: isEmpty(version.stale) && isEmpty(version.missing),
    stale: !isEmpty(version.stale),
    missing: !isEmpty(version.missing),
    outdated: !isEmpty(outdated),
    failed: attempt('failed', 'lost'),
    blocked: attempt('blocked'),
  }
  return new Set(STATUS_WORDS.filter((word) => word !== 'external' && word !== 'unknown' && words[word]))
}
