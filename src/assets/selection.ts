import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { type AssetGraph, assetGraph, endsWithin, reach } from './asset-graph.ts'
import { didYouMean } from './nearest.ts'
import { type Attribute, type Pattern, parseSelection, type Selection } from './selection-syntax.ts'
import type { AssetSpec } from './spec.ts'
import { STATUS_WORDS, type StatusWord } from './status.ts'

const graphs = new WeakMap<readonly AssetSpec[], AssetGraph>()

/** The graph of the assets of a manifest. Made once for each list, as lists of specs do not change. */
export function graphOf(assets: readonly AssetSpec[]): AssetGraph {
  const graph = graphs.get(assets) ?? assetGraph(assets.map((spec) => ({ key: spec.key, reads: spec.deps.map((dep) => dep.asset) })))
  graphs.set(assets, graph)
  return graph
}

/** Which status words hold of an asset; asked only for `status:`. */
export type StatusesOf = (spec: AssetSpec) => ReadonlySet<StatusWord>

/**
 * The assets that a text selects, in the order of `assets` (upstream first). Takes time in proportion to the assets, their
 * deps, and the length of the text.
 * @param assets those of a manifest, in its order
 * @param statusesOf without it all status words hold, which gives what may be selected at most
 * @throws ASSAY-4003 when a name matches nothing, with the nearest names; ASSAY-4008 when the text cannot be read
 */
export function select(assets: readonly AssetSpec[], text: string, statusesOf: StatusesOf = anyStatus): readonly AssetKey[] {
  if (text.trim() === '') return []
  const chosen = evaluate({ assets, graph: graphOf(assets), statusesOf }, parseSelection(text))
  return assets.filter((_, i) => chosen[i] === 1).map((spec) => spec.key)
}

const anyStatus: StatusesOf = () => new Set(STATUS_WORDS)

interface Field {
  readonly assets: readonly AssetSpec[]
  readonly graph: AssetGraph
  readonly statusesOf: StatusesOf
}

/** One mark for each asset. */
function evaluate(field: Field, selection: Selection): Uint8Array {
  switch (selection.kind) {
    case 'attribute':
      return attribute(field, selection)
    case 'walk': {
      const start = evaluate(field, selection.of)
      const up = reach(field.graph.upstream, start, selection.up)
      return both(up, reach(field.graph.downstream, start, selection.down), (a, b) => a | b)
    }
    case 'roots':
      return endsWithin(field.graph.upstream, evaluate(field, selection.of))
    case 'sinks':
      return endsWithin(field.graph.downstream, evaluate(field, selection.of))
    case 'not':
      return evaluate(field, selection.of).map((mark) => 1 - mark)
    case 'and':
      return selection.of.map((part) => evaluate(field, part)).reduce((all, part) => both(all, part, (a, b) => a & b))
    case 'or':
      return selection.of.map((part) => evaluate(field, part)).reduce((all, part) => both(all, part, (a, b) => a | b))
  }
}

const both = (left: Uint8Array, right: Uint8Array, join: (a: number, b: number) => number): Uint8Array =>
  left.map((mark, i) => join(mark, right[i] ?? 0))

function attribute(field: Field, asked: Selection & { kind: 'attribute' }): Uint8Array {
  if (asked.name === 'status') refuseUnknownStatus(asked.value)
  const key = asked.name === 'key' && asked.value?.length === 1 ? field.graph.indexOf.get(asked.value[0] ?? '') : undefined
  const chosen = new Uint8Array(field.assets.length)
  if (key === undefined)
    field.assets.forEach((spec, i) => {
      if (holds(field, spec, asked)) chosen[i] = 1
    })
  else chosen[key] = 1
  if (!chosen.includes(1)) refuseUnknownName(field, asked)
  return chosen
}

function holds({ statusesOf }: Field, spec: AssetSpec, { name, value, equals }: Selection & { kind: 'attribute' }): boolean {
  const values = name === 'status' ? [...statusesOf(spec)] : valuesOf(spec, name)
  if (value === null) return values.length === 0
  if (equals === undefined) return values.some((each) => matches(value, each))
  return Object.entries(spec.tags ?? {}).some(([tag, text]) => matches(value, tag) && matches(equals, text))
}

function valuesOf(spec: AssetSpec, name: Exclude<Attribute, 'status'>): readonly string[] {
  switch (name) {
    case 'key':
      return [spec.key]
    case 'group':
      return spec.group === undefined ? [] : [spec.group]
    case 'tag':
      return Object.keys(spec.tags ?? {})
    case 'owner':
      return spec.owners ?? []
    case 'kind':
      return [spec.kind, ...(spec.compute === undefined ? [] : [spec.compute.kind]), ...(spec.kinds ?? [])]
    case 'column':
      return spec.columns.map((column) => column.name)
  }
}

/** Each part is looked for behind the one before, so a text is read once. */
function matches(pattern: Pattern, text: string): boolean {
  const [first = '', ...rest] = pattern
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at + last.length <= text.length
}

function refuseUnknownStatus(value: Pattern | null): void {
  const word = value?.join('*') ?? '<null>'
  if (value !== null && STATUS_WORDS.some((each) => matches(value, each))) return
  const next = didYouMean(word, STATUS_WORDS) ?? `They are ${STATUS_WORDS.join(', ')}.`
  throw new AssayError('ASSAY-4008', `there is no status ${word}`, { next })
}

const UNLISTED = 'List them with `assay ls`. An asset is part of the project when its module is listed in `assets` of the project file.'

const WORDS: Readonly<Record<Exclude<Attribute, 'key' | 'status'>, string>> = {
  group: 'is in the group',
  tag: 'has the tag',
  owner: 'is owned by',
  kind: 'is of the kind',
  column: 'has the column',
}

/** A name that nothing has is a slip of the pen; that no asset has a status, or none at all of something, is an answer. */
function refuseUnknownName({ assets }: Field, { name, value, equals }: Selection & { kind: 'attribute' }): void {
  if (name === 'status' || value === null) return
  const word = value.join('*')
  const what =
    name === 'key'
      ? `no asset ${value.length > 1 ? 'matches' : 'is called'} '${word}'`
      : `no asset ${WORDS[name]} '${word}${equals === undefined ? '' : `=${equals.join('*')}`}'`
  const hint = didYouMean(word, new Set(assets.flatMap((spec) => valuesOf(spec, name))))
  if (hint !== undefined && hint !== `Did you mean ${word}?`) throw new AssayError('ASSAY-4003', what, { next: hint })
  throw new AssayError('ASSAY-4003', what, name === 'key' && value.length === 1 ? { next: UNLISTED } : {})
}
