import { AssayError } from '../../errors.ts'
import type { AssetKey } from '../../keys.ts'
import { EMPTY, type PartitionSet, union } from '../../partitions/partition-set.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import type { RunRequest } from '../../runs/launch.ts'
import { openStorageReader } from '../../storage/sqlite.ts'
import type { RunRecord, StepRecord, StorageReader } from '../../storage/storage.ts'
import { type Command, emit } from '../context.ts'
import { openProject } from '../open-project.ts'
import { wasForced } from '../request.ts'
import { runAndReport } from '../run-and-report.ts'

/** How far back the last run that did not succeed is looked for. */
const RECENT = 100

/**
 * `assay retry [run]`: takes the steps of a run that did not succeed, those that were skipped because of them included,
 * and materializes their assets and partitions. What became fresh in the meantime is not made again.
 */
export const retry: Command = async (context) => {
  const project = await openProject(context)
  const storage = openStorageReader({ folder: project.settings.home })
  const found = await pick(storage, context.words[0]).finally(() => storage.close())
  const request = found === undefined ? undefined : requestFor(project.loaded, found.run, found.steps)
  if (request !== undefined) return runAndReport(context, project, request)
  if (context.options.json) emit(context, 'summary', { runId: null, state: 'succeeded', steps: 0 })
  else
    context.terminal.line(
      found === undefined
        ? 'nothing to retry: no run is left that did not succeed'
        : `nothing to retry: every step of run ${found.run.id} succeeded`,
    )
  return 0
}

interface Found {
  readonly run: RunRecord
  readonly steps: readonly StepRecord[]
}

async function pick(storage: StorageReader, id: string | undefined): Promise<Found | undefined> {
  const recent = id === undefined ? await storage.runs(RECENT) : []
  const run = id === undefined ? recent.find((r) => r.state !== 'succeeded') : await storage.run(id)
  if (run !== undefined) return { run, steps: await storage.steps(run.id) }
  if (id !== undefined) throw new AssayError('ASSAY-3006', `there is no run ${id}`)
  return undefined
}

function requestFor(loaded: LoadedManifest, run: RunRecord, steps: readonly StepRecord[]): RunRequest | undefined {
  const open = steps
    .filter((step) => step.state !== 'succeeded')
    .flatMap(({ assets, partitions }) => assets.map((asset) => ({ asset, partitions })))
    .filter(({ asset }) => loaded.asset(asset) !== undefined)
  if (open.length === 0) return undefined
  const sliced = open.filter(({ asset }) => loaded.asset(asset)?.partitions.dim !== 'none')
  return {
    request: `retry ${run.id}${wasForced(run.request) ? ' --force' : ''}`,
    select: [...new Set(open.map(({ asset }) => asset))].join(' '),
    partitions: sliced.length === 0 ? undefined : byAsset(sliced),
    force: wasForced(run.request),
    observe: open.every(({ asset }) => loaded.asset(asset)?.kind === 'external'),
  }
}

function byAsset(steps: readonly { readonly asset: AssetKey; readonly partitions: PartitionSet }[]): ReadonlyMap<AssetKey, PartitionSet> {
  const out = new Map<AssetKey, PartitionSet>()
  for (const { asset, partitions } of steps) out.set(asset, union(out.get(asset) ?? EMPTY, partitions))
  return out
}
