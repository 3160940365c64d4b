import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CATALOG_NAME } from '../../src/config.ts'
import { formatTableId } from '../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import type { TableMetadata } from '../../src/iceberg/metadata.ts'
import { liveFiles } from '../../src/iceberg/scan.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
const RETAIL = join(ROOT, '../shared/data/online-retail')

export interface Ran {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** The lakehouse with a state folder of its own, run through the real binary. */
export interface Shop {
  readonly folder: string
  readonly home: string
  /** Whether the files of Online Retail were there to be copied. */
  readonly hasRetail: boolean
  assay(...args: readonly string[]): Promise<Ran>
  /** Runs and kills with SIGKILL after `seconds`, the main process alone or with all that it started. */
  killed(seconds: number, whole: 'main process' | 'whole tree', ...args: readonly string[]): Promise<Ran>
  /** All rows of a query, as `--json` prints them. */
  rows(query: string): Promise<Rows>
  /** The rows of several queries, by one process. */
  answers(queries: readonly string[]): Promise<readonly Rows[]>
  remove(): Promise<void>
}

export async function openShop(settings: {
  readonly events: number
  readonly days: number
  readonly retailDays: readonly string[]
}): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-shop-'))
  const home = join(folder, 'home')
  const retail = join(folder, 'retail')
  await mkdir(retail)
  const hasRetail = existsSync(RETAIL)
  if (hasRetail) for (const day of settings.retailDays) await copyFile(join(RETAIL, `${day}.csv.gz`), join(retail, `${day}.csv.gz`))
  const env = {
    ...process.env,
    ASSAY_HOME: home,
    ASSAY_RETAIL_DIR: retail,
    LAKEHOUSE_LANDING: join(folder, 'landing'),
    LAKEHOUSE_EVENTS: String(settings.events),
    LAKEHOUSE_DAYS: String(settings.days),
  }
  const binary = [join(ROOT, 'bin/assay.js')]
  const assay = (...args: readonly string[]): Promise<Ran> => run(process.execPath, [...binary, ...args], env)
  return {
    folder,
    home,
    hasRetail,
    assay,
    killed: (seconds, whole, ...args) =>
      run(process.execPath, [...binary, ...args], env, {
        moment: AbortSignal.timeout(Math.round(seconds * 1000)),
        whole: whole === 'whole tree',
      }),
    rows: async (query) => (await answers(assay, [query]))[0] ?? [],
    answers: (queries) => answers(assay, queries),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function answers(assay: Shop['assay'], queries: readonly string[]): Promise<readonly Rows[]> {
  const { code, stdout, stderr } = await assay('query', ...queries, '--json', '--limit', '1000000')
  if (code !== 0) throw new Error(stderr || stdout)
  const lines = stdout.split('\n').filter((line) => line !== '')
  const rows = lines.map((line) => JSON.parse(line) as { readonly statement: number; readonly row?: Rows[number] })
  return queries.map((_, i) => rows.flatMap(({ statement, row }) => (statement === i + 1 && row !== undefined ? [row] : [])))
}

/** A SIGKILL at a moment, to the process or to the process group that it leads. */
interface Kill {
  readonly moment: AbortSignal
  readonly whole: boolean
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, kill?: Kill): Promise<Ran> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: kill?.whole ?? false })
    const strike = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(kill?.whole ? -child.pid : child.pid, 'SIGKILL')
    }
    kill?.moment.addEventListener('abort', strike, { once: true })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('exit', () => kill?.moment.removeEventListener('abort', strike))
    child.on('error', fail).on('close', (code) => done({ code, stdout, stderr }))
  })
}

/** Every table as text: rows sorted, without columns that name a run. What two runs of the same input must agree on. */
export async function canonical(shop: Shop, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const rows = await shop.answers(names.map((name) => `select * from ${name} order by all`))
  return Object.fromEntries(names.map((name, i) => [name, (rows[i] ?? []).map((row) => JSON.stringify(row)).join('\n')]))
}

/** Metadata of every table, by name, read from the catalog file. */
export async function tables(shop: Shop): Promise<Readonly<Record<string, TableMetadata>>> {
  const catalog = openSqlCatalog({
    file: join(shop.home, 'catalog.db'),
    warehouse: join(shop.home, 'warehouse'),
    name: CATALOG_NAME,
    store: localStore(),
  })
  try {
    const out: Record<string, TableMetadata> = {}
    for (const { id } of await catalog.locations()) {
      const table = await catalog.load(id)
      if (table !== undefined) out[formatTableId(id)] = table.metadata
    }
    return out
  } finally {
    catalog.close()
  }
}

/** Parquet files below the warehouse that no snapshot of a table names: what a crash must not leave. */
export async function orphans(shop: Shop): Promise<readonly string[]> {
  const store = localStore()
  const known = new Set<string>()
  for (const metadata of Object.values(await tables(shop))) {
    for (const snapshot of metadata.snapshots)
      for (const file of await liveFiles(store, metadata, snapshot.id)) known.add(store.normalise(file.path))
  }
  const files = await readdir(join(shop.home, 'warehouse'), { recursive: true, withFileTypes: true })
  const paths = files.filter((file) => file.isFile() && file.name.endsWith('.parquet')).map((file) => join(file.parentPath, file.name))
  return paths.filter((path) => !known.has(path))
}
