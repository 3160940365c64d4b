import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where the real files lie beside the repository; undefined where they are absent. */
export const RETAIL_FOLDER = [
  process.env['ASSAY_RETAIL_DIR'] ?? '',
  fileURLToPath(new URL('../../../shared/data/online-retail', import.meta.url)),
].find((folder) => folder !== '' && existsSync(folder))

/** What is known of Online Retail, 2010-12-01 to 2011-08-31. Money as DuckDB prints a decimal. */
export const KNOWN = {
  firstDay: { day: '2010-12-01', net: '58635.56', gross: '58960.79' },
  days: 219,
  net: '5761931.382',
  lines: 320_705,
  cancellationLines: 5_847,
  adjustmentLines: 3,
  zeroPriceLines: 1_797,
  linesWithoutCustomer: 88_652,
  rfmCustomers: 3_317,
} as const

const lines = (folder: string): string => `
  SELECT parse_filename(filename)[:10] AS day, InvoiceNo AS invoice, Quantity::BIGINT AS quantity, UnitPrice::DECIMAL(18, 3) AS price, CustomerID AS customer
  FROM read_csv('${folder.replaceAll("'", "''")}/*.csv.gz', header = true, all_varchar = true, filename = true)`

/** Net and gross of every day from the raw files by plain SQL that shares nothing with the assets: day, net, gross, net_exact, lines. */
export const perDayFromFiles = (folder: string): string => `
  SELECT day, round(sum(quantity * price), 2)::DECIMAL(18, 2)::VARCHAR AS net,
    round(coalesce(sum(CASE WHEN quantity > 0 AND price > 0 AND NOT starts_with(invoice, 'C') THEN quantity * price END), 0), 2)::DECIMAL(18, 2)::VARCHAR AS gross,
    sum(quantity * price)::DECIMAL(18, 4)::VARCHAR AS net_exact, count(*)::INTEGER AS lines
  FROM (${lines(folder)}) GROUP BY day ORDER BY day`

/** Totals from the raw files, named as in {@link KNOWN}. */
export const totalsFromFiles = (folder: string): string => `
  SELECT count(DISTINCT day)::INTEGER AS days, sum(quantity * price)::DECIMAL(18, 3)::VARCHAR AS net, count(*)::INTEGER AS lines,
    count_if(starts_with(invoice, 'C'))::INTEGER AS cancellationLines, count_if(starts_with(invoice, 'A'))::INTEGER AS adjustmentLines,
    count_if(price = 0)::INTEGER AS zeroPriceLines, count_if(customer IS NULL)::INTEGER AS linesWithoutCustomer,
    count(DISTINCT CASE WHEN NOT starts_with(invoice, 'C') THEN customer END)::INTEGER AS rfmCustomers
  FROM (${lines(folder)})`

/** RFM from the raw files: customer_id, recency_days, frequency, monetary. */
export const rfmFromFiles = (folder: string): string => `
  WITH l AS (${lines(folder)})
  SELECT customer::DOUBLE::BIGINT AS customer_id, (SELECT max(day)::DATE FROM l) - max(day)::DATE AS recency_days, count(DISTINCT invoice) AS frequency,
    round(coalesce(sum(CASE WHEN quantity > 0 AND price > 0 THEN quantity * price END), 0), 2)::DECIMAL(18, 2)::VARCHAR AS monetary
  FROM l WHERE customer IS NOT NULL AND NOT starts_with(invoice, 'C') GROUP BY customer ORDER BY customer_id`
