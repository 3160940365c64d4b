import type { DeclaredMapping, DimensionRule, ValueTable, WindowMapping } from './mapping.ts'
import { windowMapping } from './mapping.ts'
import { windowRange, firstWindow } from './partitions.ts'
import type { DimensionLink, DimensionMapping, MappingSpec } from './reach.ts'
import { type DimensionSpec, dimensionsOf, type DynamicSpec, type PartitionsSpec, type StaticSpec, type TimeSpec } from './spec.ts'
import { axisOf, step } from './time-axis.ts'

/** Why a mapping leads nowhere, in words that follow `a reads b`. In `next`, the word `dep` stands for the name of the dep. */
export interface MappingFault {
  readonly what: string
  readonly next?: string
}
export type Resolved<M> = { readonly mapping: M; readonly fault?: undefined } | { readonly fault: MappingFault }

interface Named {
  readonly name: string
  readonly spec: DimensionSpec
}

const fault = (what: string, next?: string): { readonly fault: MappingFault } => ({
  fault: { what, ...(next === undefined ? {} : { next }) },
})
const IDENTITY: DimensionMapping = { kind: 'identity' }
const ALL: Resolved<MappingSpec> = { mapping: { kind: 'all' } }

/** What a declared mapping means between the partitions of a reader and those of a dep. */
export function resolveMapping(declared: DeclaredMapping, reader: PartitionsSpec, dep: PartitionsSpec): Resolved<MappingSpec> {
  if (declared.kind === 'all') return ALL
  if (dep.dim === 'none') return fault('and the dep has no partitions', 'Write { dep } without a mapping.')
  if (declared.kind === 'last')
    return dep.dim === 'time' || dep.dim === 'dynamic'
      ? { mapping: { kind: 'last' } }
      : fault('and what the last partition is only time windows and registries tell')
  if (reader.dim === 'none') return fault('and the reader has no partitions', 'Write { dep: all(dep) } to read all of them.')
  if (reader.dim !== 'product' && dep.dim !== 'product')
    return declared.kind === 'dimensions' ? fault('dimension by dimension, and neither has dimensions') : between(declared, reader, dep)
  return resolveProduct(declared, reader, dep)
}

function resolveProduct(declared: DeclaredMapping, reader: PartitionsSpec, dep: PartitionsSpec): Resolved<MappingSpec> {
  const [readers, deps] = [dimensionsOf(reader), dimensionsOf(dep)]
  const rules: DimensionLink[] = []
  for (const dimension of deps) {
    const link =
      declared.kind === 'dimensions'
        ? linkByRule(declared.dimensions[dimension.name], dimension, readers)
        : linkByName(declared, dimension, readers)
    if (link.fault !== undefined)
      return declared.kind === 'identity' && readers.every(({ name }) => name !== dimension.name) ? unlinked(readers, deps, link) : link
    rules.push(link.mapping)
  }
  const stray =
    declared.kind === 'dimensions' ? Object.keys(declared.dimensions).find((name) => deps.every((d) => d.name !== name)) : undefined
  if (stray !== undefined) return fault(`by its dimension ${stray}, which it does not have`, `It has ${names(deps)}.`)
  return { mapping: { kind: 'dimensions', reader: bare(reader), dep: bare(dep), rules } }
}

/** Without rules: what a person would most likely write, dimension by dimension. */
function unlinked(
  readers: readonly Named[],
  deps: readonly Named[],
  { fault: found }: { readonly fault: MappingFault },
): { readonly fault: MappingFault } {
  if (deps[0]?.name === '') return { fault: found }
  const alone = readers.find(({ name }) => name === '')
  const rules = deps.map((dep) => {
    const reader = alone ?? readers.find(({ name }) => name === dep.name)
    const fits =
      reader !== undefined &&
      reader.spec.dim === dep.spec.dim &&
      (dep.spec.dim === 'time' || between(IDENTITY_DECLARED, reader.spec, dep.spec).fault === undefined)
    return `${dep.name}: ${fits ? "'same'" : "'all'"}`
  })
  const what = alone === undefined ? found.what : `by ${names(deps)}, and is itself partitioned by ${kindOf(alone.spec)}`
  return fault(what, `Say how each dimension is read: { dep: perDimension(dep, { ${rules.join(', ')} }) }.`)
}

const names = (dimensions: readonly Named[]): string => dimensions.map(({ name }) => name).join(', ')

/** Without a rule of its own, a dimension follows the one of the same name, or the only one that is of its kind. */
function linkByName(declared: DeclaredMapping, dep: Named, readers: readonly Named[]): Resolved<DimensionLink> {
  const alike = readers
    .map((reader, i) => ({ reader, i }))
    .filter(({ reader }) => (dep.name === '' ? reader.spec.dim === dep.spec.dim : reader.name === dep.name))
  const [only, ...more] = alike
  if (only === undefined || more.length > 0) {
    return dep.name === ''
      ? fault(
          `and ${only === undefined ? 'none' : 'more than one'} of the dimensions ${names(readers)} lines up with it`,
          'Write { dep: all(dep) } to read all of them.',
        )
      : fault(`and has no dimension ${dep.name} itself`)
  }
  return linked(between(declared, only.reader.spec, dep.spec), only.i)
}

function linkByRule(rule: DimensionRule | undefined, dep: Named, readers: readonly Named[]): Resolved<DimensionLink> {
  if (rule === undefined) return fault(`without a rule for its dimension ${dep.name}`, `Add one, such as ${dep.name}: 'all'.`)
  if (rule === 'all') return { mapping: { of: null } }
  const name = typeof rule === 'object' && rule.of !== undefined ? rule.of : readers.length === 1 ? (readers[0]?.name ?? '') : dep.name
  const at = readers.findIndex((reader) => reader.name === name)
  const reader = readers[at]
  if (reader === undefined)
    return fault(`by its dimension ${dep.name}, and has no dimension ${name} itself`, `It has ${names(readers)}: say { of: … }.`)
  return linked(between(ruleMapping(rule), reader.spec, dep.spec), at)
}

function ruleMapping(rule: Exclude<DimensionRule, 'all'>): DeclaredMapping {
  if (rule === 'same') return IDENTITY_DECLARED
  if ('timeWindow' in rule) return windowMapping(rule.timeWindow)
  return 'table' in rule ? { kind: 'table', table: rule.table } : IDENTITY_DECLARED
}
const IDENTITY_DECLARED: DeclaredMapping = { kind: 'identity' }

const linked = (resolved: Resolved<DimensionMapping>, of: number): Resolved<DimensionLink> =>
  resolved.fault === undefined ? { mapping: { of, mapping: resolved.mapping } } : resolved

/** Between two dimensions. */
function between(declared: DeclaredMapping, reader: DimensionSpec, dep: DimensionSpec): Resolved<DimensionMapping> {
  if (declared.kind === 'table') {
    if (reader.dim === 'time' || dep.dim === 'time') return fault('by a table of values, and time windows are none')
    return reader.dim === 'static' && dep.dim === 'static' ? byValues(reader, dep, declared.table) : byNames(reader, dep, declared.table)
  }
  if (reader.dim === 'time' && dep.dim === 'time') {
    const window: WindowMapping = declared.kind === 'timeWindow' ? declared : windowMapping({ startOffset: 0, endOffset: 0 })
    return betweenWindows(window, reader, dep)
  }
  if (declared.kind === 'timeWindow') return fault('by a time window, and both must be partitioned by time')
  if (reader.dim === 'static' && dep.dim === 'static') return byValues(reader, dep, undefined)
  if (reader.dim === 'dynamic' && dep.dim === 'dynamic' && reader.registry === dep.registry) return { mapping: IDENTITY }
  return fault(`by ${kindOf(dep)}, and is itself partitioned by ${kindOf(reader)}`, 'Write { dep: all(dep) } to read all of them.')
}

function kindOf(spec: DimensionSpec): string {
  if (spec.dim === 'static') return 'values'
  if (spec.dim === 'dynamic') return `the registry ${spec.registry}`
  return spec.grain === 'cron' ? 'a cron' : `the ${spec.grain}`
}

/** Which numbers the values of a registry have is not known here: {@link bindMapping} makes the rest. */
function byNames(reader: StaticSpec | DynamicSpec, dep: StaticSpec | DynamicSpec, table: ValueTable): Resolved<DimensionMapping> {
  const absent =
    dep.dim === 'static'
      ? Object.values(table)
          .flat()
          .find((read) => !dep.values.includes(read))
      : undefined
  if (dep.dim === 'static' && absent !== undefined) return fault(`at ${absent}, which it does not have`, `It has ${dep.values.join(', ')}.`)
  const silent = reader.dim === 'static' ? reader.values.find((value) => table[value] === undefined) : undefined
  if (silent !== undefined) return fault(`by a table that says nothing of ${silent}`, `Add ${silent}: […] to it.`)
  return { mapping: { kind: 'values', to: [], by: { table, reader: bareDimension(reader), dep: bareDimension(dep) } } }
}

/** Without a table each value reads the same one. */
function byValues(reader: StaticSpec, dep: StaticSpec, table: ValueTable | undefined): Resolved<DimensionMapping> {
  const to: number[][] = []
  for (const value of reader.values) {
    const reads = table === undefined ? [value] : (table[value] ?? [])
    if (table !== undefined && table[value] === undefined)
      return fault(`by a table that says nothing of ${value}`, `Add ${value}: […] to it.`)
    const absent = reads.find((read) => !dep.values.includes(read))
    if (absent !== undefined) return fault(`at ${absent}, which it does not have`, `It has ${dep.values.join(', ')}.`)
    to.push(reads.map((read) => dep.values.indexOf(read)))
  }
  return { mapping: to.every((reads, i) => reads.length === 1 && reads[0] === i) ? IDENTITY : { kind: 'values', to } }
}

function betweenWindows(declared: WindowMapping, reader: TimeSpec, dep: TimeSpec): Resolved<DimensionMapping> {
  const { startOffset, endOffset } = declared
  if (!Number.isInteger(startOffset) || !Number.isInteger(endOffset) || endOffset < startOffset)
    return fault(`from ${startOffset} to ${endOffset} partitions away`, 'Offsets are whole numbers, and the end is not before the start.')
  const [from, to] = [axisOf(reader), axisOf(dep)]
  const same = from === to
  const plain = same && (dep.grain === 'cron' || to.zone.name === 'UTC')
  const asked = edges(declared, reader, dep)
  if (asked !== undefined) return { fault: asked }
  if (same && startOffset === 0 && endOffset === 0 && declared.allowHoleAtStart !== true && !declared.allowHoleAtEnd)
    return { mapping: IDENTITY }
  return { mapping: plain ? declared : { ...declared, between: { reader: bareTime(reader), dep: bareTime(dep) } } }
}

/** What would need a partition that can never exist. */
function edges(declared: WindowMapping, reader: TimeSpec, dep: TimeSpec): MappingFault | undefined {
  const [from, to] = [axisOf(reader), axisOf(dep)]
  const first = step(to, to.at(from.startOf(firstWindow(reader))), declared.startOffset)
  if (declared.allowHoleAtStart !== true && first < firstWindow(dep)) {
    return {
      what: `from ${to.keyOf(first)} on for its first partition ${from.keyOf(firstWindow(reader))}, and the dep begins at ${to.keyOf(firstWindow(dep))}`,
      next: `Begin later, or take an incomplete window: timeWindow(dep, { …, allowHoleAtStart: true }).`,
    }
  }
  if (dep.end === undefined || declared.allowHoleAtEnd) return undefined
  const lastOfDep = windowRange(dep, 0)[1] - 1
  const incomplete = 'End earlier, or take an incomplete window: timeWindow(dep, { …, allowHoleAtEnd: true }).'
  if (reader.end === undefined) return { what: `without an end, and the dep ends with ${to.keyOf(lastOfDep)}`, next: incomplete }
  const lastOfReader = windowRange(reader, 0)[1] - 1
  const last = step(to, to.at(from.startOf(lastOfReader + 1) - 1), declared.endOffset)
  if (last <= lastOfDep) return undefined
  return {
    what: `up to ${to.keyOf(last)} for its last partition ${from.keyOf(lastOfReader)}, and the dep ends with ${to.keyOf(lastOfDep)}`,
    next: incomplete,
  }
}

/** What says which windows there are numbers for: not which of them exist, nor where they are kept. */
const bareTime = ({ dim, grain, zone, cron, start }: TimeSpec): TimeSpec => ({
  dim,
  grain,
  start,
  ...(zone === undefined ? {} : { zone }),
  ...(cron === undefined ? {} : { cron }),
})

function bare(spec: PartitionsSpec): PartitionsSpec {
  if (spec.dim === 'product')
    return { dim: 'product', dimensions: spec.dimensions.map((d) => ({ name: d.name, spec: bareDimension(d.spec) })) }
  return spec.dim === 'none' ? spec : bareDimension(spec)
}

const bareDimension = (spec: DimensionSpec): DimensionSpec =>
  spec.dim === 'time'
    ? bareTime(spec)
    : spec.dim === 'static'
      ? { dim: 'static', values: spec.values }
      : { dim: 'dynamic', registry: spec.registry }
