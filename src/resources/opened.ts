import { AssayError } from '../errors.ts'
import type { Resource, Swap } from './resource.ts'
import { settingsOf, type SettingsSource } from './resource-settings.ts'

/** The resources of one process: each is opened when it is first used. */
export interface Opened {
  /**
   * @throws ASSAY-1019 for its settings, ASSAY-1020 for two of one name, and what its `open` throws; the next call then
   * tries again
   */
  use<T>(resource: Resource<T>): Promise<T>
  /** Closes all, latest first; one that fails to close does not keep the others open. Gives what went wrong. */
  close(): Promise<readonly unknown[]>
}

interface Entry {
  readonly resource: object
  /** What stands for it in the profile, and what that opened. */
  readonly opening: Promise<{ readonly by: Resource<unknown>; readonly value: unknown }>
}

/** @param swaps those of the profile; asked for once, when a resource is first used */
export function openedResources(source: SettingsSource, swaps: () => Promise<readonly Swap[]>): Opened {
  const entries = new Map<string, Entry>()
  let asked: Promise<readonly Swap[]> | undefined
  const open = async (resource: Resource<unknown>): Entry['opening'] => {
    asked ??= swaps()
    const by = (await asked).find(({ name }) => name === resource.name)?.by ?? resource
    return { by, value: await by.open(settingsOf(by, source) as never) }
  }
  return {
    async use<T>(resource: Resource<T>): Promise<T> {
      const known = entries.get(resource.name) ?? { resource, opening: open(resource as Resource<unknown>) }
      if (known.resource !== resource)
        throw new AssayError('ASSAY-1020', `two resources are called ${resource.name}`, { where: resource.where })
      entries.set(resource.name, known)
      try {
        return (await known.opening).value as T
      } catch (error) {
        if (entries.get(resource.name) === known) entries.delete(resource.name)
        throw error
      }
    },
    async close() {
      const faults: unknown[] = []
      for (const { opening } of [...entries.values()].toReversed()) {
        try {
          const { by, value } = await opening
          await by.close?.(value as never)
        } catch (error) {
          faults.push(error)
        }
      }
      entries.clear()
      return faults
    },
  }
}
