import { type Column, type Schema, t } from '../../../../src/schema/column.ts'
import type { Case, Cell } from '../case.ts'

/** A table of one column `v` beside `id`, whose values, and null for what is not nested, are given as SQL with their text. */
function typed(name: string, column: Column, values: readonly (readonly [sql: string, text: Cell])[], more: Partial<Case> = {}): Case {
  const columns: Schema = { id: t.long(), v: column.nullable() }
  const all = typeof column.type === 'string' ? [...values, ['NULL', null] as const] : values
  const query = all.map(([sql], i) => `SELECT ${i}::BIGINT AS id, ${sql} AS v`).join(' UNION ALL ')
  return {
    group: 'types',
    name,
    write: async (table) => {
      table.shape({ columns })
      await table.append(query)
    },
    reads: [{ columns: ['id', 'v'], rows: all.map(([, text], i) => [String(i), text]) }],
    ...more,
  }
}

const NO_FIXED = 'DuckDB, which writes our files, has no bytes of a fixed length; `binary` serves everyone'
const NO_NULL = { otherwise: 'rows', why: 'ClickHouse has no null for a list, a map or a struct, and reads an empty one' } as const
const point = t.struct({ x: t.int().nullable(), d: t.date().nullable() })

export const TYPES: readonly Case[] = [
  typed('boolean', t.boolean(), [
    ['true', 'true'],
    ['false', 'false'],
  ]),
  typed('int', t.int(), [
    ['2147483647', '2147483647'],
    ['(-2147483648)', '-2147483648'],
  ]),
  typed('long', t.long(), [
    ['9223372036854775807', '9223372036854775807'],
    ['(-9223372036854775808)', '-9223372036854775808'],
  ]),
  typed('float', t.float(), [
    ['1.5::FLOAT', '1.5'],
    ["'NaN'::FLOAT", 'NaN'],
    ["'-Infinity'::FLOAT", '-Infinity'],
  ]),
  typed('double', t.double(), [
    ['0.1::DOUBLE', '0.1'],
    ["'-0.0'::DOUBLE", '-0.0'],
    ["'NaN'::DOUBLE", 'NaN'],
    ["'Infinity'::DOUBLE", 'Infinity'],
    ['1.7976931348623157e308::DOUBLE', '1.7976931348623157e+308'],
  ]),
  typed('decimal(9,2)', t.decimal(9, 2), [
    ["'-9999999.99'::DECIMAL(9,2)", '-9999999.99'],
    ["'0.05'::DECIMAL(9,2)", '0.05'],
  ]),
  typed('decimal(18,6)', t.decimal(18, 6), [["'999999999999.999999'::DECIMAL(18,6)", '999999999999.999999']]),
  typed(
    'decimal(38,10)',
    t.decimal(38, 10),
    [
      ["'1234567890123456789012345678.0000000001'::DECIMAL(38,10)", '1234567890123456789012345678.0000000001'],
      ["'-0.0000000001'::DECIMAL(38,10)", '-0.0000000001'],
    ],
    { smoke: true },
  ),
  typed('date', t.date(), [
    ["'1969-12-31'::DATE", '1969-12-31'],
    ["'2024-02-29'::DATE", '2024-02-29'],
    ["'1900-01-01'::DATE", '1900-01-01'],
    ["'2299-12-31'::DATE", '2299-12-31'],
  ]),
  typed('date of another millennium', t.date(), [
    ["'0001-01-01'::DATE", '0001-01-01'],
    ["'9999-12-31'::DATE", '9999-12-31'],
  ]),
  typed(
    'time',
    t.time(),
    [
      ["'00:00:00'::TIME", '00:00:00.000000'],
      ["'23:59:59.999999'::TIME", '23:59:59.999999'],
    ],
    {
      refused: {
        spark: { says: 'Spark does not support time fields', why: 'Spark has no time of day' },
        chdb: { otherwise: 'rows', why: 'ClickHouse reads a number of whole seconds' },
      },
    },
  ),
  typed('timestamp', t.timestamp(), [
    ["'1969-12-31 23:59:59.999999'::TIMESTAMP", '1969-12-31T23:59:59.999999'],
    ["'2024-02-29 12:00:00'::TIMESTAMP", '2024-02-29T12:00:00.000000'],
  ]),
  typed('timestamptz', t.timestamptz(), [
    ["'1969-12-31 23:59:59.999999+00'::TIMESTAMPTZ", '1969-12-31T23:59:59.999999Z'],
    ["'2024-02-29 12:00:00.000001+02'::TIMESTAMPTZ", '2024-02-29T10:00:00.000001Z'],
  ]),
  typed(
    'string',
    t.string(),
    [
      ["''", ''],
      ["'é😀 of more than sixteen characters'", 'é😀 of more than sixteen characters'],
      ["'a\nb\t\"c\\d'", 'a\nb\t"c\\d'],
    ],
    { smoke: true },
  ),
  typed('uuid', t.uuid(), [["'f79c3e09-677c-4bbd-a479-3f349cb785e7'::UUID", 'f79c3e09-677c-4bbd-a479-3f349cb785e7']]),
  typed('binary', t.binary(), [
    ["'\\x00\\xFF\\x80abc'::BLOB", '0x00ff80616263'],
    ["''::BLOB", '0x'],
  ]),
  typed('fixed(4)', t.fixed(4), [["'\\x00\\xFF\\x80a'::BLOB", '0x00ff8061']], {
    refused: {
      pyiceberg: { says: 'Cannot promote an binary to fixed[4]', why: NO_FIXED },
      spark: { says: 'ClassCastException', why: NO_FIXED },
    },
  }),
  typed('list', t.list(t.long().nullable()), [
    ['[1, NULL, 9223372036854775807]::BIGINT[]', ['1', null, '9223372036854775807']],
    ['[]::BIGINT[]', []],
  ]),
  typed('map', t.map(t.string(), t.decimal(9, 2).nullable()), [
    [
      "MAP {'a': 1.50::DECIMAL(9,2), 'b': NULL}",
      [
        ['a', '1.50'],
        ['b', null],
      ],
    ],
    ['MAP {}::MAP(VARCHAR, DECIMAL(9,2))', []],
  ]),
  typed('struct', point, [
    ["{'x': 1, 'd': '2024-02-29'::DATE}", { x: '1', d: '2024-02-29' }],
    ["{'x': NULL, 'd': NULL}::STRUCT(x INTEGER, d DATE)", { x: null, d: null }],
  ]),
  typed('lists of lists', t.list(t.list(t.int())), [['[[1, 2], []]', [['1', '2'], []]]]),
  typed(
    'structs in lists, maps and structs',
    t.struct({ l: t.list(point), m: t.map(t.string(), t.list(point)) }),
    [
      [
        "{'l': [{'x': 1, 'd': '2024-02-29'::DATE}], 'm': MAP {'k': [{'x': 2, 'd': NULL::DATE}]}}",
        { l: [{ x: '1', d: '2024-02-29' }], m: [['k', [{ x: '2', d: null }]]] },
      ],
    ],
    { smoke: true },
  ),
  {
    group: 'types',
    name: 'null for lists, maps and structs',
    write: async (table) => {
      table.shape({ columns: { l: t.list(t.int()).nullable(), m: t.map(t.string(), t.int()).nullable(), s: point.nullable() } })
      await table.append("SELECT [1] AS l, MAP {'k': 1} AS m, {'x': 1, 'd': NULL} AS s UNION ALL SELECT NULL, NULL, NULL")
    },
    reads: [
      {
        rows: [
          [['1'], [['k', '1']], { x: '1', d: null }],
          [null, null, null],
        ],
      },
    ],
    refused: { chdb: NO_NULL },
  },
  typed(
    'null for what lies in lists and structs',
    t.struct({ l: t.list(point.nullable()).nullable() }),
    [
      ["{'l': [{'x': 1, 'd': NULL::DATE}, NULL]}", { l: [{ x: '1', d: null }, null] }],
      ["{'l': NULL}", { l: null }],
    ],
    { refused: { chdb: NO_NULL, pyiceberg: { otherwise: 'rows', why: 'PyIceberg reads a null list within a struct as an empty one' } } },
  ),
  {
    group: 'types',
    name: 'names with blanks, quotes, dots and other letters',
    write: async (table) => {
      table.shape({ columns: { order: t.int(), 'a b': t.int(), 'x.y': t.int(), 'Größe €': t.int() } })
      await table.append(`SELECT 1 AS "order", 2 AS "a b", 3 AS "x.y", 4 AS "Größe €"`)
    },
    reads: [{ columns: ['order', 'a b', 'x.y', 'Größe €'], rows: [['1', '2', '3', '4']] }],
  },
  {
    group: 'types',
    name: 'no rows',
    write: async (table) => {
      table.shape({ columns: { id: t.long() } })
      await table.append('SELECT 1 AS id WHERE false')
    },
    reads: [{ columns: ['id'], rows: [] }],
  },
  {
    group: 'types',
    name: '20,000 rows in several row groups',
    write: async (table) => {
      table.shape({ columns: { id: t.long(), v: t.string() } })
      await table.append("SELECT i AS id, 'row ' || i AS v FROM range(20000) r(i)")
    },
    reads: [{ rows: "SELECT i AS id, 'row ' || i AS v FROM range(20000) r(i)" }, { where: 'id = 12345', rows: [['12345', 'row 12345']] }],
  },
]
