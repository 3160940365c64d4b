import type { Problem } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import type { IntervalMap } from '../partitions/interval-map.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import type { CheckResult } from '../storage/events.ts'
import type { EqualColumns } from '../tables/equal-columns.ts'
import type { Slice } from '../tables/read.ts'
import type { StagedTable } from '../tables/stage.ts'
import type { PlannedStep } from './plan.ts'

/**
 * What supervisor and worker say to each other, as JSON over the channel of a forked process. A worker has one step at a
 * time, so what it prints up to the end mark belongs to that step. It never publishes. `close` ends an idle worker; when
 * the channel closes without it, the supervisor is dead, and the worker ends at once.
 */
export type ToWorker = StepMessage | { readonly type: 'close' }

/** A table version that a step reads. */
export interface InputPin {
  readonly metadataLocation: string
  readonly snapshotId: string
  readonly slice: Slice
  /** Of an asset that appends, partitions whose rows it has added and which were written anew since: the versions of then. */
  readonly again?: IntervalMap<string>
}

export interface StepMessage {
  readonly type: 'step'
  readonly runId: string
  readonly stepId: string
  /** Counts from 1. */
  readonly attempt: number
  /** Asks an external asset for its versions, or makes something. */
  readonly kind: PlannedStep['kind']
  /** What it makes: one asset, or outputs of one compute. They have the same deps. */
  readonly assets: readonly AssetKey[]
  readonly partitions: PartitionSet
  /** How assets are sliced where the manifest does not know the values: with those that the step makes, or to observe with all, removed ones too. */
  readonly slices?: Readonly<Record<string, PartitionsSpec>>
  /** By dep name; deps without rows are left out. `nothing`: none of the partitions that there are was ever made, as there are none. */
  readonly inputs: Readonly<Record<string, InputPin | 'nothing'>>
  /** Those of the assets whose rows are left unpublished where they are equal to the published ones. */
  readonly compare: readonly AssetKey[]
  /** Of each asset, sets of columns that readers look at: rows that are equal as far as these show leave such a reader fresh. */
  readonly compareColumns: Readonly<Record<AssetKey, readonly (readonly string[])[]>>
  /** The tables that it writes to: that of each asset, and that of its rejected rows. */
  readonly targets: readonly TableTarget[]
}

/** Where a step writes. */
export interface TableTarget {
  readonly asset: AssetKey
  readonly role: 'rows' | 'rejects'
  /** Current metadata of the table; absent before its first version. */
  readonly metadataLocation?: string
  /** Id that the snapshot will have. */
  readonly snapshotId: string
  /** Absolute folder of the table. */
  readonly location: string
  /** Names the files of this attempt. */
  readonly attemptName: string
}

/** The streams that a worker prints to. */
export const PRINTED = ['stdout', 'stderr'] as const

/**
 * What a worker prints to both streams, as a line, when an attempt has ended. Messages and streams are read apart, so that
 * an answer may overtake what was printed before it.
 */
export const endMark = ({ runId, stepId, attempt }: StepMessage): string => `\0assay: end of ${runId} ${stepId} ${attempt}`

export type FromWorker =
  | { readonly type: 'ready' }
  /** The code of the step is imported and its engine open. */
  | { readonly type: 'begun' }
  /**
   * Rows are staged, durable and checked, or the asset has no table and its compute has ended. The tables of what is
   * `unchanged` have been removed again.
   */
  | {
      readonly type: 'done'
      readonly tables: readonly StagedTable[]
      readonly checks: readonly CheckResult[]
      readonly unchanged: readonly AssetKey[]
      readonly equal: Readonly<Record<AssetKey, readonly EqualColumns[]>>
    }
  /** Of an external asset; partitions without one are not there. */
  | { readonly type: 'observed'; readonly versions: IntervalMap<string> }
  | { readonly type: 'skipped'; readonly reason: string }
  | { readonly type: 'failed'; readonly outcome: 'failed' | 'blocked'; readonly problem: Problem; readonly checks: readonly CheckResult[] }
  | { readonly type: 'log'; readonly text: string }
  /** Something that an earlier step, named by its end mark, left going has thrown. The worker takes no further step. */
  | { readonly type: 'spent'; readonly by: string; readonly text: string }
  /** To a step that was sent before that was known: nothing of it has been done. */
  | { readonly type: 'refused' }
/** How a worker is started: one JSON argument. */
export interface WorkerOptions {
  readonly manifestFile: string
  /** Absolute root of the project, and its project file. */
  readonly root: string
  readonly projectFile: string
  readonly home: string
  readonly profile: string
  /** Threads of its DuckDB. */
  readonly threads: number
  /** Bytes that its DuckDB may take before it spills. */
  readonly memory: number
  /** Where it spills to. */
  readonly tempFolder: string
}
