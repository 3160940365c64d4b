import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { retailFolder } from './sources/retail.ts'

/** `npm start`: brings every table up to date and shows what came out. All are commands of Assay. */
const ROOT = resolve(import.meta.dirname, '..')
const ASSAY = join(ROOT, 'bin/assay.js')

const CLICKSTREAM = [
  `/* Revenue, last seven days (euros) */
   select day, orders, customers, units, revenue, average_order from gold.daily_revenue order by day desc limit 7`,
  `/* Funnel, all days (visits) */
   select sum(visits)::bigint as visits, sum(viewed)::bigint as viewed, sum(carted)::bigint as carted, sum(bought)::bigint as bought,
     printf('%.1f %%', 100 * sum(bought) / sum(viewed)) as conversion
   from gold.funnel_daily`,
  `/* Conversion by traffic source, all days (sessions without bots) */
   select traffic_source, sum(sessions)::bigint as sessions, sum(with_view)::bigint as with_view, sum(with_purchase)::bigint as with_purchase,
     printf('%.1f %%', 100 * sum(with_purchase) / sum(with_view)) as conversion, sum(revenue)::decimal(18, 2) as revenue
   from gold.conversion_by_source group by traffic_source order by sum(with_purchase) / sum(with_view) desc`,
  `/* Revenue by sales region, all days (euros) */
   select region, stores, orders, revenue, revenue_per_store from gold.revenue_by_region order by revenue desc`,
  `/* Experiments, all days (users without bots, euros) */
   select experiment, variant, users, buyers, printf('%.1f %%', 100 * conversion) as conversion, orders, revenue
   from gold.ab_test_results order by all`,
  `/* Top products of the last day (euros) */
   select rank, product_id, category, revenue, units, views, carts, viewers
   from gold.top_products_daily where day = (select max(day) from gold.top_products_daily) order by rank`,
]

const RETAIL = [
  `/* Online Retail, all days (pounds) */
   select count(*) as days, min(day) as first_day, max(day) as last_day, sum(net_exact)::decimal(18, 3) as net, sum(gross)::decimal(18, 2) as gross,
     sum(lines)::bigint as lines, sum(cancellation_lines)::bigint as cancelled_lines
   from gold.retail_daily_revenue`,
  `/* Online Retail, customers by RFM segment */
   select segment, count(*) as customers, round(avg(recency_days))::integer as mean_recency_days, sum(monetary)::decimal(18, 2) as monetary
   from gold.rfm group by segment order by sum(monetary) desc`,
]

/** Runs a command of Assay in this terminal. Signals reach it too, and it ends in its own time. */
function assay(...words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [ASSAY, ...words], { cwd: ROOT, stdio: 'inherit' })
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  // Ctrl-C comes to the whole process group by itself: it must not end this process before the command.
  const wait = (): void => {}
  process.on('SIGTERM', forward).on('SIGINT', wait)
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('exit', (code, signal) => {
      process.off('SIGTERM', forward).off('SIGINT', wait)
      done(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
}

async function start(): Promise<number> {
  const strange = process.argv.slice(2).filter((word) => word !== '--once')
  if (strange.length > 0) {
    console.error(`unknown option ${strange.join(' ')}: npm start takes --once only`)
    return 2
  }
  if (!existsSync(join(home(), 'state.db')) && (await begin()) !== 0) return 1
  const made = await assay('materialize')
  if (made !== 0) return made
  console.log()
  const shown = await assay('query', ...CLICKSTREAM, ...(retailFolder() === undefined ? [] : RETAIL))
  if (shown === 0) sayWhere()
  return shown
}

/** What is done once: the experiment that the clickstream is about (one taken out later stays out), and a look at the files of others. */
async function begin(): Promise<number> {
  const added = await assay('partitions', 'experiments', 'add', 'checkout')
  if (added !== 0 || retailFolder() === undefined) return added
  return assay('observe', 'sources.retail_files')
}

const home = (): string => resolve(process.env['ASSAY_HOME'] ?? join(ROOT, '.assay'))

function sayWhere(): void {
  const warehouse = resolve(process.env['ASSAY_WAREHOUSE'] ?? join(home(), 'warehouse'))
  const near = (path: string): string =>
    relative(process.cwd(), path).startsWith('..') || !existsSync(path) ? path : relative(process.cwd(), path)
  console.log(`\nIceberg tables in ${near(warehouse)}, their catalog (SQLite) in ${near(join(home(), 'catalog.db'))}.`)
  console.log('Look further: npm run assay -- query "select * from silver.sessions limit 5"')
}

process.exitCode = await start()
