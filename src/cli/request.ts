import { AssayError } from '../errors.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { RunRequest } from '../runs/launch.ts'
import { readPlan } from '../runs/saved-plan.ts'
import type { CommandContext } from './context.ts'
import { partitionsOf, selected, selectionText } from './open-project.ts'
import { settingsOf } from './settings.ts'

/** Words by which a stored request says that it was forced; `retry` reads them. */
const FORCED = '--force'

/** What the command line asks for. @throws ASSAY-4003, ASSAY-4004 */
export function requestOf(context: CommandContext, loaded: LoadedManifest, verb: 'materialize' | 'observe' = 'materialize'): RunRequest {
  const { options, surroundings } = context
  if (options.plan !== undefined) return shownRequest(context, options.plan)
  const select = selectionText(context)
  const partitions = partitionsOf(options.partition, loaded, selected(context, loaded), surroundings.clock.now())
  const words = [
    verb,
    select,
    options.partition === undefined ? undefined : `--partition ${options.partition}`,
    options.force ? FORCED : undefined,
  ]
  return {
    request: words.filter((word) => word !== undefined).join(' '),
    select,
    partitions,
    force: options.force,
    observe: verb === 'observe',
  }
}

/** The request of a plan that was shown, with the plan. @throws ASSAY-4002 beside other wishes, ASSAY-3010 */
function shownRequest(context: CommandContext, id: string): RunRequest {
  const { options } = context
  if (selectionText(context) !== undefined || options.partition !== undefined || options.force)
    throw new AssayError('ASSAY-4002', '--plan says itself what is to run', { next: `For example: assay materialize --plan ${id}` })
  const { plan, request } = readPlan(settingsOf(context).home, id)
  return { ...request, shown: plan }
}

export const wasForced = (request: string): boolean => request.split(' ').includes(FORCED)
