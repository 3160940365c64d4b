import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AssetKey } from '../../src/keys.ts'
import type { IntervalMap } from '../../src/partitions/interval-map.ts'
import { contains, each } from '../../src/partitions/partition-set.ts'
import type { StoredEvent, StoreEvent } from '../../src/storage/events.ts'
import type { Storage, StorageReader } from '../../src/storage/storage.ts'
import { type Move, moves, type NaiveAsset, StorageModel } from './storage-model.ts'
import { type SetClock, setClock, type StorePlace } from './storage-place.ts'

/** After any events the projection is what a naive model holds, and what a second store has after the same events. */
export function projectionRules(place: () => Promise<StorePlace>): void {
  test('after any events it is what a person would write down, and what replay gives', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async (list) => followsModel(place, list)),
      { numRuns: 40 },
    )
  }, 60_000)

  async function followsModel(make: () => Promise<StorePlace>, list: readonly Move[]): Promise<void> {
    const own = await make()
    const clock = setClock()
    const storage = await own.open(clock)
    try {
      const model = await play(storage, list, clock)
      await compare(storage, model)
      await replaysTheSame(storage, make)
    } finally {
      storage.close()
      await own.dispose()
    }
  }
}

async function play(storage: Storage, list: readonly Move[], clock: SetClock): Promise<StorageModel> {
  const model = new StorageModel()
  const pending: Promise<void>[] = []
  for (const move of list) {
    const event = model.play(move)
    if (event === undefined) continue
    clock.time += 10
    pending.push(storage.append([event]))
    if (pending.length % 3 === 0) await Promise.all(pending)
  }
  await Promise.all(pending)
  return model
}

/** By partition, since that is what the intervals stand for. */
async function compare(storage: Storage, model: StorageModel): Promise<void> {
  const states = await storage.assetStates()
  const seen = new Map(
    [...states].map(([key, state]): [AssetKey, NaiveAsset] => [
      key,
      {
        versions: byPartition(state.versions, (v) => v),
        made: byPartition(state.made, (v) => v.id),
        attempts: byPartition(state.lastAttempt, (v) => `${v.state} ${v.runId} ${v.stepId}`),
        snapshotId: state.snapshotId,
      },
    ]),
  )
  expect(seen).toEqual(new Map([...model.assets].filter(([, asset]) => asset.versions.size > 0 || asset.attempts.size > 0)))
  for (const [runId, state] of model.runs) {
    expect((await storage.run(runId))?.state).toBe(state)
    const own = model.steps.filter((step) => step.runId === runId)
    expect((await storage.steps(runId)).map((s) => [s.id, s.state, s.attempts])).toEqual(own.map((s) => [s.stepId, s.state, s.attempts]))
  }
  const registries = [...(await storage.registries())].map(([name, { values, live }]) => {
    expect(values.map(([id]) => id)).toEqual(values.map((_, i) => i))
    return [name, new Map(values.map(([id, value]): [string, boolean] => [value, contains(live, id)]))] as const
  })
  // Maps compare in any order: ids follow that of adding.
  const inOrder = (all: Iterable<readonly [string, Map<string, boolean>]>) => new Map([...all].map(([name, held]) => [name, [...held]]))
  expect(inOrder(registries)).toEqual(inOrder(model.registries))
  const open = model.steps.flatMap((s) => [...s.open].map(([attempt, made]) => `${s.runId} ${s.stepId} ${attempt} ${made.id}`))
  expect((await storage.openIntents()).map((i) => `${i.runId} ${i.stepId} ${i.attempt} ${i.materialization.id}`).sort()).toEqual(
    open.sort(),
  )
}

/** Sorted, disjoint, and with equal neighbours joined; else it is no interval map. */
function byPartition<V>(map: IntervalMap<V>, name: (value: V) => string): Map<number, string> {
  for (const [i, { from, to, value }] of map.entries()) {
    expect(from).toBeLessThan(to)
    const next = map[i + 1]
    if (next !== undefined) expect(to < next.from || (to === next.from && value !== next.value)).toBe(true)
  }
  return new Map(
    map.flatMap((e) => [...each([[e.from, e.to]])].map((p): [number, string] => [p, name(e.value)])).sort((a, b) => a[0] - b[0]),
  )
}

/** Holds a store against a second one to which its events are appended anew. */
export async function replaysTheSame(storage: StorageReader, make: () => Promise<StorePlace>): Promise<void> {
  const own = await make()
  const clock = setClock()
  const copy = await own.open(clock)
  try {
    for (const events of bySameTime(await storage.events({ limit: 1_000_000 }))) {
      clock.time = events[0]?.at ?? 0
      await copy.append(events.map(({ seq: _, at: __, ...event }) => event as StoreEvent))
    }
    expect(await dump(copy)).toEqual(await dump(storage))
  } finally {
    copy.close()
    await own.dispose()
  }
}

function bySameTime(events: readonly StoredEvent[]): readonly (readonly StoredEvent[])[] {
  const groups: StoredEvent[][] = []
  for (const event of events) {
    const last = groups.at(-1)
    if (last?.[0]?.at === event.at) last.push(event)
    else groups.push([event])
  }
  return groups
}

/** Everything that a reader answers. */
export async function dump(reader: StorageReader): Promise<unknown> {
  const states = await reader.assetStates()
  const runs = await reader.runs(1_000_000)
  return {
    states,
    registries: await reader.registries(),
    runs,
    steps: await Promise.all(runs.map((run) => reader.steps(run.id))),
    openRuns: await reader.openRuns(),
    openIntents: await reader.openIntents(),
    materializations: await reader.materializations({ limit: 1_000_000 }),
    checks: await Promise.all([...states.keys()].map((asset) => reader.checkResults(asset))),
    events: await reader.events({ limit: 1_000_000 }),
  }
}
