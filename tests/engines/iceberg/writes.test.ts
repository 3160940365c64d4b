import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { t } from '../../../src/schema/column.ts'
import { type Read, sorted } from './case.ts'
import { OF_PYICEBERG } from './cases/pyiceberg.ts'
import { OF_SPARK } from './cases/spark.ts'
import { isReady, type Running, start } from './engines.ts'
import type { ForeignCase } from './foreign.ts'
import { type Lake, type LakeTable, openLake } from './lake.ts'
import { lookUp } from './lookup.ts'

const isSmoke = process.env['ASSAY_SMOKE'] === '1'
const WRITERS = isSmoke
  ? ([['pyiceberg', OF_PYICEBERG]] as const)
  : ([
      ['pyiceberg', OF_PYICEBERG],
      ['spark', OF_SPARK],
    ] as const)

const ROW = { id: t.long().nullable(), part: t.int().nullable(), v: t.string().nullable() }

describe.each(WRITERS)('Assay reads what %s writes', (name, cases) => {
  const canRun = isReady(name)
  let lake: Lake
  let engine: Running | undefined
  beforeAll(async () => {
    lake = await openLake()
    if (canRun) engine = start(name, lake.root)
    if (name === 'spark') await engine?.ask({ statements: ['CREATE NAMESPACE IF NOT EXISTS assay.matrix'] })
  }, 300_000)
  afterAll(async () => {
    await engine?.close()
    await lake.close()
  })

  it.skipIf(!canRun).each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const running = engine ?? expect.fail('it is not running')
    const table = lake.table(`w${cases.indexOf(one)}`)
    await running.ask(requestOf(one, table))
    if (one.refused !== undefined) {
      await expect(table.read({})).rejects.toMatchObject({ code: 'ASSAY-2004', message: expect.stringContaining(one.refused) })
      return
    }
    await bothRead(running, table, one.reads)
    if (one.notWritten !== undefined) {
      table.shape({ columns: ROW, by: [['part', 'identity']] })
      const appended = table.append(`SELECT 100::BIGINT AS id, 1 AS part, 'ours' AS v`)
      await expect(appended).rejects.toMatchObject({ code: 'ASSAY-2004', message: expect.stringContaining(one.notWritten) })
      await bothRead(running, table, one.reads)
    }
    if (one.goesOn === undefined) return
    await one.goesOn.write(table)
    await bothRead(running, table, one.goesOn.reads)
  })

  async function bothRead(running: Running, table: LakeTable, reads: readonly Read[]): Promise<void> {
    for (const read of reads) {
      const { request, expected } = await lookUp(lake, table, read)
      expect({ read, ...sorted(await table.read(read)) }).toEqual({ read, ...expected })
      expect({ read, ...sorted(await running.read(request)) }, 'as the other engine reads it').toEqual({ read, ...expected })
    }
  }
})

function requestOf({ writes }: ForeignCase, { id }: LakeTable): object {
  const table = `${id.namespace}.${id.name}`
  if (typeof writes === 'string') return { write: writes, table }
  return { statements: writes.map((statement) => statement.replaceAll('$T', `assay.${table}`).replaceAll('$N', table)) }
}
