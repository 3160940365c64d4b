import { readSettings, type Settings } from '../config.ts'
import type { CommandContext } from './context.ts'

/** @throws ASSAY-1001, ASSAY-1017 */
export function settingsOf({ surroundings, options }: Pick<CommandContext, 'surroundings' | 'options'>): Settings {
  const settings = readSettings({
    cwd: surroundings.cwd,
    env: surroundings.env,
    project: options.project,
    environment: options.environment,
  })
  return {
    ...settings,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
  }
}
