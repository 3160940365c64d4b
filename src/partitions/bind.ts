import { indexOfValue } from './holder.ts'
import type { PartitionSet } from './partition-set.ts'
import { fromBoxes, project, room } from './product.ts'
import type { DimensionMapping, MappingSpec } from './reach.ts'
import { MOST_VALUES, NO_VALUES, NOT_ADDED, narrowTo, type Registries } from './registry.ts'
import { type DimensionSpec, dimensionsOf, type DynamicSpec, type PartitionsSpec } from './spec.ts'

/** The dynamic dimensions of a spec, each with its position. */
export const dynamicOf = (spec: PartitionsSpec): readonly { readonly at: number; readonly spec: DynamicSpec }[] =>
  dimensionsOf(spec).flatMap(({ spec: dimension }, at) => (dimension.dim === 'dynamic' ? [{ at, spec: dimension }] : []))

/** A spec with what the registries of its dynamic dimensions hold; one without such dimensions as it is. */
export const bindPartitions = (spec: PartitionsSpec, registries: Registries): PartitionsSpec =>
  onDynamic(spec, (dimension) => bindDimension(dimension, registries))

/** A bound spec with those values alone that a set has, to travel with it. */
export const narrowPartitions = (spec: PartitionsSpec, set: PartitionSet): PartitionsSpec =>
  onDynamic(spec, (dimension, at) => ({ ...dimension, held: narrowTo(dimension.held ?? NO_VALUES, project(spec, set, at)) }))

function onDynamic(spec: PartitionsSpec, change: (dimension: DynamicSpec, at: number) => DimensionSpec): PartitionsSpec {
  if (dynamicOf(spec).length === 0) return spec
  const changed = (dimension: DimensionSpec, at: number): DimensionSpec => (dimension.dim === 'dynamic' ? change(dimension, at) : dimension)
  if (spec.dim === 'product')
    return { dim: 'product', dimensions: spec.dimensions.map(({ name, spec: of }, at) => ({ name, spec: changed(of, at) })) }
  return spec.dim === 'none' ? spec : changed(spec, 0)
}

/** A mapping whose table names values of registries, with their numbers; any other as it is. */
export function bindMapping(mapping: MappingSpec, registries: Registries): MappingSpec {
  if (mapping.kind !== 'dimensions') return mapping.kind === 'values' ? bindValues(mapping, registries) : mapping
  const rules = mapping.rules.map((rule) =>
    rule.of !== null && rule.mapping.kind === 'values' ? { of: rule.of, mapping: bindValues(rule.mapping, registries) } : rule,
  )
  return { ...mapping, rules }
}

/** A value that the table says nothing of reads one that is always missing: nobody gets a result of half its inputs. */
function bindValues(mapping: DimensionMapping & { kind: 'values' }, registries: Registries): DimensionMapping {
  if (mapping.by === undefined) return mapping
  const { table } = mapping.by
  const [reader, dep] = [bindDimension(mapping.by.reader, registries), bindDimension(mapping.by.dep, registries)]
  const numbers = (value: string): readonly number[] =>
    Object.hasOwn(table, value)
      ? (table[value] ?? []).map((read) => (dep.dim === 'time' ? undefined : indexOfValue(dep, read)) ?? NOT_ADDED)
      : UNSAID
  if (reader.dim === 'static') return { ...mapping, to: reader.values.map(numbers) }
  const to: (readonly number[])[] = []
  if (reader.dim === 'dynamic') for (const [id, value] of reader.held?.values ?? []) to[id] = numbers(value)
  return { ...mapping, to }
}

const UNSAID: readonly number[] = [NOT_ADDED]

function bindDimension(spec: DimensionSpec, registries: Registries): DimensionSpec {
  return spec.dim === 'dynamic' ? { ...spec, held: registries.get(spec.registry) ?? NO_VALUES } : spec
}

/**
 * All partitions but those of values that were removed, whatever the time; undefined without dynamic dimensions. What is
 * known of a removed value stays in the store, and counts again when it is added again.
 */
export function notRemoved(spec: PartitionsSpec): PartitionSet | undefined {
  if (dynamicOf(spec).length === 0) return undefined
  const box = dimensionsOf(spec).map(({ spec: dimension }, at): PartitionSet => {
    if (dimension.dim === 'dynamic') return dimension.held?.live ?? []
    return dimension.dim === 'static' ? [[0, dimension.values.length]] : [room(spec, at)]
  })
  return fromBoxes(spec, [box])
}

/** A spec as if nothing had been removed: what others do to the rows of a removed value is known when it is added again. */
export const withRemoved = (spec: PartitionsSpec): PartitionsSpec =>
  onDynamic(spec, (dimension) => {
    const values = dimension.held?.values ?? []
    return { ...dimension, held: { values, live: values.length === 0 ? [] : [[0, (values.at(-1)?.[0] ?? 0) + 1]] } }
  })

/** A registry that a spec has no room for. */
export interface Overfull {
  readonly registry: string
  readonly holds: number
  readonly room: number
}

/** The first registry that holds more than the spec has numbers for; undefined where all fit. */
export function overfull(spec: PartitionsSpec, registries: Registries): Overfull | undefined {
  const rooms = dynamicOf(spec).map(({ at, spec: { registry } }) => {
    return { registry, holds: registries.get(registry)?.values.length ?? 0, room: Math.min(room(spec, at)[1], MOST_VALUES) }
  })
  return rooms.find(({ holds, room: most }) => holds > most)
}
