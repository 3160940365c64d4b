import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dayIndex } from '../../src/partitions/calendar.ts'
import type { PartitionsSpec } from '../../src/partitions/spec.ts'
import { relationOf } from '../../src/tables/read.ts'
import { column, type Lab, openLab, renamedSpec } from '../iceberg/lab.ts'

const COLUMNS = [column('day', 'date'), column('a', 'int'), column('b', 'int')]
const DAYS: PartitionsSpec = { dim: 'time', grain: 'day', start: '1970-01-01', column: 'day' }

describe('relationOf', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  beforeEach(() =>
    lab.put({ columns: COLUMNS, by: [{ column: 'day', transform: 'day' }], query: row('2026-01-14', 1), overwrite: 'everything' }),
  )

  const row = (day: string, a: number): string => `SELECT DATE '${day}' AS day, ${a}::INT AS a, ${a * 10}::INT AS b`
  async function rowsOf(pinned: { readonly snapshotId?: string; readonly day?: string } = {}): Promise<readonly unknown[]> {
    const { metadata } = await lab.load()
    const index = dayIndex(pinned.day ?? '') ?? 0
    const relation = await relationOf(lab, metadata, {
      snapshotId: pinned.snapshotId ?? metadata.currentSnapshotId ?? '',
      ...(pinned.day === undefined ? {} : { slice: { spec: DAYS, partitions: [[index, index + 1]] } }),
    })
    return lab.session.rows(`SELECT a, b FROM (${relation}) ORDER BY ALL`)
  }

  it('reads the head by the current schema, which others may have changed since its snapshot, and older snapshots by their own', async () => {
    await lab.alter(({ schemas: [schema = expect.fail()] }) => {
      const swapped = { a: 'b', b: 'a' } as Readonly<Record<string, string>>
      const fields = schema.fields.map((field) => ({ ...field, name: swapped[field.name] ?? field.name }))
      return { schemas: [schema, { ...schema, 'schema-id': 1, fields }], currentSchemaId: 1 }
    })
    const old = (await lab.load()).metadata.currentSnapshotId
    expect(await rowsOf()).toEqual([{ a: 10, b: 1 }])
    await lab.put({ columns: COLUMNS, by: [{ column: 'day', transform: 'day' }], query: row('2026-01-15', 2) })
    expect(await rowsOf()).toEqual([
      { a: 2, b: 20 },
      { a: 10, b: 1 },
    ])
    expect(await rowsOf({ ...(old === undefined ? {} : { snapshotId: old }) })).toEqual([{ a: 1, b: 10 }])
  })
  it('takes the day of a file from the spec of that file, also where another spec calls something else so', async () => {
    await lab.alter(renamedSpec)
    // January 2026 is month 672, and day 672 is 1971-11-04.
    await lab.put({ columns: COLUMNS, by: [{ column: 'day', transform: 'month' }], query: row('2026-01-15', 2) })
    expect(await rowsOf({ day: '2026-01-14' })).toEqual([{ a: 1, b: 10 }])
    expect(await rowsOf({ day: '2026-01-15' })).toEqual([{ a: 2, b: 20 }])
    expect(await rowsOf({ day: '1971-11-04' })).toEqual([])
  })
})
