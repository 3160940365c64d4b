import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { type Column, columnSpecs, t } from '../../src/schema/column.ts'
import { Instant } from '../../src/schema/instant.ts'
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts'

const UUID = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('cells of every type', () => {
  let engine: SqlEngine
  let session: SqlSession
  beforeAll(async () => {
    engine = await openDuckdb({ threads: 1 })
    session = await engine.session()
  })
  afterAll(() => engine.close())
  let tables = 0
  const load = async (column: Column, ...cells: unknown[]): Promise<string> => {
    const name = `t${++tables}`
    await session.load(
      name,
      columnSpecs({ c: column }),
      cells.map((c) => ({ c: c as never })),
    )
    return name
  }

  /** The column, a cell, and the text that DuckDB has for it. */
  const cases: readonly (readonly [string, Column, unknown, string])[] = [
    ['float', t.float(), 1.5, '1.5'],
    ['time', t.time(), '22:31:08.000001', '22:31:08.000001'],
    ['uuid', t.uuid(), UUID, UUID],
    ['fixed', t.fixed(2), bytes(0, 255), '\\x00\\xFF'],
    ['binary', t.binary(), bytes(97), 'a'],
    ['list', t.list(t.long().nullable()), [1n, null, 3n], '[1, NULL, 3]'],
    ['list of lists', t.list(t.list(t.string())), [['a'], []], '[[a], []]'],
    [
      'map',
      t.map(t.string(), t.decimal(4, 2).nullable()),
      new Map([
        ['a', '1.50'],
        ['b', null],
      ]),
      '{a=1.50, b=NULL}',
    ],
    ['struct', t.struct({ x: t.int(), y: t.date().nullable() }), { x: 1, y: null }, "{'x': 1, 'y': NULL}"],
    [
      'all of them',
      t.list(t.struct({ at: t.timestamptz(), m: t.map(t.int(), t.list(t.uuid())) }).nullable()),
      [null, { at: Instant.parse('2024-01-01T00:00:00Z'), m: new Map([[7, [UUID]]]) }],
      `[NULL, {'at': '2024-01-01 00:00:00+00', 'm': {7=[${UUID}]}}]`,
    ],
  ]
  test.each(cases)('%s goes in and comes back', async (_, column, cell, text) => {
    const name = await load(column.nullable(), cell, null)
    expect(await session.rows(`SELECT c, c::VARCHAR AS text FROM ${name}`)).toEqual([
      { c: cell, text },
      { c: null, text: null },
    ])
  })

  test.each<[string, Column, unknown, RegExp]>([
    ['null where none may be', t.list(t.int()), [1, null], /list<int>/],
    ['a field too many', t.struct({ x: t.int() }), { x: 1, y: 2 }, /struct<x: int>/],
    ['a missing field', t.struct({ x: t.int() }), {}, /struct<x: int>/],
    ['an object for a map', t.map(t.string(), t.int()), { a: 1 }, /map<string, int>/],
    [
      'one key twice',
      t.map(t.fixed(1), t.int()),
      new Map([
        [bytes(1), 1],
        [bytes(1), 2],
      ]),
      /a Map of 2/,
    ],
    ['bytes too few', t.fixed(2), bytes(1), /1 bytes .* fixed\[2\]/],
    ['a float too large', t.float(), 1e39, /1e\+39/],
    ['a day with 25 hours', t.time(), '25:00:00', /time/],
  ])('refuses %s', async (_, column, cell, what) => {
    await expect(load(column, cell)).rejects.toMatchObject({ code: 'ASSAY-5003', message: expect.stringMatching(what) })
  })
})
