import type { LoadedManifest } from '../project/manifest.ts'
import type { RunRequest } from '../runs/launch.ts'
import type { CommandContext } from './context.ts'
import { partitionsOf, selected, selectionText } from './open-project.ts'

/** Words by which a stored request says that it was forced; `retry` reads them. */
const FORCED = '--force'

/** What the command line asks for. @throws ASSAY-4003, ASSAY-4004 */
export function requestOf(context: CommandContext, loaded: LoadedManifest): RunRequest {
  const { options, surroundings } = context
  const select = selectionText(context)
  const partitions = partitionsOf(options.partition, loaded, selected(context, loaded), surroundings.clock.now())
  const words = [
    'materialize',
    select,
    options.partition === undefined ? undefined : `--partition ${options.partition}`,
    options.force ? FORCED : undefined,
  ]
  return { request: words.filter((word) => word !== undefined).join(' '), select, partitions, force: options.force }
}

export const wasForced = (request: string): boolean => request.split(' ').includes(FORCED)
