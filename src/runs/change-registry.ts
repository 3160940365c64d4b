import { didYouMean } from '../assets/nearest.ts'
import type { Clock } from '../clock.ts'
import type { Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import { contains } from '../partitions/partition-set.ts'
import { idOf, NO_VALUES, type Registry } from '../partitions/registry.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { openStorage } from '../storage/sqlite.ts'
import { refuseOverfull } from './registries.ts'

export interface RegistryChange {
  readonly registry: string
  readonly action: 'add' | 'remove'
  readonly values: readonly string[]
}

/** Values that changed, and those that were so already. */
export interface RegistryChanged {
  readonly changed: readonly string[]
  readonly unchanged: readonly string[]
}

/**
 * Adds values to a registry or removes them, all or none. A value that is there is not added again, one that was removed
 * gets its number back.
 * @throws ASSAY-4010 in an environment, ASSAY-3001 while another process writes, ASSAY-4002 for what can be no value, ASSAY-4004 for a value to remove
 * that never was one, ASSAY-1016 for more values than an asset has room for
 */
export async function changeRegistry(
  { settings, loaded, clock }: { readonly settings: Settings; readonly loaded: LoadedManifest; readonly clock: Clock },
  { registry, action, values: asked }: RegistryChange,
): Promise<RegistryChanged> {
  if (settings.environment !== undefined)
    throw new AssayError('ASSAY-4010', `registries are those of main, also in ${settings.environment.name}`, {
      next: 'Run the command outside of the environment.',
    })
  const values = [...new Set(asked)]
  for (const value of values) refuseNoValue(value)
  const storage = openStorage({ folder: settings.home, clock })
  try {
    const held = (await storage.registries()).get(registry) ?? NO_VALUES
    const there = values.filter((value) => contains(held.live, idOf(held, value) ?? -1))
    const changed = values.filter((value) => there.includes(value) !== (action === 'add'))
    if (action === 'remove') for (const value of changed.length < values.length ? values : []) refuseUnknown(registry, held, value)
    else refuseTooMany(loaded, registry, held, changed)
    const type = action === 'add' ? 'partition.added' : 'partition.removed'
    if (changed.length > 0) await storage.append([{ type, registry, values: changed }])
    return { changed, unchanged: values.filter((value) => !changed.includes(value)) }
  } finally {
    storage.close()
  }
}

/** What no command line, file name and table of another engine could hold. */
function refuseNoValue(value: string): void {
  const fault =
    value === ''
      ? 'is empty'
      : value.length > MOST_LETTERS
        ? `has more than ${MOST_LETTERS} letters`
        : /\p{Cc}/u.test(value) && 'has control characters'
  if (fault) throw new AssayError('ASSAY-4002', `'${value.slice(0, 40)}' can be no partition: it ${fault}`)
}
const MOST_LETTERS = 1000

function refuseUnknown(registry: string, held: Registry, value: string): void {
  if (idOf(held, value) !== undefined) return
  const names = held.values.map(([, name]) => name)
  throw new AssayError('ASSAY-4004', `the registry ${registry} never had '${value}'`, {
    next: didYouMean(value, names) ?? `\`assay partitions ${registry}\` lists what it has.`,
  })
}

function refuseTooMany(loaded: LoadedManifest, registry: string, held: Registry, added: readonly string[]): void {
  const fresh = added.filter((value) => idOf(held, value) === undefined)
  const next = held.values.length
  const grown = { ...held, values: [...held.values, ...fresh.map((value, i) => [next + i, value] as const)] }
  for (const spec of loaded.manifest.assets) refuseOverfull(spec, new Map([[registry, grown]]))
}
