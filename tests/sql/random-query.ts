import fc from 'fast-check'

/** Three tables of the same size; in each column every value is there once. */
export const TABLES: Readonly<Record<string, readonly string[]>> = { t1: ['a', 'b', 'c'], t2: ['a', 'd', 'e'], t3: ['f', 'g', 'h'] }

/** A SELECT over {@link TABLES} with columns of whole numbers. */
interface Query {
  readonly sql: string
  readonly columns: readonly string[]
  /** DuckDB gives its rows in an order that hangs on nothing but what SQL says it does. */
  readonly steady: boolean
}

type Draw = (max: number) => number

/** Random statements, of all shapes that the analysis of lineage follows. */
export const randomQuery = (): fc.Arbitrary<string> =>
  fc.array(fc.nat(), { minLength: 60, maxLength: 120 }).map((numbers) => {
    let at = 0
    const draw: Draw = (max) => (numbers[at++ % numbers.length] ?? 0) % max
    return make(draw, 2 + draw(2)).sql
  })

const oneOf = <T>(draw: Draw, items: readonly T[]): T => items[draw(items.length)] as T

function make(draw: Draw, depth: number): Query {
  const shapes = [projection, projection, grouping, windowing, joining, setOperation, cte, limited, distinct, nested, correlated, lateral]
  return depth === 0 ? base(draw) : oneOf(draw, [...shapes, recursive, starred])(draw, depth - 1)
}

function base(draw: Draw): Query {
  const [name, columns] = oneOf(draw, Object.entries(TABLES))
  return { sql: `select ${columns.join(', ')} from ${name}`, columns, steady: true }
}

/** A query as an item of FROM, or a table by its name. */
const source = (draw: Draw, depth: number): Query => {
  const query = make(draw, depth)
  const table = Object.keys(TABLES).find((name) => query.sql === `select ${TABLES[name]?.join(', ')} from ${name}`)
  return { ...query, sql: table ?? `(${query.sql})` }
}

function scalar(draw: Draw, columns: readonly string[], depth = 2): string {
  const column = (): string => oneOf(draw, columns)
  if (depth === 0) return column()
  const inner = (): string => scalar(draw, columns, depth - 1)
  return oneOf(draw, [
    column,
    column,
    () => `(${inner()} + ${inner()})`,
    () => `coalesce(nullif(${inner()}, 3), ${inner()})`,
    () => `case when ${test(draw, columns)} then ${inner()} else ${inner()} end`,
    () => `cast(${inner()} as bigint)`,
    () => `{'x': ${inner()}, 'y': ${inner()}}.x`,
    () => `list_sum(list_transform([${inner()}, ${inner()}], lambda v: v + ${column()}))::bigint`,
  ])()
}

const test = (draw: Draw, columns: readonly string[]): string =>
  oneOf(draw, [
    () => `${oneOf(draw, columns)} > ${draw(8)}`,
    () => `${oneOf(draw, columns)} < ${oneOf(draw, columns)}`,
    () => `${oneOf(draw, columns)} between 2 and 6`,
    () => `${oneOf(draw, columns)} in (select ${oneOf(draw, ['f', 'g'])} from t3 where h > ${draw(6)})`,
    () => `not exists (select 1 from t2 where t2.d = ${oneOf(draw, columns)} and t2.e > ${draw(6)})`,
  ])()

const where = (draw: Draw, columns: readonly string[]): string => (draw(2) === 0 ? '' : ` where ${test(draw, columns)}`)

function projection(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const [x, y] = [scalar(draw, from.columns), scalar(draw, from.columns)]
  const alias = draw(2) === 0 ? ', p1 + 1 as p3' : `, ${oneOf(draw, from.columns)} as p3`
  return {
    sql: `select ${x} as p1, ${y} as p2${alias} from ${from.sql} q${where(draw, from.columns)}`,
    columns: ['p1', 'p2', 'p3'],
    steady: from.steady,
  }
}

function grouping(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const column = (): string => oneOf(draw, from.columns)
  const total = oneOf(draw, [
    `sum(${column()})::bigint`,
    `count(*) filter (where ${test(draw, from.columns)})`,
    `max(${column()})`,
    `count(distinct ${column()})`,
    `arg_max(${column()}, ${from.columns.join(' * 100 + ')})`,
  ])
  const key = scalar(draw, from.columns, 1)
  const by = oneOf(draw, ['group by all', 'group by 1', `group by k${depth}`])
  const k = `k${depth}`
  const having = draw(3) === 0 ? ` having max(${column()}) > ${draw(6)}` : ''
  return {
    sql: `select ${key} as ${k}, ${total} as v from ${from.sql} q${where(draw, from.columns)} ${by}${having}`,
    columns: [k, 'v'],
    steady: false,
  }
}

/** Ties are broken by all columns where the rows come in no order of their own. */
const sorting = (draw: Draw, from: Query): string =>
  from.steady ? oneOf(draw, from.columns) : [oneOf(draw, from.columns), ...from.columns].join(', ')

function windowing(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const column = (): string => oneOf(draw, from.columns)
  const by = draw(2) === 0 ? '' : `partition by ${column()} `
  const call = oneOf(draw, [`sum(${column()})`, 'row_number()', `lag(${column()}, 1, ${column()})`, `first_value(${column()})`, `count(*)`])
  const qualify = draw(2) === 0 ? '' : ` qualify row_number() over (${by}order by ${sorting(draw, from)}) < 4`
  return {
    sql: `select ${column()} as w1, cast(${call} over (${by}order by ${sorting(draw, from)}) as bigint) as w2 from ${from.sql} q${where(draw, from.columns)}${qualify}`,
    columns: ['w1', 'w2'],
    steady: false,
  }
}

function joining(draw: Draw, depth: number): Query {
  const [left, right] = [source(draw, depth), source(draw, 0)]
  const pair = (): string => `l.${oneOf(draw, left.columns)} = r.${oneOf(draw, right.columns)}`
  const one = `l.${oneOf(draw, left.columns)} as j1, l.${oneOf(draw, left.columns)} as j2`
  const kind = oneOf(draw, ['join', 'left join', 'right join', 'full join'])
  const common = left.columns.find((name) => right.columns.includes(name))
  if (common !== undefined && draw(2) === 0)
    return {
      sql: `select ${common} as j1, r.${oneOf(draw, right.columns)} as j2, l.${oneOf(draw, left.columns)} as j3 from ${left.sql} l ${kind} ${right.sql} r using (${common})`,
      columns: ['j1', 'j2', 'j3'],
      steady: false,
    }
  if (draw(4) === 0)
    return {
      sql: `select ${one} from ${left.sql} l ${oneOf(draw, ['semi', 'anti'])} join ${right.sql} r on ${pair()}`,
      columns: ['j1', 'j2'],
      steady: false,
    }
  if (draw(4) === 0)
    return {
      sql: `select ${one}, r.${oneOf(draw, right.columns)} as j3 from ${left.sql} l, ${right.sql} r where ${pair()}`,
      columns: ['j1', 'j2', 'j3'],
      steady: false,
    }
  return {
    sql: `select ${one}, r.${oneOf(draw, right.columns)} as j3 from ${left.sql} l ${kind} ${right.sql} r on ${pair()}`,
    columns: ['j1', 'j2', 'j3'],
    steady: false,
  }
}

function setOperation(draw: Draw, depth: number): Query {
  const half = (): string => {
    const from = source(draw, depth)
    return `select ${oneOf(draw, from.columns)} as s1, ${oneOf(draw, from.columns)} as s2 from ${from.sql} q${where(draw, from.columns)}`
  }
  const operation = oneOf(draw, ['union all', 'union', 'except', 'intersect', 'except all', 'union by name', 'union all by name'])
  return { sql: `${half()} ${operation} ${half()}`, columns: ['s1', 's2'], steady: false }
}

function cte(draw: Draw, depth: number): Query {
  const from = make(draw, depth)
  const names = from.columns.map((_, i) => `c${i}`)
  const renamed = draw(2) === 0
  const columns = renamed ? names : from.columns
  const [x, y] = [oneOf(draw, columns), oneOf(draw, columns)]
  return {
    sql: `with t${renamed ? `1(${names.join(', ')})` : '1'} as (${from.sql}) select m.${x} as e1, n.${y} as e2 from t1 m join t1 n on m.${oneOf(draw, columns)} = n.${oneOf(draw, columns)}`,
    columns: ['e1', 'e2'],
    steady: false,
  }
}

function limited(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const order = sorting(draw, from)
  return {
    sql: `select ${oneOf(draw, from.columns)} as m1, ${oneOf(draw, from.columns)} as m2 from ${from.sql} q order by ${order} limit ${1 + draw(5)}`,
    columns: ['m1', 'm2'],
    steady: from.steady,
  }
}

function distinct(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const on = draw(2) === 0 ? ` on (${oneOf(draw, from.columns)})` : ''
  return {
    sql: `select distinct${on} ${oneOf(draw, from.columns)} as d1, ${oneOf(draw, from.columns)} as d2 from ${from.sql} q order by ${on === '' ? 'all' : from.columns.join(', ')}`,
    columns: ['d1', 'd2'],
    steady: false,
  }
}

function nested(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const [x, y] = [oneOf(draw, from.columns), oneOf(draw, from.columns)]
  return {
    sql: `select z.s.one as n1, z.other as n2 from (select struct_pack(one := ${x}, two := ${y}) as s, unnest([${x}, ${y}, ${oneOf(draw, from.columns)}]) as other from ${from.sql} q) z`,
    columns: ['n1', 'n2'],
    steady: from.steady,
  }
}

function correlated(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const inner = `(select ${oneOf(draw, ['sum(i.d)::bigint', 'max(i.e)', 'count(*)'])} from t2 i where i.a ${oneOf(draw, ['=', '<'])} q.${oneOf(draw, from.columns)})`
  return {
    sql: `select q.${oneOf(draw, from.columns)} as o1, ${inner} as o2 from ${from.sql} q${where(
      draw,
      from.columns.map((name) => `q.${name}`),
    )}`,
    columns: ['o1', 'o2'],
    steady: false,
  }
}

function lateral(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const column = (): string => `q.${oneOf(draw, from.columns)}`
  const right = oneOf(draw, [
    `unnest([${column()}, ${column()}]) u(lv)`,
    `lateral (select ${column()} + ${column()} as lv) u`,
    `(values (${draw(9)}), (${draw(9)})) u(lv)`,
  ])
  return { sql: `select ${column()} as y1, lv as y2 from ${from.sql} q, ${right}`, columns: ['y1', 'y2'], steady: false }
}

function recursive(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const [x, y] = [oneOf(draw, from.columns), oneOf(draw, from.columns)]
  const step = oneOf(draw, [
    'r2, r1, n + 1 from loop where n < 3',
    'r1 + 1, r2, n + 1 from loop where n < 3',
    'g, r1, n + 1 from loop join t3 on f = r2 where n < 2',
  ])
  return {
    sql: `with recursive loop(r1, r2, n) as (select ${x}, ${y}, 0 from ${from.sql} q union all select ${step}) select r1, r2 from loop`,
    columns: ['r1', 'r2'],
    steady: false,
  }
}

function starred(draw: Draw, depth: number): Query {
  const from = source(draw, depth)
  const [first = '', ...rest] = from.columns
  const more = rest.length === 0 ? '' : ` exclude (${first})`
  const kept = rest.length === 0 ? from.columns : rest
  const replaced = kept[0] ?? first
  return {
    sql: `select *${more} replace (${scalar(draw, from.columns, 1)} as ${replaced}) from ${from.sql} q`,
    columns: kept,
    steady: from.steady,
  }
}
