import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { Catalog } from '../../src/iceberg/catalog.ts'
import { type AssetKey, assetKey } from '../../src/keys.ts'
import type { PartitionSet } from '../../src/partitions/partition-set.ts'
import { dayIndex, dayKey } from '../../src/partitions/calendar.ts'
import { indexManifest } from '../../src/project/manifest.ts'
import type { StepAnswer } from '../../src/runs/executor.ts'
import { RunLake } from '../../src/runs/run-state.ts'
import { supervise } from '../../src/runs/supervise.ts'
import type { StepMessage } from '../../src/runs/worker-protocol.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { AssetState, Storage } from '../../src/storage/storage.ts'
import { loadHeads } from '../../src/tables/observe.ts'
import { stageRows } from '../../src/tables/stage.ts'
import { column, type Lab, openLab } from '../iceberg/lab.ts'

const COLUMNS = [column('day', 'date'), column('n', 'int')]
const BY = [{ column: 'day', transform: 'day' }] as const
const DAY = dayIndex('2026-01-14') ?? 0
const FIRST: PartitionSet = [[DAY, DAY + 1]]
const SECOND: PartitionSet = [[DAY + 1, DAY + 2]]

const specOf = (key: AssetKey, more: Partial<AssetSpec> = {}): AssetSpec => ({
  key,
  kind: 'table',
  columns: COLUMNS,
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: '2026-01-14', end: '2026-01-16', column: 'day' },
  deps: [],
  compute: { kind: 'duckdb', query: [] },
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
  ...more,
})
const ORDERS = assetKey('shop.orders')
const COPY = assetKey('shop.copy')
const loaded = indexManifest('m', {
  formatVersion: 1,
  name: 'p',
  file: 'project.ts',
  profiles: [],
  sources: {},
  assets: [
    specOf(ORDERS),
    specOf(COPY, { deps: [{ name: 'orders', asset: ORDERS, mapping: { kind: 'identity' } }], retry: { max: 1, delay: 1 } }),
  ],
})

let lab: Lab
let storage: Storage
beforeEach(async () => {
  lab = await openLab()
  storage = openStorage({ folder: lab.root, clock: systemClock })
})
afterEach(async () => {
  storage.close()
  await lab.close()
})

const row = (day: number, n: number): string => `SELECT DATE '${dayKey(day)}' AS day, ${n}::INT AS n`
/** What another engine writes. */
const foreign = async (...days: readonly number[]): Promise<string> => {
  const query = days.map((day) => row(day, 100)).join(' UNION ALL ')
  return (await lab.put({ columns: COLUMNS, by: BY, query })).metadata.currentSnapshotId ?? ''
}
/** A worker that yields one row of the day that is asked for. Steps take turns at the one session. */
let staging: Promise<unknown> = Promise.resolve()
function made({ assets, partitions, targets }: StepMessage): Promise<StepAnswer> {
  const spec = loaded.asset(assets[0] ?? '') ?? expect.fail()
  const environment = { session: lab.session, store: lab.store, spec, partitions }
  const turn = staging.then(() => stageRows(environment, targets, row(partitions[0]?.[0] ?? 0, 1)))
  staging = turn
  return turn.then((tables) => ({ type: 'done', tables, checks: [], unchanged: [], equal: {} }))
}

interface Walked {
  readonly state: string
  readonly events: readonly StoreEvent[]
  readonly of: <T extends StoreEvent['type']>(type: T) => readonly Extract<StoreEvent, { type: T }>[]
}

/** Walks two steps that do not wait for each other, `s1` and `s2`. */
async function walk(
  steps: readonly (readonly [AssetKey, PartitionSet])[],
  parts: {
    readonly run: (step: StepMessage) => Promise<StepAnswer>
    readonly states?: ReadonlyMap<AssetKey, AssetState>
    readonly catalog?: Catalog
    readonly storage?: Storage
    readonly clock?: Clock
  },
): Promise<Walked> {
  const planned = steps.map(([asset, partitions], i) => ({
    id: `s${i + 1}`,
    kind: 'make' as const,
    assets: [asset],
    partitions,
    after: [],
  }))
  await storage.append([{ type: 'run.created', runId: 'r', planId: 'p', manifestId: 'm', request: 'test', steps: planned }])
  const heads = await loadHeads(lab.catalog, loaded.manifest.assets)
  const events: StoreEvent[] = []
  const state = await supervise({
    runId: 'r',
    plan: { formatVersion: 1, id: 'p', manifestId: 'm', request: 'test', assets: [], steps: planned },
    loaded,
    storage: parts.storage ?? storage,
    lake: { catalog: parts.catalog ?? lab.catalog, store: lab.store, now: () => systemClock.now() },
    state: new RunLake(loaded, parts.states ?? new Map(), heads, `${lab.root}/warehouse`),
    executor: { slots: 2, run: (step) => parts.run(step), kill: () => {}, close: async () => {} },
    clock: parts.clock ?? systemClock,
    force: false,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    logOf: () => () => {},
  })
  const of: Walked['of'] = (type) => events.filter((event): event is Extract<StoreEvent, { type: typeof type }> => event.type === type)
  return { state, events, of }
}

const gate = (): PromiseWithResolvers<void> => Promise.withResolvers<void>()

describe('supervise', () => {
  it('lets no step read the old head of a table that it records as read anew', async () => {
    const known = await foreign(DAY, DAY + 1)
    const states = new Map([
      [ORDERS, { versions: [{ from: DAY, to: DAY + 2, value: known }], made: [], snapshotId: known, lastAttempt: [] }],
    ])
    // The commit of another engine is found while the first step is published. The second begins again just before that is
    // on disk.
    const [found, begun] = [gate(), gate()]
    const append: Storage['append'] = async (events) => {
      if (events.some((event) => event.type === 'table.observed')) {
        found.resolve()
        await begun.promise
      }
      const appended = await storage.append(events)
      if (events.some((event) => event.type === 'step.started' && event.stepId === 's2' && event.attempt === 2)) begun.resolve()
      return appended
    }
    const messages: StepMessage[] = []
    const { of } = await walk(
      [
        [ORDERS, FIRST],
        [COPY, SECOND],
      ],
      {
        states,
        storage: Object.assign(Object.create(storage) as Storage, { append }),
        clock: { ...systemClock, sleep: () => found.promise },
        run: async (step) => {
          if (step.assets.includes(ORDERS)) await foreign(DAY + 1)
          if (step.assets.includes(COPY) && messages.push(step) === 1)
            return { type: 'failed', outcome: 'failed', problem: { code: 'ASSAY-3003', what: 'not yet', next: '' }, checks: [] }
          return made(step)
        },
      },
    )
    expect(of('table.observed')).toHaveLength(1)
    const consumed = of('step.succeeded').find((event) => event.stepId === 's2')?.materializations[0]?.inputs['orders']
    expect(messages[1]?.inputs['orders']).toMatchObject({ snapshotId: known })
    expect(consumed?.versions.map(({ value }) => value)).toEqual([known])
  })

  it('publishes one step after the other', async () => {
    const both = gate()
    let begun = 0
    const { state, events } = await walk(
      [
        [ORDERS, FIRST],
        [ORDERS, SECOND],
      ],
      {
        run: async (step) => {
          const answer = await made(step)
          if (++begun === 2) both.resolve()
          await both.promise
          return answer
        },
      },
    )
    expect(state).toBe('succeeded')
    const publishing = events.map((event) => event.type).filter((type) => type === 'step.publishing' || type === 'step.succeeded')
    expect(publishing).toEqual(['step.publishing', 'step.succeeded', 'step.publishing', 'step.succeeded'])
    expect(await lab.read()).toHaveLength(2)
  })

  it('keeps the files of a step whose outcome is unknown, and removes those of one that was refused', async () => {
    const folders = new Map<string, string>()
    const commit: Catalog['commit'] = async () => ({ kind: 'unknown', cause: 'lost' })
    const { state, of } = await walk(
      [
        [ORDERS, FIRST],
        [COPY, SECOND],
      ],
      {
        catalog: {
          ...lab.catalog,
          warehouse: lab.catalog.warehouse,
          commit: (changes) => (changes[0]?.id.name === 'orders' ? commit(changes) : Promise.resolve({ kind: 'rejected', moved: [] })),
        },
        run: async (step) => {
          const answer = await made(step)
          if (answer.type === 'done') folders.set(step.stepId, answer.tables[0]?.staged.folder ?? '')
          return answer
        },
      },
    )
    expect(state).toBe('failed')
    expect(Object.fromEntries(of('step.failed').map(({ stepId, problem }) => [stepId, problem.code]))).toEqual({
      s1: 'ASSAY-2010',
      s2: 'ASSAY-2006',
    })
    expect(existsSync(folders.get('s1') ?? '')).toBe(true)
    expect(existsSync(folders.get('s2') ?? '')).toBe(false)
  })
})
