import { basename } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssayError } from '../../src/errors.ts'
import { cherryPick } from '../../src/iceberg/cherry-pick.ts'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { expireSnapshots } from '../../src/iceberg/expire.ts'
import { readManifestList } from '../../src/iceberg/manifests.ts'
import type { TableMetadata } from '../../src/iceberg/metadata.ts'
import { createRef, dropRef, fastForward, rollback, setBranch } from '../../src/iceberg/refs.ts'
import { ID, type LineLab, openLineLab } from './line-lab.ts'
import { expire, type LineModel, lineOf, move } from './line-model.ts'

const name = fc.constantFrom('main', 'a', 'b')
/** Which snapshot: taken modulo how many there are. */
const which = fc.nat(30)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('commit' as const), name, overwrite: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom('branch' as const, 'tag' as const),
      name,
      which,
      least: fc.option(fc.integer({ min: 1, max: 3 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('drop' as const), name }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom('forward' as const, 'set' as const), name, which }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom('rollback' as const, 'pick' as const), which }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('expire' as const), keepLast: fc.integer({ min: 1, max: 3 }), back: fc.nat(6) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Walk {
  readonly lab: LineLab
  readonly model: LineModel
  /** Counts steps; the clock and the ids of snapshots follow it. */
  turn: number
}

/** Whether the step is allowed is what the model says; it is then done to the model too. */
async function take(walk: Walk, taken: Step): Promise<void> {
  const { lab, model } = walk
  const now = ++walk.turn * 1000
  const ids = [...model.snapshots.keys()]
  const chosen = 'which' in taken ? (ids[taken.which % ids.length] ?? '') : ''
  const main = model.refs.get('main')?.id ?? ''
  const ref = 'name' in taken ? model.refs.get(taken.name) : undefined
  const change = (pure: (metadata: TableMetadata) => TableMetadata): Promise<unknown> => commitMetadata(lab, ID, pure)
  const commit = (branch: string, isAppend: boolean, added: string[]): void => {
    const parent = model.refs.get(branch)?.id
    const kept = isAppend ? (model.snapshots.get(parent ?? '')?.live ?? []) : []
    const live = [...kept, ...added].sort()
    model.snapshots.set(String(walk.turn), { id: String(walk.turn), parent, time: now, isAppend, added, live })
    move(model, branch, String(walk.turn))
  }
  switch (taken.op) {
    case 'commit': {
      const isBranch = ref?.type === 'branch'
      const put = lab.put({ id: String(walk.turn), now, branch: taken.name, overwrite: taken.overwrite ? 'everything' : 'nothing' })
      if (await allowed(isBranch, put)) {
        const isEmpty = (model.snapshots.get(ref?.id ?? '')?.live.length ?? 0) === 0
        commit(taken.name, !taken.overwrite || isEmpty, [`${walk.turn}.parquet`])
      }
      return
    }
    case 'branch':
    case 'tag': {
      const least = taken.op === 'branch' ? (taken.least ?? undefined) : undefined
      const retention = least === undefined ? {} : { minSnapshotsToKeep: least }
      const done = change((m) => createRef(m, { name: taken.name, type: taken.op, snapshotId: chosen, retention }, now))
      if (await allowed(ref === undefined, done))
        model.refs.set(taken.name, { type: taken.op, id: chosen, ...(least === undefined ? {} : { least }) })
      return
    }
    case 'drop':
      if (
        await allowed(
          ref !== undefined && taken.name !== 'main',
          change((m) => dropRef(m, taken.name, now)),
        )
      )
        model.refs.delete(taken.name)
      return
    case 'forward': {
      const may = ref?.type === 'branch' && lineOf(model, chosen).includes(ref.id)
      if (
        await allowed(
          may,
          change((m) => fastForward(m, taken.name, chosen, now)),
        )
      )
        move(model, taken.name, chosen)
      return
    }
    case 'set':
      if (
        await allowed(
          ref?.type === 'branch',
          change((m) => setBranch(m, taken.name, chosen, now)),
        )
      )
        move(model, taken.name, chosen)
      return
    case 'rollback':
      if (
        await allowed(
          lineOf(model, main).includes(chosen),
          change((m) => rollback(m, { id: chosen }, now)),
        )
      )
        move(model, 'main', chosen)
      return
    case 'pick': {
      const picked = model.snapshots.get(chosen)
      const isNew = picked?.added.every((file) => !model.snapshots.get(main)?.live.includes(file)) ?? false
      const onTop = picked?.parent === main
      const may = picked?.isAppend === true && !lineOf(model, main).includes(chosen) && (isNew || onTop)
      if (!(await allowed(may, cherryPick(lab, { id: ID, snapshotId: chosen, newId: String(walk.turn), now })))) return
      if (onTop) move(model, 'main', chosen)
      else commit('main', true, [...(picked?.added ?? [])])
      return
    }
    case 'expire': {
      const policy = { keepLast: taken.keepLast, olderThan: now - taken.back * 1000 }
      await expireSnapshots(lab, ID, { ...policy, now })
      expire(model, policy)
    }
  }
}

/** True when done. What is not allowed has to be refused by name. */
async function allowed(may: boolean, done: Promise<unknown>): Promise<boolean> {
  const problem = await done.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (may) expect(problem).toBeUndefined()
  else expect(problem instanceof AssayError ? problem.code : problem).toMatch(/^ASSAY-20(09|31)$/)
  return may
}

async function compare({ lab, model }: Walk): Promise<void> {
  const { metadata } = await lab.load()
  expect(metadata.snapshots.map((snapshot) => snapshot.id)).toEqual([...model.snapshots.keys()])
  expect(
    Object.entries(metadata.refs)
      .map(([ref, { type, snapshotId }]) => [ref, type, snapshotId])
      .sort(),
  ).toEqual([...model.refs].map(([ref, { type, id }]) => [ref, type, id]).sort())
  expect(metadata.currentSnapshotId).toBe(model.refs.get('main')?.id)
  expect(metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual(model.log)
  const times = metadata.snapshotLog.map((entry) => entry.timestamp)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  for (const { id, live } of model.snapshots.values()) expect([id, await lab.live(id)]).toEqual([id, live])
  const lists = await Promise.all(metadata.snapshots.map((snapshot) => readManifestList(lab.store, snapshot.manifestList)))
  const avro = [...metadata.snapshots.map((snapshot) => snapshot.manifestList), ...lists.flat().map((manifest) => manifest.path)]
  // What only expired snapshots had is gone, and nothing else is.
  expect(await lab.present('data', '.parquet')).toEqual([...new Set([...model.snapshots.values()].flatMap(({ live }) => live))].sort())
  expect(await lab.present('metadata', '.avro')).toEqual([...new Set(avro.map((path) => basename(path)))].sort())
}

describe('snapshots and refs', () => {
  it('are what a model of them is, whatever is done to them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), async (steps) => {
        const walk: Walk = { lab: await openLineLab(), model: { snapshots: new Map(), refs: new Map(), log: [] }, turn: 0 }
        walk.model.refs.set('main', { type: 'branch', id: '' })
        try {
          await take(walk, { op: 'commit', name: 'main', overwrite: false })
          for (const taken of steps) await take(walk, taken)
          await compare(walk)
        } finally {
          await walk.lab.close()
        }
      }),
      { numRuns: 12 },
    )
  })
})
