import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts'
import { lineageOf } from '../../src/sql/lineage.ts'
import type { Lineage } from '../../src/sql/lineage-sources.ts'
import { lineageIn, soundness } from './lineage-lab.ts'

const INPUTS = { orders: ['id', 'user_id', 'amount', 'ts', 'status', 'meta'], users: ['id', 'country', 'tags'] }

let engine: SqlEngine
let session: SqlSession
beforeAll(async () => {
  engine = await openDuckdb({ threads: 1 })
  session = await engine.session()
  await session.run(
    'CREATE TABLE orders (id BIGINT, user_id BIGINT, amount DECIMAL(18, 2), ts TIMESTAMP, status VARCHAR, meta STRUCT(channel VARCHAR, n INTEGER))',
  )
  await session.run('CREATE TABLE users (id BIGINT, country VARCHAR, tags VARCHAR[])')
})
afterAll(() => {
  session.close()
  engine.close()
})

/** `orders.amount aggregate` for each source of each column, and of the rows under `$rows`. */
async function read(sql: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const lineage = await lineageIn(session, INPUTS, sql)
  expect(lineage.unknown, sql).toBeUndefined()
  return flat(lineage)
}

const flat = ({ columns, rows }: Lineage): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries({ ...columns, $rows: rows ?? [] }).map(([name, sources]) => [
      name,
      sources.map(([input, column, kind]) => `${input}.${column} ${kind}`),
    ]),
  )

// Expected by reading the statement, as a person does.
const CASES: readonly (readonly [what: string, sql: string, expected: Readonly<Record<string, readonly string[]>>])[] = [
  [
    'copies, casts and expressions',
    `select id, amount::double as d, amount * 2 + user_id as x, 1 as one from orders`,
    { id: ['orders.id copy'], d: ['orders.amount derive'], x: ['orders.amount derive', 'orders.user_id derive'], one: [], $rows: [] },
  ],
  [
    'aggregates, group keys and filters',
    `select user_id, sum(amount) filter (status = 'paid') as paid, count(*) as n from orders where ts is not null group by all`,
    {
      user_id: ['orders.user_id copy'],
      paid: ['orders.amount aggregate', 'orders.status filter'],
      n: [],
      $rows: ['orders.ts filter', 'orders.user_id group'],
    },
  ],
  ['an expression over an aggregate', `select 2 * sum(amount) + 1 as x from orders`, { x: ['orders.amount aggregate'], $rows: [] }],
  [
    'join keys',
    `select o.id, u.country from orders o join users u on u.id = o.user_id`,
    { id: ['orders.id copy'], country: ['users.country copy'], $rows: ['orders.user_id join', 'users.id join'] },
  ],
  [
    'USING gives the column of the left side',
    `select id, amount, country from orders left join users using (id)`,
    { id: ['orders.id copy'], amount: ['orders.amount copy'], country: ['users.country copy'], $rows: ['orders.id join', 'users.id join'] },
  ],
  [
    'of a full join, either',
    `select id from orders full join users using (id)`,
    { id: ['orders.id derive', 'users.id derive'], $rows: ['orders.id join', 'users.id join'] },
  ],
  [
    'NATURAL and *',
    `select * exclude (meta, ts, status, user_id) from orders natural join users`,
    {
      id: ['orders.id copy'],
      amount: ['orders.amount copy'],
      country: ['users.country copy'],
      tags: ['users.tags copy'],
      $rows: ['orders.id join', 'users.id join'],
    },
  ],
  [
    'EXCLUDE, REPLACE and RENAME',
    `select * exclude (country) replace (id + 1 as id) rename (tags as words) from users`,
    { id: ['users.id derive'], words: ['users.tags copy'], $rows: [] },
  ],
  [
    'window functions',
    `select id, row_number() over (partition by user_id order by ts) as n, lag(amount) over (order by ts) as before, sum(amount) over () as total from orders`,
    {
      id: ['orders.id copy'],
      n: ['orders.ts order', 'orders.user_id group'],
      before: ['orders.amount derive', 'orders.ts order'],
      total: ['orders.amount aggregate'],
      $rows: [],
    },
  ],
  [
    'named windows and QUALIFY',
    `select id from orders window w as (partition by user_id order by ts) qualify row_number() over w = 1`,
    { id: ['orders.id copy'], $rows: ['orders.ts filter', 'orders.user_id filter'] },
  ],
  [
    'chains of CTEs',
    `with big as (select * from orders where amount > 10), per as (select user_id as u, max(amount) as top from big group by 1) select u, top / 2 as half from per`,
    { u: ['orders.user_id copy'], half: ['orders.amount aggregate'], $rows: ['orders.amount filter', 'orders.user_id group'] },
  ],
  [
    'a CTE that takes the name of an input',
    `with orders as (select id as amount from orders) select amount from orders`,
    { amount: ['orders.id copy'], $rows: [] },
  ],
  [
    'lateral aliases, which a column goes before',
    `select amount as x, x + 1 as y, user_id as status, status as z from orders`,
    { x: ['orders.amount copy'], y: ['orders.amount derive'], status: ['orders.user_id copy'], z: ['orders.status copy'], $rows: [] },
  ],
  [
    'structs',
    `select meta.channel as c, orders.meta.n as n, (struct_pack(a := id)).a as i from orders`,
    { c: ['orders.meta derive'], n: ['orders.meta derive'], i: ['orders.id derive'], $rows: [] },
  ],
  [
    'UNION ALL by place',
    `select id as k, amount as v from orders union all select id, null from users`,
    { k: ['orders.id copy', 'users.id copy'], v: ['orders.amount copy'], $rows: [] },
  ],
  [
    'UNION and EXCEPT compare all',
    `select id from orders except select id from users where country = 'DE'`,
    { id: ['orders.id copy'], $rows: ['orders.id filter', 'users.country filter', 'users.id filter'] },
  ],
  [
    'UNION BY NAME',
    `select id, amount from orders union all by name select country, id from users`,
    { id: ['orders.id copy', 'users.id copy'], amount: ['orders.amount copy'], country: ['users.country copy'], $rows: [] },
  ],
  [
    'DISTINCT, and LIMIT by an order',
    `select distinct country from users order by country limit 3`,
    { country: ['users.country copy'], $rows: ['users.country group', 'users.country order'] },
  ],
  [
    'DISTINCT ON takes the first by an order',
    `select distinct on (user_id) id from orders order by user_id, ts desc`,
    { id: ['orders.id copy'], $rows: ['orders.ts order', 'orders.user_id group', 'orders.user_id order'] },
  ],
  [
    'scalar, EXISTS and IN subqueries',
    `select id, (select max(o.amount) from orders o where o.user_id = u.id) as top from users u where exists (select 1 from orders x where x.user_id = u.id and x.status = 'paid') and country in (select status from orders)`,
    {
      id: ['users.id copy'],
      top: ['orders.amount aggregate', 'orders.user_id filter', 'users.id filter'],
      $rows: ['orders.status filter', 'orders.user_id filter', 'users.country filter', 'users.id filter'],
    },
  ],
  [
    'UNNEST makes rows',
    `select id, unnest(tags) as tag from users`,
    { id: ['users.id copy'], tag: ['users.tags derive'], $rows: ['users.tags filter'] },
  ],
  [
    'lateral joins',
    `select u.id, t.v from users u, unnest(u.tags) t(v)`,
    { id: ['users.id copy'], v: ['users.tags derive'], $rows: ['users.tags filter'] },
  ],
  [
    'VALUES',
    `select o.id, v.name from orders o join (values ('new', 1), ('paid', 2)) v(name, n) on v.name = o.status`,
    { id: ['orders.id copy'], name: [], $rows: ['orders.status join'] },
  ],
  [
    'lambdas',
    `select list_transform(tags, lambda tag: tag || country) as x from users`,
    { x: ['users.country derive', 'users.tags derive'], $rows: [] },
  ],
  [
    'ordered aggregates',
    `select list(amount order by ts) as x, first(id) as f from (select * from orders order by status)`,
    {
      x: ['orders.amount aggregate', 'orders.status order', 'orders.ts order'],
      f: ['orders.id aggregate', 'orders.status order'],
      $rows: [],
    },
  ],
  [
    'recursion',
    `with recursive r(n, m) as (select id, user_id from orders union all select m, n from r where n < 9) select n from r`,
    { n: ['orders.id copy', 'orders.user_id copy'], $rows: ['orders.id filter', 'orders.user_id filter'] },
  ],
  ['words that are functions', `select id, current_date as today from orders`, { id: ['orders.id copy'], today: [], $rows: [] }],
  [
    'a table as a value',
    `select u as whole from users u`,
    { whole: ['users.country derive', 'users.id derive', 'users.tags derive'], $rows: [] },
  ],
  ['FROM first', `from users select country`, { country: ['users.country copy'], $rows: [] }],
  [
    'HAVING with an alias',
    `select user_id, sum(amount) as s from orders group by user_id having s > 5`,
    { user_id: ['orders.user_id copy'], s: ['orders.amount aggregate'], $rows: ['orders.amount filter', 'orders.user_id group'] },
  ],
  [
    'names that DuckDB makes up',
    `select "max(amount)" as m from (select max(amount) from orders)`,
    { m: ['orders.amount aggregate'], $rows: [] },
  ],
]

test.each(CASES)('%s', async (_, sql, expected) => {
  expect(await read(sql)).toEqual(expected)
})

describe('what is not followed is unknown', () => {
  test.each([
    ['COLUMNS()', `select columns('.*d') from orders`],
    ['a pivot', `select * from (pivot orders on status in ('new') using sum(amount) group by id)`],
    ['a table that is no input', `select * from information_schema.tables`],
    ['a table that a text names', `select * from query_table('users')`],
    ['a struct in columns of its own', `select unnest(meta) from orders`],
  ])('%s', async (_, sql) => {
    const lineage = await lineageIn(session, INPUTS, sql)
    expect(lineage).toMatchObject({ columns: {}, unknown: expect.any(String) })
    expect(lineage.rows).toBeUndefined()
  })

  test('a statement without a tree', () => {
    expect(lineageOf({ ast: { error: true }, inputs: {}, yields: [], aggregates: new Set() }).unknown).toBeDefined()
  })
})

test('a column that lineage does not name does not matter', () => soundness(25))
