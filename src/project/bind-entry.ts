import { parentPort, workerData } from 'node:worker_threads'
import type { BoundStatement } from './analyse.ts'
import { bindQuickly } from './bind-quickly.ts'

/** Entry of a thread: binds the statements that it is given and ends. */
parentPort?.postMessage(await bindQuickly(workerData as readonly BoundStatement[]))
