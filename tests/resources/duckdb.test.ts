import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { columnSpecs, t } from '../../src/schema/column.ts'
import { Instant } from '../../src/schema/instant.ts'
import type { EngineRow, SqlEngine, SqlSession } from '../../src/sql/engine.ts'

async function all(rows: AsyncIterable<EngineRow>): Promise<EngineRow[]> {
  const found: EngineRow[] = []
  for await (const row of rows) found.push(row)
  return found
}

describe('the DuckDB engine', () => {
  let engine: SqlEngine
  let session: SqlSession
  beforeEach(async () => {
    engine = await openDuckdb({ threads: 2 })
    session = await engine.session()
  })
  afterEach(() => engine.close())

  it('gives cells that lose nothing', async () => {
    const [row] =
      await session.rows(`SELECT 1::INTEGER AS i, 2::SMALLINT AS small, 9223372036854775807 AS l, 170141183460469231731687303715884105727::HUGEINT AS h, 1.10::DECIMAL(10,2) AS d,
      DATE '2024-02-29' AS day, TIMESTAMP '2024-01-01 10:00:00' AS ts, TIMESTAMP '1969-12-31 23:59:59.999999' AS ts6, TIMESTAMPTZ '2024-01-01 00:00:00.000001+00' AS tz, '\\x01'::BLOB AS b,
      [1, NULL] AS list, {a: DATE '2024-01-01', b: [1.5::DECIMAL(2,1)]} AS struct, MAP {'k': 1::BIGINT} AS map, true AS yes, NULL AS nothing, 'infinity'::TIMESTAMPTZ AS never`)
    expect(row).toEqual({
      i: 1,
      small: 2,
      l: 9223372036854775807n,
      h: 170141183460469231731687303715884105727n,
      d: '1.10',
      day: '2024-02-29',
      ts: '2024-01-01T10:00:00',
      ts6: '1969-12-31T23:59:59.999999',
      tz: new Instant(1704067200000001n),
      b: Uint8Array.of(1),
      list: [1, null],
      struct: { a: '2024-01-01', b: ['1.5'] },
      map: new Map([['k', 1n]]),
      yes: true,
      nothing: null,
      never: 'infinity',
    })
  })

  const SCHEMA = columnSpecs({
    s: t.string(),
    i: t.int(),
    l: t.long(),
    x: t.double(),
    d: t.decimal(10, 2),
    yes: t.boolean(),
    day: t.date(),
    ts: t.timestamp(),
    tz: t.timestamptz(),
    e: t.enum(['a', 'b']),
    n: t.string().nullable(),
  })
  const ROW: EngineRow = {
    s: 'é',
    i: -5,
    l: 2n ** 63n - 1n,
    x: 0.1,
    d: '-12345678.90',
    yes: false,
    day: '1969-12-31',
    ts: '1960-01-01T00:00:00.5',
    tz: Instant.parse('2024-01-01T00:00:00.000001Z'),
    e: 'a',
    n: null,
  }

  it('loads rows and gives them back', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ ...ROW, i }))
    expect(await session.load('many', SCHEMA, many)).toBe(5000)
    expect(await session.rows('SELECT * FROM many WHERE i = 4999')).toEqual([{ ...ROW, i: 4999, ts: '1960-01-01T00:00:00.500000' }])
    expect(await session.rows('SELECT count(DISTINCT i) AS n, count(n) AS nulls FROM many')).toEqual([{ n: 5000n, nulls: 0n }])
    expect(await session.load('none', SCHEMA, [])).toBe(0)
  })

  it('loads what comes asynchronously, and keeps nothing when the source fails', async () => {
    async function* source(fail: boolean) {
      yield ROW
      if (fail) throw new Error('source')
    }
    expect(await session.load('t', SCHEMA, source(false))).toBe(1)
    await expect(session.load('u', SCHEMA, source(true))).rejects.toThrow('source')
    await expect(session.rows('SELECT * FROM u')).rejects.toMatchObject({ kind: 'binding' })
  })

  it.each<[string, EngineRow[string]]>([
    ['s', 1],
    ['i', 1.5],
    ['i', 2 ** 31],
    ['l', 2n ** 63n],
    ['l', 2 ** 53],
    ['x', '1'],
    ['d', '1.234'],
    ['d', '123456789'],
    ['d', 1.5],
    ['d', '.'],
    ['yes', 1],
    ['day', '2023-02-29'],
    ['day', '2024-1-1'],
    ['ts', '2024-02-30T00:00:00'],
    ['ts', '2024-01-01T00:00:00Z'],
    ['ts', '2024-01-01T25:00:00'],
    ['tz', '2024-01-01T00:00:00Z'],
    ['tz', new Date(0)],
  ])('says ASSAY-5003 for %s = %o', async (name, value) => {
    const rows = [ROW, { ...ROW, [name]: value }]
    await expect(session.load('t', SCHEMA, rows)).rejects.toMatchObject({
      code: 'ASSAY-5003',
      message: expect.stringMatching(new RegExp(`Row 2: .* column ${name} of type`)),
    })
  })

  it.each(['1', '-0.5', '+1.50', '.5', '007.1', '99999999.99', '1.100', '1.'])('takes the decimal %s', async (text) => {
    await session.load('t', columnSpecs({ d: t.decimal(10, 2) }), [{ d: text }])
    expect(Number((await session.rows('SELECT d FROM t'))[0]?.['d'])).toBe(Number(text))
  })

  it('streams without holding everything', async () => {
    let count = 0
    for await (const row of session.stream('SELECT i FROM range(1000000000000) r(i)')) {
      expect(row['i']).toBe(BigInt(count))
      if (++count === 5000) break
    }
    expect(await session.rows('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  describe('streams', () => {
    const N = 500_000
    const LONG = columnSpecs({ n: t.long() })
    const SUM = (BigInt(N) * BigInt(N - 1)) / 2n
    beforeEach(() => session.run(`CREATE VIEW numbers AS SELECT range AS n FROM range(${N})`))

    it('go into a table of the same session whole', async () => {
      expect(await session.load('copy', LONG, session.stream('FROM numbers'))).toBe(N)
      expect(await session.rows('SELECT count(*) AS c, sum(n)::BIGINT AS s FROM copy')).toEqual([{ c: BigInt(N), s: SUM }])
    })

    it('run inside each other and beside statements', async () => {
      let [outer, inner, count] = [0n, 0, 0]
      for await (const row of session.stream('FROM numbers')) {
        outer += row['n'] as bigint
        if (count++ % 100_000 !== 0) continue
        expect(await session.rows('SELECT count(*) AS c FROM numbers')).toEqual([{ c: BigInt(N) }])
        await session.run(`CREATE TABLE t${count} AS SELECT 1 AS x`)
        for await (const _ of session.stream('FROM numbers LIMIT 10000')) inner++
      }
      expect([outer, inner, count]).toEqual([SUM, 50_000, N])
    })

    it('keep the order of the query, and end where there is nothing', async () => {
      const rows = await all(session.stream('SELECT n FROM numbers ORDER BY n DESC -- last first'))
      expect([rows[0], rows.at(-1), rows.length]).toEqual([{ n: BigInt(N - 1) }, { n: 0n }, N])
      expect(await all(session.stream('FROM numbers WHERE n < 0'))).toEqual([])
    })

    it('place a mistake like other statements', async () => {
      await expect(all(session.stream('SELECT nn FROM numbers'))).rejects.toMatchObject({ kind: 'binding', position: 7 })
    })

    it.each([
      [`SELECT CASE WHEN n = 400000 THEN 'x' ELSE '1' END::INTEGER AS i FROM numbers`, 'data', 'x'],
      [`SELECT CASE WHEN n = ${N - 1} THEN error('at the very end')::INTEGER ELSE 1 END AS i FROM numbers`, 'data', 'at the very end'],
    ])('that fail on the way say so: %s', async (query, kind, message) => {
      await expect(all(session.stream(query))).rejects.toMatchObject({ name: 'SqlError', kind, message: expect.stringContaining(message) })
      await expect(session.rows(query)).rejects.toMatchObject({ kind })
      await expect(session.load('copy', columnSpecs({ i: t.int() }), session.stream(query))).rejects.toMatchObject({ kind })
    })

    it('never end early when stopped, or when their session is closed', async () => {
      for (const stop of [() => engine.interrupt(), () => session.close()]) {
        let count = 0
        const reading = async (): Promise<void> => {
          for await (const _ of session.stream('FROM numbers')) if (++count === 5000) stop()
        }
        await expect(reading()).rejects.toMatchObject({ kind: 'interrupted' })
        expect(count).toBeLessThan(N)
      }
    })

    it('do not mind another session that is closed', async () => {
      const other = await engine.session()
      await other.run('CREATE TABLE mine AS SELECT 1 AS x')
      let count = 0
      for await (const _ of session.stream('FROM numbers')) if (++count === 5000) other.close()
      expect(count).toBe(N)
    })
  })

  it('describes a query without running it', async () => {
    expect(await session.describe("SELECT error('never') AS a, now() AS b, 1.5 AS c, [1] AS d -- comment")).toEqual(
      [
        { name: 'a', type: 'NULL' },
        { name: 'b', type: 'TIMESTAMP WITH TIME ZONE' },
        { name: 'c', type: 'DECIMAL(2,1)' },
        { name: 'd', type: 'INTEGER[]' },
      ].map((c) => (c.name === 'a' ? expect.objectContaining({ name: 'a' }) : c)),
    )
    await expect(session.describe('SELECT 1 AS é, nope')).rejects.toMatchObject({ kind: 'binding', position: 15 })
  })

  it('sees only its own tables and views, in UTC', async () => {
    const other = await engine.session()
    await session.run('CREATE TABLE mine AS SELECT 1 AS x')
    await session.run('CREATE VIEW ours AS SELECT 2 AS x')
    await other.run('CREATE VIEW ours AS SELECT 3 AS x')
    expect(await all(session.stream('FROM mine, ours'))).toEqual([{ x: 1, x_1: 2 }])
    expect(await all(other.stream('FROM ours'))).toEqual([{ x: 3 }])
    await expect(other.rows('SELECT * FROM mine')).rejects.toMatchObject({ kind: 'binding' })
    expect(await other.rows("SELECT current_setting('TimeZone') AS zone")).toEqual([{ zone: 'UTC' }])
    other.close()
  })

  it.each([
    ['SELECT ! FROM', 'syntax', undefined],
    ['SELEC 1', 'syntax', 0],
    ["SELECT 'é', amuont FROM (SELECT 1 AS amount)", 'binding', 12],
    ['SELECT * FROM nowhere', 'binding', 14],
    ["SELECT CAST('a' AS INTEGER)", 'data', undefined],
    ["SELECT * FROM read_parquet('/nowhere.parquet')", 'io', undefined],
  ] as const)('places the mistake in %s', async (sql, kind, position) => {
    const error = await session.rows(sql).catch((e: unknown) => e)
    expect(error).toMatchObject({ name: 'SqlError', kind, ...(position === undefined ? {} : { position }) })
    if (sql.includes('amuont')) expect(error).toMatchObject({ candidates: ['amount'] })
  })

  it('stops when interrupted', async () => {
    const running = session.rows('SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 1').catch((e: unknown) => e)
    const again = setInterval(() => engine.interrupt(), 20)
    expect(await running).toMatchObject({ kind: 'interrupted' })
    clearInterval(again)
  }, 20_000)

  it('loads no extensions', async () => {
    await expect(session.rows("SELECT * FROM iceberg_scan('/x')")).rejects.toMatchObject({ kind: 'binding' })
  })

  describe('writing Parquet', () => {
    let root: string
    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'assay-parquet-'))
    })
    afterEach(() => rm(root, { recursive: true, force: true }))

    it('gives the statistics of each file, and no empty files', async () => {
      const schema = {
        type: 'struct',
        'schema-id': 0,
        fields: [
          { id: 4, name: 'a "b"', required: true, type: 'long' },
          { id: 9, name: 'p', required: false, type: 'string' },
        ],
      } as const
      const query = `SELECT 'x' AS p, i::HUGEINT AS "a ""b""" FROM range(10) r(i) -- rows`
      const files = await session.writeParquet(query, {
        folder: `${root}/deep/er`,
        schema,
        partitionBy: { p: '"a ""b""" % 2', half: `CAST("a ""b""" < 5 AS VARCHAR)` },
      })
      expect(files.map((file) => [file.rows, file.partition]).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual(
        [
          [2, { p: '0', half: 'false' }],
          [2, { p: '1', half: 'true' }],
          [3, { p: '0', half: 'true' }],
          [3, { p: '1', half: 'false' }],
        ],
      )
      const even = files.find((file) => file.partition['p'] === '0' && file.partition['half'] === 'true')
      expect(even?.columns).toMatchObject([
        { id: 4, values: 3, nulls: 0, hasNan: false, min: '0', max: '4' },
        { id: 9, min: 'x', max: 'x' },
      ])
      const fields = await session.rows(`SELECT name, type, field_id FROM parquet_schema('${even?.path}') WHERE field_id IS NOT NULL`)
      expect(fields).toEqual([
        { name: 'a "b"', type: 'INT64', field_id: 4n },
        { name: 'p', type: 'BYTE_ARRAY', field_id: 9n },
      ])
      const none = await session.writeParquet(`SELECT * FROM (${query}\n) WHERE false`, { folder: `${root}/none`, schema, partitionBy: {} })
      expect(none).toEqual([])
      expect(await readdir(`${root}/none`)).toEqual([])
    })

    it('keeps many partitions in one pass apart', async () => {
      const schema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'i', required: false, type: 'long' }] } as const
      const files = await session.writeParquet('SELECT i FROM range(200000) r(i)', { folder: root, schema, partitionBy: { p: 'i % 400' } })
      expect(new Set(files.map((file) => file.path)).size).toBe(files.length)
      expect(new Set(files.map((file) => file.partition['p'])).size).toBe(400)
      const [sum] = await session.rows(`SELECT count(DISTINCT i) AS n FROM read_parquet('${root}/*/*.parquet')`)
      expect(sum).toEqual({ n: 200000n })
    })

    it('says io where the folder cannot be written', async () => {
      const schema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'i', required: false, type: 'long' }] } as const
      await session.run(`COPY (SELECT 1) TO '${root}/file' (FORMAT csv)`)
      await expect(session.writeParquet('SELECT 1 AS i', { folder: `${root}/file/below`, schema, partitionBy: {} })).rejects.toMatchObject({
        kind: 'io',
      })
    })
  })
})
