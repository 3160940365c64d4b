import { afterAll, beforeAll, expect, it } from 'vitest'
import { ancestors } from '../../../src/iceberg/metadata.ts'
import { t } from '../../../src/schema/column.ts'
import { sorted } from './case.ts'
import { isReady, type Running, start } from './engines.ts'
import { type Lake, type LakeTable, openLake } from './lake.ts'
import { lookUp } from './lookup.ts'

const ROUNDS = 10
const WRITERS = ['spark', 'pyiceberg', 'assay']
const canRun = process.env['ASSAY_SMOKE'] !== '1' && isReady('spark') && isReady('pyiceberg')

let lake: Lake
let engines: readonly Running[] = []
beforeAll(async () => {
  lake = await openLake()
  if (canRun) engines = [start('spark', lake.root), start('pyiceberg', lake.root)]
})
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()))
  await lake.close()
})

it.skipIf(!canRun)('Spark, PyIceberg and Assay append to one table at once, and no commit is lost', async () => {
  const [spark, pyiceberg] = engines
  const table = lake.table('race')
  table.shape({ columns: { writer: t.string().nullable() } })
  await table.append(`SELECT 'first' AS writer`)
  await table.alter((metadata) => ({ ...metadata, properties: { ...metadata.properties, 'commit.retry.num-retries': '50' } }))
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([
      spark?.ask({ statements: ["INSERT INTO assay.matrix.race VALUES ('spark')"] }),
      pyiceberg?.ask({ write: 'append_beside_others', table: 'matrix.race' }),
      appendBesideOthers(table),
    ])
  }
  const rows = [['first'], ...WRITERS.flatMap((writer) => Array.from({ length: ROUNDS }, () => [writer]))]
  const { request, expected } = await lookUp(lake, table, { rows })
  expect(sorted(await table.read({}))).toEqual(expected)
  for (const engine of engines) expect(sorted(await engine.read(request))).toEqual(expected)
  expect(ancestors((await table.load()).metadata)).toHaveLength(rows.length)
})

/** Once more where another writer came first. */
async function appendBesideOthers(table: LakeTable): Promise<void> {
  try {
    await table.append(`SELECT 'assay' AS writer`)
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'the catalog said rejected') throw error
    await appendBesideOthers(table)
  }
}
