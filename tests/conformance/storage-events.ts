import { type AssetKey, assetKey } from '../../src/keys.ts'
import type { PartitionSet } from '../../src/partitions/partition-set.ts'
import type { CheckResult, Materialization, PlannedStepRecord, PublishIntent, StoreEvent } from '../../src/storage/events.ts'

export const ORDERS = assetKey('silver.orders')
export const REVENUE = assetKey('gold.revenue')

export interface StepRef {
  readonly runId: string
  readonly stepId: string
}

export const PROBLEM = { code: 'ASSAY-3003', what: 'Error: no', next: 'Mend it.', details: ['one'] } as const

export const created = (runId: string, steps: readonly PlannedStepRecord[]): StoreEvent => ({
  type: 'run.created',
  runId,
  planId: `plan-${runId}`,
  manifestId: 'manifest-1',
  request: 'materialize +gold.revenue',
  steps,
})

export const started = (step: StepRef, attempt = 1): StoreEvent => ({
  ...step,
  type: 'step.started',
  attempt,
  stagingFolders: [`/staging/${step.stepId}-${attempt}`],
})

/** A materialization whose data version, like its snapshot, is named after `id`. */
export const materialization = (step: StepRef, asset: AssetKey, partitions: PartitionSet, id: string): Materialization => ({
  id,
  asset,
  partitions,
  dataVersion: `snapshot-${id}`,
  codeVersion: 'code-1',
  inputs: { orders: { asset: ORDERS, versions: [{ from: 0, to: 3, value: 'snapshot-0' }] } },
  snapshotId: `snapshot-${id}`,
  rows: 7,
  ...step,
  at: 1,
})

export const check = (asset: AssetKey, name: string, outcome: CheckResult['outcome'] = 'pass'): CheckResult => ({
  asset,
  check: name,
  outcome,
  blocking: true,
  rows: 10,
  failing: outcome === 'pass' ? 0 : 2,
  observed: '2 of 10 rows',
  samples: ['{"id":1}'],
})

export const intent = (step: StepRef, materializations: readonly Materialization[], attempt: number): PublishIntent => ({
  ...step,
  attempt,
  tables: materializations.map((made) => ({
    namespace: 'silver',
    name: 'orders',
    snapshotId: made.dataVersion,
    folder: '/warehouse/silver/orders',
  })),
  materializations,
  checks: [],
})

export const publishing = (made: Materialization, attempt = 1): StoreEvent => publishingAll(stepOf(made), [made], attempt)

export const publishingAll = (step: StepRef, all: readonly Materialization[], attempt: number): StoreEvent => ({
  ...step,
  type: 'step.publishing',
  intent: intent(step, all, attempt),
})

export const succeeded = (made: Materialization, checks: readonly CheckResult[] = []): StoreEvent =>
  succeededAll(stepOf(made), [made], checks)

export const succeededAll = (
  step: StepRef,
  materializations: readonly Materialization[],
  checks: readonly CheckResult[] = [],
): StoreEvent => ({ ...step, type: 'step.succeeded', materializations, checks })

const stepOf = ({ runId, stepId }: Materialization): StepRef => ({ runId, stepId })

export const failed = (
  step: StepRef,
  state: 'failed' | 'blocked' | 'lost' = 'failed',
  checks: readonly CheckResult[] = [],
): StoreEvent => ({
  ...step,
  type: 'step.failed',
  state,
  problem: PROBLEM,
  checks,
})

export const interrupted = (step: StepRef): StoreEvent => ({ ...step, type: 'step.interrupted' })
