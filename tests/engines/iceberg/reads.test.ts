import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Case, type EngineName, type Refusal, sorted } from './case.ts'
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
  let engine: Running | undefined
  beforeAll(() => {
    if (isReady(name)) engine = start(name, lake.root)
    else console.log(`${name} is not installed (npm run engines -- up ${name}): its tests are skipped`)
  })
  afterAll(() => engine?.close())

  it.skipIf(!isReady(name)).each(TITLED)('%s', async (_, one) => {
    const running = engine ?? expect.fail('it is not running')
    const refusal = one.refused?.[name]
    if (refusal === undefined) await same(running, one)
    else await refused(running, one, refusal)
  })
})

async function same(engine: Running, one: Case): Promise<void> {
  for (const read of one.reads) {
    const { request, expected } = await lookUp(lake, lake.table(tableName(one)), read)
    expect({ read, ...sorted(await engine.read(request)) }).toEqual({ read, ...expected })
  }
}

/** What is said to be refused really is, so that nobody is told of a limit that is gone. */
async function refused(engine: Running, one: Case, refusal: Refusal): Promise<void> {
  const failure = await same(engine, one).then(
    () => undefined,
    (error: Error) => error,
  )
  expect(failure, 'it is read well by now').toBeDefined()
  if ('says' in refusal) expect(failure?.message).toContain(refusal.says)
  else expect(failure?.message).toContain('to deeply equal')
}
