import type { Problem } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import type { IntervalMap } from '../partitions/interval-map.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { Registries } from '../partitions/registry.ts'
import type { CheckResult, ColumnVersions, Materialization, PublishIntent, RunState, StepState, StoredEvent, StoreEvent } from './events.ts'

/** What is known of one asset: status is a pure function of this and the manifest. */
export interface AssetState {
  /** Current data version of each partition, also those that others have written. */
  readonly versions: IntervalMap<string>
  /** Where they are not the data versions: the versions of the rows as seen through the columns that a reader looks at. */
  readonly columnVersions?: readonly ColumnVersions[]
  /** The materialization that last made each partition. */
  readonly made: IntervalMap<Materialization>
  /** The newest snapshot of the table that the store knows of. */
  readonly snapshotId: string | undefined
  /** When its version function was last asked, in milliseconds since the epoch. */
  readonly observedAt?: number
  /** Where the last attempt of a partition did not succeed: its state. */
  readonly lastAttempt: IntervalMap<LastAttempt>
}

export interface LastAttempt {
  readonly state: StepState
  readonly runId: string
  readonly stepId: string
}

export interface RunRecord {
  readonly id: string
  readonly planId: string
  readonly manifestId: string
  /** What was asked for, in words: `materialize +gold.rfm`. */
  readonly request: string
  readonly state: RunState
  readonly createdAt: number
  readonly endedAt: number | undefined
}

export interface StepRecord {
  readonly runId: string
  readonly id: string
  readonly assets: readonly AssetKey[]
  readonly partitions: PartitionSet
  readonly state: StepState
  readonly attempts: number
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
  readonly problem: Problem | undefined
  /** Why it was skipped. */
  readonly reason: string | undefined
  /** Of all its assets together. */
  readonly rows: number | undefined
  /** Folders that its running attempt may have written to. */
  readonly stagingFolders: readonly string[]
}

/** Reads work beside a writer, also in other processes. */
export interface StorageReader {
  /** One entry for every asset that was ever attempted, made or observed. */
  assetStates(): Promise<ReadonlyMap<AssetKey, AssetState>>
  /** Every registry that ever had a value. */
  registries(): Promise<Registries>
  /** Environments that are being promoted: see `promotion.began`. */
  openPromotions(): Promise<readonly string[]>
  /** Newest first. */
  runs(limit: number): Promise<readonly RunRecord[]>
  run(id: string): Promise<RunRecord | undefined>
  /** In the order of the plan. */
  steps(runId: string): Promise<readonly StepRecord[]>
  /** Runs that have not ended, oldest first. */
  openRuns(): Promise<readonly RunRecord[]>
  /** Publishing that was begun and whose end was never recorded. */
  openIntents(): Promise<readonly PublishIntent[]>
  /** Newest first; of one asset, or of all. */
  materializations(filter: { readonly asset?: AssetKey; readonly limit: number }): Promise<readonly Materialization[]>
  /** Of each of some kinds of steps, which make the same assets: milliseconds that those took which succeeded, the last to end first. */
  durations(steps: readonly (readonly AssetKey[])[], limit: number): Promise<readonly (readonly number[])[]>
  /** Of the last run in which each check of the asset ran, the worst result. */
  checkResults(asset: AssetKey): Promise<readonly (CheckResult & { readonly at: number; readonly runId: string })[]>
  /** In order of `seq`, from the first after `after`. */
  events(filter: { readonly runId?: string; readonly after?: number; readonly limit: number }): Promise<readonly StoredEvent[]>
  close(): void
}

/**
 * The metadata store. One writer; every implementation passes `tests/conformance/storage`.
 */
export interface Storage extends StorageReader {
  /**
   * Appends events and their projection in one transaction, durable when the promise resolves. Calls made in the same
   * turn of the event loop share one transaction (group commit).
   */
  append(events: readonly StoreEvent[]): Promise<void>
}
