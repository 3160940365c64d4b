import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type BoundStatement, type StatementFacts, textOf } from './analyse.ts'
import { bindQuickly } from './bind-quickly.ts'

type Facts = readonly (StatementFacts | undefined)[]

/** So many statements are worth a second thread with a DuckDB of its own: binding keeps the one that asks busy too. */
const WORTH_A_THREAD = 300

/** As {@link bindQuickly}, on more than one core where that pays. */
export async function bindMany(statements: readonly BoundStatement[]): Promise<Facts> {
  if (statements.length < 2 * WORTH_A_THREAD || availableParallelism() === 1) return bindQuickly(statements)
  const half = statements.length >> 1
  const [first, second] = await Promise.all([bindQuickly(statements.slice(0, half)), onThread(statements.slice(half))])
  return [...first, ...second]
}

function onThread(statements: readonly BoundStatement[]): Promise<Facts> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`./bind-entry${extname(fileURLToPath(import.meta.url))}`, import.meta.url), {
      workerData: statements.map(asText),
    })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** Without the places of its pieces, which are most of its bytes and copied on the way. */
const asText = (statement: BoundStatement): BoundStatement => ({ ...statement, pieces: [{ kind: 'text', text: textOf(statement) }] })
