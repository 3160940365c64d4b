import { select, type StatusesOf } from '../assets/selection.ts'
import type { Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { EMPTY, intersect, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import { parseSet, readSet, shortSet } from '../partitions/texts.ts'
import { loadProject } from '../project/load.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { boundToStore } from '../runs/launch.ts'
import type { CommandContext } from './context.ts'
import { partitionHint } from './partition-hint.ts'
import { settingsOf } from './settings.ts'

export interface OpenProject {
  readonly settings: Settings
  readonly loaded: LoadedManifest
}

/** Settings and manifest, with dynamic partitions as they are now. @throws what is wrong in the project, ASSAY-1xxx */
export async function openProject(context: CommandContext): Promise<OpenProject> {
  const settings = settingsOf(context)
  return { settings, loaded: await boundToStore(settings, await (context.loading ?? loadProject(settings))) }
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
 * The partitions that a text names, of each asset that has such ones; at least one must exist.
 * @throws ASSAY-4004
 */
export function partitionsOf(
  text: string | undefined,
  loaded: LoadedManifest,
  keys: readonly AssetKey[],
  now: number,
): ReadonlyMap<AssetKey, PartitionSet> | undefined {
  if (text === undefined) return undefined
  const sliced = keys.flatMap((key) => loaded.asset(key) ?? []).filter((spec) => spec.partitions.dim !== 'none')
  const read = sliced.map((spec) => ({ spec, exist: universe(spec.partitions, now) }))
  const asked = read.map(({ spec, exist }) => ({ key: spec.key, exist, set: readSet(spec.partitions, text, exist) }))
  if (asked.some(({ set, exist }) => !isEmpty(intersect(set ?? EMPTY, exist))))
    return new Map(asked.map(({ key, set }) => [key, set ?? EMPTY]))
  const [first] = read
  const hint = partitionHint(
    text,
    read.map(({ spec }) => spec),
  )
  if (first !== undefined && hint === undefined && asked.every(({ set }) => set === undefined))
    parseSet(first.spec.partitions, text, first.exist)
  const names = keys.length === 1 ? `${keys[0]} has` : 'the selected assets have'
  throw new AssayError('ASSAY-4004', first === undefined ? `${names} no partitions` : `${names} no partition ${text}`, {
    details: first === undefined ? [] : [`${first.spec.key} has ${shortSet(first.spec.partitions, first.exist)}`],
    ...(first === undefined ? { next: 'Leave --partition out.' } : hint === undefined ? {} : { next: hint }),
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
