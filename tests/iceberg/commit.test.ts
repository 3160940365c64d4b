import { existsSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { ancestors, parseMetadata, serialiseMetadata, snapshotOf } from '../../src/iceberg/metadata.ts'
import { changesSince, liveFiles } from '../../src/iceberg/scan.ts'
import { discardStaged } from '../../src/iceberg/stage.ts'
import type { ColumnSpec } from '../../src/schema/column.ts'
import { Instant } from '../../src/schema/instant.ts'
import { column, type Lab, openLab, renamedSpec, TABLE } from './lab.ts'

const COLUMNS = [column('id', 'long', false), column('ts', 'timestamptz'), column('amount', 'decimal(12,2)')]
const BY_DAY = [{ column: 'ts', transform: 'day' }] as const
/** Days since 1970 of 2024-01-01. */
const DAY = 19_723
const day = (n: number) => (partition: { readonly [field: string]: unknown }) => partition['ts_day'] === DAY + n

/** Rows of day n of January 2024 as a query. */
const rows = (n: number, ...ids: number[]): string =>
  `SELECT id::BIGINT AS id, TIMESTAMPTZ '2024-01-01 10:00:00+00' + INTERVAL ${n} DAY AS ts, id + 0.5 AS amount FROM (VALUES ${ids.map((id) => `(${id})`).join(', ')}) v(id)`

describe('commits', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const put = (query: string, more: Partial<Parameters<Lab['put']>[0]> = {}) => lab.put({ columns: COLUMNS, by: BY_DAY, query, ...more })
  const ids = async (snapshotId?: string): Promise<string[]> => (await lab.read(snapshotId)).map((row) => String(row['id']))

  it('give back every value of every type', async () => {
    const columns: ColumnSpec[] = [
      column('b', 'boolean'),
      column('i', 'int'),
      column('l', 'long'),
      column('f', 'float'),
      column('d', 'double'),
      column('day', 'date'),
      column('tod', 'time'),
      column('ts', 'timestamp'),
      column('tz', 'timestamptz'),
      column('s', 'string'),
      column('u', 'uuid'),
      column('bin', 'binary'),
      column('dec', 'decimal(38,10)'),
    ]
    const values = `true, 2147483647, 9223372036854775807, 1.5::FLOAT, 'nan'::DOUBLE, DATE '1969-12-31', TIME '12:34:56.789', TIMESTAMP '1960-02-29 00:00:00.000001', TIMESTAMPTZ '2024-07-01 12:00:00.123456+02', 'a''"é', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'::UUID, '\\x00\\xFF'::BLOB, -1234567890123456789012345678.0123456789`
    const names = columns.map((c) => `"${c.name}"`).join(', ')
    await lab.put({ columns, query: `SELECT * FROM (VALUES (${values}), (${columns.map(() => 'NULL').join(', ')})) v(${names})` })
    const [full, empty] = await lab.read(undefined, 'b NULLS LAST')
    expect(full).toEqual({
      b: true,
      i: 2147483647,
      l: 9223372036854775807n,
      f: 1.5,
      d: Number.NaN,
      day: '1969-12-31',
      tod: '12:34:56.789',
      ts: '1960-02-29T00:00:00.000001',
      tz: Instant.parse('2024-07-01T10:00:00.123456Z'),
      s: `a'"é`,
      u: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
      bin: Uint8Array.of(0, 255),
      dec: '-1234567890123456789012345678.0123456789',
    })
    expect(Object.values(empty ?? {})).toEqual(columns.map(() => null))
  })

  it.each([
    ['b', 'boolean', 'true'],
    ['i', 'int', '7'],
    ['l', 'long', '9223372036854775807'],
    ['x', 'double', '-0.5'],
    ['inf', 'double', "'-inf'::DOUBLE"],
    ['d', 'date', "DATE '1969-12-31'"],
    ['ts', 'timestamp', "TIMESTAMP '1969-12-31 23:59:59.999999'"],
    ['tz', 'timestamptz', "TIMESTAMPTZ '2024-01-01 00:00:00.000001+00'"],
    ['tod', 'time', "TIME '12:00:00'"],
    ['s', 'string', "'a/b'"],
    ['u', 'uuid', "'f79c3e09-677c-4bbd-a479-3f349cb785e7'"],
    ['dec', 'decimal(38,10)', '-0.5'],
  ] as const)('divide by the %s column of type %s', async (name, type, literal) => {
    const columns = [column(name, type)]
    const by = [{ column: name, transform: 'identity' }] as const
    await lab.put({ columns, by, query: `SELECT * FROM (VALUES (${literal}), (NULL)) v(${name})` })
    const { metadata } = await lab.load()
    const files = await liveFiles(lab.store, metadata)
    const values = files.map((file) => file.partition[name]).filter((value) => value !== null)
    expect(files).toHaveLength(2)
    await lab.put({ columns, by, query: `SELECT ${literal} AS ${name}`, overwrite: (partition) => partition[name] === values[0] })
    expect(await lab.read()).toHaveLength(2)
    expect((await liveFiles(lab.store, (await lab.load()).metadata)).map((file) => file.partition[name])).toEqual(
      expect.arrayContaining([null, values[0]]),
    )
  })

  it('append, with complete totals', async () => {
    await put(rows(0, 1, 2))
    const { metadata, removedRows } = await put(rows(1, 3), { summary: { 'assay.materialization-id': 'm1' } })
    expect(await ids()).toEqual(['1', '2', '3'])
    expect(removedRows).toBe(0)
    const files = await liveFiles(lab.store, metadata)
    expect(snapshotOf(metadata)).toMatchObject({
      operation: 'append',
      sequenceNumber: 2,
      schemaId: 0,
      summary: {
        'assay.materialization-id': 'm1',
        'added-data-files': '1',
        'added-records': '1',
        'deleted-data-files': '0',
        'deleted-records': '0',
        'changed-partition-count': '1',
        'total-data-files': '2',
        'total-records': '3',
        'total-files-size': String(files.reduce((sum, file) => sum + file.size, 0)),
        'total-delete-files': '0',
        'total-position-deletes': '0',
        'total-equality-deletes': '0',
      },
    })
    expect(metadata.properties).toEqual({ 'write.parquet.compression-codec': 'zstd' })
    expect(metadata.metadataLog).toHaveLength(1)
    expect(metadata.snapshotLog.map((entry) => entry.snapshotId)).toEqual(
      ancestors(metadata)
        .map((s) => s.id)
        .toReversed(),
    )
    expect(parseMetadata(serialiseMetadata(metadata), 'x')).toEqual(metadata)
  })

  it('overwrite the partitions asked for, and only those', async () => {
    await put(`${rows(0, 1, 2)} UNION ALL ${rows(1, 3)} UNION ALL ${rows(2, 4)}`)
    await put(rows(3, 5))
    const { removedRows, metadata } = await put(rows(1, 30, 31), { overwrite: day(1) })
    expect(removedRows).toBe(1)
    expect(await ids()).toEqual(['1', '2', '4', '5', '30', '31'])
    expect(snapshotOf(metadata)).toMatchObject({
      operation: 'overwrite',
      summary: {
        'deleted-data-files': '1',
        'deleted-records': '1',
        'total-records': '6',
        'total-data-files': '4',
        'changed-partition-count': '1',
      },
    })
    await put(rows(3, 50), { overwrite: day(3) })
    expect(await ids()).toEqual(['1', '2', '4', '30', '31', '50'])
    await put(rows(9, 9), { overwrite: 'everything' })
    expect(await ids()).toEqual(['9'])
  })

  it('keep the sequence numbers of files that stay', async () => {
    await put(`${rows(0, 1)} UNION ALL ${rows(1, 2)}`)
    const { metadata } = await put(rows(1, 3), { overwrite: day(1) })
    const { readManifest, readManifestList } = await import('../../src/iceberg/manifests.ts')
    const manifests = await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')
    expect(manifests.map((m) => [m.sequenceNumber, m.minSequenceNumber, m.addedFiles, m.existingFiles, m.deletedFiles])).toEqual([
      [2, 2, 1, 0, 0],
      [2, 1, 0, 1, 1],
    ])
    const entries = await readManifest(lab.store, metadata, manifests[1] ?? expect.fail())
    expect(entries.map((e) => [e.status, e.sequenceNumber, e.fileSequenceNumber, e.snapshotId]).toSorted()).toEqual([
      ['deleted', 1, 1, '102'],
      ['existing', 1, 1, '101'],
    ])
    expect(entries[0]?.fields['value_counts']).toEqual([
      { key: 1, value: 1 },
      { key: 2, value: 1 },
      { key: 3, value: 1 },
    ])
  })

  it('leave no manifest without live files behind', async () => {
    await put(rows(0, 1))
    await put(rows(0, 2), { overwrite: day(0) })
    const { metadata } = await put(rows(1, 3))
    const { readManifestList } = await import('../../src/iceberg/manifests.ts')
    expect(await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')).toHaveLength(2)
  })

  it('keep earlier versions readable', async () => {
    await put(rows(0, 1))
    const first = (await lab.load()).metadata.currentSnapshotId
    await put(rows(0, 2), { overwrite: 'everything' })
    expect(await ids()).toEqual(['2'])
    expect(await ids(first)).toEqual(['1'])
    await expect(ids('12345')).rejects.toMatchObject({ code: 'ASSAY-2009' })
  })

  it('may hold no rows at all', async () => {
    const { metadata } = await put(`SELECT * FROM (${rows(0, 1)}) WHERE false`)
    expect(snapshotOf(metadata)).toMatchObject({ operation: 'append', summary: { 'total-records': '0' } })
    expect(await ids()).toEqual([])
    const described = await lab.session.describe(`SELECT * FROM (${rows(0, 1)}) WHERE false`)
    expect(described.map((c) => c.name)).toEqual(['id', 'ts', 'amount'])
  })

  it('remember the last hundred metadata files', async () => {
    await put(rows(0, 1))
    const log = Array.from({ length: 100 }, (_, i) => ({ timestamp: i, file: `old-${i}` }))
    await lab.alter(() => ({ metadataLog: log }))
    const { metadataLocation } = await lab.load()
    const { metadata } = await put(rows(1, 2))
    expect(metadata.metadataLog.map(({ file }) => file)).toEqual([...log.slice(1).map(({ file }) => file), metadataLocation])
  })

  it('refuse to tell which files of another spec to overwrite', async () => {
    await put(rows(0, 1))
    await lab.alter(renamedSpec)
    await lab.put({ columns: COLUMNS, by: [{ column: 'ts', transform: 'month' }], query: rows(1, 2) })
    await expect(put(rows(0, 3), { overwrite: day(0) })).rejects.toMatchObject({ code: 'ASSAY-2004' })
    expect(await ids()).toEqual(['1', '2'])
  })

  it('refuse the id of a column that the table had, although no schema tells of it any more', async () => {
    await put(rows(0, 1))
    const wider = [...COLUMNS, column('note', 'string')]
    const staged = await lab.stage({
      columns: wider,
      by: BY_DAY,
      query: `SELECT *, 'x' AS note FROM (${rows(1, 2)})`,
      base: await lab.load(),
    })
    await lab.alter(({ lastColumnId }) => ({ lastColumnId: lastColumnId + 1 }))
    const attempt = prepareCommit(lab.store, await lab.load(), { id: TABLE, staged, overwrite: 'nothing', summary: {}, now: 1 })
    await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2006', message: expect.stringContaining('note') })
  })

  it('tell what each snapshot touched', async () => {
    await put(`${rows(0, 1)} UNION ALL ${rows(1, 2)}`)
    await put(rows(1, 3), { overwrite: day(1) })
    await put(`SELECT NULL::BIGINT AS id, NULL::TIMESTAMPTZ AS ts, NULL AS amount`)
    const { metadata } = await lab.load()
    const changes = await changesSince(lab.store, metadata, undefined)
    expect(changes.map((c) => [c.snapshotId, c.operation, c.partitions.map((p) => p.partition['ts_day'])])).toEqual([
      ['101', 'append', expect.arrayContaining([DAY, DAY + 1])],
      ['102', 'overwrite', [DAY + 1]],
      ['103', 'append', [null]],
    ])
    expect((await changesSince(lab.store, metadata, '102')).map((c) => c.snapshotId)).toEqual(['103'])
    expect(await changesSince(lab.store, metadata, '999')).toHaveLength(3)
    const compacted = {
      ...metadata,
      snapshots: metadata.snapshots.map((s) => (s.id === '102' ? { ...s, operation: 'replace' as const } : s)),
    }
    expect((await changesSince(lab.store, compacted, '101')).map((c) => c.snapshotId)).toEqual(['103'])
  })

  it('evolve the schema, and read old files by it', async () => {
    await put(rows(0, 1))
    const first = (await lab.load()).metadata.currentSnapshotId
    const columns = [column('note', 'string'), column('id', 'long'), column('ts', 'timestamptz'), column('amount', 'decimal(18,2)')]
    const { metadata } = await put(`SELECT 'n' AS note, * FROM (${rows(1, 2)})`, { columns })
    expect(metadata).toMatchObject({ currentSchemaId: 1, lastColumnId: 4 })
    expect(await lab.read(undefined, 'id')).toMatchObject([
      { note: null, id: 1n, amount: '1.50' },
      { note: 'n', id: 2n, amount: '2.50' },
    ])
    expect(Object.keys((await lab.read(first))[0] ?? {})).toEqual(['id', 'ts', 'amount'])
    const relaxed = columns.filter((c) => c.name !== 'note')
    await put(rows(2, 3), { columns: relaxed })
    const back = (await lab.load()).metadata
    expect(back).toMatchObject({ currentSchemaId: 2, lastColumnId: 4 })
    const again = await put(`SELECT 7 AS note, * FROM (${rows(3, 4)})`, { columns: [...relaxed, column('note', 'int')] })
    expect(again.metadata.lastColumnId).toBe(5)
    expect((await lab.read(undefined, 'id')).map((row) => row['note'])).toEqual([null, null, null, 7])
  }, 20_000)

  it('are refused when others changed the same partitions', async () => {
    await put(rows(0, 1))
    const base = await lab.load()
    const readFrom = base.metadata.currentSnapshotId
    const staged = await lab.stage({ columns: COLUMNS, by: BY_DAY, query: rows(0, 10), base })
    await put(rows(1, 2))
    const elsewhere = await prepareCommit(lab.store, await lab.load(), {
      id: TABLE,
      staged,
      overwrite: day(0),
      readFrom,
      summary: {},
      now: 1,
    })
    expect(elsewhere.change.expected).toBe((await lab.load()).metadataLocation)
    await put(rows(0, 3))
    const attempt = prepareCommit(lab.store, await lab.load(), { id: TABLE, staged, overwrite: day(0), readFrom, summary: {}, now: 1 })
    await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2006', message: expect.stringContaining('snapshot 104') })
    await expect(
      prepareCommit(lab.store, await lab.load(), { id: TABLE, staged, overwrite: 'everything', readFrom: '999', summary: {}, now: 1 }),
    ).rejects.toMatchObject({ code: 'ASSAY-2006' })
    const blind = await prepareCommit(lab.store, await lab.load(), { id: TABLE, staged, overwrite: day(0), summary: {}, now: 1 })
    expect(blind.removedRows).toBe(2)
  })

  it('are refused when two writers gave one field id to different columns', async () => {
    await put(rows(0, 1))
    const base = await lab.load()
    const staged = await lab.stage({
      columns: [...COLUMNS, column('mine', 'int')],
      by: BY_DAY,
      query: `SELECT *, 1 AS mine FROM (${rows(0, 2)})`,
      base,
    })
    await put(`SELECT *, 'x' AS theirs FROM (${rows(0, 3)})`, { columns: [...COLUMNS, column('theirs', 'string')] })
    const attempt = prepareCommit(lab.store, await lab.load(), { id: TABLE, staged, overwrite: 'nothing', summary: {}, now: 1 })
    await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2006', message: expect.stringContaining('mine') })
  })

  it('are refused for version 1 and for another partition spec', async () => {
    await put(rows(0, 1))
    const base = await lab.load()
    const staged = await lab.stage({ columns: COLUMNS, by: BY_DAY, query: rows(0, 2), base })
    const prepare = (metadata: typeof base.metadata) =>
      prepareCommit(lab.store, { ...base, metadata }, { id: TABLE, staged, overwrite: 'nothing', summary: {}, now: 1 })
    await expect(prepare({ ...base.metadata, formatVersion: 1 })).rejects.toMatchObject({ code: 'ASSAY-2004' })
    const other = { ...base.metadata, specs: [{ 'spec-id': 0, fields: [] }] }
    await expect(prepare(other)).rejects.toMatchObject({ code: 'ASSAY-2011' })
  })

  it('leave nothing behind when discarded', async () => {
    const staged = await lab.stage({ columns: COLUMNS, by: BY_DAY, query: rows(0, 1) })
    expect(staged).toMatchObject({ rows: 1, files: [{ partition: { ts_day: DAY }, rows: 1 }] })
    expect(existsSync(staged.folder)).toBe(true)
    await discardStaged(lab.store, staged)
    expect(existsSync(staged.folder)).toBe(false)
    expect(readdirSync(`${staged.location}/metadata`)).toEqual([])
  })

  it('leave nothing behind when the query fails', async () => {
    await expect(lab.stage({ columns: COLUMNS, query: "SELECT 1 AS id, NULL AS ts, 'x'::INT AS amount" })).rejects.toMatchObject({
      name: 'SqlError',
      kind: 'data',
    })
    expect(readdirSync(`${lab.root}/warehouse/shop/orders/data`)).toEqual([])
  })

  it('hold what a model of the table holds, whatever is done to it', async () => {
    const step = fc.record({
      kind: fc.constantFrom('append', 'days', 'all'),
      days: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
    })
    let next = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        await put(`SELECT * FROM (${rows(0, 1)}) WHERE false`, { overwrite: 'everything' })
        let model: { id: number; day: number }[] = []
        for (const { kind, days } of steps) {
          const added = days.map((d) => ({ id: ++next, day: d }))
          const overwrite =
            kind === 'append'
              ? 'nothing'
              : kind === 'all'
                ? 'everything'
                : (p: { readonly [field: string]: unknown }) => days.some((d) => day(d)(p))
          model = [...model.filter((row) => kind === 'append' || (kind === 'days' && !days.includes(row.day))), ...added]
          await put(added.map((row) => rows(row.day, row.id)).join(' UNION ALL '), { overwrite })
        }
        expect((await ids()).map(Number).toSorted((a, b) => a - b)).toEqual(model.map((row) => row.id).toSorted((a, b) => a - b))
        expect(snapshotOf((await lab.load()).metadata)?.summary['total-records']).toBe(String(model.length))
      }),
      { numRuns: 8 },
    )
  }, 30_000)
})
