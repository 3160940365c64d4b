import { type Schema, t } from '../../../../src/schema/column.ts'
import type { Case, Read } from '../case.ts'

/** A table whose columns change between two appends. */
function evolved(
  name: string,
  [before, first]: readonly [Schema, string],
  [after, second]: readonly [Schema, string],
  { smoke, ...read }: Read & Pick<Case, 'smoke'>,
): Case {
  return {
    group: 'schema',
    name,
    write: async (table) => {
      table.shape({ columns: before })
      await table.append(first)
      table.shape({ columns: after })
      await table.append(second)
    },
    reads: [read],
    ...(smoke === undefined ? {} : { smoke }),
  }
}

const BASE = { id: t.long(), v: t.int().nullable() }
const FIRST = 'SELECT 1 AS id, 10 AS v'

export const SCHEMAS: readonly Case[] = [
  evolved('a column more', [BASE, FIRST], [{ ...BASE, more: t.string().nullable() }, `SELECT 2 AS id, 20 AS v, 'x' AS more`], {
    columns: ['id', 'v', 'more'],
    rows: [
      ['1', '10', null],
      ['2', '20', 'x'],
    ],
  }),
  evolved('a column less', [BASE, FIRST], [{ id: t.long() }, 'SELECT 2 AS id'], { columns: ['id'], rows: [['1'], ['2']] }),
  evolved(
    'a column of another name',
    [BASE, FIRST],
    [{ id: t.long(), w: t.int().nullable().renamedFrom('v') }, 'SELECT 2 AS id, 20 AS w'],
    {
      columns: ['id', 'w'],
      rows: [
        ['1', '10'],
        ['2', '20'],
      ],
      smoke: true,
    },
  ),
  evolved(
    'two names changed for each other',
    [{ id: t.long(), a: t.int().nullable(), b: t.int().nullable() }, 'SELECT 1 AS id, 10 AS a, 11 AS b'],
    [
      { id: t.long(), b2: t.int().nullable().renamedFrom('a'), a2: t.int().nullable().renamedFrom('b') },
      'SELECT 2 AS id, 20 AS b2, 21 AS a2',
    ],
    {
      columns: ['id', 'b2', 'a2'],
      rows: [
        ['1', '10', '11'],
        ['2', '20', '21'],
      ],
    },
  ),
  evolved('another order of columns', [BASE, FIRST], [{ v: t.int().nullable(), id: t.long() }, 'SELECT 20 AS v, 2 AS id'], {
    columns: ['v', 'id'],
    rows: [
      ['10', '1'],
      ['20', '2'],
    ],
  }),
  evolved('int to long', [{ v: t.int() }, 'SELECT 1 AS v'], [{ v: t.long() }, 'SELECT 5000000000 AS v'], { rows: [['1'], ['5000000000']] }),
  evolved('float to double', [{ v: t.float() }, 'SELECT 1.5::FLOAT AS v'], [{ v: t.double() }, 'SELECT 0.1::DOUBLE AS v'], {
    rows: [['1.5'], ['0.1']],
  }),
  evolved(
    'decimals of more digits',
    [{ v: t.decimal(9, 2), w: t.decimal(18, 0) }, 'SELECT 1.25::DECIMAL(9,2) AS v, 7::DECIMAL(18,0) AS w'],
    [
      { v: t.decimal(18, 2), w: t.decimal(38, 0) },
      "SELECT '1234567890123456.25'::DECIMAL(18,2) AS v, '12345678901234567890123456789012345678'::DECIMAL(38,0) AS w",
    ],
    {
      rows: [
        ['1.25', '7'],
        ['1234567890123456.25', '12345678901234567890123456789012345678'],
      ],
    },
  ),
  evolved('a required column that may be null', [{ id: t.long(), v: t.int() }, FIRST], [BASE, 'SELECT 2 AS id, NULL AS v'], {
    rows: [
      ['1', '10'],
      ['2', null],
    ],
  }),
  evolved(
    'fields of structs in lists and maps',
    [
      {
        s: t.struct({ a: t.int().nullable(), gone: t.int().nullable() }),
        l: t.list(t.struct({ x: t.int().nullable() })),
        m: t.map(t.string(), t.struct({ y: t.int().nullable() })),
      },
      "SELECT {'a': 1, 'gone': 2} AS s, [{'x': 3}] AS l, MAP {'k': {'y': 4}} AS m",
    ],
    [
      {
        s: t.struct({ b: t.long().nullable().renamedFrom('a'), more: t.string().nullable() }),
        l: t.list(t.struct({ x2: t.int().nullable().renamedFrom('x'), more: t.int().nullable() })),
        m: t.map(t.string(), t.struct({ more: t.int().nullable(), y: t.int().nullable() })),
      },
      "SELECT {'b': 10, 'more': 'z'} AS s, [{'x2': 30, 'more': 31}] AS l, MAP {'k': {'more': 41, 'y': 40}} AS m",
    ],
    {
      rows: [
        [{ b: '1', more: null }, [{ x2: '3', more: null }], [['k', { more: null, y: '4' }]]],
        [{ b: '10', more: 'z' }, [{ x2: '30', more: '31' }], [['k', { more: '41', y: '40' }]]],
      ],
    },
  ),
  {
    group: 'schema',
    name: 'a column dropped, and another under its name',
    write: async (table) => {
      table.shape({ columns: BASE })
      await table.append(FIRST)
      table.shape({ columns: { id: t.long() } })
      await table.append('SELECT 2 AS id')
      table.shape({ columns: { id: t.long(), v: t.string().nullable() } })
      await table.append(`SELECT 3 AS id, 'thirty' AS v`)
    },
    reads: [
      {
        columns: ['id', 'v'],
        rows: [
          ['1', null],
          ['2', null],
          ['3', 'thirty'],
        ],
      },
    ],
  },
  {
    group: 'schema',
    name: 'position deletes, then another name',
    write: async (table) => {
      table.shape({ columns: BASE })
      await table.append('SELECT i AS id, 10 + i AS v FROM range(5) r(i)')
      await table.deleteWhere({ op: '=', column: 'v', value: 12 }, 'merge-on-read')
      table.shape({ columns: { id: t.long(), w: t.int().nullable().renamedFrom('v') } })
      await table.append('SELECT 9 AS id, 19 AS w')
    },
    reads: [
      {
        columns: ['id', 'w'],
        rows: [
          ['0', '10'],
          ['1', '11'],
          ['3', '13'],
          ['4', '14'],
          ['9', '19'],
        ],
      },
      { where: 'w = 12', rows: [] },
    ],
  },
  {
    group: 'schema',
    name: 'a partitioned table whose partition column has another name',
    write: async (table) => {
      table.shape({ columns: { id: t.long(), part: t.int() }, by: [['part', 'identity']] })
      await table.append('SELECT 1 AS id, 10 AS part')
      table.shape({ columns: { id: t.long(), shelf: t.int().renamedFrom('part') }, by: [['shelf', 'identity']] })
      await table.append('SELECT 2 AS id, 20 AS shelf')
    },
    reads: [
      {
        columns: ['id', 'shelf'],
        rows: [
          ['1', '10'],
          ['2', '20'],
        ],
      },
      { where: 'shelf = 10', rows: [['1', '10']] },
    ],
  },
]
