import type { AssetSpec } from '../assets/spec.ts'
import { type AssetStatus, isUnknown, NOTHING_KNOWN, type StatusWord } from '../assets/status.ts'
import type { VersionStatus } from '../assets/versions.ts'
import type { LoadedTable } from '../iceberg/catalog.ts'
import { snapshotOf } from '../iceberg/metadata.ts'
import { rowsOf } from '../iceberg/summary.ts'
import { where } from '../partitions/interval-map.ts'
import { count, intersect, isEmpty, type PartitionSet, union } from '../partitions/partition-set.ts'
import type { AssetKey } from '../keys.ts'
import type { Inspection } from '../runs/launch.ts'
import type { LastAttempt } from '../storage/storage.ts'

/** What is to be told of one asset. Version status and last attempt are two axes. */
export interface AssetFacts {
  readonly spec: AssetSpec
  /** All its partitions. */
  readonly exist: PartitionSet
  readonly version: VersionStatus
  /** Fresh, but something further up is not. */
  readonly outdated: PartitionSet
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
  /** When its version function was last asked; milliseconds since the epoch. */
  readonly observedAt: number | undefined
  readonly table: LoadedTable | undefined
}

/** Pure, from what `inspect` has read. @param statuses of all assets */
export function factsOf(
  spec: AssetSpec,
  inspection: Pick<Inspection, 'states' | 'heads'>,
  statuses: ReadonlyMap<AssetKey, AssetStatus>,
): AssetFacts {
  const state = inspection.states.get(spec.key) ?? NOTHING_KNOWN
  const { exist, version, outdated } = statuses.get(spec.key) ?? NO_STATUS
  const last = (...states: readonly LastAttempt['state'][]): PartitionSet =>
    intersect(
      where(state.lastAttempt, (attempt) => states.includes(attempt.state)),
      exist,
    )
  const made = state.made.map((entry) => entry.value.at)
  const table = inspection.heads.get(spec.key)
  const facts = { spec, exist, version, outdated, failed: last('failed', 'lost'), blocked: last('blocked') }
  return {
    ...facts,
    table,
    interrupted: last('interrupted'),
    word: isUnknown(spec, state) ? 'unknown' : wordOf(facts),
    observedAt: state.observedAt,
    rows: table === undefined ? undefined : rowsOf(snapshotOf(table.metadata)),
    lastMade: made.length === 0 ? undefined : made.reduce((a, b) => Math.max(a, b)),
  }
}

const NO_STATUS: AssetStatus = { exist: [], version: { fresh: [], stale: [], missing: [], because: [] }, outdated: [] }

type Worded = Pick<AssetFacts, 'spec' | 'version' | 'outdated' | 'failed' | 'blocked'>

function wordOf({ spec, version, outdated, failed, blocked }: Worded): StatusWord {
  if (spec.kind === 'external') return 'external'
  if (!isEmpty(failed)) return 'failed'
  if (!isEmpty(blocked)) return 'blocked'
  if (!isEmpty(version.stale)) return 'stale'
  if (!isEmpty(version.missing)) return 'missing'
  return isEmpty(outdated) ? 'fresh' : 'outdated'
}

/** The same, of some partitions alone. */
export function narrowed(facts: AssetFacts, asked: PartitionSet | undefined): AssetFacts {
  if (asked === undefined) return facts
  const on = (set: PartitionSet): PartitionSet => intersect(set, asked)
  const { fresh, stale, missing, because } = facts.version
  const version = { fresh: on(fresh), stale: on(stale), missing: on(missing), because }
  const some = { ...facts, version, outdated: on(facts.outdated), failed: on(facts.failed), blocked: on(facts.blocked) }
  return { ...some, exist: on(facts.exist), interrupted: on(facts.interrupted), word: wordOf(some) }
}

/** Partitions that were made, fresh or not. */
export const madePartitions = ({ version }: AssetFacts): PartitionSet => union(version.fresh, version.stale)

/** `fresh`, `3 stale, 2 missing`, `stale, last attempt failed`. */
export function statusWords(facts: AssetFacts): string {
  if (facts.spec.observe !== undefined) {
    const seen = facts.word === 'unknown' ? 'unknown, never observed' : 'external, observed'
    return isEmpty(facts.failed) ? seen : `${seen}, last attempt failed`
  }
  if (facts.spec.kind === 'external') return facts.table === undefined ? 'external, no table' : 'external'
  const { fresh, stale, missing } = facts.version
  const calm = isEmpty(union(stale, missing, facts.outdated)) ? { fresh } : { stale, missing, outdated: facts.outdated }
  const words = Object.entries(calm)
    .filter(([, set]) => !isEmpty(set))
    .map(([word, set]) => amount(facts, word, set))
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
    outdated: count(facts.outdated),
  },
  lastAttempt: { failed: count(facts.failed), blocked: count(facts.blocked), interrupted: count(facts.interrupted) },
  rows: facts.rows ?? null,
  ...(facts.observedAt === undefined ? {} : { observedAt: new Date(facts.observedAt).toISOString() }),
  lastMade: facts.lastMade === undefined ? null : new Date(facts.lastMade).toISOString(),
})
