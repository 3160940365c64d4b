import { afterEach, describe, expect, test } from 'vitest'
import { type PartitionSet, range, WHOLE } from '../../src/partitions/partition-set.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import type { Storage } from '../../src/storage/storage.ts'
import {
  created,
  failed,
  interrupted,
  intent,
  materialization,
  ORDERS,
  PROBLEM,
  publishing,
  REVENUE,
  type StepRef,
  started,
  succeeded,
} from './storage-events.ts'
import { historyRules } from './storage-history.ts'
import { type SetClock, setClock, type StorePlace } from './storage-place.ts'
import { registryRules } from './storage-registries.ts'
import { dump, projectionRules } from './storage-replay.ts'

const STEP: StepRef = { runId: 'run-1', stepId: 's1' }
const DAYS = range(0, 3)
const oneStep = (partitions: PartitionSet = DAYS, runId = STEP.runId): StoreEvent =>
  created(runId, [{ id: STEP.stepId, assets: [ORDERS], partitions }])

/** What every store promises. */
export function storageConformance(place: () => Promise<StorePlace>): void {
  const disposers: (() => Promise<void>)[] = []
  const opened = async (): Promise<{ storage: Storage; clock: SetClock; place: StorePlace }> => {
    const own = await place()
    const clock = setClock()
    const storage = await own.open(clock)
    disposers.push(async () => {
      storage.close()
      await own.dispose()
    })
    return { storage, clock, place: own }
  }
  afterEach(async () => {
    for (const dispose of disposers.splice(0).reverse()) await dispose()
  })
  const store = async (): Promise<Storage> => (await opened()).storage

  describe('runs and steps', () => runsAndSteps(opened, store))
  describe('publishing', () => publishingRules(store))
  describe('assets', () => assetRules(store))
  describe('history', () => historyRules(opened, store))
  describe('appending', () => appendingRules(opened, store))
  describe('registries', () => registryRules(async () => (await opened()).storage))
  describe('projection', () => projectionRules(place))
}

type Opened = () => Promise<{ storage: Storage; clock: SetClock; place: StorePlace }>
type Fresh = () => Promise<Storage>

function runsAndSteps(opened: Opened, store: Fresh): void {
  test('a run goes from created to ended, its step from waiting to succeeded', async () => {
    const { storage, clock } = await opened()
    await storage.append([
      created('run-1', [
        { id: 's2', assets: [ORDERS], partitions: DAYS },
        { id: 's1', assets: [REVENUE], partitions: WHOLE },
      ]),
    ])
    expect(await storage.openRuns()).toEqual([
      {
        id: 'run-1',
        planId: 'plan-run-1',
        manifestId: 'manifest-1',
        request: 'materialize +gold.revenue',
        state: 'running',
        createdAt: 1_000,
      },
    ])
    expect((await storage.steps('run-1')).map((step) => step.id)).toEqual(['s2', 's1'])
    expect((await storage.steps('run-1'))[1]).toEqual({
      runId: 'run-1',
      id: 's1',
      assets: [REVENUE],
      partitions: WHOLE,
      state: 'waiting',
      attempts: 0,
      stagingFolders: [],
    })
    clock.time = 2_000
    await storage.append([started(STEP)])
    expect((await storage.steps('run-1'))[1]).toMatchObject({
      state: 'running',
      attempts: 1,
      startedAt: 2_000,
      stagingFolders: ['/staging/s1-1'],
    })
    clock.time = 3_000
    await storage.append([
      succeeded(materialization(STEP, REVENUE, WHOLE, 'm1')),
      { type: 'run.ended', runId: 'run-1', state: 'succeeded' },
    ])
    expect((await storage.steps('run-1'))[1]).toMatchObject({
      state: 'succeeded',
      startedAt: 2_000,
      endedAt: 3_000,
      rows: 7,
      stagingFolders: [],
    })
    expect(await storage.run('run-1')).toMatchObject({ state: 'succeeded', createdAt: 1_000, endedAt: 3_000 })
    expect(await storage.openRuns()).toEqual([])
  })

  test('a retried step stays running, keeps its start and forgets its problem when it starts again', async () => {
    const { storage, clock } = await opened()
    await storage.append([oneStep(), started(STEP)])
    clock.time = 2_000
    await storage.append([{ ...STEP, type: 'step.retrying', attempt: 1, problem: PROBLEM, delay: 50 }])
    expect((await storage.steps('run-1'))[0]).toMatchObject({ state: 'running', attempts: 1, startedAt: 1_000, problem: PROBLEM })
    await storage.append([started(STEP, 2)])
    expect((await storage.steps('run-1'))[0]).toMatchObject({ state: 'running', attempts: 2, startedAt: 1_000, problem: undefined })
  })

  test('runs come newest first, and no more than asked for; open ones oldest first', async () => {
    const storage = await store()
    for (const id of ['b', 'c', 'a']) await storage.append([created(id, [])])
    expect((await storage.runs(2)).map((run) => run.id)).toEqual(['a', 'c'])
    expect((await storage.openRuns()).map((run) => run.id)).toEqual(['b', 'c', 'a'])
    expect(await storage.run('nowhere')).toBeUndefined()
    expect(await storage.steps('nowhere')).toEqual([])
  })

  test('a skipped step says why', async () => {
    const storage = await store()
    await storage.append([oneStep(), { ...STEP, type: 'step.skipped', reason: 'bronze.orders failed' }])
    expect((await storage.steps('run-1'))[0]).toMatchObject({
      state: 'skipped',
      reason: 'bronze.orders failed',
      startedAt: undefined,
      endedAt: 1_000,
    })
  })

  const refused: readonly (readonly [string, readonly StoreEvent[]])[] = [
    ['a second run of one id', [oneStep()]],
    ['a step that the run does not have', [started({ runId: 'run-1', stepId: 's9' })]],
    ['a step of a run that is not there', [started({ runId: 'run-9', stepId: 's1' })]],
    ['publishing before the start', [publishing(materialization(STEP, ORDERS, DAYS, 'm1'))]],
    ['an answer after the end', [started(STEP), failed(STEP), started(STEP, 2)]],
    ['a late success of a step that was lost', [started(STEP), failed(STEP, 'lost'), succeeded(materialization(STEP, ORDERS, DAYS, 'm1'))]],
    [
      'a second success',
      [started(STEP), succeeded(materialization(STEP, ORDERS, DAYS, 'm1')), succeeded(materialization(STEP, ORDERS, DAYS, 'm2'))],
    ],
    [
      'a run that ends twice',
      [
        { type: 'run.ended', runId: 'run-1', state: 'failed' },
        { type: 'run.ended', runId: 'run-1', state: 'succeeded' },
      ],
    ],
  ]
  test.each(refused)('refuses %s, and changes nothing', async (_, events) => {
    const storage = await store()
    await storage.append([oneStep()])
    const before = await dump(storage)
    await expect(storage.append(events)).rejects.toMatchObject({ code: 'ASSAY-9001' })
    expect(await dump(storage)).toEqual(before)
  })
}

function publishingRules(store: Fresh): void {
  const made = materialization(STEP, ORDERS, DAYS, 'm1')

  test('an intent is open from publishing to success', async () => {
    const storage = await store()
    await storage.append([oneStep(), started(STEP), publishing(made)])
    expect(await storage.openIntents()).toEqual([intent(STEP, [made], 1)])
    expect((await storage.steps('run-1'))[0]?.state).toBe('publishing')
    await storage.append([succeeded(made)])
    expect(await storage.openIntents()).toEqual([])
  })

  test('a failure leaves it open, and success settles it even after the run has ended', async () => {
    const storage = await store()
    await storage.append([oneStep(), started(STEP), publishing(made), failed(STEP), { type: 'run.ended', runId: 'run-1', state: 'failed' }])
    expect(await storage.openIntents()).toEqual([intent(STEP, [made], 1)])
    await storage.append([succeeded(made)])
    expect(await storage.openIntents()).toEqual([])
    expect((await storage.steps('run-1'))[0]).toMatchObject({ state: 'succeeded', problem: undefined })
    expect((await storage.assetStates()).get(ORDERS)?.lastAttempt).toEqual([])
  })

  test('interruption settles it; a step that had failed stays failed', async () => {
    const storage = await store()
    await storage.append([oneStep(), started(STEP), publishing(made), failed(STEP), interrupted(STEP)])
    expect(await storage.openIntents()).toEqual([])
    expect((await storage.steps('run-1'))[0]).toMatchObject({ state: 'failed', problem: PROBLEM })
  })

  test('each attempt has its own', async () => {
    const storage = await store()
    const second = materialization(STEP, ORDERS, DAYS, 'm2')
    await storage.append([oneStep(), started(STEP), publishing(made), started(STEP, 2), publishing(second, 2)])
    expect(await storage.openIntents()).toEqual([intent(STEP, [made], 1), intent(STEP, [second], 2)])
  })
}

function assetRules(store: Fresh): void {
  test('a materialization sets versions, what was made, and the snapshot', async () => {
    const storage = await store()
    const made = materialization(STEP, ORDERS, DAYS, 'm1')
    await storage.append([oneStep(), started(STEP), succeeded(made)])
    expect(await storage.assetStates()).toEqual(
      new Map([
        [
          ORDERS,
          {
            versions: [{ from: 0, to: 3, value: 'snapshot-m1' }],
            made: [{ from: 0, to: 3, value: made }],
            snapshotId: 'snapshot-m1',
            lastAttempt: [],
          },
        ],
      ]),
    )
    expect(await storage.materializations({ limit: 5 })).toEqual([made])
  })

  test('asking an external asset sets the versions that are there, forgets those that are not, and ends its step', async () => {
    const storage = await store()
    const asked = (runId: string, versions: readonly { from: number; to: number; value: string }[], lost = range(2, 3)): StoreEvent[] => [
      oneStep(DAYS, runId),
      started({ runId, stepId: 's1' }),
      { type: 'step.observed', runId, stepId: 's1', asset: ORDERS, versions, lost, moved: DAYS },
    ]
    await storage.append(asked('run-1', [{ from: 0, to: 3, value: 'v1' }], []))
    await storage.append([oneStep(DAYS, 'run-2'), started({ ...STEP, runId: 'run-2' }), failed({ ...STEP, runId: 'run-2' })])
    await storage.append(asked('run-3', [{ from: 1, to: 2, value: 'v2' }]))
    const known = (await storage.assetStates()).get(ORDERS)
    expect(known?.versions).toEqual([
      { from: 0, to: 1, value: 'v1' },
      { from: 1, to: 2, value: 'v2' },
    ])
    expect([known?.observedAt, known?.lastAttempt, known?.made]).toEqual([expect.any(Number), [], []])
    expect(await storage.steps('run-3')).toMatchObject([{ state: 'succeeded', rows: undefined }])
  })

  test('an asset without a table has no snapshot', async () => {
    const storage = await store()
    await storage.append([
      oneStep(WHOLE),
      started(STEP),
      succeeded({ ...materialization(STEP, ORDERS, WHOLE, 'm1'), snapshotId: undefined, rows: undefined }),
    ])
    expect((await storage.assetStates()).get(ORDERS)?.snapshotId).toBeUndefined()
  })

  test('an observation changes versions and the snapshot, and not what was made', async () => {
    const storage = await store()
    const made = materialization(STEP, ORDERS, DAYS, 'm1')
    await storage.append([oneStep(), started(STEP), succeeded(made)])
    await storage.append([{ type: 'table.observed', asset: ORDERS, snapshotId: '99', versions: [{ from: 1, to: 2, value: '99' }] }])
    expect((await storage.assetStates()).get(ORDERS)).toEqual({
      versions: [
        { from: 0, to: 1, value: 'snapshot-m1' },
        { from: 1, to: 2, value: '99' },
        { from: 2, to: 3, value: 'snapshot-m1' },
      ],
      made: [{ from: 0, to: 3, value: made }],
      snapshotId: '99',
      lastAttempt: [],
    })
  })

  test('records of another store are taken over for some partitions, also twice', async () => {
    const storage = await store()
    const elsewhere = materialization({ runId: 'run-of-dev', stepId: 's9' }, ORDERS, DAYS, 'm9')
    const adopted = { type: 'materialization.adopted' as const, materialization: elsewhere, partitions: range(1, 3) }
    await storage.append([oneStep(), started(STEP), succeeded(materialization(STEP, ORDERS, DAYS, 'm1'))])
    await storage.append([adopted])
    await storage.append([adopted])
    const { made, versions } = (await storage.assetStates()).get(ORDERS) ?? {}
    expect(made?.map(({ from, to, value }) => [from, to, value.id])).toEqual([
      [0, 1, 'm1'],
      [1, 3, 'm9'],
    ])
    expect(versions).toEqual([{ from: 0, to: 3, value: 'snapshot-m1' }])
    expect((await storage.materializations({ asset: ORDERS, limit: 9 })).map(({ id }) => id)).toEqual(['m9', 'm1'])
  })

  test('the last attempt stands where it did not succeed, and goes with success', async () => {
    const storage = await store()
    const second: StepRef = { runId: 'run-2', stepId: 's1' }
    await storage.append([oneStep(), started(STEP), failed(STEP, 'blocked')])
    expect((await storage.assetStates()).get(ORDERS)?.lastAttempt).toEqual([{ from: 0, to: 3, value: { state: 'blocked', ...STEP } }])
    await storage.append([oneStep(range(1, 2), 'run-2'), started(second), succeeded(materialization(second, ORDERS, range(1, 2), 'm2'))])
    const blocked = { state: 'blocked', ...STEP }
    expect((await storage.assetStates()).get(ORDERS)?.lastAttempt).toEqual([
      { from: 0, to: 1, value: blocked },
      { from: 2, to: 3, value: blocked },
    ])
  })

  test('what never started leaves no attempt', async () => {
    const storage = await store()
    await storage.append([oneStep(), interrupted(STEP)])
    expect(await storage.assetStates()).toEqual(new Map())
  })
}

function appendingRules(opened: Opened, store: Fresh): void {
  test('events come back in order, with their number and time, by run and after a number', async () => {
    const { storage, clock } = await opened()
    await storage.append([created('run-1', []), created('run-2', [])])
    clock.time = 2_000
    await storage.append([{ type: 'run.ended', runId: 'run-1', state: 'succeeded' }])
    const events = await storage.events({ limit: 10 })
    expect(events.map((event) => [event.type, event.at])).toEqual([
      ['run.created', 1_000],
      ['run.created', 1_000],
      ['run.ended', 2_000],
    ])
    expect(await storage.events({ runId: 'run-1', limit: 10 })).toEqual([events[0], events[2]])
    expect(await storage.events({ after: events[0]?.seq ?? 0, limit: 1 })).toEqual([events[1]])
    expect(await storage.events({ runId: 'run-1', after: events[0]?.seq ?? 0, limit: 10 })).toEqual([events[2]])
  })

  test('what is refused takes the appends of its turn with it, and none of a later one', async () => {
    const storage = await store()
    const settled = await Promise.allSettled([
      storage.append([created('a', [])]),
      storage.append([started(STEP)]),
      storage.append([created('b', [])]),
    ])
    expect(settled.map((s) => s.status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await storage.events({ limit: 10 })).toEqual([])
    await storage.append([created('a', [])])
    expect((await storage.runs(10)).map((run) => run.id)).toEqual(['a'])
  })

  test('what was appended is there when the store is opened again', async () => {
    const own = await opened()
    await own.storage.append([oneStep(), started(STEP)])
    const unsettled = own.storage.append([failed(STEP)])
    own.storage.close()
    await unsettled
    const again = await own.place.open(own.clock)
    expect((await again.steps('run-1')).map((step) => step.state)).toEqual(['failed'])
    again.close()
  })

  test('a reader sees what is written beside it', async () => {
    const { storage, place } = await opened()
    const reader = place.reader()
    expect(await reader.runs(10)).toEqual([])
    await storage.append([created('a', [])])
    expect((await reader.runs(10)).map((run) => run.id)).toEqual(['a'])
    reader.close()
  })
}
