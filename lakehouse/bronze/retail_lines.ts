import { basename } from 'node:path'
import { asset, type Sql, skip, sql, t, typescript } from 'assay'
import { retailDays } from '../days.ts'
import { inspectRetailFile, retailFile, retailFolder, retailPlaces } from '../sources/retail.ts'
import { retailFiles } from '../sources/retail_files.ts'

/** Every line of Online Retail, typed and otherwise as it came, doubles included. Days without trade have none. */
export const retailLines = asset('bronze.retail_lines', {
  description: 'Order lines of Online Retail, by local day.',
  partitions: retailDays.on('invoiced_at'),
  schema: {
    invoiced_at: t.timestamp().describe('Local time of the shop.'),
    invoice_no: t.string().describe('C…: a cancellation; A…: an adjustment.'),
    stock_code: t.string(),
    description: t.string().nullable(),
    quantity: t.int().describe('Negative on a cancellation.'),
    unit_price: t.decimal(18, 4).describe('Pounds; zero and negative ones occur.'),
    customer_id: t.long().nullable(),
    country: t.string(),
    source_file: t.string(),
    source_record: t.long().describe('Record in the file, from 1, without the header.'),
  },
  key: ['source_file', 'source_record'],
  checks: (c) => [
    c.quantity.between(-1_000_000, 1_000_000),
    c.unit_price.between(-100_000, 100_000),
    c.customer_id.notNull({ mostly: 0.5, mode: 'warn' }),
    c.$rows.sql('a cancellation takes back', (r) => sql`select * from ${r} where ${r.invoice_no} like 'C%' and ${r.quantity} >= 0`),
  ],
  backfill: { partitionsPerStep: 366 },
  // Others write the files: one that is half there is whole a little later.
  retry: { max: 1, delay: 2_000 },
})

retailLines.from(
  { files: retailFiles },
  typescript(async (_inputs, _row, { partitions }) => {
    const folder =
      retailFolder() ??
      skip(`no Online Retail files in ${retailPlaces().join(' or ')}: set ASSAY_RETAIL_DIR to the folder of its daily CSV files`)
    let lines = NO_LINES
    for (const { key: day } of partitions) {
      const file = retailFile(folder, day)
      if (file !== undefined) lines = sql`${lines} union all ${linesOf(file, inspectRetailFile(file, day))}`
    }
    return lines
  }),
)

const NO_LINES = sql`
  select null::timestamp as invoiced_at, null::varchar as invoice_no, null::varchar as stock_code, null::varchar as description,
    null::integer as quantity, null::decimal(18, 4) as unit_price, null::bigint as customer_id, null::varchar as country,
    null::varchar as source_file, null::bigint as source_record
  where false`

/** Rows of one file. It has been inspected, so the casts hold. */
const linesOf = (file: string, header: readonly string[]): Sql => sql`
  select cast(InvoiceDate as timestamp), InvoiceNo, StockCode, Description, cast(Quantity as integer), cast(UnitPrice as decimal(18, 4)),
    cast(cast(CustomerID as decimal(18, 1)) as bigint), Country, ${basename(file)}, row_number() over ()
  from read_csv(${file}, columns = {${textColumns(header)}}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"')`

const textColumns = (header: readonly string[]): Sql =>
  header.map((name) => sql`${name}: 'VARCHAR'`).reduce((before, next) => sql`${before}, ${next}`)
