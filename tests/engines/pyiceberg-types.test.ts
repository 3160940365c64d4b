import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { python } from '../../scripts/engines/pyiceberg.ts'
import { output } from '../../scripts/process.ts'
import { columnSpecs, type Schema, t } from '../../src/schema/column.ts'
import { Instant } from '../../src/schema/instant.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { type Lab, openLab, type PartitionBy } from '../iceberg/lab.ts'

const SCRIPT = new URL('./pyiceberg/every_type.py', import.meta.url).pathname
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

const PLAIN = {
  bo: t.boolean().nullable(),
  i: t.int().nullable(),
  lo: t.long().nullable(),
  fl: t.float().nullable(),
  db: t.double().nullable(),
  de: t.decimal(9, 2).nullable(),
  big: t.decimal(38, 10).nullable(),
  da: t.date().nullable(),
  ti: t.time().nullable(),
  ts: t.timestamp().nullable(),
  tz: t.timestamptz().nullable(),
  st: t.string().nullable(),
  uu: t.uuid().nullable(),
  bi: t.binary().nullable(),
}
const ROWS: readonly EngineRow[] = [
  {
    bo: true,
    i: -7,
    lo: 9223372036854775807n,
    fl: 1.5,
    db: -0.1,
    de: '-14.20',
    big: '1234567890123456789012345678.0000000001',
    da: '2017-11-16',
    ti: '22:31:08',
    ts: '1969-12-31T23:59:59.999999',
    tz: Instant.parse('2017-11-16T22:31:08.000001Z'),
    st: 'iceberg é😀 of more than sixteen characters',
    uu: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
    bi: bytes('00010203ff'.repeat(5)),
  },
  Object.fromEntries(Object.keys(PLAIN).map((name) => [name, null])),
  { ...Object.fromEntries(Object.keys(PLAIN).map((name) => [name, null])), st: '~', i: 34, lo: -1n, de: '0.05', bi: bytes('') },
]
/** What PyIceberg prints of the first row. */
const SEEN = {
  bo: true,
  i: -7,
  lo: '9223372036854775807',
  fl: 1.5,
  db: -0.1,
  de: '-14.20',
  big: '1234567890123456789012345678.0000000001',
  da: '2017-11-16',
  ti: '22:31:08',
  ts: '1969-12-31T23:59:59.999999',
  tz: '2017-11-16T22:31:08.000001+00:00',
  st: 'iceberg é😀 of more than sixteen characters',
  uu: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
  bi: `0x${'00010203ff'.repeat(5)}`,
}

const bucketed = ['i', 'lo', 'de', 'big', 'da', 'ti', 'ts', 'tz', 'st', 'uu', 'bi']
const SPECS: readonly (readonly [string, PartitionBy])[] = [
  ['nothing', []],
  ['bucket', bucketed.map((column) => ({ column, transform: 'bucket[16]' }))],
  ['truncate', ['i', 'lo', 'de', 'big', 'st', 'bi'].map((column) => ({ column, transform: 'truncate[3]' }))],
  ['identity', ['bo', 'i', 'lo', 'de', 'big', 'da', 'ti', 'st', 'bi'].map((column) => ({ column, transform: 'identity' }))],
  [
    'time',
    [
      ...(['year', 'month', 'day'] as const).flatMap((transform) => ['da', 'ts'].map((column) => ({ column, transform }))),
      { column: 'tz', transform: 'hour' },
    ],
  ],
]

describe('PyIceberg on every type', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  let tables = 0
  const ask = async <T>(command: string): Promise<T> =>
    JSON.parse(await output(python(), [SCRIPT, `${lab.root}/catalog.db`, `file://${lab.root}/warehouse`, command, 'shop.orders'])) as T
  async function put(schema: Schema, rows: readonly EngineRow[], by: PartitionBy = []) {
    const columns = columnSpecs(schema)
    const name = `rows_${++tables}`
    await lab.session.load(name, columns, rows)
    await lab.put({ columns, by, query: `SELECT * FROM ${name}`, overwrite: 'everything' })
  }
  interface Verified {
    readonly rows: readonly Readonly<Record<string, unknown>>[]
    readonly problems: readonly string[]
  }

  it.each(SPECS)('partitioned by %s: same rows, partition values and metrics', async (_, by) => {
    await put(PLAIN, ROWS, by)
    const { rows, problems } = await ask<Verified>('verify')
    expect(problems).toEqual([])
    expect(rows).toHaveLength(3)
    expect(rows.find((row) => row['i'] === -7)).toEqual(SEEN)
  })
})

describe('PyIceberg on nested columns', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())

  it('numbers them alike, reads them, and changes them for us to read', async () => {
    const x = t.struct({ x: t.int().nullable(), d: t.date() })
    const columns = columnSpecs({
      id: t.long(),
      s: t.struct({ a: t.string().nullable(), n: t.int().nullable(), gone: t.double().nullable() }).nullable(),
      l: t.list(x).nullable(),
      m: t.map(t.string(), x.nullable()).nullable(),
    })
    const day = '2024-02-29' as const
    const rows = [
      {
        id: 1n,
        s: { a: 'one', n: 1, gone: 0.5 },
        l: [
          { x: 1, d: day },
          { x: null, d: day },
        ],
        m: new Map([
          ['k', { x: 2, d: day }],
          ['n', null],
        ]),
      },
      { id: 2n, s: null, l: null, m: null },
    ]
    await lab.session.load('nested', columns, rows)
    await lab.put({ columns, query: 'SELECT * FROM nested' })
    const ask = async (command: string) =>
      JSON.parse(await output(python(), [SCRIPT, `${lab.root}/catalog.db`, `file://${lab.root}/warehouse`, command, 'shop.orders']))
    expect(await ask('ids')).toMatchObject({ same: true })
    expect(await ask('verify')).toEqual({
      problems: [],
      rows: [
        {
          id: 1,
          s: { a: 'one', n: 1, gone: 0.5 },
          l: [
            { x: 1, d: day },
            { x: null, d: day },
          ],
          m: [
            ['k', { x: 2, d: day }],
            ['n', null],
          ],
        },
        // The file has nulls, which PyIceberg loses when it puts lists and maps together.
        { id: 2, s: null, l: [], m: [] },
      ],
    })
    await ask('evolve')
    expect(await lab.read(undefined, 'id')).toEqual([
      {
        id: 1n,
        s: { renamed: 'one', n: 1n, added: null },
        l: [
          { y: 1, d: day },
          { y: null, d: day },
        ],
        m: new Map([
          ['k', { y: 2, d: day }],
          ['n', null],
        ]),
      },
      { id: 2n, s: null, l: null, m: null },
    ])
  })
})
