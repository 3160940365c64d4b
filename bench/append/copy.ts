import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { SqlSession } from '../../src/sql/engine.ts'
import { measure, repeat, type Sample } from '../benchmark.ts'
import { appendRows, COLUMNS, DAYS, makeSource, ROWS, timed } from './rows.ts'

/** Assay's append ÷ the same COPY without a table. */
export async function appendVersusCopy(folder: string): Promise<readonly Sample[]> {
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const source = `SELECT * FROM '${join(folder, 'source.parquet')}'`
  await makeSource(session, join(folder, 'source.parquet'))
  const samples = await repeat(3, async (run) => {
    const copy = await timed(() => rawCopy(session, source, join(folder, `copy-${run}`)))
    const append = await timed(() => appendRows(session, source, join(folder, `table-${run}`)))
    await rm(join(folder, `copy-${run}`), { recursive: true })
    await rm(join(folder, `table-${run}`), { recursive: true })
    const extra = { copy_s: copy, append_s: append }
    return {
      value: append / copy,
      input: { rows: ROWS, columns: COLUMNS.length, files: DAYS },
      memory_mb: process.resourceUsage().maxRSS / 1024,
      extra,
    }
  })
  session.close()
  engine.close()
  return samples
}

const rawCopy = (session: SqlSession, source: string, target: string): Promise<void> =>
  session.run(
    `COPY (SELECT *, ts::DATE AS ts_day FROM (${source})) TO '${target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (ts_day))`,
  )

/** Peak memory of a process that appends and does nothing else, in MB. */
export async function appendMemory(folder: string): Promise<readonly Sample[]> {
  const source = join(folder, 'source.parquet')
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  await makeSource(session, source)
  session.close()
  engine.close()
  const script = new URL('./append-once.ts', import.meta.url).pathname
  return repeat(3, async (run) => {
    const { code, stderr, memory_mb, seconds } = await measure(process.execPath, [
      '--no-warnings',
      script,
      source,
      join(folder, `table-${run}`),
    ])
    if (code !== 0) throw new Error(stderr)
    await rm(join(folder, `table-${run}`), { recursive: true })
    return { value: memory_mb, memory_mb, input: { rows: ROWS, columns: COLUMNS.length, files: DAYS }, extra: { seconds } }
  })
}
