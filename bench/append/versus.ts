import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pyiceberg } from '../../scripts/engines/pyiceberg.ts'
import { output } from '../../scripts/process.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { isReady, start } from '../../tests/engines/iceberg/engines.ts'
import { repeat, type Sample } from '../benchmark.ts'
import { appendRows, COLUMNS, DAYS, makeSource, ROWS, timed } from './rows.ts'

const RUNS = 3
const SCRIPT = new URL('./with_pyiceberg.py', import.meta.url).pathname

/** Appends the source to a new table in a folder; its seconds, without what starts the engine. */
type Append = (source: string, folder: string) => Promise<number>

/** PyIceberg ÷ Assay. */
export async function appendVersusPyiceberg(folder: string): Promise<readonly Sample[]> {
  requireEngine('pyiceberg')
  return byTurns(folder, async (source, into) => {
    await mkdir(into, { recursive: true })
    const { seconds, rows } = JSON.parse(await output(pyiceberg.python(), [SCRIPT, into, source])) as Record<'seconds' | 'rows', number>
    if (rows !== ROWS) throw new Error(`${rows} rows`)
    return seconds
  })
}

/** Spark ÷ Assay, in one session that has done the same on a few rows. */
export async function appendVersusSpark(folder: string): Promise<readonly Sample[]> {
  requireEngine('spark')
  const engine = start('spark', join(folder, 'spark'), { cores: 2, memory: '2g', jvm: '-XX:+UseSerialGC' })
  const run = (...statements: readonly string[]): Promise<object> => engine.ask({ statements })
  const columns = 'event_id BIGINT, user_id BIGINT, kind STRING, ts TIMESTAMP, price DOUBLE, url STRING'
  const table = (name: string): string =>
    `CREATE TABLE assay.bench.${name} (${columns}) USING iceberg PARTITIONED BY (days(ts)) TBLPROPERTIES ('write.parquet.compression-codec'='zstd')`
  try {
    await mkdir(join(folder, 'spark'), { recursive: true })
    await run('CREATE NAMESPACE assay.bench', table('warm'))
    return await byTurns(folder, async (source) => {
      const rows = `SELECT * FROM parquet.\`file://${source}\``
      await run(`INSERT INTO assay.bench.warm ${rows} LIMIT 1000`, table('events'))
      const seconds = await timed(() => run(`INSERT INTO assay.bench.events ${rows}`))
      await run('DROP TABLE assay.bench.events PURGE')
      return seconds
    })
  } finally {
    await engine.close()
  }
}

function requireEngine(name: 'spark' | 'pyiceberg'): void {
  if (!isReady(name)) throw new Error(`${name} is not installed: npm run engines -- up ${name}`)
}

async function byTurns(folder: string, other: Append): Promise<readonly Sample[]> {
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const source = join(folder, 'source.parquet')
  await makeSource(session, source)
  try {
    return await repeat(RUNS, async (run) => {
      const [theirs, ours] = [join(folder, `other-${run}`), join(folder, `table-${run}`)]
      const other_s = await other(source, theirs)
      const append_s = await timed(() => appendRows(session, `SELECT * FROM '${source}'`, ours))
      for (const made of [theirs, ours]) await rm(made, { recursive: true, force: true })
      return { value: other_s / append_s, input: { rows: ROWS, columns: COLUMNS.length, files: DAYS }, extra: { other_s, append_s } }
    })
  } finally {
    session.close()
    engine.close()
  }
}
