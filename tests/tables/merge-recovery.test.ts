import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { systemClock } from '../../src/clock.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { expireSnapshots } from '../../src/iceberg/expire.ts'
import { assetKey } from '../../src/keys.ts'
import { WHOLE } from '../../src/partitions/partition-set.ts'
import { recover } from '../../src/runs/recover.ts'
import type { Materialization, PublishIntent } from '../../src/storage/events.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { publish, resolveIntent } from '../../src/tables/publish.ts'
import { rowsMade, stageRows, type StagedTable } from '../../src/tables/stage.ts'
import { column, type Lab, openLab } from '../iceberg/lab.ts'

const KEY = assetKey('shop.orders')
const COLUMNS = [column('id', 'int', false), column('v', 'string')]
const SPEC: AssetSpec = {
  key: KEY,
  kind: 'table',
  columns: COLUMNS,
  rowKey: ['id'],
  partitions: { dim: 'none' },
  deps: [],
  compute: { kind: 'duckdb', query: [] },
  codeVersion: 'c',
  checks: [],
  write: { kind: 'merge', deleteWhen: 'gone', as: 'merge-on-read' },
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
}
const BATCH = `SELECT * FROM (VALUES (1, 'A', false), (2, NULL, true), (9, 'new', false)) v(id, v, gone)`

describe('a merge whose process was killed', () => {
  let lab: Lab
  let storage: Storage
  beforeEach(async () => {
    lab = await openLab()
    storage = openStorage({ folder: lab.root, clock: systemClock })
    await lab.put({ columns: COLUMNS, query: `SELECT * FROM (VALUES (1::INT, 'a'), (2, 'b'), (3, 'c')) v(id, v)` })
  })
  afterEach(async () => {
    storage.close()
    await lab.close()
  })
  const rows = async () => (await lab.read()).map((row) => `${String(row['id'])} ${String(row['v'])}`)
  const lake = () => ({ catalog: lab.catalog, store: lab.store, now: () => systemClock.now() })

  /** As far as the durable intent. */
  async function intended(): Promise<{ readonly staged: readonly StagedTable[]; readonly materialization: Materialization }> {
    const { metadataLocation, metadata } = await lab.load()
    const target = {
      asset: KEY,
      role: 'rows',
      metadataLocation,
      snapshotId: '777',
      location: metadata.location,
      attemptName: 'try',
    } as const
    const staged = await stageRows({ session: lab.session, store: lab.store, spec: SPEC, partitions: WHOLE }, [target], BATCH)
    const made = { id: 'm1', asset: KEY, partitions: WHOLE, dataVersion: '777', codeVersion: 'c', inputs: {}, snapshotId: '777' }
    const materialization = { ...made, rows: staged.map(rowsMade)[0], runId: 'r', stepId: 's1', at: 1 }
    const tables = staged.map(({ id, staged: { snapshotId, folder } }) => ({ ...id, snapshotId, folder }))
    const intent: PublishIntent = { runId: 'r', stepId: 's1', attempt: 1, tables, materializations: [materialization], checks: [] }
    await storage.append([
      {
        type: 'run.created',
        runId: 'r',
        planId: 'p',
        manifestId: 'm',
        request: 'test',
        steps: [{ id: 's1', assets: [KEY], partitions: WHOLE }],
      },
      { type: 'step.started', runId: 'r', stepId: 's1', attempt: 1, stagingFolders: staged.map((table) => table.staged.folder) },
      { type: 'step.publishing', runId: 'r', stepId: 's1', intent },
    ])
    return { staged, materialization }
  }

  it('before it was published has not happened, and leaves no files', async () => {
    const { staged } = await intended()
    expect(staged.map(rowsMade)).toEqual([3])
    expect(await recover(storage, lake())).toMatchObject([{ published: 0, interrupted: 1 }])
    expect(await rows()).toEqual(['1 a', '2 b', '3 c'])
    expect(staged.some((table) => existsSync(table.staged.folder))).toBe(false)
  })

  it('is known to have happened by its delete files, where its version has expired', async () => {
    const base = await lab.load()
    const request = { ...lab.request(base), base: base.metadata, where: { op: '=', column: 'id', value: 3 } as const }
    const { staged, rewrite } = await deleteWhere({ session: lab.session, store: lab.store }, { ...request, mode: 'merge-on-read' })
    expect(staged.files).toEqual([])
    await lab.commit({ staged, rewrite, changes: true })
    await lab.put({ columns: COLUMNS, query: `SELECT 4::INT AS id, 'd' AS v` })
    await expireSnapshots(lab, base.id, { now: Number.MAX_SAFE_INTEGER, olderThan: Number.MAX_SAFE_INTEGER, keepLast: 1 })
    const { snapshotId, folder } = staged
    const tables = [{ ...base.id, snapshotId, folder }]
    const intent: PublishIntent = { runId: 'r', stepId: 's1', attempt: 1, tables, materializations: [], checks: [] }
    expect(await resolveIntent(lake(), intent)).toBe('committed')
    expect(await rows()).toEqual(['1 a', '2 b', '4 d'])
  })

  it('after it was published is recorded, once', async () => {
    const { staged, materialization } = await intended()
    const readFrom = new Map([[KEY as string, (await lab.load()).metadata.currentSnapshotId ?? '']])
    await publish(lake(), { outputs: [{ spec: SPEC, materialization }], partitions: WHOLE, tables: staged, readFrom })
    expect(await recover(storage, lake())).toMatchObject([{ published: 1, interrupted: 0 }])
    expect((await storage.assetStates()).get(KEY)?.made[0]?.value).toMatchObject({ id: 'm1', dataVersion: '777' })
    expect(await rows()).toEqual(['1 A', '3 c', '9 new'])
    expect(await recover(storage, lake())).toEqual([])
  })

  it('is refused where another writer has added a row with one of its keys', async () => {
    const { staged, materialization } = await intended()
    await lab.put({ columns: COLUMNS, query: `SELECT 9::INT AS id, 'theirs' AS v` })
    const late = publish(lake(), { outputs: [{ spec: SPEC, materialization }], partitions: WHOLE, tables: staged, readFrom: new Map() })
    await expect(late).rejects.toMatchObject({ code: 'ASSAY-2006' })
    expect(await rows()).toEqual(['1 a', '2 b', '3 c', '9 theirs'])
  })
})
