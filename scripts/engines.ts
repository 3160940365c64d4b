/** `npm run engines -- up|down|status [NAME…]`: engines that tests read and write the tables with. */
import { mkdir } from 'node:fs/promises'
import { chdb } from './engines/chdb.ts'
import { duckdbIceberg } from './engines/duckdb-iceberg.ts'
import { ENGINES_DIR, type Engine } from './engines/engine.ts'
import { postgres } from './engines/postgres.ts'
import { pyiceberg } from './engines/pyiceberg.ts'
import { spark } from './engines/spark.ts'

const ENGINES: readonly Engine[] = [pyiceberg, postgres, duckdbIceberg, chdb, spark]
const NAMES = ENGINES.map((engine) => engine.name).join(', ')

const [verb, ...names] = process.argv.slice(2)
process.exitCode = await main(verb, names)

async function main(verb: string | undefined, names: readonly string[]): Promise<number> {
  const unknown = names.find((name) => !ENGINES.some((engine) => engine.name === name))
  if (unknown !== undefined || (verb !== 'up' && verb !== 'down' && verb !== 'status')) {
    console.error(`${unknown === undefined ? '' : `no engine is named ${unknown}\n`}usage: npm run engines -- up|down|status [${NAMES}]`)
    return 2
  }
  await mkdir(ENGINES_DIR, { recursive: true })
  for (const engine of ENGINES) {
    if (names.length === 0 || names.includes(engine.name)) await act(engine, verb)
  }
  return 0
}

async function act(engine: Engine, verb: 'up' | 'down' | 'status'): Promise<void> {
  if (verb !== 'status') await engine[verb](ENGINES_DIR)
  console.log(`${engine.name}: ${await engine.status(ENGINES_DIR)} (${engine.what})`)
}
