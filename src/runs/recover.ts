import type { Store } from '../iceberg/store.ts'
import type { PublishIntent, StoreEvent } from '../storage/events.ts'
import type { RunRecord, Storage } from '../storage/storage.ts'
import { type Lake, resolveIntent } from '../tables/publish.ts'

/** A run that a process left behind, and what became of it. */
export interface Recovered {
  readonly run: RunRecord
  /** Steps whose publishing had happened and is recorded now. */
  readonly published: number
  /** Steps that have to run again. */
  readonly interrupted: number
}

/**
 * Resolves what a process that is gone left open. Called by the one writer, before anything else: a publishing that was
 * begun is read back from the ancestry of its tables, everything else that ran is marked as interrupted, and the files
 * of its attempts are removed.
 */
export async function recover(storage: Storage, lake: Lake): Promise<readonly Recovered[]> {
  const { published, rejected } = await resolveIntents(storage, lake)
  const recovered: Recovered[] = []
  for (const run of await storage.openRuns()) {
    const events: StoreEvent[] = []
    for (const step of await storage.steps(run.id)) {
      if (step.state !== 'running' && step.state !== 'publishing') continue
      await removeAll(lake.store, step.stagingFolders)
      events.push({ type: 'step.interrupted', runId: run.id, stepId: step.id })
    }
    const interrupted = events.length
    await storage.append([...events, { type: 'run.ended', runId: run.id, state: 'interrupted' }])
    recovered.push({ run, published: published.get(run.id) ?? 0, interrupted })
  }
  // Closes the intents of steps that had failed before: what those steps are does not change.
  await storage.append(rejected.map(({ runId, stepId }) => ({ type: 'step.interrupted' as const, runId, stepId })))
  return recovered
}

interface Resolved {
  /** Steps found to be published, by run. */
  readonly published: ReadonlyMap<string, number>
  readonly rejected: readonly PublishIntent[]
}

async function resolveIntents(storage: Storage, lake: Lake): Promise<Resolved> {
  const published = new Map<string, number>()
  const rejected: PublishIntent[] = []
  for (const intent of await storage.openIntents()) {
    const { runId, stepId, materialization, checks } = intent
    if ((await resolveIntent(lake, intent)) === 'committed') {
      await storage.append([{ type: 'step.succeeded', runId, stepId, materialization, checks }])
      published.set(runId, (published.get(runId) ?? 0) + 1)
    } else rejected.push(intent)
  }
  return { published, rejected }
}

const removeAll = async (store: Store, paths: readonly string[]): Promise<void> => {
  await Promise.all(paths.map((path) => store.remove(path)))
}
