import type { Clock } from '../../clock.ts'
import type { Problem } from '../../errors.ts'
import type { AssetKey } from '../../keys.ts'
import { count, EMPTY, type PartitionSet, union } from '../../partitions/partition-set.ts'
import type { Plan, PlannedStep } from '../../runs/plan.ts'
import type { CheckResult, StoreEvent } from '../../storage/events.ts'

/** How far one asset of a run is; its steps folded. Times are those of `clock.monotonic`. */
export interface AssetProgress {
  readonly asset: AssetKey
  readonly steps: number
  /** Partitions to make. */
  readonly wanted: PartitionSet
  made: PartitionSet
  /** Made, with the rows that were there before. */
  unchanged: PartitionSet
  /** Of an external asset: those that have another version than before. Undefined for what is made. */
  moved: PartitionSet | undefined
  /** Fresh as they are, since what they read did not change. */
  reused: PartitionSet
  failed: PartitionSet
  /** Kept from being published by a check. */
  blocked: PartitionSet
  skipped: PartitionSet
  interrupted: PartitionSet
  running: number
  ended: number
  rows: number | undefined
  /** Rows put into quarantine. */
  rejected: number
  startedAt: number | undefined
  endedAt: number | undefined
  /** Results of the checks of all steps, by name. */
  readonly checks: Map<string, { warned: number; failing: number }>
  /** Why steps were skipped. */
  readonly reasons: Set<string>
  /** Failures already shown, and how often each came. */
  readonly problems: Map<string, number>
}

export type StepOutcome = 'made' | 'failed' | 'blocked' | 'skipped' | 'reused' | 'interrupted'

/** What an event of a run means for an asset of its step. */
export interface Progress {
  readonly step: PlannedStep
  readonly progress: AssetProgress
  /** Set when the step has ended. */
  readonly outcome: StepOutcome | undefined
  /** All steps of the asset have ended. */
  readonly finished: boolean
  /** A failure of a kind that was not seen before on this step's assets; told of the first of them. */
  readonly news: Problem | undefined
}

export interface RunView {
  readonly assets: readonly AssetProgress[]
  readonly steps: number
  /** Steps that have ended. */
  ended(): number
  /** How many steps ended how. */
  outcomes(): Readonly<Record<StepOutcome, number>>
  /** Takes in an event: what it means for each asset of its step; nothing for one that is not about a step. */
  apply(event: StoreEvent): readonly Progress[]
}

/** Folds the events of a run by asset. */
export function runView(plan: Plan, clock: Clock): RunView {
  const steps = new Map(plan.steps.map((step) => [step.id, step]))
  const assets = plan.assets
    .filter(({ action }) => action === 'run' || action === 'observe')
    .map(({ asset, run }) => blank(asset, run, plan))
  const outcomes: Record<StepOutcome, number> = { made: 0, failed: 0, blocked: 0, skipped: 0, reused: 0, interrupted: 0 }
  const byAsset = new Map(assets.map((progress) => [progress.asset, progress]))
  return {
    assets,
    steps: plan.steps.length,
    ended: () => Object.values(outcomes).reduce((sum, n) => sum + n, 0),
    outcomes: () => outcomes,
    apply: (event) => {
      const step = 'stepId' in event ? steps.get(event.stepId) : undefined
      if (step === undefined) return []
      return step.assets.flatMap((asset, i): readonly Progress[] => {
        const progress = byAsset.get(asset)
        if (progress === undefined) return []
        const news = event.type === 'step.failed' && i === 0 ? noteProblem(progress, event.problem) : undefined
        const outcome = take(progress, step, event, clock.monotonic())
        if (outcome !== undefined && i === 0) outcomes[outcome]++
        return [{ step, progress, outcome, finished: outcome !== undefined && progress.ended === progress.steps, news }]
      })
    },
  }
}

const blank = (asset: AssetKey, wanted: PartitionSet, plan: Plan): AssetProgress => ({
  asset,
  wanted,
  steps: plan.steps.filter((step) => step.assets.includes(asset)).length,
  made: EMPTY,
  unchanged: EMPTY,
  moved: undefined,
  reused: EMPTY,
  failed: EMPTY,
  blocked: EMPTY,
  skipped: EMPTY,
  interrupted: EMPTY,
  running: 0,
  ended: 0,
  rows: undefined,
  startedAt: undefined,
  endedAt: undefined,
  rejected: 0,
  checks: new Map(),
  reasons: new Set(),
  problems: new Map(),
})

function take(progress: AssetProgress, step: PlannedStep, event: StoreEvent, now: number): StepOutcome | undefined {
  switch (event.type) {
    case 'step.started':
      progress.startedAt ??= now
      if (event.attempt === 1) progress.running++
      return undefined
    case 'step.succeeded': {
      const own = event.materializations.find(({ asset }) => asset === progress.asset)
      progress.made = union(progress.made, step.partitions)
      if (own?.unchanged) progress.unchanged = union(progress.unchanged, step.partitions)
      if (own?.rows !== undefined) progress.rows = (progress.rows ?? 0) + own.rows
      progress.rejected += own?.rejected ?? 0
      noteChecks(
        progress,
        event.checks.filter(({ asset }) => asset === progress.asset),
      )
      return end(progress, 'made', now)
    }
    case 'step.observed':
      progress.made = union(progress.made, step.partitions)
      progress.moved = union(progress.moved ?? EMPTY, event.moved)
      return end(progress, 'made', now)
    case 'step.failed': {
      const outcome = event.state === 'blocked' ? 'blocked' : 'failed'
      progress[outcome] = union(progress[outcome], step.partitions)
      return end(progress, outcome, now)
    }
    case 'step.skipped':
      progress.skipped = union(progress.skipped, step.partitions)
      progress.reasons.add(event.reason)
      return end(progress, 'skipped', now)
    case 'step.reused':
      progress.reused = union(progress.reused, step.partitions)
      return end(progress, 'reused', now)
    case 'step.interrupted':
      progress.interrupted = union(progress.interrupted, step.partitions)
      return end(progress, 'interrupted', now)
    default:
      return undefined
  }
}

function end(progress: AssetProgress, outcome: StepOutcome, now: number): StepOutcome {
  progress.running = Math.max(0, progress.running - 1)
  progress.ended++
  progress.endedAt = now
  return outcome
}

function noteChecks(progress: AssetProgress, results: readonly CheckResult[]): void {
  for (const { check, outcome, failing } of results) {
    const seen = progress.checks.get(check) ?? { warned: 0, failing: 0 }
    if (outcome !== 'pass') seen.warned++
    if (outcome !== 'pass') seen.failing += failing ?? 0
    progress.checks.set(check, seen)
  }
}

/** The problem, when it is the first of its kind: of many partitions that fail alike, one is shown. */
function noteProblem(progress: AssetProgress, problem: Problem): Problem | undefined {
  const kind = `${problem.code} ${problem.where?.file}:${problem.where?.line}`
  const times = (progress.problems.get(kind) ?? 0) + 1
  progress.problems.set(kind, times)
  return times === 1 ? problem : undefined
}

/** Names of checks that warned. */
export const warnings = (progress: AssetProgress): readonly string[] =>
  [...progress.checks].filter(([, seen]) => seen.warned > 0).map(([name]) => name)

/** Partitions of an asset that have ended. */
export const endedPartitions = ({ made, failed, blocked, skipped, reused, interrupted }: AssetProgress): number =>
  [made, failed, blocked, skipped, reused, interrupted].reduce((n, set) => n + count(set), 0)
