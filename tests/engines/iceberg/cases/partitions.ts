import { type Schema, t } from '../../../../src/schema/column.ts'
import type { Transform } from '../../../../src/schema/iceberg-type.ts'
import type { Case } from '../case.ts'

const COLUMNS: Schema = {
  id: t.long(),
  city: t.string().nullable(),
  day: t.date().nullable(),
  ts: t.timestamp().nullable(),
  tz: t.timestamptz().nullable(),
  price: t.decimal(9, 2).nullable(),
  flag: t.boolean().nullable(),
}
/** Rows on both sides of the epoch, and one of nulls. */
const ROWS = `SELECT * FROM (VALUES
  (1::BIGINT, 'Oslo', DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMPTZ '1969-12-31 23:59:59.999999+00', -0.05::DECIMAL(9,2), true),
  (2, 'Bonn', DATE '1970-01-01', TIMESTAMP '1970-01-01 00:00:00', TIMESTAMPTZ '1970-01-01 00:00:00+00', 12.50, false),
  (-3, 'Rome', DATE '2024-02-29', TIMESTAMP '2024-02-29 12:30:00', TIMESTAMPTZ '2024-02-29 12:30:00+00', 12.59, true),
  (4, 'Ulm é/=?% ', DATE '2024-03-01', TIMESTAMP '2024-03-01 00:00:00.000001', TIMESTAMPTZ '2024-03-01 23:00:00+00', 9999999.99, false),
  (5, '', DATE '2024-03-01', TIMESTAMP '2024-03-01 13:00:00', TIMESTAMPTZ '2024-03-01 22:00:00+00', 0.00, NULL),
  (6, NULL, NULL, NULL, NULL, NULL, NULL)) x(id, city, day, ts, tz, price, flag)`

/** Seen on tables that PyIceberg wrote, too. */
const pruned = (what: string): Partial<Case> => ({
  refused: {
    'duckdb-iceberg': {
      otherwise: 'rows under a condition',
      why: `all rows are read, but under a condition DuckDB 1.4.4 leaves out files by ${what}`,
    },
  },
})

const DAYS = ["day = '2024-03-01'", "day < '1970-01-01'", 'day IS NULL']
const CITIES = ["city = 'Bonn'", "city >= 'P'", 'city IS NULL']
const TIMES = ["ts >= '2024-02-29T12:30:00'", "ts < '1970-01-01T00:00:00'"]

function divided(name: string, by: readonly (readonly [string, Transform])[], wheres: readonly string[], more: Partial<Case> = {}): Case {
  return {
    group: 'partitions',
    name,
    write: async (table) => {
      table.shape({ columns: COLUMNS, by })
      await table.append(ROWS)
    },
    reads: [{ rows: ROWS }, ...wheres.map((where) => ({ where, rows: `SELECT * FROM (${ROWS}) WHERE ${where}` }))],
    ...more,
  }
}

export const PARTITIONS: readonly Case[] = [
  divided('identity of a string, a null and letters that paths escape', [['city', 'identity']], CITIES, { smoke: true }),
  divided(
    'identity of a long and a boolean',
    [
      ['id', 'identity'],
      ['flag', 'identity'],
    ],
    ['id = -3', 'id > 3'],
  ),
  divided('identity of a date', [['day', 'identity']], DAYS, pruned('days before 1970')),
  divided('identity of a decimal', [['price', 'identity']], ['price > 12.55', 'price IS NULL'], pruned('decimals')),
  divided('bucket of a long', [['id', 'bucket[4]']], ['id = 4', 'id = -3']),
  divided('bucket of a string', [['city', 'bucket[4]']], CITIES),
  divided(
    'bucket of a date, a decimal and times',
    [
      ['day', 'bucket[3]'],
      ['price', 'bucket[3]'],
      ['ts', 'bucket[3]'],
      ['tz', 'bucket[3]'],
    ],
    DAYS,
  ),
  divided('truncate of a string', [['city', 'truncate[2]']], CITIES),
  divided(
    'truncate of a long and a decimal',
    [
      ['id', 'truncate[10]'],
      ['price', 'truncate[10]'],
    ],
    ['id = -3', 'price = 12.59'],
  ),
  divided(
    'years',
    [
      ['day', 'year'],
      ['ts', 'year'],
      ['tz', 'year'],
    ],
    [...DAYS, ...TIMES],
  ),
  divided(
    'months',
    [
      ['day', 'month'],
      ['ts', 'month'],
    ],
    [...DAYS, ...TIMES],
    pruned('months'),
  ),
  divided(
    'days',
    [
      ['ts', 'day'],
      ['tz', 'day'],
    ],
    TIMES,
    { smoke: true },
  ),
  divided(
    'hours',
    [
      ['ts', 'hour'],
      ['tz', 'hour'],
    ],
    TIMES,
  ),
  divided(
    'days and buckets',
    [
      ['day', 'day'],
      ['id', 'bucket[2]'],
    ],
    [...DAYS, 'id = 4'],
  ),
  {
    group: 'partitions',
    name: 'a column of another name',
    write: async (table) => {
      table.shape({ columns: { 'Größe €': t.string().nullable() }, by: [['Größe €', 'identity']] })
      await table.append(`SELECT * FROM (VALUES ('S'), ('L/XL'), (NULL)) x("Größe €")`)
    },
    reads: [{ columns: ['Größe €'], rows: [['S'], ['L/XL'], [null]] }],
  },
  {
    group: 'partitions',
    name: 'from no partitions to days to months',
    write: async (table) => {
      table.shape({ columns: COLUMNS })
      await table.append(ROWS)
      table.shape({ columns: COLUMNS, by: [['day', 'day']] })
      await table.append(`SELECT * REPLACE (id + 10 AS id) FROM (${ROWS})`)
      table.shape({ columns: COLUMNS, by: [['day', 'month']] })
      await table.append(`SELECT * REPLACE (id + 20 AS id) FROM (${ROWS})`)
    },
    reads: [undefined, ...DAYS].map((where) => ({
      ...(where === undefined ? {} : { where }),
      rows: `SELECT * REPLACE (id + n AS id) FROM (${ROWS}) x, (VALUES (0), (10), (20)) y(n) WHERE ${where ?? 'true'}`.replace(
        'SELECT * REPLACE',
        'SELECT * EXCLUDE (n) REPLACE',
      ),
    })),
    ...pruned('months'),
  },
  {
    group: 'partitions',
    name: 'sorted by two columns',
    write: async (table) => {
      table.shape({
        columns: COLUMNS,
        by: [['day', 'year']],
        sortBy: [
          { column: 'city', direction: 'desc', nulls: 'first' },
          { column: 'id', direction: 'asc', nulls: 'last' },
        ],
      })
      await table.append(ROWS)
    },
    reads: [{ rows: ROWS }],
  },
]
