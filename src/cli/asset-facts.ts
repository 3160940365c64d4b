import type { AssetSpec } from '../assets/spec.ts'
import type { StatusWord } from '../assets/status.ts'
import { type VersionStatus, versionStatus } from '../assets/versions.ts'
import type { LoadedTable } from '../iceberg/catalog.ts'
import { snapshotOf } from '../iceberg/metadata.ts'
import { rowsOf } from '../iceberg/summary.ts'
import { where } from '../partitions/interval-map.ts'
import { count, intersect, isEmpty, type PartitionSet, union } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { Inspection } from '../runs/launch.ts'
import { NOTHING_KNOWN } from '../runs/plan.ts'
import type { LastAttempt } from '../storage/storage.ts'

/** What is to be told of one asset. Version status and last attempt are two axes. */
export interface AssetFacts {
  readonly spec: AssetSpec
  /** All its partitions. */
  readonly exist: PartitionSet
  readonly version: VersionStatus
  /** Partitions whose last attempt did not succeed. */
  readonly failed: PartitionSet
  readonly blocked: PartitionSet
  readonly interrupted: PartitionSet
  /** The one word for a glyph: what needs attention first. */
  readonly word: StatusWord
  /** Rows of the table now. */
  readonly rows: number | undefined
  /** Milliseconds since the epoch. */
  readonly lastMade: number | undefined
  readonly table: LoadedTable | undefined
}

/** Pure, from what `inspect` has read. @param now milliseconds since the epoch */
export function factsOf(spec: AssetSpec, inspection: Pick<Inspection, 'states' | 'heads'>, now: number): AssetFacts {
  const state = inspection.states.get(spec.key) ?? NOTHING_KNOWN
  const exist = universe(spec.partitions, now)
  const version = versionStatus(spec, state, exist, (key) => inspection.states.get(key)?.versions ?? [])
  const last = (...states: readonly LastAttempt['state'][]): PartitionSet =>
    intersect(
      where(state.lastAttempt, (attempt) => states.includes(attempt.state)),
      exist,
    )
  const failed = last('failed', 'lost')
  const blocked = last('blocked')
  const table = inspection.heads.get(spec.key)
  const made = state.made.map((entry) => entry.value.at)
  return {
    spec,
    exist,
    version,
    failed,
    blocked,
    table,
    interrupted: last('interrupted'),
    word: wordOf(spec, version, failed, blocked),
    rows: table === undefined ? undefined : rowsOf(snapshotOf(table.metadata)),
    lastMade: made.length === 0 ? undefined : made.reduce((a, b) => Math.max(a, b)),
  }
}

function wordOf(spec: AssetSpec, version: VersionStatus, failed: PartitionSet, blocked: PartitionSet): StatusWord {
  if (spec.kind === 'external') return 'external'
  if (!isEmpty(failed)) return 'failed'
  if (!isEmpty(blocked)) return 'blocked'
  if (!isEmpty(version.stale)) return 'stale'
  return isEmpty(version.missing) ? 'fresh' : 'missing'
}

/** Partitions that were made, fresh or not. */
export const madePartitions = ({ version }: AssetFacts): PartitionSet => union(version.fresh, version.stale)

/** `fresh`, `3 stale, 2 missing`, `stale, last attempt failed`. */
export function statusWords(facts: AssetFacts): string {
  if (facts.spec.kind === 'external') return facts.table === undefined ? 'external, no table' : 'external'
  const { fresh, stale, missing } = facts.version
  const sets = { fresh, stale, missing }
  const shown = Object.entries(sets).filter(([word, set]) => !isEmpty(set) && (word !== 'fresh' || isEmpty(union(stale, missing))))
  const words = shown.map(([word, set]) => amount(facts, word, set))
  const attempts = Object.entries({ failed: facts.failed, blocked: facts.blocked, interrupted: facts.interrupted }).filter(
    ([, set]) => !isEmpty(set),
  )
  return [...words, ...attempts.map(([word, set]) => `last attempt ${amount(facts, word, set)}`)].join(', ') || 'no partitions yet'
}

/** The number is left out where it is all there is. */
const amount = ({ exist }: AssetFacts, word: string, set: PartitionSet): string =>
  count(set) === count(exist) ? word : `${count(set)} ${word}`

/** `30 of 30`; nothing for an asset without partitions. */
export const partitionCount = (spec: AssetSpec, some: PartitionSet, all: PartitionSet): string =>
  spec.partitions.dim === 'none' ? '' : `${count(some)} of ${count(all)}`

/** Facts as `--json` gives them. */
export const factsJson = (facts: AssetFacts): object => ({
  key: facts.spec.key,
  kind: facts.spec.kind,
  ...(facts.spec.group === undefined ? {} : { group: facts.spec.group }),
  ...(facts.spec.owners === undefined ? {} : { owners: facts.spec.owners }),
  ...(facts.spec.tags === undefined ? {} : { tags: facts.spec.tags }),
  ...(facts.spec.kinds === undefined ? {} : { kinds: facts.spec.kinds }),
  status: facts.word,
  partitions: {
    exist: count(facts.exist),
    fresh: count(facts.version.fresh),
    stale: count(facts.version.stale),
    missing: facts.spec.kind === 'external' ? 0 : count(facts.version.missing),
  },
  lastAttempt: { failed: count(facts.failed), blocked: count(facts.blocked), interrupted: count(facts.interrupted) },
  rows: facts.rows ?? null,
  lastMade: facts.lastMade === undefined ? null : new Date(facts.lastMade).toISOString(),
})
