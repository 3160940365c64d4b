import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { appendedFiles, fileDiff, rowDiffSql, tableDiffSql } from '../../src/iceberg/diff.ts'
import { rollback } from '../../src/iceberg/refs.ts'
import { snapshotAt } from '../../src/iceberg/snapshot-at.ts'
import type { IcebergSchema } from '../../src/schema/iceberg-type.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
})
afterAll(() => lab.close())

type KeyedRow = readonly [k: number | null, v: number | null]
const SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'k', required: false, type: 'int' },
    { id: 2, name: 'v"', required: false, type: 'int' },
  ],
}
const relation = (rows: readonly KeyedRow[]): string =>
  `SELECT k::INTEGER AS k, v::INTEGER AS "v""" FROM (VALUES ${[...rows, [0, 0]].map(([k, v]) => `(${k}, ${v})`).join(', ')}) r(k, v) LIMIT ${rows.length}`

/** Row by row: what is there on both sides is struck out; what is left of a key is paired in order, nulls last. */
function naive(before: readonly KeyedRow[], after: readonly KeyedRow[]): readonly string[] {
  const gone = before.map((row) => JSON.stringify(row))
  const come: string[] = []
  for (const row of after.map((r) => JSON.stringify(r))) {
    if (gone.includes(row)) gone.splice(gone.indexOf(row), 1)
    else come.push(row)
  }
  const rank = (v: number | null | undefined): number => v ?? Number.POSITIVE_INFINITY
  const of = (rows: readonly string[], k: number | null): readonly KeyedRow[] =>
    rows
      .map((row) => JSON.parse(row) as KeyedRow)
      .filter((row) => row[0] === k)
      .toSorted((a, b) => rank(a[1]) - rank(b[1]))
  return [null, 1, 2, 3].flatMap((k) => {
    const [old, young] = [of(gone, k), of(come, k)]
    return Array.from({ length: Math.max(old.length, young.length) }, (_, i) => {
      const change = old[i] === undefined ? 'added' : young[i] === undefined ? 'removed' : 'changed'
      return `${change} ${k} ${old[i]?.[1]} ${young[i]?.[1]}`
    })
  })
}

describe('rows by key', () => {
  it('differ as a model says, also where keys are null or there twice', async () => {
    const rows = fc.array(fc.tuple(fc.constantFrom(null, 1, 2, 3), fc.constantFrom(null, 7, 8)), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(rows, rows, async (before, after) => {
        const sql = rowDiffSql({ before: relation(before), after: relation(after) }, SCHEMA, ['k'])
        const found = await lab.session.rows(`SELECT change, key.k AS k, old, new, columns FROM (${sql})`)
        const text = (struct: unknown): unknown => (struct === null ? undefined : (struct as Record<string, unknown>)['v"'])
        expect(found.map((row) => `${row['change']} ${row['k']} ${text(row['old'])} ${text(row['new'])}`).sort()).toEqual(
          [...naive(before, after)].sort(),
        )
        for (const row of found) expect(row['columns']).toEqual(row['change'] === 'changed' ? ['v"'] : null)
      }),
      { numRuns: 30 },
    )
  })

  it('are added or removed, never changed, where the whole row is the key', async () => {
    const sql = rowDiffSql(
      {
        before: relation([
          [1, 7],
          [2, 8],
        ]),
        after: relation([
          [1, 8],
          [2, 8],
        ]),
      },
      SCHEMA,
      [],
    )
    expect(await lab.session.rows(`SELECT change, key FROM (${sql}) ORDER BY change`)).toEqual([
      { change: 'added', key: { k: 1, 'v"': 8 } },
      { change: 'removed', key: { k: 1, 'v"': 7 } },
    ])
  })
})

describe('versions of a table', () => {
  const COLUMNS = [column('id', 'int'), column('day', 'date'), column('amount', 'int')]
  const BY = [{ column: 'day', transform: 'day' }] as const
  const put = (rows: string, overwrite?: (day: unknown) => boolean, columns = COLUMNS) =>
    lab.put({
      columns,
      by: BY,
      query: `SELECT *${columns === COLUMNS ? '' : ", 'x' AS note"} FROM (VALUES ${rows}) v(id, day, amount)`,
      ...(overwrite === undefined ? {} : { overwrite: (partition) => overwrite(partition['day_day']) }),
    })
  const FIRST_DAY = 20_454
  let ids: readonly string[]
  beforeAll(async () => {
    await put(`(1, DATE '2026-01-01', 10), (2, DATE '2026-01-02', 20)`)
    await put(`(3, DATE '2026-01-03', 30)`)
    // Takes 1 out, changes nothing of 2, puts 4 in, and adds a column.
    await put(`(4, DATE '2026-01-01', 40), (1, DATE '2026-01-01', 11)`, (day) => day === FIRST_DAY, [...COLUMNS, column('note', 'string')])
    ids = (await lab.load()).metadata.snapshots.map((snapshot) => snapshot.id)
  })
  const between = async (from: string | undefined, to: string) => {
    const { metadata } = await lab.load()
    const versions = { from: from === undefined ? undefined : snapshotAt(metadata, { id: from }), to: snapshotAt(metadata, { id: to }) }
    return { metadata, versions, files: await fileDiff(lab.store, metadata, versions) }
  }
  const days = (files: readonly { readonly partition: Readonly<Record<string, unknown>> }[]) =>
    files.map((file) => file.partition['day_day']).sort()

  it('differ by files, forward, backward and from nothing', async () => {
    const [first = '', second = '', third = ''] = ids
    const forward = (await between(first, third)).files
    expect([days(forward.added), days(forward.removed)]).toEqual([[FIRST_DAY, FIRST_DAY + 2], [FIRST_DAY]])
    const backward = (await between(third, first)).files
    expect([days(backward.added), days(backward.removed)]).toEqual([[FIRST_DAY], [FIRST_DAY, FIRST_DAY + 2]])
    expect(days((await between(undefined, second)).files.added)).toEqual([FIRST_DAY, FIRST_DAY + 1, FIRST_DAY + 2])
    expect((await between(second, second)).files).toEqual({ added: [], removed: [] })
  })

  it('differ by rows, read by the schema of the later', async () => {
    const [first = '', , third = ''] = ids
    const { metadata, versions, files } = await between(first, third)
    const rows: EngineRow[] = await lab.session.rows(
      `SELECT change, key.id AS id, old.amount AS was, new.amount AS is, new.note AS note, columns FROM (${tableDiffSql(lab.store, metadata, { ...versions, ...files }, ['id'])}) ORDER BY id`,
    )
    expect(rows).toEqual([
      { change: 'changed', id: 1, was: 10, is: 11, note: 'x', columns: ['amount', 'note'] },
      { change: 'added', id: 3, was: null, is: 30, note: null, columns: null },
      { change: 'added', id: 4, was: null, is: 40, note: 'x', columns: null },
    ])
    const back = await between(third, first)
    const undone = await lab.session.rows(
      `SELECT change, key.id AS id FROM (${tableDiffSql(lab.store, metadata, { ...back.versions, ...back.files }, ['id'])}) ORDER BY id`,
    )
    expect(undone).toEqual([
      { change: 'changed', id: 1 },
      { change: 'removed', id: 3 },
      { change: 'removed', id: 4 },
    ])
  })

  it('are read incrementally where only rows were added, and refused by name elsewhere', async () => {
    const [first = '', second = '', third = ''] = ids
    const appended = async (from: string | undefined, to: string) => {
      const { metadata, versions } = await between(from, to)
      return days(await appendedFiles(lab.store, metadata, versions))
    }
    expect(await appended(first, second)).toEqual([FIRST_DAY + 2])
    expect(await appended(undefined, second)).toEqual([FIRST_DAY, FIRST_DAY + 1, FIRST_DAY + 2])
    expect(await appended(second, second)).toEqual([])
    await expect(appended(first, third)).rejects.toMatchObject({
      code: 'ASSAY-2032',
      message: expect.stringContaining(`Snapshot ${third}`),
    })
    await expect(appended(second, first)).rejects.toMatchObject({ code: 'ASSAY-2009' })
    // After a rollback the two are of different lines: files still differ, but nothing was appended from one to the other.
    await commitMetadata(lab, TABLE, (m) => rollback(m, { id: first }, 0))
    await put(`(5, DATE '2026-01-05', 50)`)
    const last = (await lab.load()).metadata.currentSnapshotId ?? ''
    expect(days((await between(second, last)).files.removed)).toEqual([FIRST_DAY + 2])
    await expect(appended(second, last)).rejects.toMatchObject({ code: 'ASSAY-2009' })
  })
})
