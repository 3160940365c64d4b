import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { systemClock } from '../../src/clock.ts'
import { AssayError } from '../../src/errors.ts'
import type { Catalog, CommitOutcome } from '../../src/iceberg/catalog.ts'
import { serialiseMetadata } from '../../src/iceberg/metadata.ts'
import { assetKey } from '../../src/keys.ts'
import { recover } from '../../src/runs/recover.ts'
import type { Materialization, PublishIntent } from '../../src/storage/events.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { publish, type Publishing } from '../../src/tables/publish.ts'
import type { StagedTable } from '../../src/tables/stage.ts'
import { column, type Lab, openLab, TABLE } from '../iceberg/lab.ts'

const COLUMNS = [column('id', 'int')]
const KEY = assetKey('shop.orders')
const SPEC: AssetSpec = {
  key: KEY,
  kind: 'table',
  columns: COLUMNS,
  rowKey: [],
  partitions: { dim: 'none' },
  deps: [],
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
}

let lab: Lab
let home: string
let storage: Storage
beforeEach(async () => {
  lab = await openLab()
  home = await mkdtemp(join(tmpdir(), 'assay-publish-'))
  storage = openStorage({ folder: home, clock: systemClock })
})
afterEach(async () => {
  storage.close()
  await lab.close()
  await rm(home, { recursive: true })
})

const lake = (catalog: Catalog = lab.catalog) => ({ catalog, store: lab.store, now: () => 1 })
const ids = async (): Promise<readonly unknown[]> =>
  (await lab.catalog.load(TABLE)) === undefined ? [] : (await lab.read()).map((row) => row['id'])

/** A step that has staged the row `id`, as the supervisor knows it just before it publishes. */
async function stagedStep(id: number): Promise<Publishing & { readonly tables: readonly StagedTable[] }> {
  const base = await lab.catalog.load(TABLE)
  const staged = await lab.stage({ columns: COLUMNS, query: `SELECT ${id}::INT AS id`, base })
  const head = base?.metadata.currentSnapshotId
  const materialization: Materialization = {
    id: `m${id}`,
    asset: KEY,
    partitions: [[0, 1]],
    dataVersion: staged.snapshotId,
    codeVersion: 'c',
    inputs: {},
    snapshotId: staged.snapshotId,
    rows: 1,
    runId: 'r',
    stepId: 's1',
    at: 1,
  }
  return {
    outputs: [{ spec: SPEC, materialization }],
    partitions: [[0, 1]],
    tables: [{ asset: KEY, role: 'rows', id: TABLE, staged, ...(base === undefined ? {} : { schemaId: base.metadata.currentSchemaId }) }],
    readFrom: head === undefined ? new Map() : new Map([[KEY, head]]),
  }
}

/** The real catalog, whose first answers are replaced: the commit is done or not done before them. */
function answering(...script: readonly { readonly answer: CommitOutcome; readonly apply: boolean }[]): Catalog {
  const left = [...script]
  const commit: Catalog['commit'] = async (changes) => {
    const next = left.shift()
    if (next === undefined || next.apply) {
      const real = await lab.catalog.commit(changes)
      return next?.answer ?? real
    }
    return next.answer
  }
  return { ...lab.catalog, warehouse: lab.catalog.warehouse, commit }
}

const metadataFiles = (): readonly string[] => readdirSync(join(lab.root, 'warehouse/shop/orders/metadata')).sort()

describe('publish', () => {
  it('is rebuilt on the new head when the catalog rejects, and leaves nothing of the first try', async () => {
    const step = await stagedStep(1)
    await publish(lake(answering({ answer: { kind: 'rejected', moved: [TABLE] }, apply: false })), step)
    expect(await ids()).toEqual([1])
    expect(metadataFiles().filter((name) => name.endsWith('.metadata.json'))).toHaveLength(1)
    expect(metadataFiles().filter((name) => name.startsWith('snap-'))).toHaveLength(1)
  })

  it('leaves a column that another engine added while the step ran', async () => {
    await publish(lake(), await stagedStep(1))
    const step = await stagedStep(2)
    await lab.alter(({ schemas, lastColumnId }) => {
      const [schema] = schemas
      const added = { id: lastColumnId + 1, name: 'theirs', required: false, type: 'string' } as const
      const evolved = schema === undefined ? [] : [{ ...schema, 'schema-id': 1, fields: [...schema.fields, added] }]
      return { schemas: [...schemas, ...evolved], currentSchemaId: 1, lastColumnId: lastColumnId + 1 }
    })
    await publish(lake(), step)
    expect(await lab.read()).toEqual([{ id: 2, theirs: null }])
  })

  it('gives up when it is always rejected', async () => {
    const rejected = { answer: { kind: 'rejected', moved: [TABLE] }, apply: false } as const
    await expect(publish(lake(answering(...Array(8).fill(rejected))), await stagedStep(1))).rejects.toMatchObject({ code: 'ASSAY-2006' })
    expect(await ids()).toEqual([])
  })

  it('takes an unknown outcome for a success when the table has the snapshot', async () => {
    const step = await stagedStep(1)
    const published = await publish(lake(answering({ answer: { kind: 'unknown', cause: 'lost' }, apply: true })), step)
    expect(published.get('shop.orders')?.metadata.currentSnapshotId).toBe(step.outputs[0]?.materialization.snapshotId)
    expect(await ids()).toEqual([1])
  })

  it('keeps all files when the outcome stays unknown', async () => {
    const step = await stagedStep(1)
    const attempt = publish(lake(answering({ answer: { kind: 'unknown', cause: 'lost' }, apply: false })), step)
    await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2010' })
    expect(existsSync(step.tables[0]?.staged.folder ?? '')).toBe(true)
    expect(metadataFiles().length).toBeGreaterThanOrEqual(3)
  })

  it('keeps all files when the table cannot be read to find out', async () => {
    const step = await stagedStep(1)
    let loads = 0
    const catalog = answering({ answer: { kind: 'unknown', cause: 'lost' }, apply: true })
    const load: Catalog['load'] = (id) => (loads++ === 0 ? lab.catalog.load(id) : Promise.reject(new Error('not now')))
    await expect(publish(lake({ ...catalog, load }), step)).rejects.toMatchObject({ code: 'ASSAY-2010' })
    expect(await ids()).toEqual([1])
  })

  it('takes an unknown outcome for a success only when all its tables have their snapshots', async () => {
    const step = await stagedStep(1)
    const [rows] = step.tables
    const rejects = {
      asset: KEY,
      role: 'rejects' as const,
      id: { ...TABLE, name: 'orders__rejects' },
      staged: rows?.staged ?? expect.fail(),
    }
    // The outcome is known for one table alone, as the other cannot be read.
    const catalog = answering({ answer: { kind: 'unknown', cause: 'lost' }, apply: true })
    let loads = 0
    const load: Catalog['load'] = (id) => (loads++ > 1 && id.name !== TABLE.name ? Promise.reject(new Error('no')) : lab.catalog.load(id))
    const attempt = publish(lake({ ...catalog, load }), { ...step, tables: [...step.tables, rejects] })
    await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2010' })
  })

  it('leaves nothing of a commit that the catalog could not begin', async () => {
    const step = await stagedStep(1)
    const commit: Catalog['commit'] = () => Promise.reject(new AssayError('ASSAY-2002', 'full'))
    await expect(publish(lake({ ...lab.catalog, commit }), step)).rejects.toMatchObject({ code: 'ASSAY-2002' })
    expect(metadataFiles()).toEqual([expect.stringMatching(/-m0\.avro$/)])
  })

  it('refuses to overwrite a table that appeared since the step began', async () => {
    const [mine, theirs] = [await stagedStep(1), await stagedStep(2)]
    await publish(lake(), theirs)
    await expect(publish(lake(), mine)).rejects.toMatchObject({ code: 'ASSAY-2006' })
    expect(await ids()).toEqual([2])
  })
})

describe('recover', () => {
  /** A process that died at a point of publishing: the intent is recorded, and the commit was made or not. */
  async function died(step: Publishing, committed: boolean): Promise<PublishIntent> {
    const { outputs, tables } = step
    const folders = tables.flatMap(({ staged }) => [staged.folder, staged.manifest?.path ?? ''])
    const intent: PublishIntent = {
      runId: 'r',
      stepId: 's1',
      attempt: 1,
      tables: tables.map(({ id, staged }) => ({ ...id, snapshotId: staged.snapshotId, folder: staged.folder })),
      materializations: outputs.map(({ materialization }) => materialization),
      checks: [],
    }
    await storage.append([
      {
        type: 'run.created',
        runId: 'r',
        planId: 'p',
        manifestId: 'm',
        request: 'materialize',
        steps: [{ id: 's1', assets: [KEY], partitions: [[0, 1]] }],
      },
      { type: 'step.started', runId: 'r', stepId: 's1', attempt: 1, stagingFolders: folders },
      { type: 'step.publishing', runId: 'r', stepId: 's1', intent },
    ])
    if (committed) await publish(lake(), step)
    return intent
  }

  it('records what had been published, from the ancestry of the table', async () => {
    const step = await stagedStep(1)
    await died(step, true)
    // Others have gone on since: the snapshot is an ancestor, not the head.
    await lab.put({ columns: COLUMNS, query: 'SELECT 7::INT AS id' })
    expect(await recover(storage, lake())).toMatchObject([{ published: 1, interrupted: 0 }])
    expect((await storage.assetStates()).get(KEY)).toMatchObject({
      made: [{ value: { id: 'm1' } }],
      versions: [{ value: step.outputs[0]?.materialization.dataVersion }],
    })
    expect(await storage.steps('r')).toMatchObject([{ state: 'succeeded', rows: 1 }])
    expect(await storage.run('r')).toMatchObject({ state: 'interrupted' })
    expect(await ids()).toEqual([1, 7])
    expect(await storage.openIntents()).toEqual([])
  })

  it('records every output of a step, also those whose rows were as before', async () => {
    const step = await stagedStep(1)
    const [own] = step.outputs
    if (own === undefined) throw new Error('nothing staged')
    const other = {
      ...own.materialization,
      id: 'm-other',
      asset: assetKey('shop.other'),
      unchanged: true as const,
      dataVersion: '7',
      rows: 5,
    }
    await died({ ...step, outputs: [own, { spec: { ...SPEC, key: other.asset }, materialization: other }] }, true)
    expect(await recover(storage, lake())).toMatchObject([{ published: 1, interrupted: 0 }])
    expect((await storage.materializations({ limit: 9 })).map(({ id }) => id)).toEqual(['m-other', 'm1'])
    const states = await storage.assetStates()
    expect([KEY, other.asset].map((key) => [states.get(key)?.made[0]?.value.id, states.get(key)?.versions[0]?.value])).toEqual([
      ['m1', step.outputs[0]?.materialization.dataVersion],
      ['m-other', undefined],
    ])
    expect(await storage.steps('r')).toMatchObject([{ state: 'succeeded', rows: 6 }])
  })

  it('keeps what had been published when others have expired the snapshot since', async () => {
    const step = await stagedStep(1)
    await died(step, true)
    await lab.put({ columns: COLUMNS, query: 'SELECT 7::INT AS id' })
    await expire(step.outputs[0]?.materialization.snapshotId ?? '')
    expect(await recover(storage, lake())).toMatchObject([{ published: 1, interrupted: 0 }])
    expect(await ids()).toEqual([1, 7])
  })

  it('leaves all as it is while a table cannot be read', async () => {
    const step = await stagedStep(1)
    await died(step, false)
    const unreadable: Catalog = { ...lab.catalog, warehouse: lab.catalog.warehouse, load: () => Promise.reject(new Error('not now')) }
    expect(await recover(storage, lake(unreadable))).toEqual([])
    expect(existsSync(step.tables[0]?.staged.folder ?? '')).toBe(true)
    expect(await storage.openIntents()).toHaveLength(1)
    expect(await recover(storage, lake())).toMatchObject([{ interrupted: 1 }])
  })

  it('removes what had not been published, and records that it was not made', async () => {
    const step = await stagedStep(1)
    await died(step, false)
    expect(await recover(storage, lake())).toMatchObject([{ published: 0, interrupted: 1 }])
    expect((await storage.assetStates()).get(KEY)?.made ?? []).toEqual([])
    expect(await storage.steps('r')).toMatchObject([{ state: 'interrupted' }])
    expect(existsSync(step.tables[0]?.staged.folder ?? '')).toBe(false)
    expect(await storage.openIntents()).toEqual([])
    expect(await recover(storage, lake())).toEqual([])
  })

  /** What another engine's maintenance does: the snapshot goes, the files that later ones still need stay. */
  async function expire(snapshotId: string): Promise<void> {
    const { metadata, metadataLocation } = await lab.load()
    const snapshots = metadata.snapshots.filter((snapshot) => snapshot.id !== snapshotId)
    const file = join(lab.root, 'warehouse/shop/orders/metadata/99999-expired.metadata.json')
    await lab.store.write(file, new TextEncoder().encode(serialiseMetadata({ ...metadata, snapshots, snapshotLog: [] })))
    expect(await lab.catalog.commit([{ id: TABLE, expected: metadataLocation, metadataLocation: file }])).toEqual({ kind: 'committed' })
  }

  it('resolves the intent of a step that had failed with an unknown outcome', async () => {
    const step = await stagedStep(1)
    await died(step, false)
    const problem = { code: 'ASSAY-2010', what: 'lost', next: '' } as const
    await storage.append([
      { type: 'step.failed', runId: 'r', stepId: 's1', state: 'failed', problem, checks: [] },
      { type: 'run.ended', runId: 'r', state: 'failed' },
    ])
    const commit = answering({ answer: { kind: 'unknown', cause: 'lost' }, apply: false })
    await expect(publish(lake(commit), step)).rejects.toMatchObject({ code: 'ASSAY-2010' })
    expect(metadataFiles()).toHaveLength(3)
    expect(await storage.openIntents()).toHaveLength(1)
    await recover(storage, lake())
    expect(await storage.openIntents()).toEqual([])
    expect(await storage.steps('r')).toMatchObject([{ state: 'failed' }])
    expect(existsSync(step.tables[0]?.staged.folder ?? '')).toBe(false)
    // The two that the commit wrote have names that nobody knows any more.
    expect(metadataFiles().filter((name) => name.endsWith('-m0.avro'))).toEqual([])
  })
})
