import { select, type StatusesOf } from '../assets/selection.ts'
import { readSettings, type Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { intersect, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import { formatSet, parseRange, universe } from '../partitions/partitions.ts'
import { loadProject } from '../project/load.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { CommandContext } from './context.ts'

export interface OpenProject {
  readonly settings: Settings
  readonly loaded: LoadedManifest
}

/** @throws ASSAY-1001, ASSAY-1017 */
export function settingsOf({ surroundings, options }: CommandContext): Settings {
  const settings = readSettings({ cwd: surroundings.cwd, env: surroundings.env, project: options.project })
  return {
    ...settings,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
  }
}

/** Settings and manifest. @throws what is wrong in the project, ASSAY-1xxx */
export async function openProject(context: CommandContext): Promise<OpenProject> {
  const settings = settingsOf(context)
  return { settings, loaded: await loadProject(settings) }
}

/** The selection as typed: arguments and `--select` are one. Undefined: all assets. */
export function selectionText({ words, options }: CommandContext): string | undefined {
  const terms = [...words, ...options.select]
  return terms.length === 0 ? undefined : terms.join(' ')
}

/**
 * The assets that the command line names, upstream first.
 * @param statusesOf without it `status:` narrows nothing
 * @throws ASSAY-4003, ASSAY-4008
 */
export function selected(context: CommandContext, { manifest }: LoadedManifest, statusesOf?: StatusesOf): readonly AssetKey[] {
  const text = selectionText(context)
  return text === undefined ? manifest.assets.map((spec) => spec.key) : select(manifest.assets, text, statusesOf)
}

/**
 * The partitions that a text names, of which at least one must be one of the assets'.
 * @throws ASSAY-4004
 */
export function partitionsOf(
  text: string | undefined,
  loaded: LoadedManifest,
  keys: readonly AssetKey[],
  now: number,
): PartitionSet | undefined {
  if (text === undefined) return undefined
  const asked = parseRange(text)
  const sliced = keys.flatMap((key) => loaded.asset(key) ?? []).filter((spec) => spec.partitions.dim !== 'none')
  if (sliced.some((spec) => !isEmpty(intersect(asked, universe(spec.partitions, now))))) return asked
  const [first] = sliced
  const names = keys.length === 1 ? `${keys[0]} has` : 'the selected assets have'
  throw new AssayError('ASSAY-4004', sliced.length === 0 ? `${names} no partitions` : `${names} no partition ${text}`, {
    details: first === undefined ? [] : [`${first.key} has ${formatSet(first.partitions, universe(first.partitions, now))}`],
    ...(sliced.length === 0 ? { next: 'Leave --partition out.' } : {}),
  })
}

/** One asset by its key. @throws ASSAY-4003 with the nearest names */
export function oneAsset(loaded: LoadedManifest, name: string): NonNullable<ReturnType<LoadedManifest['asset']>> {
  const [key, ...more] = select(loaded.manifest.assets, name)
  const spec = key === undefined || more.length > 0 ? undefined : loaded.asset(key)
  if (spec === undefined)
    throw new AssayError('ASSAY-4003', `'${name}' is not one asset`, { next: 'Name one asset by its key; `assay ls` lists them.' })
  return spec
}
