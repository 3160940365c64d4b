import { expect, it } from 'vitest'
import { readManifest, readManifestList } from '../../src/iceberg/manifests.ts'
import { snapshotOf } from '../../src/iceberg/metadata.ts'
import { columnSpecs, t } from '../../src/schema/column.ts'
import { openLab } from './lab.ts'

it('metrics are of leaves: whole in structs, without nulls and bounds in lists and maps', async () => {
  const lab = await openLab()
  try {
    const s = t.struct({ n: t.int().nullable(), text: t.string().nullable() }).nullable()
    const columns = columnSpecs({ s, l: t.list(t.int().nullable()).nullable(), f: t.fixed(2) })
    const { metadata } = await lab.put({
      columns,
      query: `SELECT * FROM (VALUES ({n: 34, text: 'a'}, [1, NULL, 3], unhex('00ff')), (NULL, NULL, unhex('0100')), ({n: NULL, text: 'b'}, [], unhex('0001'))) v(s, l, f)`,
    })
    const [manifest] = await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')
    const [entry = expect.fail()] = await readManifest(lab.store, metadata, manifest ?? expect.fail())
    const metric = (name: string) =>
      Object.fromEntries((entry.fields[name] as { key: number; value: unknown }[]).map(({ key, value }) => [key, value]))
    const hex = (name: string) =>
      Object.fromEntries(Object.entries(metric(name)).map(([id, value]) => [id, Buffer.from(value as Uint8Array).toString('hex')]))
    // s is 1, l is 2, f is 3; then s.n, s.text and the element of l.
    expect(metric('null_value_counts')).toEqual({ 3: 0, 4: 2, 5: 1 })
    expect(metric('value_counts')).toMatchObject({ 3: 3, 4: 3, 5: 3 })
    expect(hex('lower_bounds')).toEqual({ 3: '0001', 4: '22000000', 5: '61' })
    expect(hex('upper_bounds')).toEqual({ 3: '0100', 4: '22000000', 5: '62' })
    await expect(lab.put({ columns, query: `SELECT NULL AS s, NULL AS l, unhex('00') AS f` })).rejects.toThrow(
      /column f holds a value that has not 2 bytes/,
    )
  } finally {
    await lab.close()
  }
})
