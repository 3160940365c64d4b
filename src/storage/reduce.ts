import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { domain } from '../partitions/interval-map.ts'
import { isEmpty, type PartitionSet, union } from '../partitions/partition-set.ts'
import type { CheckResult, ColumnVersions, Materialization, PublishIntent, StepState, StoreEvent } from './events.ts'
import type { LastAttempt, RunRecord, StepRecord } from './storage.ts'

/** What an event does to the projection, as data. Every kind of store applies the same changes. */
export type Change =
  | { readonly kind: 'add run'; readonly run: RunRecord }
  | { readonly kind: 'end run'; readonly id: string; readonly state: RunRecord['state']; readonly at: number }
  | { readonly kind: 'add step'; readonly position: number; readonly step: StepRecord }
  | { readonly kind: 'set step'; readonly step: StepRecord }
  | { readonly kind: 'open intent'; readonly intent: PublishIntent }
  | { readonly kind: 'close intents'; readonly runId: string; readonly stepId: string }
  /** `position`: among those of its event. */
  | { readonly kind: 'add materialization'; readonly materialization: Materialization; readonly position: number }
  /** Unless the store has it, from an earlier time that it was taken over. */
  | { readonly kind: 'adopt materialization'; readonly materialization: Materialization; readonly position: number }
  | { readonly kind: 'open promotion' | 'close promotion'; readonly environment: string }
  | { readonly kind: 'set observed'; readonly asset: AssetKey; readonly at: number }
  | { readonly kind: 'set snapshot'; readonly asset: AssetKey; readonly snapshotId: string | undefined }
  | { readonly kind: 'set check'; readonly result: CheckResult; readonly runId: string; readonly at: number }
  | {
      readonly kind: 'assign'
      readonly map: IntervalTable
      readonly asset: AssetKey
      readonly partitions: PartitionSet
      readonly value: string
    }
  /** Of all sets of columns. */
  | { readonly kind: 'forget columns'; readonly asset: AssetKey; readonly partitions: PartitionSet }
  | { readonly kind: 'keep columns'; readonly asset: AssetKey; readonly kept: ColumnVersions }
  | { readonly kind: 'remove'; readonly map: IntervalTable; readonly asset: AssetKey; readonly partitions: PartitionSet }
  | { readonly kind: 'add values' | 'remove values'; readonly registry: string; readonly values: readonly string[] }

/** Values per partition range: data versions, ids of materializations, and attempts. */
export type IntervalTable = 'versions' | 'made' | 'attempts'

/** A step as it stands before the event, and whether a publishing of it is open. */
export interface StepBefore {
  readonly step: StepRecord
  readonly intentOpen: boolean
}

type StepEvent = Extract<StoreEvent, { readonly stepId: string }>

export const isStepEvent = (event: StoreEvent): event is StepEvent => 'stepId' in event

/**
 * Pure: how an event changes the projection. An intent stays open until its step is recorded as succeeded or interrupted:
 * a failure in between does not tell whether the tables were published, their ancestry does.
 * @param before the step that a step event is about; undefined when there is none of that id
 * @throws ASSAY-9001 when the event cannot follow from what is there
 */
export function reduce(event: StoreEvent, at: number, before: StepBefore | undefined): readonly Change[] {
  if (isStepEvent(event)) return before === undefined ? refuse(event, 'the run has no such step') : reduceStep(event, at, before)
  switch (event.type) {
    case 'run.created':
      return runCreated(event, at)
    case 'run.ended':
      return [{ kind: 'end run', id: event.runId, state: event.state, at }]
    case 'table.observed': {
      const { asset, snapshotId, versions, lost = [], columnVersions = [], observedAt } = event
      const removed = (['versions', 'made'] as const).map((map): Change => ({ kind: 'remove', map, asset, partitions: lost }))
      const assigned = versions.map(({ from, to, value }) => assign('versions', asset, [[from, to]], value))
      const moved = union(lost, domain(versions))
      const forgotten: readonly Change[] = isEmpty(moved) ? [] : [{ kind: 'forget columns', asset, partitions: moved }]
      const kept = columnVersions.map((one): Change => ({ kind: 'keep columns', asset, kept: one }))
      const observed: readonly Change[] = observedAt === undefined ? [] : [{ kind: 'set observed', asset, at: observedAt }]
      return [
        ...(lost.length === 0 ? [] : removed),
        ...assigned,
        ...forgotten,
        ...kept,
        ...observed,
        { kind: 'set snapshot', asset, snapshotId },
      ]
    }
    case 'promotion.began':
      return [{ kind: 'open promotion', environment: event.environment }]
    case 'promotion.ended':
      return [{ kind: 'close promotion', environment: event.environment }]
    case 'partition.added':
      return [{ kind: 'add values', registry: event.registry, values: event.values }]
    case 'partition.removed':
      return [{ kind: 'remove values', registry: event.registry, values: event.values }]
    case 'materialization.adopted': {
      const { materialization, partitions } = event
      return [
        { kind: 'adopt materialization', materialization, position: 0 },
        assign('made', materialization.asset, partitions, materialization.id),
        { kind: 'remove', map: 'attempts', asset: materialization.asset, partitions },
      ]
    }
    default:
      return unreachable(event)
  }
}

function runCreated(event: StoreEvent & { type: 'run.created' }, at: number): readonly Change[] {
  const { runId, planId, manifestId, request } = event
  const run: RunRecord = { id: runId, planId, manifestId, request, state: 'running', createdAt: at, endedAt: undefined }
  const steps = event.steps.map(({ id, assets, partitions }, position): Change => {
    const unknown = { startedAt: undefined, endedAt: undefined, problem: undefined, reason: undefined, rows: undefined }
    return {
      kind: 'add step',
      position,
      step: { runId, id, assets, partitions, state: 'waiting', attempts: 0, ...unknown, stagingFolders: [] },
    }
  })
  return [{ kind: 'add run', run }, ...steps]
}

function reduceStep(event: StepEvent, at: number, before: StepBefore): readonly Change[] {
  const { step } = before
  if (hasEnded(step.state)) return afterTheEnd(event, at, before)
  switch (event.type) {
    case 'step.started': {
      const { attempt, stagingFolders } = event
      return [set({ ...step, state: 'running', attempts: attempt, startedAt: step.startedAt ?? at, problem: undefined, stagingFolders })]
    }
    case 'step.retrying':
      return [set({ ...step, state: 'running', problem: event.problem })]
    case 'step.publishing':
      return [set({ ...step, state: 'publishing' }), { kind: 'open intent', intent: event.intent }]
    case 'step.succeeded':
      return succeeded(event, at, before)
    case 'step.observed':
      return observed(event, at, step)
    case 'step.failed': {
      const failed = set({ ...step, state: event.state, endedAt: at, problem: event.problem })
      return [failed, ...unsuccessful(step, event.state), ...checked(event, at)]
    }
    case 'step.skipped':
      return [set({ ...step, state: 'skipped', endedAt: at, reason: event.reason })]
    case 'step.reused':
      return [set({ ...step, state: 'skipped', endedAt: at, reason: 'its inputs did not change' })]
    case 'step.interrupted': {
      const interrupted = set({ ...step, state: 'interrupted', endedAt: at })
      return [interrupted, ...unsuccessful(step, 'interrupted'), ...closed(before)]
    }
    default:
      return unreachable(event)
  }
}

const hasEnded = (state: StepState): boolean => state !== 'waiting' && state !== 'running' && state !== 'publishing'

/** A late answer must not change what was recorded; only an open publishing is settled, one way or the other. */
function afterTheEnd(event: StepEvent, at: number, before: StepBefore): readonly Change[] {
  if (event.type === 'step.interrupted') return closed(before)
  if (event.type === 'step.succeeded' && before.intentOpen) return succeeded(event, at, before)
  return refuse(event, `the step has already ${before.step.state === 'lost' ? 'been lost' : `ended as ${before.step.state}`}`)
}

function succeeded(event: StepEvent & { type: 'step.succeeded' }, at: number, before: StepBefore): readonly Change[] {
  const { materializations } = event
  const counts = materializations.flatMap(({ rows }) => rows ?? [])
  const rows = counts.length === 0 ? undefined : counts.reduce((sum, n) => sum + n, 0)
  return [
    set({ ...before.step, state: 'succeeded', endedAt: at, problem: undefined, rows, stagingFolders: [] }),
    ...closed(before),
    ...materializations.flatMap(materialized),
    ...checked(event, at),
  ]
}

function observed({ asset, versions, lost }: StepEvent & { type: 'step.observed' }, at: number, step: StepRecord): readonly Change[] {
  return [
    set({ ...step, state: 'succeeded', endedAt: at, problem: undefined }),
    { kind: 'remove', map: 'versions', asset, partitions: lost },
    ...versions.map(({ from, to, value }) => assign('versions', asset, [[from, to]], value)),
    { kind: 'remove', map: 'attempts', asset, partitions: step.partitions },
    { kind: 'set observed', asset, at },
  ]
}

function materialized(materialization: Materialization, position: number): readonly Change[] {
  const { asset, partitions, snapshotId, id } = materialization
  return [
    { kind: 'add materialization', materialization, position },
    assign('made', asset, partitions, id),
    ...rewritten(materialization),
    { kind: 'remove', map: 'attempts', asset, partitions },
    ...(snapshotId === undefined ? [] : [{ kind: 'set snapshot', asset, snapshotId } as const]),
  ]
}

/** Data versions, and what readers of some columns still know them by. */
function rewritten({ asset, partitions, dataVersion, unchanged, same = [] }: Materialization): readonly Change[] {
  if (unchanged) return []
  const kept = same.map((one): Change => ({ kind: 'keep columns', asset, kept: one }))
  return [assign('versions', asset, partitions, dataVersion), { kind: 'forget columns', asset, partitions }, ...kept]
}

/** What was never tried leaves no attempt behind. */
function unsuccessful(step: StepRecord, state: StepState): readonly Change[] {
  const attempt = attemptText({ state, runId: step.runId, stepId: step.id })
  return step.attempts === 0 ? [] : step.assets.map((asset) => assign('attempts', asset, step.partitions, attempt))
}

const checked = (event: StepEvent & { checks: readonly CheckResult[] }, at: number): readonly Change[] =>
  event.checks.map((result) => ({ kind: 'set check', result, runId: event.runId, at }))

const closed = ({ step, intentOpen }: StepBefore): readonly Change[] =>
  intentOpen ? [{ kind: 'close intents', runId: step.runId, stepId: step.id }] : []

const set = (step: StepRecord): Change => ({ kind: 'set step', step })

const assign = (map: IntervalTable, asset: AssetKey, partitions: PartitionSet, value: string): Change => ({
  kind: 'assign',
  map,
  asset,
  partitions,
  value,
})

/** An attempt as the text by which equal neighbours are joined. */
const attemptText = ({ state, runId, stepId }: LastAttempt): string => JSON.stringify({ state, runId, stepId })

function refuse(event: StepEvent, why: string): never {
  throw new AssayError('ASSAY-9001', `${event.type} of step ${event.stepId} in run ${event.runId} cannot be recorded: ${why}`)
}

function unreachable(event: never): never {
  throw new AssayError('ASSAY-9001', `no such event: ${JSON.stringify(event)}`)
}
