import type { AssetSpec } from '../assets/spec.ts'
import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { bindMapping, bindPartitions, dynamicOf, notRemoved, overfull } from '../partitions/bind.ts'
import { restrict } from '../partitions/interval-map.ts'
import { isEmpty, type PartitionSet, range, subtract, union } from '../partitions/partition-set.ts'
import { project } from '../partitions/product.ts'
import { narrowTo, NO_VALUES, type RegisteredValue, type Registries, type Registry } from '../partitions/registry.ts'
import { dimensionsOf } from '../partitions/spec.ts'
import { shortSet } from '../partitions/texts.ts'
import { indexManifest, type LoadedManifest } from '../project/manifest.ts'
import type { AssetState } from '../storage/storage.ts'

/** Names of the registries that the assets of a project share, each once. */
export const registriesOf = ({ manifest }: LoadedManifest): ReadonlySet<string> =>
  new Set(manifest.assets.flatMap(({ partitions }) => dynamicOf(partitions).map(({ spec }) => spec.registry)))

/**
 * The project with its dynamic partitions as registries have them; one without such partitions as it is. The id of the
 * manifest stays: what a registry holds is no part of the project.
 * @throws ASSAY-1016 where an asset has no room for all values
 */
export function bindManifest(loaded: LoadedManifest, registries: Registries): LoadedManifest {
  if (registriesOf(loaded).size === 0) return loaded
  const assets = loaded.manifest.assets.map((spec) => {
    refuseOverfull(spec, registries)
    return bindSpec(spec, registries)
  })
  return indexManifest(loaded.id, { ...loaded.manifest, assets })
}

/** An asset with what registries hold; with none of them, as the manifest has it. */
export const bindSpec = (spec: AssetSpec, registries: Registries): AssetSpec => ({
  ...spec,
  partitions: bindPartitions(spec.partitions, registries),
  deps: spec.deps.map((dep) => ({ ...dep, mapping: bindMapping(dep.mapping, registries) })),
})

/** @throws ASSAY-1016 */
export function refuseOverfull(spec: AssetSpec, registries: Registries): void {
  const full = overfull(spec.partitions, registries)
  if (full === undefined) return
  throw new AssayError(
    'ASSAY-1016',
    `the registry ${full.registry} holds ${full.holds} values, and ${spec.key} has room for ${full.room}`,
    {
      where: spec.where,
      next: 'Removed values count, as they keep their numbers. Give the asset fewer dimensions, or a registry of its own.',
    },
  )
}

/** What a registry of a bound project holds. */
export const heldOf = ({ manifest }: LoadedManifest, registry: string): Registry | undefined =>
  manifest.assets.flatMap(({ partitions }) => dynamicOf(partitions)).find(({ spec }) => spec.registry === registry)?.spec.held

/** States without the partitions of removed values: nothing reads those, and nothing is stale for them. */
export function withoutRemoved(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>): ReadonlyMap<AssetKey, AssetState> {
  const sliced = loaded.manifest.assets.map(({ key, partitions }) => ({ key, there: notRemoved(partitions) }))
  const out = new Map(states)
  for (const { key, there } of sliced) {
    const state = states.get(key)
    if (state === undefined || there === undefined) continue
    const [versions, made] = [restrict(state.versions, there), restrict(state.made, there)]
    out.set(key, { ...state, versions, made, lastAttempt: restrict(state.lastAttempt, there) })
  }
  return out
}

/**
 * Partitions that a reader waits for in vain, as no run can make them: of values that a registry does not have, or that
 * are meant by no line of a table. Undefined where a run can.
 */
export function lackOfValues(
  reader: AssetSpec,
  dep: AssetSpec,
  { missing, partitions }: { readonly missing: PartitionSet; readonly partitions: PartitionSet },
): AssayError | undefined {
  const lacking = dimensionsOf(dep.partitions).find(({ spec }, at) => {
    const there = spec.dim === 'dynamic' ? (spec.held ?? NO_VALUES).live : spec.dim === 'static' ? range(0, spec.values.length) : undefined
    return there !== undefined && !isEmpty(subtract(project(dep.partitions, missing, at), there))
  })
  if (lacking === undefined) return undefined
  const readers = shortSet(reader.partitions, partitions)
  if (lacking.spec.dim !== 'dynamic')
    return new AssayError('ASSAY-3004', `the table by which ${reader.key} reads ${dep.key} says nothing of ${readers}`, {
      where: reader.where,
      next: 'Add a line for each to byTable(…).',
    })
  const { registry } = lacking.spec
  return new AssayError('ASSAY-3004', `${reader.key} ${readers} reads values of ${dep.key} that the registry ${registry} does not have`, {
    where: reader.where,
    next: `Add them, or take them out of the mapping: \`assay partitions ${registry}\` lists what is there.`,
  })
}

/** Values by registry, in the order of ids. */
export type NamedIds = { readonly [registry: string]: readonly RegisteredValue[] }

/** The values behind the ids of some partitions; undefined where there are none. */
export function namesOf(loaded: LoadedManifest, sets: Iterable<readonly [AssetKey, PartitionSet]>): NamedIds | undefined {
  const ids = new Map<string, PartitionSet>()
  const held = new Map<string, Registry>()
  for (const [key, set] of sets) {
    const partitions = loaded.asset(key)?.partitions ?? { dim: 'none' as const }
    for (const { at, spec } of dynamicOf(partitions)) {
      ids.set(spec.registry, union(ids.get(spec.registry) ?? [], project(partitions, set, at)))
      held.set(spec.registry, spec.held ?? NO_VALUES)
    }
  }
  if (ids.size === 0) return undefined
  return Object.fromEntries([...ids].map(([registry, set]) => [registry, narrowTo(held.get(registry) ?? NO_VALUES, set).values]))
}
