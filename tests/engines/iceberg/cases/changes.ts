import type { WriteMode } from '../../../../src/iceberg/rewrite.ts'
import { t } from '../../../../src/schema/column.ts'
import type { Case } from '../case.ts'
import type { LakeTable } from '../lake.ts'

const COLUMNS = { id: t.long(), part: t.int(), v: t.string().nullable() }

/** Rows `from … to`, in three partitions. */
const rows = (from: number, to: number, v = 'old'): string =>
  `SELECT i AS id, (i % 3)::INTEGER AS part, '${v}' AS v FROM range(${from}, ${to}) r(i)`
const SHORT = { 'copy-on-write': 'rewritten files', 'merge-on-read': 'position deletes' } as const
const MODES: readonly WriteMode[] = ['copy-on-write', 'merge-on-read']

async function begin(table: LakeTable): Promise<void> {
  table.shape({ columns: COLUMNS, by: [['part', 'identity']] })
  await table.append(rows(0, 12))
  await table.append(rows(12, 15))
}

function change(name: string, write: (table: LakeTable) => Promise<void>, expected: string, more: Partial<Case> = {}): Case {
  const whole = async (table: LakeTable): Promise<void> => {
    await begin(table)
    await write(table)
  }
  const found = (where: string): string => `SELECT * FROM (${expected}) WHERE ${where}`
  const wheres = ['id = 4', 'part = 1', "v = 'new'"]
  return {
    group: 'changes',
    name,
    write: whole,
    reads: [{ rows: expected }, ...wheres.map((where) => ({ where, rows: found(where) }))],
    ...more,
  }
}

const without = (where: string): string => `SELECT * FROM (${rows(0, 15)}) WHERE NOT (${where})`
const MERGED = `SELECT * FROM (${rows(0, 15)}) WHERE id NOT IN (2, 3, 4) UNION ALL ${rows(3, 5, 'new')} UNION ALL ${rows(20, 22, 'new')}`
const SOURCE = `SELECT *, false AS gone FROM (${rows(3, 5, 'new')} UNION ALL ${rows(20, 22, 'new')}) UNION ALL SELECT *, true FROM (${rows(2, 3)})`

export const CHANGES: readonly Case[] = [
  change(
    'overwrite of a partition',
    (table) => table.overwrite(`SELECT 100 AS id, 1 AS part, 'new' AS v`, (partition) => partition['part'] === 1),
    `${without('part = 1')} UNION ALL SELECT 100, 1, 'new'`,
  ),
  change('overwrite of everything', (table) => table.overwrite(rows(3, 6, 'new')), rows(3, 6, 'new')),
  change(
    'delete of whole files',
    (table) => table.deleteWhere({ op: '=', column: 'part', value: 1 }, 'merge-on-read'),
    without('part = 1'),
  ),
  ...MODES.map((mode) =>
    change(
      `delete where, ${SHORT[mode]}`,
      (table) => table.deleteWhere({ op: '<=', column: 'id', value: 4 }, mode),
      without('id <= 4'),
      mode === 'merge-on-read' ? { smoke: true } : {},
    ),
  ),
  ...MODES.map((mode) =>
    change(`merge, ${SHORT[mode]}`, (table) => table.merge({ source: SOURCE, keys: ['id'], deleteFlag: 'gone', mode }), MERGED),
  ),
  change(
    'deletes from the same files, three times',
    async (table) => {
      for (const value of [1, 4, 7]) await table.deleteWhere({ op: '=', column: 'id', value }, 'merge-on-read')
    },
    without('id IN (1, 4, 7)'),
  ),
  change(
    'rows that were deleted, appended again',
    async (table) => {
      await table.deleteWhere({ op: '<=', column: 'id', value: 4 }, 'merge-on-read')
      await table.append(rows(0, 5, 'new'))
    },
    `${without('id <= 4')} UNION ALL ${rows(0, 5, 'new')}`,
  ),
  change(
    'compaction of files with deletes',
    async (table) => {
      await table.deleteWhere({ op: '<=', column: 'id', value: 4 }, 'merge-on-read')
      await table.compact()
    },
    without('id <= 4'),
  ),
  change(
    'merged manifests',
    async (table) => {
      await table.alter((metadata) => ({ ...metadata, properties: { ...metadata.properties, 'commit.manifest.min-count-to-merge': '3' } }))
      for (let i = 0; i < 6; i++) await table.append(rows(30 + i, 31 + i, 'new'))
    },
    `${rows(0, 15)} UNION ALL ${rows(30, 36, 'new')}`,
  ),
  {
    group: 'changes',
    name: 'history of rows',
    write: async (table) => {
      table.shape({
        columns: {
          id: t.long(),
          v: t.string(),
          valid_from: t.timestamptz(),
          valid_to: t.timestamptz().nullable(),
          is_current: t.boolean(),
        },
      })
      await table.append(
        `SELECT 1 AS id, 'a' AS v, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS valid_from, NULL::TIMESTAMPTZ AS valid_to, true AS is_current`,
      )
      await table.history({
        source: `SELECT * FROM (VALUES (1, 'b'), (2, 'x')) s(id, v)`,
        keys: ['id'],
        at: '2024-01-02 00:00:00+00',
        mode: 'merge-on-read',
      })
    },
    reads: [
      {
        rows: [
          ['1', 'a', '2024-01-01T00:00:00.000000Z', '2024-01-02T00:00:00.000000Z', 'false'],
          ['1', 'b', '2024-01-02T00:00:00.000000Z', null, 'true'],
          ['2', 'x', '2024-01-02T00:00:00.000000Z', null, 'true'],
        ],
      },
    ],
  },
]
