import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Folder, jsonLines, openFolder, type Ran } from '../cli/command-line.ts'
import { ROOT } from '../support/shop.ts'
import { compilerErrors } from '../support/compiler.ts'
import { openDatabase, type Rows } from './asset-rows.ts'

const DAYS = ['2026-01-01', '2026-01-02']
/** All but Online Retail. */
const CLICKSTREAM = 'not bronze.retail_lines+'

/** The lakehouse in a folder of its own, where it may be edited. Without mischief, so that plain queries over its files are right. */
let folder: Folder
const assay = (...words: readonly string[]): Promise<Ran> => {
  const settings = { LAKEHOUSE_EVENTS: '5000', LAKEHOUSE_DAYS: String(DAYS.length), LAKEHOUSE_MALFORMED: '0', LAKEHOUSE_DUPLICATE: '0.05' }
  for (const [name, value] of Object.entries({ ...settings, ASSAY_RETAIL_DIR: join(folder.path, 'none') })) vi.stubEnv(name, value)
  return folder.assay(words)
}
const done = async (...words: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await assay(...words)
  expect(code, stderr + stdout).toBe(0)
  return stdout
}
beforeAll(async () => {
  folder = await openFolder()
  cpSync(join(ROOT, 'lakehouse'), join(folder.path, 'lakehouse'), { recursive: true })
  await folder.write('package.json', '{ "type": "module", "assay": { "project": "lakehouse/project.ts" } }')
  await done('partitions', 'experiments', 'add', 'checkout')
  await done('materialize', CLICKSTREAM)
}, 120_000)
afterAll(() => folder.remove())

/** Edits made to a copy of the lakehouse, then taken back. */
async function edited<T>(
  edits: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>,
  then: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(edits).map(
    (file) => [join(folder.path, 'lakehouse', file), readFileSync(join(folder.path, 'lakehouse', file), 'utf8')] as const,
  )
  for (const [file, changes] of Object.entries(edits))
    for (const [from, to] of changes) await folder.edit(join('lakehouse', file), from, to)
  try {
    return await then()
  } finally {
    for (const [path, text] of before) writeFileSync(path, text)
  }
}

const VIEWS = `count_if(type IN ('product_view', 'view'))`
const BOUGHT = `FILTER (type = 'purchase')`
const COUNTRY = `CASE WHEN ip LIKE '198.18.%' OR ip LIKE '198.19.%' THEN 'unknown' ELSE country END`
/** Addresses outside of all ranges are in 198.18.0.0/15; the others are at home, which the producer tells. */
const ORDERS = `SELECT order_id, min(ts)::DATE AS day, min(user_id) AS user_id, min(experiment) AS experiment, min(${COUNTRY}) AS country, sum(price * quantity) AS amount
  FROM e WHERE type = 'purchase' GROUP BY order_id`
const REGION = `CASE WHEN country IN ('DE', 'AT') THEN 'central' WHEN country IN ('FI', 'IE') THEN 'north' WHEN country IN ('ES', 'IT', 'PT') THEN 'south'
  WHEN country IN ('BE', 'FR', 'NL') THEN 'west' ELSE country END`

/** A table, the columns that are compared, and the same from the landed files alone: `e` are its events, `c` changes of accounts. */
const ANSWERS: readonly (readonly [table: string, columns: string, fromFiles: string])[] = [
  [
    'gold.traffic_hourly',
    'hour, visits, views, orders, revenue',
    `SELECT date_trunc('hour', ts), count(DISTINCT session_id), ${VIEWS}, count(DISTINCT order_id) ${BOUGHT}, coalesce(sum(price * quantity) ${BOUGHT}, 0) FROM e GROUP BY 1`,
  ],
  [
    'gold.revenue_by_country',
    'day, country, orders, customers, revenue',
    `SELECT day, country, count(*), count(DISTINCT user_id), sum(amount) FROM (${ORDERS}) GROUP BY ALL`,
  ],
  // Stores counted by hand in the list of cities.
  [
    'gold.revenue_by_region',
    'region, stores, orders, revenue',
    `SELECT region, stores, count(country), coalesce(sum(amount), 0) FROM (VALUES ('central', 13), ('north', 1), ('south', 8), ('west', 9), ('unknown', 0)) v(region, stores)
     LEFT JOIN (${ORDERS}) o ON region = ${REGION} GROUP BY ALL`,
  ],
  [
    'gold.ab_test_results',
    'variant, users, buyers, orders, revenue',
    `WITH people AS (SELECT DISTINCT user_id, experiment FROM e WHERE experiment IS NOT NULL AND user_agent NOT LIKE '%ShelfBot%')
     SELECT if((user_id - 100000) % 4 < 2, 'a', 'b'), count(DISTINCT user_id), count(DISTINCT user_id) FILTER (order_id IS NOT NULL), count(order_id), coalesce(sum(amount), 0)
     FROM people LEFT JOIN (${ORDERS}) USING (user_id, experiment) GROUP BY 1`,
  ],
  [
    'gold.front_page',
    'rank, product_id, category, price, units',
    `SELECT row_number() OVER (ORDER BY revenue DESC, units DESC, product_id), product_id, category, price, units FROM (
       SELECT product_id, category, price, sum(price * quantity) ${BOUGHT} AS revenue, coalesce(sum(quantity) ${BOUGHT}, 0) AS units
       FROM e WHERE ts >= '2026-01-02 00:00:00+00' AND product_id IS NOT NULL GROUP BY ALL ORDER BY revenue DESC NULLS LAST, units DESC, product_id LIMIT 5)`,
  ],
  [
    'silver.consent_log',
    'customer_id, told_at, entry',
    `SELECT DISTINCT customer_id, changed_at, CASE WHEN op = 'delete' THEN 'account closed' WHEN newsletter THEN 'wanted' ELSE 'not wanted' END FROM c`,
  ],
]
const asTexts = (query: string, columns: string): string => {
  const texts = columns.split(', ').map((name) => `"${name}"::varchar as "${name}"`)
  return `select ${texts.join(', ')} from (${query}) as rows(${columns}) order by all`
}

describe('the tables', () => {
  let published: readonly Rows[]
  let files: Awaited<ReturnType<typeof openDatabase>>
  beforeAll(async () => {
    const queries = [
      ...ANSWERS.map(([table, columns]) => asTexts(`select ${columns} from ${table}`, columns)),
      'select product_id, category, price::varchar as price from silver.products order by product_id',
    ]
    const lines = jsonLines(await done('query', ...queries, '--json', '--limit', '100000'))
    published = queries.map((_, i) => lines.flatMap(({ statement, row }) => (statement === i + 1 && row ? [row as Rows[number]] : [])))
    files = await openDatabase()
    const landed = (kind: string): string => DAYS.map((day) => `'${join(folder.path, '.assay/landing', kind, `${day}.ndjson`)}'`).join(', ')
    const columns = `{event_id: 'VARCHAR', type: 'VARCHAR', ts: 'TIMESTAMPTZ', user_id: 'BIGINT', session_id: 'VARCHAR', product_id: 'VARCHAR', category: 'VARCHAR',
      price: 'DECIMAL(18, 2)', quantity: 'INTEGER', order_id: 'VARCHAR', ip: 'VARCHAR', country: 'VARCHAR', user_agent: 'VARCHAR', experiment: 'VARCHAR'}`
    await files.run(`CREATE TABLE e AS SELECT DISTINCT * FROM read_ndjson([${landed('events')}], columns = ${columns})`)
    await files.run(
      `CREATE TABLE c AS FROM read_ndjson([${landed('customers')}], columns = {customer_id: 'BIGINT', changed_at: 'TIMESTAMPTZ', op: 'VARCHAR', newsletter: 'BOOLEAN'})`,
    )
  }, 60_000)
  afterAll(() => files.close())

  it.each(ANSWERS.map(([table, columns, query], i) => ({ table, columns, query, i })))(
    'hold what the landed files say: $table',
    async ({ columns, query, i }) => {
      expect(published[i]).toEqual(await files.rows(asTexts(query, columns)))
      expect(published[i]?.length).toBeGreaterThan(1)
    },
  )

  it('hold each product of the clickstream at its price', async () => {
    const known = new Map(published.at(-1)?.map((row) => [row['product_id'], row]))
    expect(known.size).toBe(8 * 40)
    const sold = await files.rows('SELECT DISTINCT product_id, category, price::VARCHAR AS price FROM e WHERE product_id IS NOT NULL')
    expect(sold.length).toBeGreaterThan(100)
    for (const row of sold) expect(known.get(row['product_id'])).toEqual(row)
  })
})

describe('a change', () => {
  /** The assets that a plan takes for stale by themselves, and how many it would run in all. */
  async function planned(): Promise<{ readonly stale: readonly string[]; readonly runs: number; readonly line: Plan }> {
    const [line] = jsonLines(await done('plan', CLICKSTREAM, '--json')) as unknown as readonly [Plan]
    const stale = line.plan.assets.filter(({ because }) => because.some(({ cause }) => cause.kind === 'code changed'))
    return {
      stale: stale.map(({ asset }) => asset).toSorted(),
      runs: line.plan.assets.filter(({ action }) => action === 'run').length,
      line,
    }
  }
  interface Plan {
    readonly plan: {
      readonly assets: readonly {
        readonly asset: string
        readonly action: string
        readonly because: readonly { readonly cause: { readonly kind: string } }[]
      }[]
    }
    readonly schemaChanges: readonly {
      readonly kind: string
      readonly column: string
      readonly breaking: boolean
      readonly readers: readonly { readonly asset: string }[]
    }[]
  }

  it('of a description or a check upstream, and a compaction, make nothing stale', async () => {
    await done('maintain', 'bronze.events', 'silver.orders')
    const edits = [
      ['Raw lines of the clickstream', 'Lines of the clickstream'],
      ['between(1, 1_000_000_000)', 'between(1, 2_000_000_000)'],
    ] as const
    expect(await edited({ 'bronze/events.ts': edits }, planned)).toMatchObject({ stale: [], runs: 0 })
  }, 60_000)

  it('of a function that several share makes stale those that use it', async () => {
    const { stale } = await edited({ 'generator/geography.ts': [['used += own.length', 'used = used + own.length']] }, planned)
    // landing.events reaches it too, and goes by a version of its own.
    expect(stale).toEqual(['bronze.geo_ip', 'bronze.stores', 'landing.customer_changes'])
  }, 60_000)

  it('of the name of a column, made everywhere, is breaking, and the plan names the readers', async () => {
    const renamed = {
      'bronze/events.ts': [
        ['line: t.string()', 'text: t.string()'],
        ['c.line.notNull()', 'c.text.notNull()'],
        ['select ts, ingested_at, line,', 'select ts, ingested_at, line as text,'],
      ],
      'silver/events.ts': [
        ['${raw.line}', '${raw.text}'],
        ['${raw.line}', '${raw.text}'],
      ],
    } as const
    const { schemaChanges } = (await edited(renamed, planned)).line
    expect(schemaChanges.map(({ column, breaking }) => [column, breaking])).toEqual(expect.arrayContaining([['line', true]]))
    const readers = schemaChanges.find(({ column }) => column === 'line')?.readers ?? []
    expect([...new Set(readers.map(({ asset }) => asset))]).toEqual(['silver.events'])
  }, 60_000)

  it('of the name of a column in its declaration alone does not compile, in the files that interpolate it and no others', async () => {
    const edits = {
      'bronze/events.ts': [['line: t.string()', 'text: t.string()']],
      'silver/events.ts': [['session_id: t.string()', 'visit_id: t.string()']],
    } as const
    const found = await edited(edits, () => compilerErrors(folder.path, ['lakehouse']))
    const lost = (name: string): readonly string[] =>
      [...new Set(found.filter(({ message }) => message.includes(`'${name}'`)).map(({ file }) => file))].toSorted()
    // Its own check names it, too.
    expect(lost('line')).toEqual(['lakehouse/bronze/events.ts', 'lakehouse/silver/events.ts'])
    expect(lost('session_id')).toEqual(
      ['gold/funnel_daily.ts', 'gold/traffic_hourly.ts', 'silver/orders.ts', 'silver/sessions.ts'].map((file) => `lakehouse/${file}`),
    )
    expect(found.every(({ message }) => /'(line|session_id)'/.test(message))).toBe(true)
  }, 60_000)
})
