import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import { rowsSql } from '../../src/iceberg/rows-sql.ts'
import { changesSince } from '../../src/iceberg/scan.ts'
import type { IcebergSchema, PartitionSpec } from '../../src/schema/iceberg-type.ts'
import { type HandFile, type HandTable, handTable, pathOf } from './hand-table.ts'
import { type Lab, openLab, TABLE } from './lab.ts'

const SCHEMA: IcebergSchema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'k', required: false, type: 'int' },
    { id: 3, name: 'p', required: false, type: 'int' },
  ],
}
const PARTITIONED: PartitionSpec = { 'spec-id': 0, fields: [{ 'source-id': 3, 'field-id': 1000, name: 'p', transform: 'identity' }] }
const SPECS: readonly PartitionSpec[] = [PARTITIONED, { 'spec-id': 1, fields: [] }]
const IN_0 = { partition: { p: 0 } }
const IN_1 = { partition: { p: 1 } }

describe('deletes', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const open = (): Promise<HandTable> => handTable({ ...lab, root: `${lab.root}/${++tables}` }, SCHEMA, SPECS)
  let tables = 0
  const ids = async (table: HandTable): Promise<number[]> => (await table.rows()).map((row) => Number(row['id']))
  /** Rows of ids from..to-1, with k their number in the file. */
  const rows = (from: number, to: number, p = 0): string =>
    `SELECT i AS id, (i - ${from})::INTEGER AS k, ${p} AS p FROM range(${from}, ${to}) t(i)`

  it('by position take rows of files as old or older, in the same partition, however their paths are spelt', async () => {
    const table = await open()
    const [old, young, other] = [
      await table.data(rows(0, 5), IN_0),
      await table.data(rows(10, 15), IN_0),
      await table.data(rows(20, 25, 1), IN_1),
    ]
    await table.commit([old, { ...young, sequenceNumber: 9 }, other])
    await table.commit([
      await table.positions(
        [
          [`file:${pathOf(old)}`, 0],
          [`file://${pathOf(old)}`, 4],
          [pathOf(young), 1],
          [pathOf(other), 1],
        ],
        IN_0,
      ),
    ])
    expect(await ids(table)).toEqual([1, 2, 3, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24])
    await table.commit([await table.positions([[pathOf(young), 2]], { ...IN_0, sequenceNumber: 9 })])
    expect(await ids(table)).toEqual([1, 2, 3, 10, 11, 13, 14, 20, 21, 22, 23, 24])
  })

  it('by equality take rows of older files only, in one partition or in all, and null equals null', async () => {
    const table = await open()
    await table.commit([
      await table.data(rows(0, 3), IN_0),
      await table.data(rows(10, 13, 1), IN_1),
      await table.data('SELECT 20::BIGINT AS id, NULL::INTEGER AS k, 1 AS p', IN_1),
    ])
    await table.commit([await table.data(rows(30, 33), IN_0), await table.equals('SELECT 1::INTEGER AS k', 'k', IN_0)])
    expect(await ids(table)).toEqual([0, 2, 10, 11, 12, 20, 30, 31, 32])
    await table.commit([await table.equals('SELECT * FROM (VALUES (2), (NULL)) v(k)', 'k', { specId: 1 })])
    expect(await ids(table)).toEqual([0, 10, 11, 30, 31])
    await table.commit([await table.equals('SELECT 31::BIGINT AS id, 0::INTEGER AS k UNION ALL SELECT 30, 0', 'id,k', { specId: 1 })])
    expect(await ids(table)).toEqual([0, 10, 11, 31])
  })

  it('by a vector replace those by position', async () => {
    const table = await open()
    const file = await table.data(rows(0, 6), IN_0)
    await table.commit([file])
    await table.commit([await table.positions([[pathOf(file), 0]], IN_0)])
    expect(await ids(table)).toEqual([1, 2, 3, 4, 5])
    await table.commit([await table.vector(`file:${pathOf(file)}`, [1, 2, 5], IN_0)])
    expect(await ids(table)).toEqual([0, 3, 4])
    await table.commit([await table.vector(pathOf(file), [1], IN_0)])
    await expect(table.rows()).rejects.toMatchObject({ code: 'ASSAY-2005', message: expect.stringContaining('2 deletion vectors') })
  })

  it('concern only the files that they may name', async () => {
    const table = await open()
    const [a, b, c] = [await table.data(rows(0, 5), IN_0), await table.data(rows(10, 15), IN_0), await table.data(rows(20, 25), IN_0)]
    await table.commit([a, b, c])
    const bound = [{ key: 2147483546, value: Buffer.from(pathOf(b)) }]
    await table.commit([
      await table.positions([[pathOf(a), 0]], { ...IN_0, more: { referenced_data_file: pathOf(a) } }),
      await table.positions([[pathOf(b), 0]], { ...IN_0, more: { lower_bounds: bound, upper_bounds: bound } }),
    ])
    const plan = await planScan(lab.store, table.metadata())
    expect(plan.files.map((file) => file.deletes.length)).toEqual([1, 1, 0])
    expect(await ids(table)).toEqual([1, 2, 3, 4, 11, 12, 13, 14, 20, 21, 22, 23, 24])
  })

  it('by a column that was dropped or renamed since still hold', async () => {
    const table = await open()
    await table.commit([await table.data(rows(0, 4), IN_0)])
    await table.commit([await table.equals('SELECT 1::INTEGER AS k', 'k', IN_0), await table.equals('SELECT 3::BIGINT AS id', 'id', IN_0)])
    const [id, , p] = SCHEMA.fields
    if (id === undefined || p === undefined) expect.fail()
    const now = {
      ...SCHEMA,
      'schema-id': 1,
      fields: [
        { ...id, name: 'filename' },
        { ...p, name: 'c2' },
      ],
    }
    const { snapshots, ...metadata } = table.metadata()
    const evolved = {
      ...metadata,
      currentSchemaId: 1,
      schemas: [SCHEMA, now],
      snapshots: snapshots.map((snapshot) => ({ ...snapshot, schemaId: 1 })),
    }
    const sql = await rowsSql(lab, await planScan(lab.store, evolved))
    expect(await lab.session.rows(`SELECT * FROM (${sql}) ORDER BY ALL`)).toEqual([
      { filename: 0n, c2: 0 },
      { filename: 2n, c2: 0 },
    ])
  })

  it('of all partitions are changes of each, for who overwrites one', async () => {
    const table = await open()
    await table.commit([await table.data(rows(0, 4), IN_0)])
    await table.commit([await table.equals('SELECT 1::INTEGER AS k', 'k', { specId: 1 })])
    const { location } = table.metadata()
    const nothing = { manifest: undefined, files: [], rows: 0, size: 0, folder: '' }
    const staged = { ...nothing, snapshotId: '3', location, schema: SCHEMA, spec: PARTITIONED }
    const base = { id: TABLE, metadata: table.metadata(), metadataLocation: `${location}/1.metadata.json` }
    const change = { id: TABLE, staged, overwrite: () => false, readFrom: '1', summary: {}, now: 1 }
    await expect(prepareCommit(lab.store, base, change)).rejects.toMatchObject({
      code: 'ASSAY-2006',
      message: expect.stringContaining('snapshot 2'),
    })
  })

  it('are changes of the partitions that they lie in', async () => {
    const table = await open()
    await table.commit([await table.data(rows(0, 4), IN_0), await table.data(rows(4, 8, 1), IN_1)])
    await table.commit([await table.equals('SELECT 1::INTEGER AS k', 'k', IN_1)])
    const [change] = await changesSince(lab.store, table.metadata(), '1')
    expect(change?.partitions).toEqual([{ specId: 0, partition: { p: 1 } }])
  })

  it('are refused by name in formats that are not read, and where a file lacks what it needs', async () => {
    const table = await open()
    const file = await table.data(rows(0, 4), IN_0)
    await table.commit([file])
    const deletes = await table.positions([[pathOf(file), 0]], IN_0)
    const refused = async (fields: HandFile['fields'], code: string, what: string): Promise<void> => {
      const other = await open()
      await other.commit([file])
      await other.commit([{ ...deletes, fields: { ...deletes.fields, ...fields } }])
      await expect(ids(other)).rejects.toMatchObject({ code, message: expect.stringContaining(what) })
    }
    await refused({ file_format: 'AVRO' }, 'ASSAY-2004', 'AVRO')
    await refused({ content: 3 }, 'ASSAY-2004', 'content 3')
    await refused({ content: 2 }, 'ASSAY-2005', 'names no columns')
    await refused({ content: 2, equality_ids: [77] }, 'ASSAY-2004', 'field 77')
    await refused({ file_format: 'PUFFIN' }, 'ASSAY-2005', 'names no data file')
    await refused({ file_format: 'PUFFIN', referenced_data_file: pathOf(file) }, 'ASSAY-2005', 'is not a Puffin file')
    await refused({ key_metadata: Buffer.from('k') }, 'ASSAY-2004', 'encrypted')
    await table.commit([
      {
        ...(await table.data('SELECT 1 AS file_path, 2 AS pos', IN_0, '')),
        ...{ fields: await table.write('SELECT 1 AS a', '', { content: 1 }) },
      },
    ])
    await expect(ids(table)).rejects.toThrow('is not a file of position deletes')
  })

  /** One change of a table; those of one commit share its sequence number. */
  const value = fc.oneof(fc.constant(null), fc.nat(2))
  const change = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), p: fc.nat(1), keys: fc.array(value, { minLength: 1, maxLength: 4 }) }),
    fc.record({ kind: fc.constant('positions' as const), p: fc.nat(1), every: fc.integer({ min: 1, max: 3 }), from: fc.nat(2) }),
    fc.record({ kind: fc.constant('vector' as const), nth: fc.nat(5), every: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      kind: fc.constant('equals' as const),
      p: fc.option(fc.nat(1)),
      keys: fc.uniqueArray(value, { minLength: 1, maxLength: 2 }),
    }),
  )

  it('leave the rows that a model of the table has, whatever is done to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }), async (commits) => {
        const table = await open()
        const model = new Model()
        for (const [i, changes] of commits.entries()) {
          const files: HandFile[] = []
          for (const one of changes) files.push(...(await model.make(table, i + 1, one)))
          if (files.length > 0) await table.commit(files)
          else model.skip()
        }
        expect(await ids(table)).toEqual(model.live())
      }),
      { numRuns: 20 },
    )
  })
})

type Change =
  | { kind: 'append'; p: number; keys: (number | null)[] }
  | { kind: 'positions'; p: number; every: number; from: number }
  | { kind: 'vector'; nth: number; every: number }
  | { kind: 'equals'; p: number | null; keys: (number | null)[] }

/** The table as a list of rows: what is deleted, and when, is looked up row by row. */
class Model {
  private readonly rows: {
    id: number
    k: number | null
    p: number
    sequence: number
    file: string
    position: number
    gone: Set<string>
  }[] = []
  private readonly vectors = new Set<string>()
  private skipped = 0

  skip(): void {
    this.skipped++
  }

  live(): number[] {
    return this.rows.filter((row) => ![...row.gone].some((why) => why !== 'position' || !this.vectors.has(row.file))).map((row) => row.id)
  }

  async make(table: HandTable, commit: number, change: Change): Promise<HandFile[]> {
    const sequence = commit - this.skipped
    switch (change.kind) {
      case 'append': {
        const first = this.rows.length
        const values = change.keys.map((k, i) => `(${first + i}::BIGINT, ${k ?? 'NULL'}::INTEGER, ${change.p})`)
        const file = await table.data(`SELECT * FROM (VALUES ${values.join(', ')}) v(id, k, p) ORDER BY id`, { partition: { p: change.p } })
        change.keys.forEach((k, position) => {
          this.rows.push({ id: first + position, k, p: change.p, sequence, file: pathOf(file), position, gone: new Set() })
        })
        return [file]
      }
      case 'positions': {
        const hit = this.rows.filter((row) => row.p === change.p).filter((_, i) => i % change.every === change.from % change.every)
        for (const row of hit) row.gone.add('position')
        const places = hit.map((row) => [row.file, row.position] as const)
        return hit.length === 0 ? [] : [await table.positions(places, { partition: { p: change.p } })]
      }
      case 'vector': {
        const files = [...new Set(this.rows.map((row) => row.file))].filter((file) => !this.vectors.has(file))
        const file = files[change.nth % Math.max(1, files.length)]
        if (file === undefined) return []
        this.vectors.add(file)
        const hit = this.rows.filter((row) => row.file === file && row.position % change.every === 0)
        for (const row of hit) row.gone.add('vector')
        return [
          await table.vector(
            file,
            hit.map((row) => row.position),
            { partition: { p: hit[0]?.p ?? 0 } },
          ),
        ]
      }
      case 'equals': {
        const hit = this.rows.filter(
          (row) => row.sequence < sequence && (change.p === null || row.p === change.p) && change.keys.includes(row.k),
        )
        for (const row of hit) row.gone.add('equality')
        const query = `SELECT * FROM (VALUES ${change.keys.map((k) => `(${k ?? 'NULL'}::INTEGER)`).join(', ')}) v(k)`
        return [await table.equals(query, 'k', change.p === null ? { specId: 1 } : { partition: { p: change.p } })]
      }
    }
  }
}
