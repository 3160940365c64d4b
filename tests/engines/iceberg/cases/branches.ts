import { t } from '../../../../src/schema/column.ts'
import type { Case } from '../case.ts'
import type { LakeTable } from '../lake.ts'

const COLUMNS = { id: t.long(), v: t.string().nullable() }
const row = (id: number, v: string): string => `SELECT ${id} AS id, '${v}' AS v`

/** A row on `main`, and a branch `audit` there. */
async function branched(table: LakeTable): Promise<void> {
  table.shape({ columns: COLUMNS })
  await table.append(row(1, 'main'))
  await table.ref('branch', 'audit')
}

/** The column `v` is `w` on the branch alone. */
async function renamedOnBranch(table: LakeTable): Promise<void> {
  await branched(table)
  table.shape({ columns: { id: t.long(), w: t.string().nullable().renamedFrom('v') } })
  await table.append(`SELECT 2 AS id, 'staged' AS w`, 'audit')
}

export const BRANCHES: readonly Case[] = [
  {
    group: 'branches',
    name: 'a branch beside main',
    write: async (table) => {
      await branched(table)
      await table.append(row(2, 'staged'), 'audit')
      await table.append(row(3, 'main'))
    },
    reads: [
      {
        rows: [
          ['1', 'main'],
          ['3', 'main'],
        ],
      },
      {
        ref: 'audit',
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
        ],
      },
    ],
    smoke: true,
  },
  {
    group: 'branches',
    name: 'tags of earlier versions',
    write: async (table) => {
      table.shape({ columns: COLUMNS })
      for (const id of [1, 2, 3]) {
        await table.append(row(id, 'x'))
        await table.ref('tag', `v${id}`)
      }
      await table.overwrite(row(9, 'y'))
    },
    reads: [
      { rows: [['9', 'y']] },
      { ref: 'v1', rows: [['1', 'x']] },
      {
        ref: 'v2',
        rows: [
          ['1', 'x'],
          ['2', 'x'],
        ],
      },
    ],
  },
  {
    group: 'branches',
    name: 'a branch moved onto main',
    write: async (table) => {
      await branched(table)
      await table.append(row(2, 'staged'), 'audit')
      await table.fastForward('audit')
      await table.append(row(3, 'main'))
    },
    reads: [
      {
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
          ['3', 'main'],
        ],
      },
      {
        ref: 'audit',
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
        ],
      },
    ],
  },
  {
    group: 'branches',
    name: 'a version picked onto main',
    write: async (table) => {
      await branched(table)
      await table.append(row(2, 'staged'), 'audit')
      await table.append(row(3, 'main'))
      await table.cherryPick('audit')
    },
    reads: [
      {
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
          ['3', 'main'],
        ],
      },
    ],
  },
  {
    group: 'branches',
    name: 'rolled back, and gone on',
    write: async (table) => {
      table.shape({ columns: COLUMNS })
      await table.append(row(1, 'x'))
      await table.ref('tag', 'good')
      await table.append(row(2, 'bad'))
      await table.rollbackTo('good')
      await table.append(row(3, 'x'))
    },
    reads: [
      {
        rows: [
          ['1', 'x'],
          ['3', 'x'],
        ],
      },
    ],
  },
  {
    group: 'branches',
    name: 'an earlier version by its own columns',
    write: async (table) => {
      table.shape({ columns: COLUMNS })
      await table.append(row(1, 'x'))
      await table.ref('tag', 'before')
      table.shape({ columns: { id: t.long(), w: t.string().nullable().renamedFrom('v'), more: t.int().nullable() } })
      await table.append(`SELECT 2 AS id, 'y' AS w, 3 AS more`)
    },
    reads: [
      {
        columns: ['id', 'w', 'more'],
        rows: [
          ['1', 'x', null],
          ['2', 'y', '3'],
        ],
      },
      { ref: 'before', columns: ['id', 'v'], rows: [['1', 'x']] },
    ],
  },
  {
    group: 'branches',
    name: 'a staged rename, as readers of main see it',
    write: renamedOnBranch,
    reads: [{ columns: ['id', 'v'], rows: [['1', 'main']] }],
    smoke: true,
  },
  {
    group: 'branches',
    name: 'a staged rename, as readers of the branch see it',
    write: renamedOnBranch,
    reads: [
      {
        ref: 'audit',
        columns: ['id', 'w'],
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
        ],
      },
    ],
    refused: { spark: { otherwise: 'names', why: 'Spark reads a branch by the columns of the table; the values are those of the branch' } },
  },
  {
    group: 'branches',
    name: 'staged partitions by a staged column, as readers of main see it',
    write: async (table) => {
      await branched(table)
      table.shape({ columns: { ...COLUMNS, day: t.date().nullable() }, by: [['day', 'month']] })
      await table.append(`SELECT 2 AS id, 'staged' AS v, DATE '2024-02-29' AS day`, 'audit')
    },
    reads: [{ columns: ['id', 'v'], rows: [['1', 'main']] }],
  },
  {
    group: 'branches',
    name: 'a staged rename, published',
    write: async (table) => {
      await renamedOnBranch(table)
      await table.fastForward('audit')
    },
    reads: [
      {
        columns: ['id', 'w'],
        rows: [
          ['1', 'main'],
          ['2', 'staged'],
        ],
      },
    ],
  },
]
