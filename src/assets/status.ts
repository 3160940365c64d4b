import { where } from '../partitions/interval-map.ts'
import { intersect, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import type { AssetState } from '../storage/storage.ts'
import type { AssetSpec } from './spec.ts'
import type { VersionStatus } from './versions.ts'

/** What can be said of an asset in a word. Version status and last attempt are two axes, so several may hold at once. */
export const STATUS_WORDS = ['fresh', 'stale', 'missing', 'failed', 'blocked', 'external', 'unknown'] as const
export type StatusWord = (typeof STATUS_WORDS)[number]

/** Whether it is only known by a version function, which was never asked. */
export const isUnknown = (spec: AssetSpec, { observedAt }: AssetState): boolean => spec.observe !== undefined && observedAt === undefined

/** All words that hold: `stale` when any partition is, `fresh` when all are. @param exist all partitions of the asset */
export function statusWordsOf(spec: AssetSpec, state: AssetState, exist: PartitionSet, version: VersionStatus): ReadonlySet<StatusWord> {
  if (spec.kind === 'external') return new Set(isUnknown(spec, state) ? ['external', 'unknown'] : ['external'])
  const attempt = (...states: readonly string[]): boolean =>
    !isEmpty(
      intersect(
        where(state.lastAttempt, (last) => states.includes(last.state)),
        exist,
      ),
    )
  const due = !isEmpty(version.stale) || !isEmpty(version.missing)
  const words: Record<Exclude<StatusWord, 'external' | 'unknown'>, boolean> = {
    fresh: !due,
    stale: !isEmpty(version.stale),
    missing: !isEmpty(version.missing),
    failed: attempt('failed', 'lost'),
    blocked: attempt('blocked'),
  }
  return new Set(STATUS_WORDS.filter((word) => word !== 'external' && word !== 'unknown' && words[word]))
}
