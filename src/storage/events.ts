import type { Problem } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import type { IntervalMap } from '../partitions/interval-map.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'

/** The record that partitions of an asset were made by one step. */
export interface Materialization {
  readonly id: string
  readonly asset: AssetKey
  readonly partitions: PartitionSet
  /** Id of the snapshot that holds the rows; for an asset without a table, the id of this materialization. */
  readonly dataVersion: string
  /** The rows were those that were there already: nothing was published, and data versions stay as they were. */
  readonly unchanged?: true
  /** Through these columns the rows are those that were there before: the versions that they keep. */
  readonly same?: readonly ColumnVersions[]
  readonly codeVersion: string
  /** Data versions consumed, per dep name. */
  readonly inputs: Readonly<Record<string, ConsumedInput>>
  /** Of an asset that appends: all that was added to its table since it began. What a dep has no more is still in it. */
  readonly added?: readonly ConsumedInput[]
  /** Undefined for an asset without a table. */
  readonly snapshotId: string | undefined
  readonly rows: number | undefined
  /** Rows that were put into quarantine; absent where there were none. */
  readonly rejected?: number
  readonly runId: string
  readonly stepId: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export interface ConsumedInput {
  readonly asset: AssetKey
  readonly versions: IntervalMap<string>
  /** Where the rows, as far as the columns show that are read, are those of an earlier version: that version. */
  readonly through?: ColumnVersions
}

/**
 * Versions of an asset as seen through some of its columns: by partition, a data version in which the multiset of rows,
 * cut to these columns, was what it is now. Where there is none it is the data version itself.
 */
export interface ColumnVersions {
  /** Sorted. */
  readonly columns: readonly string[]
  readonly versions: IntervalMap<string>
}

/** `error`: the check itself could not run, which is never a pass. */
export type CheckOutcome = 'pass' | 'warn' | 'fail' | 'error'

export interface CheckResult {
  readonly asset: AssetKey
  /** For example `amount.between`. */
  readonly check: string
  readonly outcome: CheckOutcome
  readonly blocking: boolean
  /** Rows looked at, and those that do not hold; undefined where rows are not what is counted. */
  readonly rows: number | undefined
  readonly failing: number | undefined
  /** What was seen, in words. */
  readonly observed: string
  /** Up to five failing rows, as JSON objects. */
  readonly samples: readonly string[]
}

/** What a step is about to publish: durable before the catalog is touched, resolved by reading the table's ancestry. */
export interface PublishIntent {
  readonly runId: string
  readonly stepId: string
  readonly attempt: number
  readonly tables: readonly { readonly namespace: string; readonly name: string; readonly snapshotId: string; readonly folder: string }[]
  /** What will be recorded when the tables are found to carry the snapshots: one for each asset that the step makes. */
  readonly materializations: readonly Materialization[]
  readonly checks: readonly CheckResult[]
}

export type RunState = 'running' | 'succeeded' | 'failed' | 'interrupted'
/** `blocked`: a check kept it from being published. `lost`: its worker went away. */
export type StepState = 'waiting' | 'running' | 'publishing' | 'succeeded' | 'failed' | 'blocked' | 'lost' | 'skipped' | 'interrupted'

export interface PlannedStepRecord {
  readonly id: string
  /** More than one where one compute makes several. */
  readonly assets: readonly AssetKey[]
  readonly partitions: PartitionSet
}

interface OfRun {
  readonly runId: string
}
interface OfStep extends OfRun {
  readonly stepId: string
}

/** Everything that changes the store. Each is appended together with its projection in one transaction. */
export type StoreEvent =
  | (OfRun & {
      readonly type: 'run.created'
      readonly planId: string
      readonly manifestId: string
      readonly request: string
      readonly steps: readonly PlannedStepRecord[]
    })
  | (OfStep & { readonly type: 'step.started'; readonly attempt: number; readonly stagingFolders: readonly string[] })
  | (OfStep & { readonly type: 'step.retrying'; readonly attempt: number; readonly problem: Problem; readonly delay: number })
  | (OfStep & { readonly type: 'step.publishing'; readonly intent: PublishIntent })
  /** One materialization for each asset of the step. */
  | (OfStep & {
      readonly type: 'step.succeeded'
      readonly materializations: readonly Materialization[]
      readonly checks: readonly CheckResult[]
    })
  | (OfStep & {
      readonly type: 'step.failed'
      readonly state: 'failed' | 'blocked' | 'lost'
      readonly problem: Problem
      readonly checks: readonly CheckResult[]
    })
  | (OfStep & { readonly type: 'step.skipped'; readonly reason: string })
  /** What it reads turned out to be unchanged, so it is fresh as it is: skipped, and no reason to skip what reads it. */
  | (OfStep & { readonly type: 'step.reused' })
  | (OfStep & { readonly type: 'step.interrupted' })
  /**
   * An external asset was asked for its versions. `lost`: partitions that are not there. `moved`: those whose version is not
   * what it was.
   */
  | (OfStep & {
      readonly type: 'step.observed'
      readonly asset: AssetKey
      readonly versions: IntervalMap<string>
      readonly lost: PartitionSet
      readonly moved: PartitionSet
    })
  | (OfRun & { readonly type: 'run.ended'; readonly state: Exclude<RunState, 'running'> })
  /**
   * Others moved a table. `lost`: partitions whose known version is gone (rolled back, dropped); they count as never made.
   * `snapshotId` is the head now, undefined when the table is gone.
   */
  | {
      readonly type: 'table.observed'
      readonly asset: AssetKey
      readonly snapshotId: string | undefined
      readonly versions: IntervalMap<string>
      readonly lost?: PartitionSet
      /** By which versions columns are known there, where another store knew it. */
      readonly columnVersions?: readonly ColumnVersions[]
      /** When its version function was asked, where another store knew it. */
      readonly observedAt?: number
    }
  /** Values of a registry of dynamic partitions. A new one gets the next id; what is so already, stays so. */
  | { readonly type: 'partition.added' | 'partition.removed'; readonly registry: string; readonly values: readonly string[] }
  /** Tables of an environment become those of `main`: durable before the catalog is touched. */
  | { readonly type: 'promotion.began'; readonly environment: string }
  /** What is known of them has been taken over, or they stayed where they were. */
  | { readonly type: 'promotion.ended'; readonly environment: string }
  /** A record of another store, of `main` or of an environment, that holds here too, on those partitions. */
  | { readonly type: 'materialization.adopted'; readonly materialization: Materialization; readonly partitions: PartitionSet }

export type StoredEvent = StoreEvent & { readonly seq: number; readonly at: number }
