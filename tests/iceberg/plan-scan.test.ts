import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DataFile } from '../../src/iceberg/data-file.ts'
import { readLeanManifest, readManifestList } from '../../src/iceberg/manifests.ts'
import type { TableMetadata } from '../../src/iceberg/metadata.ts'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import type { Predicate } from '../../src/iceberg/prune.ts'
import { liveFiles } from '../../src/iceberg/scan.ts'
import { valueOfText } from '../../src/iceberg/bounds.ts'
import { relationOf } from '../../src/tables/read.ts'
import type { IcebergType, NestedField, Transform } from '../../src/schema/iceberg-type.ts'
import { column, type Lab, openLab } from './lab.ts'

const COLUMNS = [column('ts', 'timestamptz'), column('n', 'long'), column('s', 'string'), column('x', 'double')]
/** Day of 2024-01-01 since 1970. */
const DAY = 19_723
const MICROS = 86_400_000_000n

/** Rows of day `i`: one of them with nulls, some with NaN. */
const day = (i: number): string =>
  `SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL ${i} DAY + INTERVAL (j * 5) HOUR AS ts, CASE WHEN j = 3 THEN NULL ELSE ${i * 10} + j END AS n, ` +
  `CASE WHEN ${i} = 2 THEN NULL ELSE 'text-longer-than-sixteen-' || (${i * 10} + j) END AS s, CASE WHEN ${i} = 1 THEN 'nan'::DOUBLE ELSE j / 2 END AS x FROM range(4) t(j)`

describe('plans', () => {
  let lab: Lab
  let metadata: TableMetadata
  beforeAll(async () => {
    lab = await openLab()
    for (const i of [0, 1, 2, 3]) await lab.put({ columns: COLUMNS, by: [{ column: 'ts', transform: 'day' }], query: day(i) })
    metadata = (await lab.load()).metadata
  })
  afterAll(() => lab.close())
  const days = (files: readonly { readonly file: DataFile }[]): number[] =>
    files.map(({ file }) => Number(file.partition['ts_day']) - DAY).toSorted()
  const plan = (filter: Predicate) => planScan(lab.store, metadata, { filter })
  const at = (text: string): string => String(valueOfText('timestamptz', text))

  it.each<[string, Predicate, number[]]>([
    ['a moment', { op: '=', column: 'ts', value: String(BigInt(DAY + 1) * MICROS + 5n * 3_600_000_000n) }, [1]],
    ['a moment between rows', { op: '=', column: 'ts', value: String(BigInt(DAY + 2) * MICROS - 1n) }, []],
    ['before a day', { op: '<', column: 'ts', value: String(BigInt(DAY + 1) * MICROS) }, [0]],
    ['from a day', { op: '>=', column: 'ts', value: String(BigInt(DAY + 3) * MICROS) }, [3]],
    ['in', { op: 'in', column: 'n', values: [2, 31] }, [0, 3]],
    ['text beyond what bounds hold', { op: '>', column: 's', value: 'text-longer-than-sixteen-30' }, [0, 1, 3]],
    ['text above all', { op: '>', column: 's', value: 'u' }, []],
    ['nulls', { op: 'is null', column: 's' }, [2]],
    ['nulls among values', { op: 'is null', column: 'n' }, [0, 1, 2, 3]],
    ['above numbers, where NaN may be', { op: '>', column: 'x', value: 100 }, [1]],
    [
      'both',
      {
        op: 'and',
        of: [
          { op: '>', column: 'n', value: 5 },
          { op: '<=', column: 'n', value: 20 },
        ],
      },
      [1, 2],
    ],
    [
      'either',
      {
        op: 'or',
        of: [
          { op: '<', column: 'n', value: 1 },
          { op: '=', column: 'n', value: 32 },
        ],
      },
      [0, 3],
    ],
    ['a column that is not there', { op: '=', column: 'other', value: 1 }, [0, 1, 2, 3]],
  ])('keep the files that may hold %s', async (_, filter, expected) => {
    expect(days((await plan(filter)).files)).toEqual(expected)
  })

  it('count what they read and what they skip', async () => {
    const all = await liveFiles(lab.store, metadata)
    const one = await plan({ op: '<=', column: 'ts', value: at('2024-01-01 23:59:59.999999') })
    const size = one.files[0]?.file.size ?? 0
    expect(one.read).toEqual({ manifests: 1, files: 1, bytes: size })
    expect(one.skipped).toEqual({ manifests: 3, files: 3, bytes: all.reduce((sum, file) => sum + file.size, 0) - size })
    expect((await planScan(lab.store, metadata)).skipped).toEqual({ manifests: 0, files: 0, bytes: 0 })
  })

  it('never leave out a file with a row that the engine finds', async () => {
    const literal: Record<string, { sql: (value: string) => string; type: IcebergType; values: readonly string[] }> = {
      ts: {
        type: 'timestamptz',
        sql: (v) => `TIMESTAMPTZ '${v}+00'`,
        values: ['2024-01-01 00:00:00', '2024-01-02 05:00:00', '2024-01-03 23:59:59.999999', '2025-01-01 00:00:00'],
      },
      n: { type: 'long', sql: (v) => v, values: ['-1', '0', '11', '13', '22', '99'] },
      s: { type: 'string', sql: (v) => `'${v}'`, values: ['', 'text', 'text-longer-than-sixteen-11', 'text-longer-than-sixteen-9', 'z'] },
      x: { type: 'double', sql: (v) => `'${v}'::DOUBLE`, values: ['-1', '0', '0.5', '2', 'nan'] },
    }
    const leaf = fc.constantFrom(...Object.keys(literal)).chain((name) => {
      const { sql, type, values } = literal[name] ?? expect.fail()
      const value = fc
        .constantFrom(...values)
        .map((text) => ({ sql: sql(text), value: type === 'string' ? text : (valueOfText(type, text) ?? 0) }))
      return fc.oneof(
        fc
          .tuple(fc.constantFrom('=', '<', '<=', '>', '>='), value)
          .map(([op, v]) => ({ filter: { op, column: name, value: v.value } as Predicate, sql: `${name} ${op} ${v.sql}` })),
        fc.array(value, { minLength: 1, maxLength: 2 }).map((vs) => ({
          filter: { op: 'in', column: name, values: vs.map((v) => v.value) } as Predicate,
          sql: `${name} IN (${vs.map((v) => v.sql).join()})`,
        })),
        fc.constant({ filter: { op: 'is null', column: name } as Predicate, sql: `${name} IS NULL` }),
      )
    })
    const filters = fc
      .tuple(fc.constantFrom('and', 'or'), leaf, leaf)
      .map(([op, a, b]) => ({ filter: { op, of: [a.filter, b.filter] } as Predicate, sql: `(${a.sql}) ${op} (${b.sql})` }))
    const rows = [0, 1, 2, 3].map((i) => `SELECT ${i} AS day, * FROM (${day(i)})`).join(' UNION ALL ')
    await lab.session.run(`CREATE TABLE plain AS ${rows}`)
    await fc.assert(
      fc.asyncProperty(fc.oneof(leaf, filters), async ({ filter, sql }) => {
        const found = (await lab.session.rows(`SELECT DISTINCT day FROM plain WHERE ${sql}`)).map((row) => Number(row['day']))
        const kept = days((await plan(filter)).files)
        expect(found.filter((one) => !kept.includes(one))).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it('see through every transform that keeps order', async () => {
    const spec = (transform: Transform) => [{ column: 'ts', transform }]
    for (const transform of ['identity', 'year', 'month', 'hour'] as const) {
      const own = await openLab()
      const query = `SELECT unnest([TIMESTAMPTZ '1969-12-31 23:00:00+00', TIMESTAMPTZ '1970-01-01 00:00:00+00', TIMESTAMPTZ '2024-02-01 05:30:00+00']) AS ts`
      await own.put({ columns: [column('ts', 'timestamptz')], by: spec(transform), query })
      const table = (await own.load()).metadata
      const kept = async (filter: Predicate): Promise<number> => (await planScan(own.store, table, { filter })).files.length
      expect(await kept({ op: '<', column: 'ts', value: 0 })).toBe(1)
      expect(await kept({ op: '>=', column: 'ts', value: at('2024-02-01 05:30:00') })).toBe(1)
      expect(await kept({ op: '=', column: 'ts', value: 0 })).toBe(1)
      expect(await kept({ op: 'is null', column: 'ts' })).toBe(0)
      await own.close()
    }
  })

  it('give partitions of an asset whole files, as a relation', async () => {
    const slice = {
      spec: { dim: 'time', grain: 'day', column: 'ts', start: '2024-01-01' } as const,
      partitions: [
        [DAY + 1, DAY + 2],
        [DAY + 3, DAY + 4],
      ] as const,
    }
    const snapshotId = metadata.currentSnapshotId ?? expect.fail()
    const relation = await relationOf(lab, metadata, { snapshotId, slice })
    expect(relation).not.toContain('WHERE')
    const found = await lab.session.rows(`SELECT DISTINCT n // 10 AS day FROM (${relation}) WHERE n IS NOT NULL ORDER BY 1`)
    expect(found).toEqual([{ day: 1n }, { day: 3n }])
  })

  it('say which manifest is corrupt, and nothing raw', async () => {
    const [whole] = (await readManifestList(lab.store, metadata.snapshots[0]?.manifestList ?? '')).slice(0, 1)
    if (whole === undefined) expect.fail()
    const bytes = await lab.store.read(whole.path)
    const read = (content: Uint8Array) => readLeanManifest({ ...lab.store, read: async () => content }, metadata, whole)
    await expect(read(bytes.subarray(0, bytes.length - 20))).rejects.toMatchObject({
      code: 'ASSAY-2005',
      message: expect.stringContaining(whole.path),
    })
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, byte) => {
        const error: unknown = await read(bytes.with(at, byte)).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        if (error !== undefined) expect(error).toMatchObject({ code: expect.stringMatching(/^ASSAY-200[45]$/) })
      }),
      { numRuns: 150 },
    )
  })

  it('name what they cannot read', async () => {
    const [schema] = metadata.schemas
    if (schema === undefined) expect.fail()
    const withField = (field: object): TableMetadata => ({
      ...metadata,
      schemas: [{ ...schema, fields: [...schema.fields, field as NestedField] }],
    })
    const refused = async (changed: TableMetadata, what: string, code = 'ASSAY-2004'): Promise<void> =>
      expect(planScan(lab.store, changed)).rejects.toMatchObject({ code, message: expect.stringContaining(what) })
    await refused(withField({ id: 9, name: 'v', required: false, type: 'variant' }), 'column v of type variant')
    await refused(withField({ id: 9, name: 'v', required: false, type: 'timestamp_ns' }), 'column v of type timestamp_ns')
    await refused(withField({ id: 9, name: 'v', required: false, type: 'int', 'initial-default': 3 }), 'column v with an initial default')
    await refused({ ...metadata, rest: { 'encryption-keys': [{ 'key-id': '1' }] } }, 'is encrypted')
    await refused({ ...metadata, specs: [] }, 'partition spec 0')
    const manifestList = `${lab.root}/none.avro`
    await refused(
      { ...metadata, snapshots: metadata.snapshots.map((snapshot) => ({ ...snapshot, manifestList })) },
      manifestList,
      'ASSAY-2005',
    )
  })
})
