import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allLiveEntries } from '../../src/iceberg/live-entries.ts'
import { readManifest, readManifestList } from '../../src/iceberg/manifests.ts'
import { snapshotOf } from '../../src/iceberg/metadata.ts'
import { changesSince } from '../../src/iceberg/scan.ts'
import { column, type Lab, openLab } from './lab.ts'

const COLUMNS = [column('id', 'long'), column('part', 'int')]
const BY = [{ column: 'part', transform: 'identity' }] as const

describe('merging manifests', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const put = (id: number, more: Partial<Parameters<Lab['put']>[0]> = {}) =>
    lab.put({ columns: COLUMNS, by: BY, query: `SELECT ${id}::BIGINT AS id, ${id % 2} AS part`, ...more })
  const manifests = async () => readManifestList(lab.store, snapshotOf((await lab.load()).metadata)?.manifestList ?? '')
  const properties = { 'commit.manifest.min-count-to-merge': '3' }

  it('keeps the snapshot and the sequence numbers of each file, and the order of magnitude of the list', async () => {
    for (let id = 1; id <= 13; id++) {
      const { metadata } = await put(id, { properties })
      const list = await manifests()
      // At most two of each size below the next, and the new one: 1 + 2 of one entry + 2 of three + 2 of nine.
      expect(list.length).toBeLessThanOrEqual(7)
      const { data } = await allLiveEntries(lab.store, metadata)
      const facts = data
        .map((e) => [Number(e.snapshotId) - 100, e.sequenceNumber, e.fileSequenceNumber])
        .toSorted((a, b) => Number(a[0]) - Number(b[0]))
      expect(facts).toEqual(Array.from({ length: id }, (_, i) => [i + 1, i + 1, i + 1]))
    }
    expect(await lab.read()).toHaveLength(13)
    const [merged] = (await manifests()).filter((manifest) => manifest.existingFiles > 0)
    expect(merged?.minSequenceNumber).toBe(
      Math.min(...(await readManifest(lab.store, (await lab.load()).metadata, merged ?? expect.fail())).map((e) => e.sequenceNumber ?? 0)),
    )
    expect((await changesSince(lab.store, (await lab.load()).metadata, '112')).map((c) => [c.snapshotId, c.partitions])).toEqual([
      ['113', [{ specId: 0, partition: { part: 1 } }]],
    ])
  }, 20_000)

  it('happens from a hundred on unless the table says otherwise, and leaves out what was deleted', async () => {
    for (let id = 1; id <= 4; id++) await put(id)
    expect(await manifests()).toHaveLength(4)
    await put(8, { overwrite: (partition) => partition['part'] === 0 })
    await put(9, { properties: { ...properties, 'commit.manifest-merge.enabled': 'false' } })
    expect(await manifests()).toHaveLength(4)
    const { mergedManifests } = await put(11, { properties: { 'commit.manifest-merge.enabled': 'true' } })
    expect(mergedManifests).toBe(4)
    const list = await manifests()
    expect(list.map((m) => [m.addedFiles, m.existingFiles, m.deletedFiles])).toEqual([
      [1, 0, 0],
      [0, 4, 0],
    ])
    expect((await lab.read()).map((row) => Number(row['id']))).toEqual([1, 3, 8, 9, 11])
  })
})
