import { t } from '../../../../src/schema/column.ts'
import type { ForeignCase } from '../foreign.ts'

const ROWS = Array.from({ length: 9 }, (_, i) => [String(i), String(i % 3), 'old'])
const COLUMNS = { id: t.long().nullable(), part: t.int().nullable(), v: t.string().nullable() }

/** Appends a row and takes another out, in a table that PyIceberg made. */
const goesOn = (rows: readonly (readonly string[])[]): NonNullable<ForeignCase['goesOn']> => ({
  write: async (table) => {
    table.shape({ columns: COLUMNS, by: [['part', 'identity']] })
    await table.append(`SELECT 300::BIGINT AS id, 0 AS part, 'ours' AS v`)
    await table.deleteWhere({ op: '=', column: 'id', value: 4 }, 'merge-on-read')
  },
  reads: [{ rows: [...rows.filter(([id]) => id !== '4'), ['300', '0', 'ours']] }],
})

const without = ROWS.filter(([id]) => Number(id) >= 2)
const overwritten = [...ROWS.filter(([id, part]) => part !== '1' && Number(id) < 6), ['200', '2', 'new']]
const upserted = [...ROWS.filter(([id]) => id !== '3'), ['3', '0', 'new'], ['50', '1', 'new']]

/** What PyIceberg writes and Assay reads. */
export const OF_PYICEBERG: readonly ForeignCase[] = [
  {
    name: 'every plain type',
    writes: 'every_type',
    reads: [
      {
        rows: [
          [
            'true',
            '-7',
            '9223372036854775807',
            '1.5',
            '0.1',
            '-0.0000000001',
            '1969-12-31',
            '23:59:59.999999',
            '1969-12-31T23:59:59.999999',
            '2024-02-29T12:00:00.000000Z',
            'é😀',
            'f79c3e09-677c-4bbd-a479-3f349cb785e7',
            '0x00ff8061',
            '0x',
          ],
          Array.from({ length: 14 }, () => null),
        ],
      },
    ],
  },
  {
    name: 'lists, maps and structs, with nulls',
    writes: 'nested',
    reads: [
      {
        rows: [
          [
            [{ x: '1', d: '2024-02-29' }, null],
            [
              ['k', '1'],
              ['n', null],
            ],
            { x: '1', d: '2024-02-29' },
          ],
          // PyIceberg writes an empty list for a null.
          [[], null, null],
          [[], [], { x: null, d: null }],
        ],
      },
    ],
  },
  {
    name: 'days, buckets and truncations, and a null',
    writes: 'partitions',
    reads: [
      {
        rows: [
          ['1', 'Oslo', '1969-12-31T23:59:59.000000Z'],
          ['2', 'a/b=%', '2024-02-29T12:00:00.000000Z'],
          ['3', null, null],
        ],
      },
    ],
  },
  { name: 'delete', writes: 'deletes', reads: [{ rows: without }], goesOn: goesOn(without) },
  { name: 'overwrite of partitions and by a filter', writes: 'overwrites', reads: [{ rows: overwritten }], goesOn: goesOn(overwritten) },
  { name: 'upsert', writes: 'upsert', reads: [{ rows: upserted }], goesOn: goesOn(upserted) },
  {
    name: 'columns added, dropped, renamed and moved',
    writes: 'evolution',
    reads: [
      {
        columns: ['more', 'id', 'part', 'w'],
        rows: [...ROWS.map(([id = '', part = '']) => [null, id, part, null]), ['0.5', '100', '1', '7']],
      },
    ],
  },
  {
    name: 'a branch and a tag beside main',
    writes: 'refs',
    reads: [
      { rows: [...ROWS, ['200', '2', 'main']] },
      { ref: 'audit', rows: [...ROWS, ['100', '1', 'staged']] },
      { ref: 'first', rows: ROWS },
    ],
  },
  {
    name: 'files without field ids',
    writes: 'added_files',
    reads: [
      {
        columns: ['id', 'w'],
        rows: [
          ['1', 'x'],
          ['2', null],
        ],
      },
    ],
  },
]
