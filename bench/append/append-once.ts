/** Appends a Parquet file to a new table in a folder: a process of its own, so that its memory is that of an append. */
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { appendRows } from './rows.ts'

const [source = '', folder = ''] = process.argv.slice(2)
const engine = await openDuckdb({ threads: 2 })
const session = await engine.session()
await appendRows(session, `SELECT * FROM '${source}'`, folder)
session.close()
engine.close()
