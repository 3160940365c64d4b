import { removeAll } from '../iceberg/store.ts'
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
  const { published, rejected, unknown } = await resolveIntents(storage, lake)
  const recovered: Recovered[] = []
  for (const run of await storage.openRuns()) {
    const steps = (await storage.steps(run.id)).filter(({ state }) => state === 'running' || state === 'publishing')
    // What became of it will be known when its tables can be read again; until then its files and its run stay as they are.
    if (steps.some((step) => unknown.has(nameOf({ runId: run.id, stepId: step.id })))) continue
    await removeAll(
      lake.store,
      steps.flatMap((step) => step.stagingFolders),
    )
    const interrupted = steps.map((step): StoreEvent => ({ type: 'step.interrupted', runId: run.id, stepId: step.id }))
    await storage.append([...interrupted, { type: 'run.ended', runId: run.id, state: 'interrupted' }])
    recovered.push({ run, published: published.get(run.id) ?? 0, interrupted: steps.length })
  }
  for (const { runId, stepId } of rejected) {
    const step = (await storage.steps(runId)).find(({ id }) => id === stepId)
    await removeAll(lake.store, step?.stagingFolders ?? [])
  }
  // Closes the intents of steps that had failed before: what those steps are does not change.
  await storage.append(rejected.map(({ runId, stepId }) => ({ type: 'step.interrupted' as const, runId, stepId })))
  return recovered
}

const nameOf = ({ runId, stepId }: { readonly runId: string; readonly stepId: string }): string => `${runId} ${stepId}`

interface Resolved {
  /** Steps found to be published, by run. */
  readonly published: ReadonlyMap<string, number>
  readonly rejected: readonly PublishIntent[]
  /** Steps whose tables cannot be read now. */
  readonly unknown: ReadonlySet<string>
}

async function resolveIntents(storage: Storage, lake: Lake): Promise<Resolved> {
  const published = new Map<string, number>()
  const rejected: PublishIntent[] = []
  const unknown = new Set<string>()
  for (const intent of await storage.openIntents()) {
    const { runId, stepId, materializations, checks } = intent
    const outcome = await resolveIntent(lake, intent)
    if (outcome === 'unknown') unknown.add(nameOf(intent))
    else if (outcome === 'committed') {
      await storage.append([{ type: 'step.succeeded', runId, stepId, materializations, checks }])
      published.set(runId, (published.get(runId) ?? 0) + 1)
    } else rejected.push(intent)
  }
  return { published, rejected, unknown }
}
