import type { AssetKey } from '../keys.ts'
import { where } from '../partitions/interval-map.ts'
import { EMPTY, intersect, isEmpty, type PartitionSet, union } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import { downstreamOf } from '../partitions/reach.ts'
import type { AssetState } from '../storage/storage.ts'
import type { AssetSpec } from './spec.ts'
import { type VersionStatus, versionStatus } from './versions.ts'

/** What can be said of an asset in a word. Version status and last attempt are two axes, so several may hold at once. */
export const STATUS_WORDS = ['fresh', 'stale', 'missing', 'outdated', 'failed', 'blocked', 'external'] as const
export type StatusWord = (typeof STATUS_WORDS)[number]

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

/**
 * Status of all assets. One walk down the graph, in which each dep is looked at once.
 * @param assets upstream before downstream, as a manifest has them. @param now milliseconds since the epoch
 */
export function statusOfAll(
  assets: readonly AssetSpec[],
  states: ReadonlyMap<AssetKey, AssetState>,
  now: number,
): ReadonlyMap<AssetKey, AssetStatus> {
  const statuses = new Map<AssetKey, AssetStatus>()
  const due = new Map<AssetKey, PartitionSet>()
  for (const spec of assets) {
    const exist = universe(spec.partitions, now)
    const version = versionStatus(spec, states.get(spec.key) ?? NOTHING_KNOWN, exist, (key) => states.get(key))
    const below = spec.deps.map((dep) => downstreamOf(dep.mapping, due.get(dep.asset) ?? EMPTY, exist))
    const outdated = intersect(union(...below), version.fresh)
    statuses.set(spec.key, { exist, version, outdated })
    if (spec.kind !== 'external') due.set(spec.key, union(version.stale, version.missing, outdated))
  }
  return statuses
}

/** All words that hold: `stale` when any partition is, `fresh` when all are. */
export function statusWordsOf(spec: AssetSpec, state: AssetState, { exist, version, outdated }: AssetStatus): ReadonlySet<StatusWord> {
  if (spec.kind === 'external') return new Set(['external'])
  const attempt = (...states: readonly string[]): boolean =>
    !isEmpty(
      intersect(
        where(state.lastAttempt, (last) => states.includes(last.state)),
        exist,
      ),
    )
  const words: Record<Exclude<StatusWord, 'external'>, boolean> = {
    fresh: isEmpty(version.stale) && isEmpty(version.missing),
    stale: !isEmpty(version.stale),
    missing: !isEmpty(version.missing),
    outdated: !isEmpty(outdated),
    failed: attempt('failed', 'lost'),
    blocked: attempt('blocked'),
  }
  return new Set(STATUS_WORDS.filter((word) => word !== 'external' && words[word]))
}
