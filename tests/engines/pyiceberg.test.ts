import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schemaOf } from '../../src/iceberg/metadata.ts'
import { openShop, type Shop, tables } from '../support/shop.ts'
import { openPyiceberg, type Pyiceberg, type Seen } from './pyiceberg/probe.ts'

/** The whole lakehouse, or with --smoke a small one. */
const SIZE =
  process.env['ASSAY_SMOKE'] === '1'
    ? { events: 20_000, days: 3, retailDays: ['2010-12-01', '2010-12-02'] }
    : {
        events: 1_000_000,
        days: 30,
        retailDays: Array.from({ length: 274 }, (_, i) => new Date(Date.UTC(2010, 11, 1 + i)).toISOString().slice(0, 10)),
      }

/** Some of the tables: one of each layer, and one beside an asset. */
const TABLES = ['bronze.events', 'gold.daily_revenue', 'silver.events__rejects', 'silver.orders']

const NUMERIC = /^(int|long|float|double|decimal)/

describe('PyIceberg on the catalog of Assay', () => {
  let shop: Shop
  let py: Pyiceberg
  beforeAll(async () => {
    shop = await openShop(SIZE)
    py = openPyiceberg(`${shop.home}/catalog.db`, `${shop.home}/warehouse`)
    const { code, stdout, stderr } = await shop.assay('materialize')
    expect(code, stdout + stderr).toBe(0)
  }, 300_000)
  afterAll(() => shop.remove())

  it('finds the same tables: rows, schema, snapshots, sums of every numeric column', async () => {
    const seen = await py.describe()
    expect(Object.keys(seen)).toEqual(expect.arrayContaining(TABLES))
    expect(Object.keys(seen).sort()).toEqual(Object.keys(await tables(shop)).sort())
    for (const [table, theirs] of Object.entries(seen)) expect({ table, ...(await oursOf(shop, table)) }).toEqual({ table, ...theirs })
  })

  it('appends to a table, which Assay then reads right, and names what became stale', async () => {
    const before = (await py.describe())['silver.orders'] as Seen
    const [last] = await shop.rows('select max(ts)::date::varchar as day from silver.orders')
    const day = String(last?.['day'])
    const after = await py.append('silver.orders', [await anOrder(shop, day)])
    expect(after.rows).toBe(before.rows + 1)
    expect(BigInt(after.current ?? 0) > 2n ** 53n).toBe(true)
    expect(await oursOf(shop, 'silver.orders')).toEqual(after)
    const why = await shop.assay('why', 'gold.daily_revenue', day)
    expect(why.stdout).toContain('stale')
    expect(why.stdout).toContain('silver.orders')
    const ran = await shop.assay('materialize')
    expect(ran.code).toBe(0)
    expect(ran.stdout).toMatch(/gold\.daily_revenue: 1 of/)
    expect(ran.stdout).not.toMatch(/made +silver/)
  })

  it('finds again what Assay made of a table that PyIceberg had written to', async () => {
    expect((await shop.assay('materialize', 'silver.orders', '--force')).code).toBe(0)
    const seen = (await py.describe())['silver.orders'] as Seen
    expect(await oursOf(shop, 'silver.orders')).toEqual(seen)
  })
})

/** What Assay says of the same table, in the same words. Doubles are summed from the smallest up on both sides. */
async function oursOf(shop: Shop, table: string): Promise<Seen> {
  const metadata = (await tables(shop))[table]
  const fields = metadata === undefined ? [] : schemaOf(metadata).fields
  const numeric = fields.filter((field) => NUMERIC.test(String(field.type)))
  const sums = numeric.map((f) =>
    f.type === 'double'
      ? `list_reduce(list_sort(list("${f.name}")), lambda a, b: a + b, 0.0::double)::varchar`
      : `coalesce(sum("${f.name}"), 0)::varchar`,
  )
  const [row] = await shop.rows(`select ${['count(*) as n', ...sums.map((sum, i) => `${sum} as s${i}`)].join(', ')} from ${table}`)
  return {
    rows: Number(row?.['n']),
    schema: fields.map(({ id, name, type, required }) => ({ id, name, type: String(type).replace(',', ', '), required })),
    snapshots: metadata?.snapshots.toSorted((a, b) => a.sequenceNumber - b.sequenceNumber).map((s) => s.id) ?? [],
    current: metadata?.currentSnapshotId ?? null,
    sums: Object.fromEntries(numeric.map((f, i) => [f.name, decimalText(String(row?.[`s${i}`]), String(f.type))])),
  }
}

/** The sum of no rows is 0 in SQL and 0.00 in Python. */
const decimalText = (text: string, type: string): string => {
  const scale = Number(/^decimal\(\d+, ?(\d+)\)/.exec(type)?.[1] ?? 0)
  return scale > 0 && !text.includes('.') ? `${text}.${'0'.repeat(scale)}` : text
}

async function anOrder(shop: Shop, day: string): Promise<object> {
  const [order] = await shop.rows(`select * from silver.orders where ts::date = '${day}' order by order_id limit 1`)
  return { ...order, order_id: 'written-by-pyiceberg' }
}
