import { allLiveEntries } from '../../src/iceberg/live-entries.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import type { Lab } from './lab.ts'

const listOf = (paths: readonly string[]): string => `[${paths.map((path) => `'${path}'`).join(', ')}]`

/** The rows of a table whose files all have the same columns: what lies in its data files and is in no delete file. */
export async function naiveRows(lab: Lab, columns: string, order = columns): Promise<EngineRow[]> {
  const { data, deletes } = await allLiveEntries(lab.store, (await lab.load()).metadata)
  if (data.length === 0) return []
  const rows = `SELECT ${columns}, filename, file_row_number FROM read_parquet(${listOf(data.map((e) => e.file.path))}, filename = true, file_row_number = true)`
  const gone =
    deletes.length === 0
      ? ''
      : `WHERE NOT EXISTS (SELECT 1 FROM read_parquet(${listOf(deletes.map((e) => e.file.path))}) d WHERE d.file_path = r.filename AND d.pos = r.file_row_number)`
  return lab.session.rows(`SELECT ${columns} FROM (${rows}) r ${gone} ORDER BY ${order}`)
}
