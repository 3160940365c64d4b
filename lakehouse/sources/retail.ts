import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { AssayError } from 'assay'

/** The columns that are read of an Online Retail file; it may have others, and any order. */
const COLUMNS = ['InvoiceNo', 'StockCode', 'Description', 'Quantity', 'InvoiceDate', 'UnitPrice', 'CustomerID', 'Country'] as const

type Environment = Readonly<Record<string, string | undefined>>

/** Where the files of Online Retail are looked for, in this order. Workers are started in the root of the project. */
export function retailPlaces(env: Environment = process.env): readonly string[] {
  const named = env['ASSAY_RETAIL_DIR']
  const folders = named === undefined || named === '' ? ['data/online-retail', '../shared/data/online-retail'] : [named]
  return folders.map((folder) => resolve(folder))
}

/** The first of these places that has files of days; undefined when there is none. */
export const retailFolder = (env: Environment = process.env): string | undefined =>
  retailPlaces(env).find((folder) => existsSync(folder) && readdirSync(folder).some((name) => DAY_FILE.test(name)))

const DAY_FILE = /^\d{4}-\d\d-\d\d\.csv(\.gz)?$/

/** The file of a day, plain or packed; undefined on a day without trade. */
export const retailFile = (folder: string, day: string): string | undefined =>
  [`${day}.csv`, `${day}.csv.gz`].map((name) => join(folder, name)).find((file) => existsSync(file))

/**
 * Looks through a file, so that a broken one is named by file and line before DuckDB meets it. Returns the names of its
 * columns, in the order of the file.
 * @throws ASSAY-5004 when a column is missing, ASSAY-5005 when a line cannot be parsed or belongs to another day
 */
export function inspectRetailFile(file: string, day: string): readonly string[] {
  const records = recordsOf(textOf(file))
  const header = records.next().value?.fields ?? []
  const missing = COLUMNS.filter((column) => !header.includes(column))
  if (missing.length > 0) {
    throw new AssayError('ASSAY-5004', `${file} has no column ${missing.join(', ')}`, { details: [`it has: ${header.join(', ')}`] })
  }
  const at = COLUMNS.map((column) => header.indexOf(column))
  for (const { line, fields, open } of records) {
    const fault = open ? 'a quote is not closed' : faultOf(fields, { at, width: header.length, day })
    if (fault !== undefined)
      throw new AssayError('ASSAY-5005', `${file}, line ${line}: ${fault}`, { details: [fields.join(',').slice(0, 200)] })
  }
  return header
}

function textOf(file: string): string {
  const bytes = readFileSync(file)
  if (!file.endsWith('.gz')) return bytes.toString('utf8')
  try {
    return gunzipSync(bytes).toString('utf8')
  } catch (cause) {
    throw new AssayError('ASSAY-5005', `${file} is no whole gzip file`, { cause })
  }
}

interface Expected {
  readonly at: readonly number[]
  readonly width: number
  readonly day: string
}

const WHOLE = /^-?\d{1,9}$/
const DECIMAL = /^-?\d{1,12}(\.\d{1,4})?$/
const TIME = /^\d{4}-\d\d-\d\d ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/
const CUSTOMER = /^(\d{1,9}(\.0)?)?$/

/** What is wrong with a record, or undefined. */
function faultOf(fields: readonly string[], { at, width, day }: Expected): string | undefined {
  if (fields.length !== width) return `${fields.length} fields instead of ${width}`
  const [invoice, , , quantity, date, price, customer] = at.map((i) => fields[i] ?? '') as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  if (invoice === '') return 'there is no InvoiceNo'
  if (!WHOLE.test(quantity)) return `Quantity '${quantity}' is no whole number`
  if (!DECIMAL.test(price)) return `UnitPrice '${price}' is no price`
  if (!CUSTOMER.test(customer)) return `CustomerID '${customer}' is no number`
  if (!TIME.test(date)) return `InvoiceDate '${date}' is no time`
  return date.startsWith(day) ? undefined : `InvoiceDate '${date}' is not of ${day}`
}

interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly fields: readonly string[]
  /** Its last quote is missing. */
  readonly open: boolean
}

/** The records of a CSV text, empty lines left out. Quotes as in RFC 4180. */
function* recordsOf(text: string): Generator<CsvRecord, undefined> {
  let line = 1
  for (let from = 0; from < text.length; ) {
    let end = endOfLine(text, from)
    let lines = 1
    // A quoted field may go on over line breaks: then the number of quotes so far is odd.
    let open = isOpen(text.slice(from, end))
    while (open && end < text.length) {
      end = endOfLine(text, end + 1)
      lines++
      open = isOpen(text.slice(from, end))
    }
    const record = text.slice(from, end).replace(/\r$/, '')
    if (record !== '') yield { line, fields: record.includes('"') ? quotedFields(record) : record.split(','), open }
    line += lines
    from = end + 1
  }
  return undefined
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function isOpen(record: string): boolean {
  let open = false
  for (let at = record.indexOf('"'); at >= 0; at = record.indexOf('"', at + 1)) open = !open
  return open
}

const FIELD = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g
const quotedFields = (record: string): string[] => Array.from(record.matchAll(FIELD), (m) => m[1]?.replaceAll('""', '"') ?? m[2] ?? '')
