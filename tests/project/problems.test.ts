import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Problem } from '../../src/errors.ts'
import { ProjectErrors } from '../../src/project/problems.ts'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
afterEach(() => project.remove())

const IMPORT = `import { all, asset, daily, duckdb, externalAsset, outputs, product, sql, staticPartitions, t, timeWindow, typescript } from 'assay'\n`
const NOTHING = 'typescript(async function* () {})'

type Fault = Problem & { readonly at: string }

/**
 * What is wrong with each body, beneath the import line, as `code a.ts:line:column`, with the texts. All are loaded at once,
 * in files and namespaces of their own (`x.a` becomes `x0.a`), and told of as if alone.
 */
async function faultsOf(...bodies: readonly string[]): Promise<readonly (readonly Fault[])[]> {
  project = tempProject(Object.fromEntries(bodies.map((body, i) => [`f${i}.ts`, IMPORT + body.replaceAll("'x.", `'x${i}.`)])))
  const text = JSON.stringify(await project.problems())
  const problems = JSON.parse(text.replaceAll(/\bx\d+\./g, 'x.')) as readonly Problem[]
  return bodies.map((_, i) => {
    const own = problems.filter((p) => p.where?.file === `f${i}.ts`)
    const details = (p: Problem): Partial<Problem> => (p.details ? { details: p.details.map((d) => d.replaceAll(`f${i}.ts`, 'a.ts')) } : {})
    return own.map((p) => ({ ...p, ...details(p), at: `${p.code} a.ts:${p.where?.line}:${p.where?.column}` }))
  })
}

/** The same, where each has one fault. */
async function onlyOf(...bodies: readonly string[]): Promise<readonly Fault[]> {
  const found = await faultsOf(...bodies)
  expect(found.map((faults) => faults.length)).toEqual(bodies.map(() => 1))
  return found.flat()
}
const only = async (body: string): Promise<Fault> => (await onlyOf(body))[0] as Fault

describe('while importing', () => {
  test('1002: an exception in a file of the user, in the innermost frame of theirs', async () => {
    const fault = await only(`const f = () => {\n  throw new Error('boom')\n}\nf()`)
    expect(fault).toMatchObject({ at: 'ASSAY-1002 a.ts:3:9', what: 'Error: boom' })
  })
  test('1022: an option that there is not, in a program that was not type-checked', async () => {
    const fault = await only(`export const a = asset('x.a', {\n  schema: { n: t.int() }, check: () => [] } as never)`)
    expect(fault).toMatchObject({ at: 'ASSAY-1022 a.ts:2:18', next: 'Did you mean checks?' })
  })
  test('1002: a file that is no TypeScript', async () => {
    expect((await only('const x: = 3')).at).toBe('ASSAY-1002 a.ts:2:10')
  })
  test('1002: a name that is not exported', async () => {
    expect((await only(`\nimport { nope } from './project.ts'\nconsole.log(nope)`)).at).toBe('ASSAY-1002 a.ts:3:10')
  })
  test('1002: an import that leads nowhere', async () => {
    expect((await only(`\nimport { x } from './nope.ts'\nconsole.log(x)`)).at).toBe('ASSAY-1002 a.ts:3:20')
  })
  test('1003: no project', async () => {
    project = tempProject({ 'project.ts': 'export default { name: 1 }' })
    expect(await project.problems()).toMatchObject([{ code: 'ASSAY-1003', where: { file: 'project.ts', line: 1 } }])
  })
  test('1004, 1008, 1016 keep their codes and get a place', async () => {
    expect((await only(`asset('nodot', {})`)).at).toBe('ASSAY-1004 a.ts:2:1')
    project.remove()
    expect((await only(`const a = asset('x.a', {})\na.from({}, ${NOTHING})\na.from({}, ${NOTHING})`)).at).toBe('ASSAY-1008 a.ts:4:3')
    project.remove()
    expect((await only(`daily({ start: '2026-02-30' })`)).at).toBe('ASSAY-1016 a.ts:2:1')
  })
  test('1015: files that import each other, with the ring', async () => {
    project = tempProject({
      'a.ts': `${IMPORT}import { b } from './b.ts'\nexport const a = externalAsset('x.a')\nexport const c = b`,
      'b.ts': `${IMPORT}import { a } from './a.ts'\nexport const b = all(a)`,
    })
    expect(await project.problems()).toMatchObject([
      { code: 'ASSAY-1015', where: { file: 'b.ts', line: 3, column: 22 }, what: "'a' was used before it was there: b.ts → a.ts → b.ts" },
    ])
  })
})

describe('between assets', () => {
  const days = `const days = daily({ start: '2026-01-01' })\nexport const d = externalAsset('x.d', { partitions: days })\nexport const n = externalAsset('x.n')\n`
  const window = `timeWindow(n as never, { startOffset: -1, endOffset: 0 })`
  const CASES: Readonly<Record<string, readonly [body: string, expected: object]>> = {
    '1005: twin keys, both places': [
      `export const a = externalAsset('x.a')\nexport const b = externalAsset('x.a')`,
      { at: 'ASSAY-1005 a.ts:3:18', details: ['the other is at a.ts:2'] },
    ],
    '1005: a rejects table whose name is taken': [
      `export const a = asset('x.a', { schema: { n: t.int() }, quarantine: true })\na.from({}, ${NOTHING})\nexport const b = externalAsset('x.a__rejects')`,
      { at: 'ASSAY-1005 a.ts:4:18' },
    ],
    '1006: a cycle, with its path and places': [
      `export const a = asset('x.a', {})\nexport const b = asset('x.b', {})\na.from({ b }, ${NOTHING})\nb.from({ a }, ${NOTHING})`,
      {
        at: 'ASSAY-1006 a.ts:4:3',
        what: 'the assets form a cycle: x.a ← x.b ← x.a',
        details: ['x.a reads x.b (a.ts:4)', 'x.b reads x.a (a.ts:5)'],
      },
    ],
    '1007: no compute': [`export const a = asset('x.a', {})`, { at: 'ASSAY-1007 a.ts:2:18' }],
    '1009: a dep that is not listed, but not an asset that nobody reads': [
      `const b = externalAsset('x.bees')\nexternalAsset('x.unused')\nexport const a = asset('x.a', {})\nexport const c = externalAsset('x.bee')\na.from({ b }, ${NOTHING})`,
      {
        at: 'ASSAY-1009 a.ts:6:3',
        what: 'x.a reads x.bees, which is not part of the project',
        next: expect.stringContaining('Did you mean x.bee?'),
      },
    ],
    '1010: days into no days': [
      `${days}export const a = asset('x.a', {})\na.from({ d } as never, ${NOTHING})`,
      { at: 'ASSAY-1010 a.ts:6:3', next: 'Write { d: all(d) } to read all of them.' },
    ],
    '1010: a window over what has no days': [
      `${days}export const a = asset('x.a', { partitions: days })\na.from({ n: ${window} }, ${NOTHING})`,
      { at: 'ASSAY-1010 a.ts:6:3' },
    ],
  }
  let found: readonly Fault[]
  beforeAll(async () => {
    found = await onlyOf(...Object.values(CASES).map(([body]) => body))
    project.remove()
  })
  test.each(Object.entries(CASES).map(([title, [, expected]], i) => ({ title, expected, i })))('$title', ({ expected, i }) => {
    expect(found[i]).toMatchObject(expected)
  })
})

describe('within an asset', () => {
  const of = (options: string): string => `export const a = asset('x.a', { ${options} } as never)\na.from({}, ${NOTHING})`
  const CASES = [
    [`schema: { '': t.int() }`, 'ASSAY-1011', 'x.a has a column without a name'],
    [`schema: { $n: t.int() }`, 'ASSAY-1011', 'cannot begin with $'],
    [`schema: { as: t.int() }`, 'ASSAY-1011', 'cannot be called as'],
    [`schema: { n: t.int(), N: t.int() }`, 'ASSAY-1011', 'n and N differ by case alone'],
    [`schema: { n: undefined }`, 'ASSAY-1011', 'x.a.n is no column'],
    [`schema: { n: t.decimal(39, 2) }`, 'ASSAY-1011', '1 to 38 digits, not 39'],
    [`schema: { n: t.decimal(2, 3) }`, 'ASSAY-1011', 'of 2 digits, 3 cannot stand after the point'],
    [`schema: { n: t.decimal(2.5, 1) }`, 'ASSAY-1011', 'whole numbers'],
    [`schema: { n: t.enum([]) }`, 'ASSAY-1011', 'at least one value'],
    [`schema: { n: t.int() }, key: ['m']`, 'ASSAY-1011', 'key of x.a names the column m'],
    [`schema: { n: t.int() }, partitions: daily({ start: '2026-01-01' }).on('m')`, 'ASSAY-1011', 'partitions of x.a names the column m'],
    [`schema: { n: t.int() }, partitions: daily({ start: '2026-01-01' }).on('n')`, 'ASSAY-1016', 'x.a.n is a int, which holds no day'],
    [`schema: { n: t.date() }, partitions: daily({ start: '2026-01-01' })`, 'ASSAY-1016', 'does not say which column holds the day'],
    [`quarantine: true`, 'ASSAY-1011', 'has no table'],
    [`backfill: { partitionsPerStep: Infinity }`, 'ASSAY-1011', 'backfill.partitionsPerStep of x.a is Infinity'],
    [`backfill: { partitionsPerStep: 0 }`, 'ASSAY-1011', 'backfill.partitionsPerStep of x.a is 0'],
    [`retry: { max: Infinity, delay: 1 }`, 'ASSAY-1011', 'retry.max of x.a is Infinity'],
    [`retry: { max: 1.5, delay: 1 }`, 'ASSAY-1011', 'retry.max of x.a is 1.5'],
    [`retry: { max: 1, delay: -1 }`, 'ASSAY-1011', 'retry.delay of x.a is -1'],
    [`schema: { reject_reason: t.string() }, quarantine: true`, 'ASSAY-1011', 'has a column of this name'],
  ] as const
  let found: readonly Fault[]
  beforeAll(async () => {
    found = await onlyOf(...CASES.map(([options]) => of(options)))
    project.remove()
  })
  test.each(CASES.map((example, i) => [...example, i] as const))('%s is %s', (_, code, text, i) => {
    expect(found[i]?.at).toBe(`${code} a.ts:2:18`)
    expect(found[i]?.what).toContain(text)
  })
  test('1011: two checks of one name, and one that contradicts the schema', async () => {
    const [twice, laxer] = await onlyOf(
      of(`schema: { n: t.int() },\n  checks: (c: any) => [c.n.between(1, 2),\n    c.n.between(1, 3)]`),
      of(`schema: { n: t.int() },\n  checks: (c: any) => [c.n.notNull({ mostly: 0.5 })]`),
    )
    expect(twice).toMatchObject({ at: 'ASSAY-1011 a.ts:4:9', what: 'x.a has two checks called n.between' })
    expect(laxer?.at).toBe('ASSAY-1011 a.ts:3:28')
  })
  test('1011: bounds of a check that are none', async () => {
    const bounds = (...checks: readonly string[]): string => of(`schema: { n: t.double() },\n  checks: (c: any) => [${checks.join()}]`)
    const found = await onlyOf(
      bounds('c.n.between(NaN, 1)'),
      bounds('c.n.between(Infinity, 1)'),
      bounds('c.$rows.count.between(1, -Infinity)'),
    )
    expect(found.map((fault) => fault.at)).toEqual(Array(3).fill(expect.stringMatching(/^ASSAY-1011 a.ts:3:\d+$/)))
  })
  test('1002: checks that throw', async () => {
    expect((await only(of(`schema: { n: t.int() },\n  checks: (c: any) => [c.m.notNull()]`))).at).toBe('ASSAY-1002 a.ts:3:28')
  })
})

describe('in SQL', () => {
  const base = `export const e = externalAsset('x.events', { schema: { id: t.long(), ts: t.timestamptz(), amount: t.decimal(18, 2), name: t.string() } })\n`
  const query = (schema: string, compute: string, options = ''): string =>
    `${base}export const a = asset('x.a', { schema: { ${schema} }, ${options} })\na.from({ events: all(e) } as never, duckdb((({ events }: any, { partition }: any) =>\n${compute}) as never))`

  test('1012: at the place of the fault, with candidates', async () => {
    const fault = await only(query('id: t.long()', 'sql`\n  select ${events.id},\n    amuont from ${events}`'))
    expect(fault.at).toBe('ASSAY-1012 a.ts:7:5')
    expect(fault.what).toContain('amuont')
    expect(fault.details?.join()).toContain('amount')
  })
  test('1012: a syntax error, behind text that is longer in UTF-8 and templates within', async () => {
    const fault = await only(
      query('id: t.long()', "sql`select ${events.id} from ${events} where name = 'äöü €' and ${sql`1 = 1 /* } */`} and and 2 = 2`"),
    )
    expect(fault.at).toBe('ASSAY-1012 a.ts:5:91')
  })
  test('1012: a fragment of another file is shown there', async () => {
    project = tempProject({
      'lib/parts.ts': `import { sql } from 'assay'\nexport const wrong = sql\`\n   nope > 1\``,
      'a.ts': `${IMPORT}import { wrong } from './lib/parts.ts'\n${query('id: t.long()', 'sql`select ${events.id} from ${events} where ${wrong}`')}`,
    })
    expect(await project.problems()).toMatchObject([{ code: 'ASSAY-1012', where: { file: 'lib/parts.ts', line: 3, column: 4 } }])
  })
  test('1012: bounds without partitions, no statement, no SELECT', async () => {
    const bodies = ['sql`select 1::bigint as id where ${partition.start} is null`', '42', 'sql`create table x (id int)`']
    const [bounds, none, create] = await onlyOf(...bodies.map((body) => query('id: t.long()', body)))
    expect(bounds?.what).toContain('has no partitions')
    expect(none?.what).toContain('returns no sql')
    expect(create?.at).toBe('ASSAY-1012 a.ts:5:5')
  })
  test('1012, 1014: of a product, bounds of a dimension without time, and a dimension that is not there', async () => {
    const partitions = `partitions: product({ day: daily({ start: '2026-01-01' }).on('ts'), kind: staticPartitions(['a']).on('id') })`
    const body = (param: string): string => query('id: t.string(), ts: t.date()', `sql\`select '' as id, \${${param}} as ts\``, partitions)
    const [fine, bound, absent] = await faultsOf(body('partition.day.end'), body('partition.kind.start'), body('partition.days.start'))
    expect(fine).toEqual([])
    expect(bound).toMatchObject([{ code: 'ASSAY-1012', what: 'x.a has no windows in its dimension kind, so partition.kind has no bounds' }])
    expect(absent).toMatchObject([
      { code: 'ASSAY-1014', what: "partition has no 'days', but day, kind, start, end, keys", next: 'Did you mean day?' },
    ])
  })
  test('bounds have the type of the partition column', async () => {
    const days = (type: string, column: string): string =>
      query(
        `${column}: t.${type}()`,
        `sql\`select \${partition.start} as ${column}, \${partition.end} > \${partition.start} as x\``,
        `partitions: daily({ start: '2026-01-01' }).on('${column}')`,
      )
    const faults = await onlyOf(...['timestamptz', 'timestamp', 'date'].map((type) => days(type, 'at')))
    expect(faults.map((fault) => fault.details)).toEqual(Array(3).fill(['unexpected: x BOOLEAN']))
  })
  test('1013: missing, unexpected and differing columns', async () => {
    const fault = await only(
      query(
        'id: t.int(), at: t.timestamp(), total: t.decimal(18, 2)',
        'sql`select ${events.id}, 1.5::double as total, 1 as extra from ${events}`',
      ),
    )
    expect(fault.at).toBe('ASSAY-1013 a.ts:5:4')
    expect(fault.details).toEqual([
      'missing: at timestamp',
      'unexpected: extra INTEGER',
      'id: query: BIGINT, schema: int; cast it to INTEGER',
      'total: query: DOUBLE, schema: decimal(18,2); cast it to DECIMAL(18,2)',
    ])
  })
  test('what casts without loss passes, in any order of columns', async () => {
    project = tempProject({
      'a.ts':
        IMPORT +
        query(
          `n: t.long(), d: t.decimal(18, 2), total: t.decimal(20, 2), sum: t.long(), f: t.double(), s: t.enum(['a']), nothing: t.date().nullable()`,
          `sql\`select sum(\${events.amount}) as total, 1::int as n, 2::smallint as d, sum(1::bigint) as sum, 1.5 as f, 'a' as S, null::date as nothing from \${events}\``,
        ),
    })
    expect((await project.load()).asset('x.a')?.columns).toHaveLength(7)
  })
  test('1014: a dep and a column that are not there', async () => {
    project = tempProject({
      'a.ts':
        IMPORT + query('id: t.long()', 'sql`select ${events.userid} from ${events}`').replace('id: t.long(), ts', 'user_id: t.long(), ts'),
    })
    expect(await project.problems()).toMatchObject([
      {
        code: 'ASSAY-1014',
        where: { file: 'a.ts', line: 5, column: 21 },
        what: "events has no column 'userid'",
        next: 'Did you mean user_id?',
      },
    ])
    project.remove()
    const fault = await only(query('id: t.long()', 'sql`select 1`').replace('({ events }: any', '({ evnts }: any'))
    expect(fault).toMatchObject({ what: "x.a reads 'evnts', which is not among its deps: events", next: 'Did you mean events?' })
    expect(fault.where?.line).toBe(4)
  })
  test('1012: the query of a check', async () => {
    const checks = 'checks: (c: any) => [c.$rows.sql("c", (rows: any) => sql`select * from ${rows}\nwhere nope`)]'
    const fault = await only(query('id: t.long()', 'sql`select ${events.id} from ${events}`', checks))
    expect(fault.at).toBe('ASSAY-1012 a.ts:4:7')
    expect(fault.what).toContain("the check 'c' of x.a")
  })
})

describe('several outputs of one compute', () => {
  const two = (first: string, second: string, made: string): string =>
    `const days = daily({ start: '2026-01-01' })
export const a = asset('x.a', { schema: { n: t.int(), d: t.date() }${first} })
export const b = asset('x.b', { schema: { n: t.int(), e: t.date() }${second} })
${made}`
  const FROM = `outputs({ a, b }).from({}, typescript(function* () {}))`

  test('1021: what must be the same is not', async () => {
    const faults = await onlyOf(
      two(", partitions: days.on('d')", '', FROM),
      two(", partitions: days.on('d')", ", partitions: daily({ start: '2026-01-02' }).on('e')", FROM),
      two(', backfill: { partitionsPerStep: 2 }', '', FROM),
      two('', ', retry: { max: 1, delay: 1 }', FROM),
    )
    expect(faults.map(({ at, what }) => `${at} ${what}`)).toEqual(
      ['partitions', 'partitions', 'backfill policies', 'retry policies'].map(
        (what) => `ASSAY-1021 a.ts:5:19 x.a and x.b are made together, but have different ${what}`,
      ),
    )
  })
  test('the same partitions in columns of different names are well', async () => {
    project = tempProject({ 'a.ts': IMPORT + two(", partitions: days.on('d')", ", partitions: days.on('e')", FROM) })
    const specs = (await project.load()).manifest.assets
    expect(specs.map(({ outputs }) => outputs)).toEqual(Array(2).fill({ assets: { a: 'x.a', b: 'x.b' }, partial: false }))
  })
  test('1021: an output that reads another, that has no columns, or that is not part of the project', async () => {
    const faults = await onlyOf(
      two('', '', 'outputs({ a, b }).from({ b }, typescript(function* () {}))'),
      `export const a = asset('x.a', { schema: { n: t.int() } })\nexport const b = asset('x.b', {})\n${FROM}`,
      two('', '', FROM).replace('export const b', 'const b'),
    )
    expect(faults.map(({ what }) => what)).toEqual([
      'x.b is read as b by the compute that makes it',
      'x.b has no schema, so a compute of several outputs cannot make it',
      'x.a is made together with x.b, which is not part of the project',
    ])
  })
  test('1008: an output that has a compute already', async () => {
    const told = ({ at, what }: Fault): string => `${at} ${what}`
    expect(told(await only(two('', '', `b.from({}, ${NOTHING})\n${FROM}`)))).toBe('ASSAY-1008 a.ts:6:19 x.b was already given a compute')
    project.remove()
    const twice = two('', '', `outputs({ a, b, c: a }).from({}, ${NOTHING})`)
    expect(told(await only(twice))).toBe('ASSAY-1008 a.ts:5:25 x.a was already given a compute')
  })
  test('1012, 1021: statements that are missing or too many; a fault of a dep is told once', async () => {
    const made = (body: string): string => two('', '', `;(outputs({ a, b }) as any).from({}, duckdb((() => (${body})) as any))`)
    const found = await faultsOf(made('{ a: sql`select 1::int n, null::date d` }'), made('{ a: sql`x`, b: sql`y`, c: sql`z` }'))
    expect(found.map((faults) => faults.map(({ code, what }) => `${code} ${what}`))).toEqual([
      ['ASSAY-1012 the query of x.b returns no sql`…` for b'],
      ['ASSAY-1021 the query of a, b returns a statement for c, which is no output of it'],
    ])
    const unknown = two('', '', `const z = externalAsset('x.z')\noutputs({ a, b }).from({ z }, typescript(function* () {}))`)
    project.remove()
    expect((await onlyOf(unknown)).map(({ what }) => what)).toEqual(['x.a reads x.z, which is not part of the project'])
  })
})

test('all problems come at once, by file and line, as one error', async () => {
  project = tempProject({
    'b.ts': `${IMPORT}export const b = asset('x.b', { schema: { n: t.decimal(40, 1), $x: t.int() } })`,
    'a.ts': `${IMPORT}export const x = externalAsset('x.x', { schema: { n: t.int() } })\nexport const a = asset('x.a', { schema: { n: t.int() } })\na.from({ x }, duckdb(({ x }) => sql\`select m from \${x}\`))\nexport const twin = externalAsset('x.a')`,
  })
  const error = await project.load().catch((e: unknown) => e)
  expect(error).toBeInstanceOf(ProjectErrors)
  const problems = (error as ProjectErrors).problems
  const places = problems.map((p) => `${p.code} ${p.where?.file}:${p.where?.line}`)
  expect(places).toEqual(['ASSAY-1012 a.ts:4', 'ASSAY-1005 a.ts:5', 'ASSAY-1007 b.ts:2', 'ASSAY-1011 b.ts:2', 'ASSAY-1011 b.ts:2'])
  expect(error).toMatchObject({ code: problems[0]?.code, message: problems[0]?.what, where: problems[0]?.where })
})

test('1042, 1041: what does not fit how an asset is written, each at its place', async () => {
  project = tempProject({
    'a.ts': `${IMPORT.replace('{ all', '{ changed, history, merge, all')}export const x = externalAsset('x.x', { schema: { n: t.int() } })
export const a = asset('x.a', { schema: { n: t.int().nullable() }, key: ['n'], write: merge({ deleteWhen: 'n' as string }), pool: 'db' })
a.from({ x }, duckdb(({ x }) => sql\`select n from \${x}\`))
export const b = asset('x.b', { schema: { n: t.int() }, write: 'append' })
b.from({ x }, duckdb(({ x }) => sql\`select n from \${x}\`))
export const c = asset('x.c', { schema: { n: t.int() }, key: ['n'], write: history({ deleteWhen: 'gone' }) })
c.from({ x: changed(x) }, duckdb(({ x }) => sql\`select n from \${x}\`))`,
  })
  const problems = await project.problems()
  expect(problems.map((p) => `${p.code} ${p.where?.file}:${p.where?.line}`)).toEqual([
    'ASSAY-1042 a.ts:3',
    'ASSAY-1042 a.ts:3',
    'ASSAY-1041 a.ts:3',
    'ASSAY-1042 a.ts:6',
    'ASSAY-1013 a.ts:8',
  ])
  expect(problems.at(-1)?.details).toEqual(['missing: valid_from timestamptz', 'missing: gone boolean'])
})
