import { t } from '../../../../src/schema/column.ts'
import type { Read } from '../case.ts'
import type { ForeignCase } from '../foreign.ts'

const ID_PART = { id: t.long().nullable(), part: t.int().nullable(), v: t.string().nullable() }

/** Rows `from … to` in three partitions, for Spark and for plain DuckDB. */
const rows = (from: number, to: number, v = 'old'): string =>
  `SELECT id, CAST(id % 3 AS INT) AS part, '${v}' AS v FROM range(${from}, ${to})`
const plain = (from: number, to: number, v = 'old'): string =>
  rows(from, to, v).replace('FROM range', 'FROM (SELECT range AS id FROM range').concat(')')

/** A table of 30 rows, in two commits. Each has one file a partition. */
const begin = (properties = ''): readonly string[] => [
  `CREATE TABLE $T (id BIGINT, part INT, v STRING) USING iceberg PARTITIONED BY (part) TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', 'write.merge.mode'='merge-on-read'${properties})`,
  `INSERT INTO $T ${rows(0, 20)}`,
  `INSERT INTO $T ${rows(20, 30)}`,
]
const V3 = ", 'format-version'='3'"

const changed = (name: string, statements: readonly string[], expected: string, more: Partial<ForeignCase> = {}): ForeignCase => ({
  name,
  writes: statements,
  reads: [{ rows: expected }],
  ...more,
})

const MERGE = `MERGE INTO $T t USING (${rows(10, 13, 'new')} UNION ALL ${rows(40, 42, 'new')}) s ON t.id = s.id
  WHEN MATCHED AND s.id = 12 THEN DELETE WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *`
const MERGED = `SELECT * FROM (${plain(0, 30)}) WHERE id NOT IN (10, 11, 12) UNION ALL ${plain(10, 12, 'new')} UNION ALL ${plain(40, 42, 'new')}`
const DELETED = `SELECT * FROM (${plain(0, 30)}) WHERE id % 4 <> 1`
const DELETE = 'DELETE FROM $T WHERE id % 4 = 1'

/** Appends a row and deletes others by position, in a table that Spark made. */
const GOES_ON: NonNullable<ForeignCase['goesOn']> = {
  write: async (table) => {
    table.shape({ columns: ID_PART, by: [['part', 'identity']] })
    await table.append(`SELECT 100::BIGINT AS id, 1 AS part, 'ours' AS v`)
    await table.deleteWhere({ op: '<=', column: 'id', value: 3 }, 'merge-on-read')
  },
  reads: [{ rows: `SELECT * FROM (${DELETED}) WHERE id > 3 UNION ALL SELECT 100, 1, 'ours'` }],
}

const LONG = 'a string of more than sixteen characters'
/** Rows that differ in every column, by which they lie in files of their own. */
const BOUNDED = [
  [
    '-300',
    '-300',
    '-37.5',
    '-37.50',
    '-300.0000000000',
    '1969-03-07',
    '1969-12-31T23:59:59.999700Z',
    '1969-12-31T23:59:59.999700',
    `${LONG} -300`,
  ],
  ['0', '0', '0.0', '0.00', '0.0000000000', '1970-01-01', '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000', `${LONG} 0`],
  [
    '70000',
    '70000',
    '8750.0',
    '8750.00',
    '70000.0000000000',
    '2161-08-27',
    '1970-01-01T00:00:00.070000Z',
    '1970-01-01T00:00:00.070000',
    `${LONG} 70000`,
  ],
]

const TYPES: readonly ForeignCase[] = [
  {
    name: 'every plain type',
    writes: [
      `CREATE TABLE $T (bo BOOLEAN, i INT, lo BIGINT, fl FLOAT, db DOUBLE, de DECIMAL(9,2), big DECIMAL(38,10), da DATE, tz TIMESTAMP, ts TIMESTAMP_NTZ, st STRING, bi BINARY) USING iceberg`,
      `INSERT INTO $T VALUES (true, -7, 9223372036854775807, CAST(1.5 AS FLOAT), 0.1D, -14.20, CAST('1234567890123456789012345678.0000000001' AS DECIMAL(38,10)), DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.999999Z', TIMESTAMP_NTZ '2024-02-29 12:00:00.000001', 'é😀', X'00FF80')`,
      'INSERT INTO $T VALUES (null, null, null, null, null, null, null, null, null, null, null, null)',
    ],
    reads: [
      {
        columns: ['bo', 'i', 'lo', 'fl', 'db', 'de', 'big', 'da', 'tz', 'ts', 'st', 'bi'],
        rows: [
          [
            'true',
            '-7',
            '9223372036854775807',
            '1.5',
            '0.1',
            '-14.20',
            '1234567890123456789012345678.0000000001',
            '1969-12-31',
            '1969-12-31T23:59:59.999999Z',
            '2024-02-29T12:00:00.000001',
            'é😀',
            '0x00ff80',
          ],
          Array.from({ length: 12 }, () => null),
        ],
      },
    ],
  },
  {
    name: 'lists, maps and structs, with nulls',
    writes: [
      'CREATE TABLE $T (l ARRAY<STRUCT<x: INT>>, m MAP<STRING, ARRAY<INT>>, s STRUCT<a: STRUCT<b: DATE>>) USING iceberg',
      `INSERT INTO $T SELECT array(named_struct('x', 1), null), map('k', array(1, null)), named_struct('a', named_struct('b', DATE '2024-02-29'))`,
      'INSERT INTO $T VALUES (null, null, null)',
    ],
    reads: [
      {
        rows: [
          [[{ x: '1' }, null], [['k', ['1', null]]], { a: { b: '2024-02-29' } }],
          [null, null, null],
        ],
      },
    ],
  },
  {
    name: 'days, buckets and truncations, and a null',
    writes: [
      'CREATE TABLE $T (id BIGINT, city STRING, ts TIMESTAMP) USING iceberg PARTITIONED BY (days(ts), bucket(4, id), truncate(2, city))',
      `INSERT INTO $T VALUES (1, 'Oslo', TIMESTAMP '1969-12-31 23:59:59Z'), (2, 'a/b=%', TIMESTAMP '2024-02-29 12:00:00Z'), (3, null, null)`,
    ],
    reads: [
      {
        rows: [
          ['1', 'Oslo', '1969-12-31T23:59:59.000000Z'],
          ['2', 'a/b=%', '2024-02-29T12:00:00.000000Z'],
          ['3', null, null],
        ],
      },
      { where: "city = 'Oslo'", filter: { op: '=', column: 'city', value: 'Oslo' }, rows: [['1', 'Oslo', '1969-12-31T23:59:59.000000Z']] },
      { where: 'id = 3', filter: { op: '=', column: 'id', value: 3 }, rows: [['3', null, null]] },
      { where: 'city IS NULL', filter: { op: 'is null', column: 'city' }, rows: [['3', null, null]] },
      {
        where: "ts < '1970-01-01T00:00:00+00:00'",
        filter: { op: '<', column: 'ts', value: 0 },
        rows: [['1', 'Oslo', '1969-12-31T23:59:59.000000Z']],
      },
    ],
  },
  {
    name: 'bounds of every type, under conditions',
    writes: [
      'CREATE TABLE $T (i INT, lo BIGINT, db DOUBLE, de DECIMAL(9,2), big DECIMAL(38,10), da DATE, tz TIMESTAMP, ts TIMESTAMP_NTZ, st STRING) USING iceberg',
      ...['-300', '0', '70000'].map(
        (n) =>
          `INSERT INTO $T SELECT ${n}, ${n}, ${n} / 8D, CAST(${n} / 8 AS DECIMAL(9,2)), CAST(${n} AS DECIMAL(38,10)), date_add(DATE '1970-01-01', ${n}), timestamp_micros(${n}), CAST(timestamp_micros(${n}) AS TIMESTAMP_NTZ), 'a string of more than sixteen characters ${n}'`,
      ),
    ],
    reads: [
      { rows: BOUNDED },
      ...(
        [
          ['i', -1, '-1'],
          ['lo', -1, '-1'],
          ['db', -0.125, '-0.125'],
          ['de', '-0.10', '-0.10'],
          ['big', '-0.5000000000', '-0.5'],
          ['da', -1, "'1969-12-31'"],
          ['tz', -1, "'1969-12-31T23:59:59.999999+00:00'"],
          ['ts', -1, "'1969-12-31T23:59:59.999999'"],
        ] as const
      ).flatMap(([column, value, text]): Read[] => [
        { where: `${column} < ${text}`, filter: { op: '<', column, value }, rows: BOUNDED.slice(0, 1) },
        { where: `${column} > ${text}`, filter: { op: '>', column, value }, rows: BOUNDED.slice(1) },
      ]),
      {
        where: "st > 'a string of more than sixteen characters 1'",
        filter: { op: '>', column: 'st', value: 'a string of more than sixteen characters 1' },
        rows: BOUNDED.slice(2),
      },
    ],
  },
]

const CHANGES: readonly ForeignCase[] = [
  changed('delete, position deletes', [...begin(), DELETE], DELETED, { goesOn: GOES_ON }),
  changed('deletes of a partition in one file', [...begin(", 'write.delete.granularity'='partition'"), DELETE], DELETED, {
    goesOn: GOES_ON,
  }),
  changed(
    'update, position deletes',
    [...begin(), "UPDATE $T SET v = 'new' WHERE id < 5"],
    `SELECT id, part, CASE WHEN id < 5 THEN 'new' ELSE v END AS v FROM (${plain(0, 30)})`,
  ),
  changed('merge, position deletes', [...begin(), MERGE], MERGED),
  changed('merge, rewritten files', [...begin(), `ALTER TABLE $T SET TBLPROPERTIES ('write.merge.mode'='copy-on-write')`, MERGE], MERGED),
  changed(
    'delete twice, append between',
    [...begin(), DELETE, `INSERT INTO $T ${rows(0, 3, 'again')}`, 'DELETE FROM $T WHERE id = 2'],
    `SELECT * FROM (${DELETED} UNION ALL ${plain(0, 3, 'again')}) WHERE id <> 2`,
  ),
  changed(
    'overwrite of the partitions written',
    [
      'SET spark.sql.sources.partitionOverwriteMode=dynamic',
      ...begin(),
      `INSERT OVERWRITE $T SELECT * FROM (${rows(40, 50, 'new')}) WHERE part = 1`,
    ],
    `SELECT * FROM (${plain(0, 30)}) WHERE part <> 1 UNION ALL SELECT * FROM (${plain(40, 50, 'new')}) WHERE part = 1`,
  ),
  changed('format 3, deletion vectors', [...begin(V3), DELETE], DELETED, { notWritten: 'format version 3' }),
  changed(
    'format 3, deletion vectors written twice',
    [...begin(V3), DELETE, 'DELETE FROM $T WHERE id % 4 = 2'],
    `SELECT * FROM (${plain(0, 30)}) WHERE id % 4 NOT IN (1, 2)`,
  ),
  changed(
    'format 3, update that keeps row ids',
    [...begin(V3), "UPDATE $T SET v = 'new' WHERE id < 5", DELETE],
    `SELECT id, part, CASE WHEN id < 5 THEN 'new' ELSE v END AS v FROM (${DELETED})`,
  ),
  changed(
    'format 3 after format 2, both kinds of deletes',
    [...begin(), DELETE, "ALTER TABLE $T SET TBLPROPERTIES ('format-version'='3')", 'DELETE FROM $T WHERE id % 4 = 2'],
    `SELECT * FROM (${plain(0, 30)}) WHERE id % 4 NOT IN (1, 2)`,
  ),
  changed(
    'compaction of files with deletes',
    [...begin(), DELETE, "CALL assay.system.rewrite_data_files(table => '$N', options => map('rewrite-all', 'true'))"],
    DELETED,
    { goesOn: GOES_ON },
  ),
  changed(
    'compaction of position deletes',
    [
      ...begin(),
      DELETE,
      'DELETE FROM $T WHERE id = 2',
      "CALL assay.system.rewrite_position_delete_files(table => '$N', options => map('rewrite-all', 'true'))",
    ],
    `SELECT * FROM (${DELETED}) WHERE id <> 2`,
  ),
  changed(
    'rewritten manifests and expired versions',
    [
      ...begin(),
      DELETE,
      "CALL assay.system.rewrite_manifests('$N')",
      "CALL assay.system.expire_snapshots(table => '$N', older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1)",
    ],
    DELETED,
    { goesOn: GOES_ON },
  ),
  changed('gzipped metadata', [...begin(", 'write.metadata.compression-codec'='gzip'"), DELETE], DELETED, { goesOn: GOES_ON }),
  changed('statistics', [...begin(), DELETE, "CALL assay.system.compute_table_stats('$N')"], DELETED, { goesOn: GOES_ON }),
  changed(
    'format 1',
    [
      "CREATE TABLE $T (id BIGINT, part INT, v STRING) USING iceberg PARTITIONED BY (part) TBLPROPERTIES ('format-version'='1')",
      `INSERT INTO $T ${rows(0, 9)}`,
      'DELETE FROM $T WHERE id = 4',
    ],
    `SELECT * FROM (${plain(0, 9)}) WHERE id <> 4`,
    { notWritten: 'format version 1' },
  ),
  changed('ORC', [...begin(", 'write.format.default'='orc'")], '', { refused: 'ORC' }),
  changed('Avro', [...begin(", 'write.format.default'='avro'")], '', { refused: 'AVRO' }),
  changed(
    'format 3, variants',
    [
      "CREATE TABLE $T (id BIGINT, v VARIANT) USING iceberg TBLPROPERTIES ('format-version'='3')",
      `INSERT INTO $T SELECT 1, parse_json('{"a": 1}')`,
    ],
    '',
    { refused: 'variant' },
  ),
]

const SCHEMAS: readonly ForeignCase[] = [
  {
    name: 'columns added, dropped, renamed, moved and widened',
    writes: [
      'CREATE TABLE $T (id INT, gone STRING, city STRING, price DECIMAL(9,2), s STRUCT<a: INT>) USING iceberg',
      `INSERT INTO $T VALUES (1, 'x', 'Oslo', 1.25, named_struct('a', 1))`,
      'ALTER TABLE $T DROP COLUMN gone',
      'ALTER TABLE $T RENAME COLUMN city TO town',
      'ALTER TABLE $T ALTER COLUMN id TYPE BIGINT',
      'ALTER TABLE $T ALTER COLUMN price TYPE DECIMAL(18,2)',
      'ALTER TABLE $T ADD COLUMN zip INT FIRST',
      'ALTER TABLE $T ADD COLUMN s.more STRING',
      'ALTER TABLE $T RENAME COLUMN s.a TO b',
      `INSERT INTO $T VALUES (99, 5000000000, 'Bonn', 1234567890123456.25, named_struct('b', 2, 'more', 'y'))`,
    ],
    reads: [
      {
        columns: ['zip', 'id', 'town', 'price', 's'],
        rows: [
          [null, '1', 'Oslo', '1.25', { b: '1', more: null }],
          ['99', '5000000000', 'Bonn', '1234567890123456.25', { b: '2', more: 'y' }],
        ],
      },
    ],
  },
  {
    name: 'partitions added, replaced and dropped',
    writes: [
      'CREATE TABLE $T (id BIGINT, day DATE) USING iceberg',
      "INSERT INTO $T VALUES (1, DATE '2024-02-29')",
      'ALTER TABLE $T ADD PARTITION FIELD days(day)',
      "INSERT INTO $T VALUES (2, DATE '2024-03-01')",
      'ALTER TABLE $T REPLACE PARTITION FIELD days(day) WITH months(day)',
      "INSERT INTO $T VALUES (3, DATE '2024-03-02'), (4, null)",
      'ALTER TABLE $T DROP PARTITION FIELD months(day)',
      "INSERT INTO $T VALUES (5, DATE '1969-12-31')",
    ],
    reads: [
      {
        rows: [
          ['1', '2024-02-29'],
          ['2', '2024-03-01'],
          ['3', '2024-03-02'],
          ['4', null],
          ['5', '1969-12-31'],
        ],
      },
    ],
  },
]

const BRANCHES: readonly ForeignCase[] = [
  {
    name: 'a branch and a tag beside main',
    writes: [
      'CREATE TABLE $T (id BIGINT) USING iceberg',
      'INSERT INTO $T VALUES (1)',
      'ALTER TABLE $T CREATE TAG first',
      'ALTER TABLE $T CREATE BRANCH audit',
      'INSERT INTO $T.branch_audit VALUES (2)',
      'INSERT INTO $T VALUES (3)',
    ],
    reads: [{ rows: [['1'], ['3']] }, { ref: 'audit', rows: [['1'], ['2']] }, { ref: 'first', rows: [['1']] }],
    goesOn: {
      write: async (table) => {
        table.shape({ columns: { id: t.long().nullable() } })
        await table.append('SELECT 4::BIGINT AS id', 'audit')
      },
      reads: [{ rows: [['1'], ['3']] }, { ref: 'audit', rows: [['1'], ['2'], ['4']] }],
    },
  },
  {
    name: 'rolled back, then a branch moved onto main',
    writes: [
      'CREATE TABLE $T (id BIGINT) USING iceberg',
      'INSERT INTO $T VALUES (1)',
      'ALTER TABLE $T CREATE TAG good',
      'INSERT INTO $T VALUES (2)',
      "CALL assay.system.set_current_snapshot(table => '$N', ref => 'good')",
      'ALTER TABLE $T CREATE BRANCH audit',
      'INSERT INTO $T.branch_audit VALUES (3)',
      "CALL assay.system.fast_forward('$N', 'main', 'audit')",
    ],
    reads: [{ rows: [['1'], ['3']] }],
  },
]

/** What Spark writes and Assay reads. */
export const OF_SPARK: readonly ForeignCase[] = [...TYPES, ...CHANGES, ...SCHEMAS, ...BRANCHES]
