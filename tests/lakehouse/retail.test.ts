import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { materialize } from 'assay/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { retailLines } from '../../lakehouse/bronze/retail_lines.ts'
import { inspectRetailFile, retailFile } from '../../lakehouse/sources/retail.ts'
import { openDatabase } from './asset-rows.ts'
import { KNOWN, perDayFromFiles, RETAIL_FOLDER, totalsFromFiles } from './retail-known.ts'

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
const GOOD = '536365,85123A,WHITE HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-retail-'))
})
afterEach(() => vi.unstubAllEnvs())
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.skipIf(RETAIL_FOLDER === undefined)('the real files (skipped where ../shared/data/online-retail is absent)', () => {
  it('hold the known answers', async () => {
    const database = await openDatabase()
    const [totals] = await database.rows(totalsFromFiles(RETAIL_FOLDER ?? ''))
    const days = await database.rows(perDayFromFiles(RETAIL_FOLDER ?? ''))
    database.close()
    const { firstDay, ...known } = KNOWN
    expect(totals).toEqual(known)
    expect(days).toHaveLength(known.days)
    expect(days[0]).toMatchObject(firstDay)
  })

  it('pass the inspection, every one', async () => {
    const database = await openDatabase()
    const days = await database.rows(perDayFromFiles(RETAIL_FOLDER ?? ''))
    database.close()
    for (const { day } of days)
      expect(inspectRetailFile(retailFile(RETAIL_FOLDER ?? '', String(day)) ?? '', String(day))).toEqual(HEADER.split(','))
  })
})

describe('a file', () => {
  const faults: readonly (readonly [string, string, string, string])[] = [
    ['lacks a column', `${HEADER.replace(',UnitPrice', '')}\n`, 'ASSAY-5004', 'has no column UnitPrice'],
    ['is empty', '', 'ASSAY-5004', 'has no column InvoiceNo'],
    ['has a short line', `${HEADER}\n${GOOD}\n536366,22633\n`, 'ASSAY-5005', 'line 3: 2 fields instead of 8'],
    ['has a word as quantity', `${HEADER}\n${GOOD.replace(',6,', ',six,')}\n`, 'ASSAY-5005', "line 2: Quantity 'six'"],
    ['has a price with a comma', `${HEADER}\n${GOOD.replace('2.55', '"2,55"')}\n`, 'ASSAY-5005', "line 2: UnitPrice '2,55'"],
    ['has a line of another day', `${HEADER}\n${GOOD}\n\n${GOOD.replace('12-01', '12-02')}\n`, 'ASSAY-5005', 'line 4: InvoiceDate'],
    ['leaves a quote open', `${HEADER}\n${GOOD.replace('WHITE', '"WHITE')}\n${GOOD}\n`, 'ASSAY-5005', 'line 2: a quote is not closed'],
  ]
  it.each(faults)('that %s is named', async (_, text, code, words) => {
    const file = join(folder, '2010-12-01.csv')
    await writeFile(file, text)
    expect(() => inspectRetailFile(file, '2010-12-01')).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }))
    expect(() => inspectRetailFile(file, '2010-12-01')).toThrow(file)
  })

  it('that is cut off in its gzip is named', async () => {
    const file = join(folder, '2010-12-01.csv.gz')
    await writeFile(file, gzipSync(`${HEADER}\n${GOOD}\n`).subarray(0, 60))
    expect(() => inspectRetailFile(file, '2010-12-01')).toThrow(expect.objectContaining({ code: 'ASSAY-5005' }))
    await rm(file)
  })

  it('may have quotes, line breaks in them, and columns in another order: all come into the table', async () => {
    const text = `Extra,Country,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\r\nx,EIRE,1,A,"a ""b"",\n c",-2,2010-12-03 09:00:00,0.001,\r\nx,EIRE,2,B,plain,1,2010-12-03 09:01:00,5,17850.0\r\n`
    await writeFile(join(folder, '2010-12-03.csv'), text)
    vi.stubEnv('ASSAY_RETAIL_DIR', folder)
    const { rows } = await materialize(retailLines, { partitions: '2010-12-03..2010-12-05' })
    const first = { invoice_no: '1', description: 'a "b",\n c', quantity: -2, unit_price: '0.0010', customer_id: null, country: 'EIRE' }
    const second = { invoice_no: '2', quantity: 1, unit_price: '5.0000', customer_id: 17850n, source_file: '2010-12-03.csv' }
    expect(rows).toMatchObject([
      { ...first, source_record: 1n },
      { ...second, source_record: 2n },
    ])
    expect(await materialize(retailLines, { partitions: '2010-12-04' })).toMatchObject({ state: 'made', rows: [] })
  })
})

it('without a folder the step is skipped, with a line that says what to set', async () => {
  vi.stubEnv('ASSAY_RETAIL_DIR', join(folder, 'absent'))
  const made = await materialize(retailLines, { partitions: '2010-12-03' })
  expect(made).toMatchObject({ state: 'skipped', skipped: expect.stringContaining('set ASSAY_RETAIL_DIR') })
})
