import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { ancestors } from '../../src/iceberg/metadata.ts'
import { assetKey } from '../../src/keys.ts'
import type { IntervalMap } from '../../src/partitions/interval-map.ts'
import { dayIndex } from '../../src/partitions/calendar.ts'
import { type Observation, observe } from '../../src/tables/observe.ts'
import { column, type Lab, openLab, renamedSpec } from '../iceberg/lab.ts'

const COLUMNS = [column('day', 'date')]
const SPEC: AssetSpec = {
  key: assetKey('shop.orders'),
  kind: 'table',
  columns: COLUMNS,
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: '2026-01-01', column: 'day' },
  deps: [],
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
}

describe('observe', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())

  /** A row of each day, in a snapshot of its own. Returns the ids of the snapshots. */
  async function put(transform: 'day' | 'month', ...days: readonly string[]): Promise<readonly string[]> {
    const ids: string[] = []
    for (const day of days) {
      const put = await lab.put({ columns: COLUMNS, by: [{ column: 'day', transform }], query: `SELECT DATE '${day}' AS day` })
      ids.push(put.metadata.currentSnapshotId ?? '')
    }
    return ids
  }

  /** What is seen by someone who knew of a snapshot, and of the versions of some days. */
  async function seen(snapshotId: string | undefined, days: readonly (string | undefined)[] = []): Promise<Observation | undefined> {
    const versions: IntervalMap<string> = days.map((value = '', i) => ({ from: DAY + i, to: DAY + i + 1, value }))
    const state = { versions, made: [], snapshotId, lastAttempt: [] }
    const heads = new Map([[SPEC.key, await lab.load()]])
    const [observation] = await observe(lab.store, [SPEC], heads, new Map([[SPEC.key, state]]))
    return observation
  }
  const DAY = dayIndex('2026-01-14') ?? 0

  it('takes a file of a spec without days for any day, whatever that spec calls its field', async () => {
    const [known] = await put('day', '2026-01-14')
    const [byDay] = await put('day', '2026-01-15')
    expect((await seen(known))?.versions).toEqual([{ from: DAY + 1, to: DAY + 2, value: byDay }])
    await lab.alter(renamedSpec)
    const [byMonth] = await put('month', '2026-01-16')
    const versions = (await seen(byDay))?.versions ?? []
    expect(versions).toMatchObject([{ value: byMonth }])
    expect(versions[0]?.from).toBeLessThan(DAY)
    expect(versions[0]?.to).toBeGreaterThan(DAY + 3)
  })

  it('notices a rollback also where the oldest snapshots have expired', async () => {
    const [first, second, third] = await put('day', '2026-01-14', '2026-01-15', '2026-01-16')
    await lab.alter(({ snapshots, refs }) => ({
      snapshots: snapshots.filter((snapshot) => snapshot.id !== first),
      snapshotLog: [],
      currentSnapshotId: second,
      refs: { ...refs, main: { snapshotId: second ?? '', type: 'branch' } },
    }))
    expect(ancestors((await lab.load()).metadata).map((snapshot) => snapshot.parentId)).toEqual([first])
    expect(await seen(third, [first, second, third])).toMatchObject({
      snapshotId: second,
      lost: [
        [DAY, DAY + 1],
        [DAY + 2, DAY + 3],
      ],
    })
  })

  it('keeps what is known when the snapshot that it knew has only expired', async () => {
    const [first, second] = await put('day', '2026-01-14', '2026-01-15', '2026-01-16')
    await lab.alter(({ snapshots }) => ({ snapshots: snapshots.filter(({ id }) => id !== first && id !== second), snapshotLog: [] }))
    expect(await seen(second, [first, second])).toMatchObject({ lost: [] })
  })
})
