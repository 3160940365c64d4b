import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schemaOf, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import { rowsSql } from '../../src/iceberg/rows-sql.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { queryFilters } from '../../src/tables/query-filter.ts'
import { column, type Lab, openLab } from '../iceberg/lab.ts'

const COLUMNS = [
  column('day', 'date'),
  column('ts', 'timestamptz'),
  column('moment', 'timestamp'),
  column('n', 'int'),
  column('id', 'long'),
  column('s', 'string'),
]
/** Six rows of day `i`, nulls among them, in a file of their own. */
const rowsOf = (i: number): string =>
  `select case when j = 5 then null else date '2026-01-01' + ${i} end as day, timestamptz '2026-01-01 00:00:00+00' + interval ${i} day + interval (j * 4) hour as ts,
   timestamp '2026-01-01' + interval ${i} day + interval (j * 4) hour as moment, case when j = 4 then null else ${i * 10} + j end::int as n, ${i * 10}::bigint + j as id,
   chr(97 + ${i}) || j as s from range(6) t(j)`
const FILES = 5

describe('what a statement asks of a table', () => {
  let lab: Lab
  let metadata: TableMetadata
  beforeAll(async () => {
    lab = await openLab()
    for (let i = 0; i < FILES; i++) await lab.put({ columns: COLUMNS, query: rowsOf(i) })
    metadata = (await lab.load()).metadata
    await lab.session.run('create schema if not exists pruned; create schema if not exists shop')
    const all = await rowsSql(lab, await planScan(lab.store, metadata, {}))
    await lab.session.run(
      `create or replace view shop.orders as ${all}; create table shop.days as select day, n from (${all}) where n % 3 = 0`,
    )
  })
  afterAll(() => lab.close())

  /** How many files are read for the same answer that all files give. */
  const ask = async (statement: string): Promise<number> => {
    const filters = await queryFilters(lab.session, statement, new Map([['shop.orders', schemaOf(metadata)]]))
    const plan = await planScan(lab.store, metadata, { filter: filters.get('shop.orders') })
    await lab.session.run(`create or replace view pruned.orders as ${await rowsSql(lab, plan)}`)
    const answer = (from: string): Promise<readonly EngineRow[]> =>
      lab.session.rows(`select * from (${statement.replaceAll('shop.orders', from)}) order by all`)
    const [some, all] = [await answer('pruned.orders'), await answer('shop.orders')]
    expect(some).toEqual(all)
    return plan.files.length
  }
  const select = (where: string): string => `select * from shop.orders where ${where}`

  it.each<[where: string, files: number]>([
    [`day = '2026-01-02'`, 1],
    [`day >= date '2026-01-04'`, 2],
    [`'2026-01-04' <= day`, 2],
    [`day between '2026-01-02' and '2026-01-03'`, 2],
    [`not (day < '2026-01-05')`, 1],
    [`ts >= '2026-01-05' and n > 0`, 1],
    [`ts < date '2026-01-02'`, 1],
    [`ts < timestamptz '2026-01-02 02:00:00+02'`, 1],
    [`moment > timestamp '2026-01-04 20:00:00'`, 1],
    ['n in (1, 41)', 2],
    ['id = 23 or id = 3', 2],
    [`s >= 'd' and s < 'e'`, 1],
    [`"S" = 'a1'`, 1],
    // What is not told by statistics, or not for sure, reads all.
    ['n + 1 = 2', FILES],
    ['n = 1 or n is null', FILES],
    ['n > 1.5', FILES],
    ['n = n', FILES],
    [`day::varchar = '2026-01-02'`, FILES],
    [`n = (select 1)`, FILES],
  ])('%s: %i files', async (where, files) => {
    expect(await ask(select(where))).toBe(files)
  })

  it.each<[statement: string, files: number]>([
    [`select count(*) from shop.orders o join shop.days d on o.day = d.day where o.day = '2026-01-02'`, 1],
    [`select count(*) from shop.orders o left join shop.days d on o.day = d.day where d.n > 10 and o.n < 20`, 2],
    // Of the other table, or of either.
    [`select count(*) from shop.orders o join shop.days d on o.day = d.day where d.day = '2026-01-02'`, FILES],
    [`select count(*) from shop.days d left join shop.orders o on o.day = d.day where o.n = 1`, 1],
    // Each use counts.
    [`select (select count(*) from shop.orders where n = 1) as a, (select max(n) from shop.orders where n < 15) as b`, 2],
    [`select (select count(*) from shop.orders where n = 1) as a, (select max(n) from shop.orders) as b`, FILES],
    [`with x as (select * from shop.orders where id > 39) select count(*) from x where n < 2`, 1],
    [`select * from (select *, row_number() over (order by id) as r from shop.orders) where r = 1 and n = 41`, FILES],
    [`select * from shop.orders o where o.n = 1 and exists (select 1 from shop.days d where o.n = d.n and n = 30)`, 1],
    // Which rows stand beside others matters here.
    [`select * from shop.days d positional join shop.orders o where o.n = 41`, FILES],
    [`select * from shop.days d asof join shop.orders o on d.n >= o.n where o.n > 30`, FILES],
    [`select * from shop.orders as o(a, b, n, id) where o.id = 41`, FILES],
    [`select n, count(*) from shop.orders where day = '2026-01-01' group by n having count(*) > 0`, 1],
    [`select * from shop.orders where n = 1 union all select * from shop.orders where n = 2`, 1],
  ])('%s: %i files', async (statement, files) => {
    expect(await ask(statement)).toBe(files)
  })

  it('never spares a file that counts', async () => {
    const constant = {
      day: ["'2026-01-02'", "date '2026-01-04'", "'2026-01-03 12:00'", "timestamp '2026-01-03 04:00'"],
      ts: ["'2026-01-02'", "timestamp '2026-01-03 08:00'", "timestamptz '2026-01-04 00:00:00+03'", "date '2026-01-05'"],
      moment: ["'2026-01-02 08:00'", "timestamp '2026-01-03 08:00'", "date '2026-01-05'"],
      n: ['0', '13', '13.5', '-1', '41', "'12'", '4e1'],
      id: ['0', '13', '13.5', '40', "'30'"],
      s: ["'b3'", "'c'", "'zz'", "''", '3'],
    } as const
    const leaf = fc.constantFrom(...(Object.keys(constant) as (keyof typeof constant)[])).chain((name) => {
      const value = fc.constantFrom<string>(...constant[name])
      return fc.oneof(
        fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>=', '<>'), value).map(([op, text]) => `${name} ${op} ${text}`),
        fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), value).map(([op, text]) => `${text} ${op} ${name}`),
        fc.tuple(value, value).map(([a, b]) => `${name} between ${a} and ${b}`),
        fc.tuple(value, value).map(([a, b]) => `${name} in (${a}, ${b})`),
        fc.constantFrom(`${name} is null`, `${name} is not null`, `coalesce(${name}, ${name}) = ${name}`, 'true', 'null'),
      )
    })
    const { where } = fc.letrec<{ where: string }>((tie) => ({
      where: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.tuple(tie('where'), fc.constantFrom('and', 'or'), tie('where')).map(([a, op, b]) => `(${a} ${op} ${b})`),
        tie('where').map((inner) => `not (${inner})`),
      ),
    }))
    let spared = 0
    await fc.assert(
      fc.asyncProperty(where, async (condition) => {
        const files = await ask(select(condition)).catch((error: unknown) => {
          // What the engine does not compare at all, it refuses with and without a filter.
          if (error instanceof Error && error.name === 'SqlError') return FILES
          throw error
        })
        spared += FILES - files
      }),
      { numRuns: 150 },
    )
    expect(spared).toBeGreaterThan(50)
  })
})
