import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { createRef } from '../../src/iceberg/refs.ts'
import { assetKey } from '../../src/keys.ts'
import { planRollback, type RollbackPlan } from '../../src/runs/rollback.ts'
import { ID, type LineLab, openLineLab } from '../iceberg/line-lab.ts'

const SPEC: AssetSpec = {
  key: assetKey('shop.lines'),
  kind: 'table',
  columns: [{ name: 'id', type: 'long', nullable: true }],
  rowKey: [],
  partitions: { dim: 'none' },
  deps: [],
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
}

describe('the plan of a rollback', () => {
  let lab: LineLab
  beforeEach(async () => {
    lab = await openLineLab()
    await lab.put({ id: '1', now: 1000 })
    await lab.put({ id: '2', now: 2000 })
    await lab.put({ id: '3', now: 3000, overwrite: 'everything' })
    await commitMetadata(lab, ID, (m) => createRef(m, { name: 'next', type: 'branch' }, 3500))
    await lab.put({ id: '4', now: 4000, branch: 'next' })
    await commitMetadata(lab, ID, (m) => createRef(m, { name: 'aside', type: 'branch', snapshotId: '1' }, 4500))
    await lab.put({ id: '5', now: 5000, branch: 'aside' })
  })
  afterEach(() => lab.close())
  const plan = async (to: string, spec = SPEC): Promise<RollbackPlan | undefined> => planRollback(lab.store, spec, await lab.load(), to)

  it('tells rows and partitions, back and forward, and writes nothing', async () => {
    const before = await lab.load()
    expect(await plan('2')).toMatchObject({
      from: { id: '3' },
      to: { id: '2' },
      direction: 'back',
      rows: { appear: 2, disappear: 1 },
      partitions: [[0, 1]],
    })
    expect(await plan('1970-01-01T00:00:01Z')).toMatchObject({ to: { id: '1' }, rows: { appear: 1, disappear: 1 } })
    expect(await plan('next')).toMatchObject({ to: { id: '4' }, direction: 'forward', rows: { appear: 1, disappear: 0 } })
    expect(await plan('main')).toBeUndefined()
    expect((await lab.load()).metadataLocation).toBe(before.metadataLocation)
  })

  it('is refused for another line, for what others write, and without a table', async () => {
    await expect(plan('aside')).rejects.toMatchObject({ code: 'ASSAY-2031', message: expect.stringContaining('on another line') })
    await expect(plan('2', { ...SPEC, kind: 'external' })).rejects.toMatchObject({ code: 'ASSAY-2031' })
    await expect(planRollback(lab.store, SPEC, undefined, '2')).rejects.toMatchObject({ code: 'ASSAY-2008' })
    await expect(plan('9')).rejects.toMatchObject({ code: 'ASSAY-2009' })
  })
})
