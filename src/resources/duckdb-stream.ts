import type { DuckDBConnection } from '@duckdb/node-api'
import { type EngineRow, SqlError } from '../sql/engine.ts'
import { guarded } from './duckdb-errors.ts'
import { rowsOfChunk } from './duckdb-values.ts'

/** Where the connections of streams come from. */
export interface StreamSource {
  open(): Promise<DuckDBConnection>
  /** From here on others may close the connection. */
  started(connection: DuckDBConnection): void
  leave(connection: DuckDBConnection): void
  /** Grows when all that runs is stopped. */
  stops(): number
}

/** Null in all rows but the last, which is ours. */
const END = '__assay_end'
const HEAD = `SELECT *, NULL::BOOLEAN AS ${END} FROM (`
const TAIL = `\n) UNION ALL BY NAME SELECT true AS ${END}`

/**
 * The rows of a query as they come, on a connection of its own. DuckDB's binding ends a stream that fails (a cast, a file
 * that breaks off, an interrupt) just like a complete one. So a last row is asked for behind all others, whose order
 * UNION ALL keeps: where it does not come, rows are missing.
 * @throws SqlError
 */
export async function* streamed(source: StreamSource, sql: string): AsyncGenerator<EngineRow> {
  const stops = source.stops()
  const connection = await source.open()
  try {
    const result = await guarded(`${HEAD}${sql}${TAIL}`, () => connection.stream(`${HEAD}${sql}${TAIL}`), HEAD.length)
    source.started(connection)
    const names = result.deduplicatedColumnNames().slice(0, -1)
    for (;;) {
      if (source.stops() !== stops) throw stopped()
      const chunk = await guarded(sql, () => result.fetchChunk())
      if (chunk === null || chunk.rowCount === 0) break
      const ended = chunk.getColumnVector(names.length).getItem(chunk.rowCount - 1) === true
      yield* rowsOfChunk(chunk, names, ended ? chunk.rowCount - 1 : chunk.rowCount)
      if (ended) return
    }
    throw source.stops() === stops ? await reasonOf(connection, sql) : stopped()
  } finally {
    source.leave(connection)
  }
}

const stopped = (): SqlError => new SqlError('the query was stopped while its rows were read', 'interrupted')

/** Runs it again to nowhere, for the error that the stream kept. */
async function reasonOf(connection: DuckDBConnection, sql: string): Promise<unknown> {
  const again = `EXPLAIN ANALYZE ${sql}`
  try {
    await guarded(again, () => connection.run(again), again.length)
  } catch (error) {
    return error
  }
  return new SqlError('the query broke off while its rows were read', 'io')
}
