import { enableCompileCache } from 'node:module'
import { toProblem } from '../errors.ts'
import type { LoadAnswer, LoadRequest } from './load.ts'

/** Entry of the loader process: imports the project, writes its manifest, answers once and ends. */
const request = JSON.parse(process.argv[2] ?? '{}') as LoadRequest
enableCompileCache()

const answer = await load().catch((error: unknown): LoadAnswer => ({ problems: [toProblem(error)] }))
// Ends here although the user's code may hold timers or sockets open.
process.send?.(answer, () => process.exit(0))

/** Imported after the compile cache is on, so that Assay's own modules come from it too. */
async function load(): Promise<LoadAnswer> {
  const { answerOf } = await import('./load-answer.ts')
  return answerOf(request)
}
