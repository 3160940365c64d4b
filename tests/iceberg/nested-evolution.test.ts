import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compactFiles } from '../../src/iceberg/compact.ts'
import { deleteWhere } from '../../src/iceberg/delete-where.ts'
import { columnSpecs, type Schema, t } from '../../src/schema/column.ts'
import { schemaOf } from '../../src/iceberg/metadata.ts'
import { type Lab, openLab } from './lab.ts'

describe('rows written under earlier schemas', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const put = (schema: Schema, query: string) => lab.put({ columns: columnSpecs(schema), query })
  const id = t.int().nullable()

  it('follow added, dropped, renamed, widened and reordered fields of a struct', async () => {
    await put(
      { id, s: t.struct({ a: t.int().nullable(), b: t.string().nullable(), c: t.float().nullable() }).nullable() },
      `SELECT 1 AS id, {a: 1, b: 'one', c: 1.5} AS s UNION ALL SELECT 2, NULL`,
    )
    const next = t.struct({
      c: t.double().nullable(),
      added: t.list(t.int()).nullable(),
      renamed: t.long().nullable().renamedFrom('a'),
    })
    await put({ id, s: next.nullable() }, `SELECT 3 AS id, {c: 2.5::DOUBLE, added: [7], renamed: 3::BIGINT} AS s`)
    expect(await lab.read(undefined, 'id')).toEqual([
      { id: 1, s: { c: 1.5, added: null, renamed: 1n } },
      { id: 2, s: null },
      { id: 3, s: { c: 2.5, added: [7], renamed: 3n } },
    ])
    await put({ id, s: t.struct({ fresh: t.int().nullable() }).nullable() }, `SELECT 4 AS id, {fresh: 1} AS s`)
    expect(await lab.read(undefined, 'id')).toEqual([
      { id: 1, s: { fresh: null } },
      { id: 2, s: null },
      { id: 3, s: { fresh: null } },
      { id: 4, s: { fresh: 1 } },
    ])
  })

  it('follow them in lists and maps, at any depth', async () => {
    const deep = (inner: Schema) => ({
      id,
      l: t.list(t.struct({ m: t.map(t.string(), t.struct(inner).nullable()) }).nullable()).nullable(),
    })
    await put(
      deep({ x: t.int().nullable(), gone: t.int().nullable() }),
      `SELECT 1 AS id, [{m: MAP {'k': {x: 1, gone: 2}, 'n': NULL}}, NULL] AS l UNION ALL SELECT 2, NULL UNION ALL SELECT 3, []`,
    )
    await put(deep({ y: t.long().nullable().renamedFrom('x') }), `SELECT 4 AS id, [{m: MAP {'k': {y: 4::BIGINT}}}] AS l`)
    expect(await lab.read(undefined, 'id')).toEqual([
      {
        id: 1,
        l: [
          {
            m: new Map([
              ['k', { y: 1n }],
              ['n', null],
            ]),
          },
          null,
        ],
      },
      { id: 2, l: null },
      { id: 3, l: [] },
      { id: 4, l: [{ m: new Map([['k', { y: 4n }]]) }] },
    ])
  })

  it('never lend an old value to a new field of the same name', async () => {
    const s = (fields: Schema) => ({ id, s: t.struct(fields).nullable() })
    await put(s({ keep: id, note: t.string().nullable() }), `SELECT 1 AS id, {keep: 1, note: 'old'} AS s`)
    await put(s({ keep: id, was: t.string().nullable().renamedFrom('note') }), `SELECT 2 AS id, {keep: 2, was: 'moved'} AS s`)
    await put(s({ keep: id, was: t.string().nullable(), note: t.int().nullable() }), `SELECT 3 AS id, {keep: 3, was: 'w', note: 33} AS s`)
    expect(await lab.read(undefined, 'id')).toEqual([
      { id: 1, s: { keep: 1, was: 'old', note: null } },
      { id: 2, s: { keep: 2, was: 'moved', note: null } },
      { id: 3, s: { keep: 3, was: 'w', note: 33 } },
    ])
    const { metadata } = await lab.load()
    expect(schemaOf(metadata).fields[1]?.type).toMatchObject({ fields: [{ id: 3 }, { id: 4, name: 'was' }, { id: 5, name: 'note' }] })
    expect(metadata.lastColumnId).toBe(5)
  })

  it.each(['copy-on-write', 'merge-on-read'] as const)('stay as they are when others go, %s, and files are compacted', async (mode) => {
    const s = (fields: Schema) => ({ id, s: t.struct(fields).nullable() })
    await put(s({ keep: id, note: t.string().nullable() }), `SELECT i AS id, {keep: i, note: 'old'} AS s FROM (VALUES (1), (11)) x(i)`)
    await put(s({ keep: id, was: t.string().nullable().renamedFrom('note') }), `SELECT 20 AS id, {keep: 20, was: 'gone'} AS s`)
    await put(
      s({ keep: id, was: t.string().nullable(), note: t.int().nullable() }),
      `SELECT i AS id, {keep: i, was: 'w', note: 33} AS s FROM (VALUES (2), (12)) x(i)`,
    )
    const expected = [
      { id: 1, s: { keep: 1, was: 'old', note: null } },
      { id: 2, s: { keep: 2, was: 'w', note: 33 } },
    ]
    const base = await lab.load()
    const where = { op: '>', column: 'id', value: 10 } as const
    await lab.commit(await deleteWhere(lab, { ...lab.request(base), base: base.metadata, where, mode }))
    expect(await lab.read(undefined, 'id')).toEqual(expected)
    if (mode === 'copy-on-write') return
    const { schema: _, spec: __, ...request } = lab.request(base)
    const compacted = await compactFiles(lab, { ...request, base: (await lab.load()).metadata })
    expect((await lab.commit(compacted ?? expect.fail())).metadata.snapshots.at(-1)?.operation).toBe('replace')
    expect(await lab.read(undefined, 'id')).toEqual(expected)
  })

  it('keep the rows of a renamed column, and not of one dropped and added again', async () => {
    await put({ id, a: t.int().nullable(), b: t.int().nullable() }, 'SELECT 1 AS id, 10 AS a, 20 AS b')
    await put({ id, c: t.long().nullable().renamedFrom('a') }, 'SELECT 2 AS id, 11 AS c')
    await put({ id, c: t.long().nullable().renamedFrom('a'), b: t.int().nullable() }, 'SELECT 3 AS id, 12 AS c, 22 AS b')
    expect(await lab.read(undefined, 'id')).toEqual([
      { id: 1, c: 10n, b: null },
      { id: 2, c: 11n, b: null },
      { id: 3, c: 12n, b: 22 },
    ])
    const first = (await lab.load()).metadata.snapshots[0]
    expect(await lab.read(first?.id)).toEqual([{ id: 1, a: 10, b: 20 }])
  })
})
