import { expect, test } from 'vitest'
import { type PartitionSet, range } from '../../src/partitions/partition-set.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { check, created, failed, materialization, ORDERS, REVENUE, type StepRef, started, succeeded } from './storage-events.ts'
import type { SetClock } from './storage-place.ts'

const STEP: StepRef = { runId: 'run-1', stepId: 's1' }
const DAYS = range(0, 3)
const oneStep = (partitions: PartitionSet = DAYS, runId = STEP.runId): StoreEvent =>
  created(runId, [{ id: STEP.stepId, assets: [ORDERS], partitions }])

/** What is known of steps and checks of the past. */
export function historyRules(
  opened: () => Promise<{ readonly storage: Storage; readonly clock: SetClock }>,
  store: () => Promise<Storage>,
): void {
  test('how long steps took is known of those that succeeded, the last to end first', async () => {
    const { storage, clock } = await opened()
    const runs = [30, 10, 20].map((took, i) => ({ took, step: { runId: `run-${i}`, stepId: 's1' } }))
    for (const { took, step } of runs) {
      await storage.append([created(step.runId, [{ id: 's1', assets: [ORDERS], partitions: DAYS }]), started(step)])
      clock.time += took
      await storage.append([succeeded(materialization(step, ORDERS, DAYS, `m-${step.runId}`))])
    }
    const broken = { runId: 'run-9', stepId: 's1' }
    await storage.append([created('run-9', [{ id: 's1', assets: [ORDERS], partitions: DAYS }]), started(broken), failed(broken, 'failed')])
    expect(await storage.durations([[ORDERS]], 10)).toEqual([[20, 10, 30]])
    expect(await storage.durations([[REVENUE], [ORDERS]], 2)).toEqual([[], [20, 10]])
  })

  test('check results are those of the last time, also of a step that was blocked', async () => {
    const storage = await store()
    const second: StepRef = { runId: 'run-2', stepId: 's1' }
    await storage.append([
      oneStep(),
      started(STEP),
      succeeded(materialization(STEP, ORDERS, DAYS, 'm1'), [check(ORDERS, 'b'), check(ORDERS, 'a')]),
    ])
    await storage.append([oneStep(DAYS, 'run-2'), started(second), failed(second, 'blocked', [check(ORDERS, 'b', 'fail')])])
    expect(await storage.checkResults(ORDERS)).toEqual([
      { ...check(ORDERS, 'a'), at: 1_000, runId: 'run-1' },
      { ...check(ORDERS, 'b', 'fail'), at: 1_000, runId: 'run-2' },
    ])
    expect(await storage.checkResults(REVENUE)).toEqual([])
  })

  test('materializations come newest first, of one asset or of all', async () => {
    const storage = await store()
    const assets = [ORDERS, REVENUE, ORDERS]
    await storage.append([
      created(
        'run-1',
        assets.map((asset, i) => ({ id: `s${i}`, assets: [asset], partitions: DAYS })),
      ),
    ])
    for (const [i, asset] of assets.entries()) {
      const step = { runId: 'run-1', stepId: `s${i}` }
      await storage.append([started(step), succeeded(materialization(step, asset, DAYS, `m${i}`))])
    }
    expect((await storage.materializations({ limit: 2 })).map((m) => m.id)).toEqual(['m2', 'm1'])
    expect((await storage.materializations({ asset: ORDERS, limit: 9 })).map((m) => m.id)).toEqual(['m2', 'm0'])
  })

  test('a promotion is open from its beginning to its end', async () => {
    const storage = await store()
    await storage.append([
      { type: 'promotion.began', environment: 'dev' },
      { type: 'promotion.began', environment: 'qa' },
      { type: 'promotion.began', environment: 'dev' },
    ])
    expect(await storage.openPromotions()).toEqual(['dev', 'qa'])
    await storage.append([{ type: 'promotion.ended', environment: 'dev' }])
    expect(await storage.openPromotions()).toEqual(['qa'])
  })
}
