import { join } from 'node:path'
import { newSnapshotId, systemClock } from '../../src/clock.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import type { ColumnSpec } from '../../src/schema/column.ts'
import type { SqlSession } from '../../src/sql/engine.ts'

export const ROWS = 10_000_000
export const COLUMNS: readonly ColumnSpec[] = [
  { name: 'event_id', type: 'long', nullable: false },
  { name: 'user_id', type: 'long', nullable: false },
  { name: 'kind', type: 'string', nullable: false },
  { name: 'ts', type: 'timestamptz', nullable: false },
  { name: 'price', type: 'double', nullable: false },
  { name: 'url', type: 'string', nullable: false },
]
/** Days that the rows are of, and so files of a table by day. */
export const DAYS = 30

/** Writes the rows, in random order of time, as one file. */
export const makeSource = (session: SqlSession, path: string): Promise<void> =>
  session.run(`COPY (
    SELECT i AS event_id, hash(i) % 100000 AS user_id, ['view', 'add_to_cart', 'purchase'][1 + (hash(i + 1) % 3)::BIGINT] AS kind,
      TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((hash(i + 2) % ${DAYS * 86_400_000_000})::BIGINT) AS ts,
      (hash(i + 3) % 10000) / 100 AS price, '/product/' || hash(i + 4) % 5000 AS url
    FROM range(${ROWS}) r(i)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`)

/** Appends them to a new table by day: files, manifest, metadata and catalog, all synced. */
export async function appendRows(session: SqlSession, source: string, folder: string): Promise<void> {
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(folder, 'catalog.db'), warehouse: folder, name: 'bench', store })
  const { schema } = evolveSchema(undefined, COLUMNS, 'bench.events')
  const spec = partitionSpec(schema, [{ column: 'ts', transform: 'day' }])
  const request = {
    snapshotId: String(newSnapshotId(systemClock)),
    location: join(folder, 'events'),
    attempt: 'a',
    schema,
    spec,
    query: source,
  }
  const staged = await stageFiles(session, store, request)
  const id = { namespace: 'bench', name: 'events' }
  const prepared = await prepareCommit(store, undefined, { id, staged, overwrite: 'nothing', summary: {}, now: systemClock.now() })
  const outcome = await catalog.commit([prepared.change])
  catalog.close()
  if (outcome.kind !== 'committed' || staged.rows !== ROWS) throw new Error(`${outcome.kind}, ${staged.rows} rows`)
}

/** Seconds. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await run()
  return (performance.now() - began) / 1000
}
