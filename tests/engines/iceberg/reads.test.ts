import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Case, type EngineName, type Read, type Refusal, sorted, type Table } from './case.ts'
import { CASES } from './cases.ts'
import { isReady, type Running, start } from './engines.ts'
import { type Lake, openLake } from './lake.ts'
import { lookUp } from './lookup.ts'

const isSmoke = process.env['ASSAY_SMOKE'] === '1'
const NAMES: readonly EngineName[] = isSmoke ? ['pyiceberg', 'duckdb-iceberg'] : ['pyiceberg', 'duckdb-iceberg', 'chdb', 'spark']
const CHOSEN = CASES.filter((one) => !isSmoke || one.smoke === true)
const TITLED = CHOSEN.map((one) => [`${one.group}: ${one.name}`, one] as const)
const tableName = (one: Case): string => `t${CASES.indexOf(one)}`

let lake: Lake
beforeAll(async () => {
  lake = await openLake()
  for (const one of CHOSEN) await one.write(lake.table(tableName(one)))
}, 120_000)
afterAll(() => lake.close())

it.each(TITLED)('Assay, %s', async (_, one) => {
  const table = lake.table(tableName(one))
  for (const read of one.reads) {
    expect({ read, ...sorted(await table.read(read)) }).toEqual({ read, ...(await lookUp(lake, table, read)).expected })
  }
})

describe.each(NAMES)('%s', (name) => {
  const canRun = isReady(name)
  let engine: Running | undefined
  beforeAll(() => {
    if (canRun) engine = start(name, lake.root)
  })
  afterAll(() => engine?.close())

  it.skipIf(!canRun).each(TITLED)('%s', async (_, one) => {
    const running = engine ?? expect.fail('it is not running')
    const refusal = one.refused?.[name]
    if (refusal === undefined) await same(running, one)
    else await refused(running, one, refusal)
  })
})

async function same(engine: Running, one: Case): Promise<void> {
  for (const read of one.reads) {
    const { found, expected } = await both(engine, one, read)
    expect({ read, ...found }).toEqual({ read, ...expected })
  }
}

/** What is said to be refused really is, and no more, so that nobody is told of a limit that is gone. */
async function refused(engine: Running, one: Case, refusal: Refusal): Promise<void> {
  if ('says' in refusal) {
    await expect(same(engine, one)).rejects.toThrow(refusal.says)
    return
  }
  let differing = 0
  for (const read of one.reads) {
    const { found, expected } = await both(engine, one, read)
    const mayDiffer = refusal.otherwise !== 'rows under a condition' || read.where !== undefined
    if (!mayDiffer || refusal.otherwise === 'names') expect({ read, rows: found.rows }).toEqual({ read, rows: expected.rows })
    if (JSON.stringify(found) !== JSON.stringify(expected)) differing++
  }
  expect(differing, 'it is read well by now').toBeGreaterThan(0)
}

async function both(engine: Running, one: Case, read: Read): Promise<{ readonly found: Table; readonly expected: Table }> {
  const { request, expected } = await lookUp(lake, lake.table(tableName(one)), read)
  return { found: sorted(await engine.read(request)), expected }
}
