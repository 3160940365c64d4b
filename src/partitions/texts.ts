import { AssayError, type SourceLocation } from '../errors.ts'
import { indexOfValue, valueAt } from './holder.ts'
import { count, EMPTY, each, first, type Interval, isEmpty, normalise, type PartitionSet, subtract, union } from './partition-set.ts'
import { type Box, boxesOf, fromBoxes, project, unpack } from './product.ts'
import { NO_VALUES, valueOfId } from './registry.ts'
import { type DimensionSpec, dimensionsOf, type DynamicSpec, type PartitionsSpec, type StaticSpec, type TimeSpec } from './spec.ts'
import { axisOf, type TimeAxis, windowsWithin } from './time-axis.ts'

/** Text that needs no quotes. Two dots in a row make a range. */
const BARE = /^(?!.*\.\.)[\p{L}\p{N}_.:+-]+$/u
const word = (text: string): string => (BARE.test(text) && text !== 'none' ? text : JSON.stringify(text))

/** The key of one partition as people write it: `2026-01-31`, `de`, `day=2026-01-31/country=de`; unpartitioned: `*`. */
export function partitionKey(spec: PartitionsSpec, partition: number): string {
  if (spec.dim === 'none') return '*'
  const at = unpack(spec, partition)
  return joined(spec, (dimension, i) => coordinateKey(dimension, at[i] ?? 0))
}

const joined = (spec: PartitionsSpec, text: (dimension: DimensionSpec, i: number) => string): string =>
  dimensionsOf(spec)
    .map(({ name, spec: dimension }, i) => (spec.dim === 'product' ? `${name}=${text(dimension, i)}` : text(dimension, i)))
    .join('/')

const coordinateKey = (spec: DimensionSpec, at: number): string => (spec.dim === 'time' ? axisOf(spec).keyOf(at) : valueKey(spec, at))

function valueKey(spec: StaticSpec | DynamicSpec, at: number): string {
  const value = valueAt(spec, at)
  return value === undefined ? '?' : word(value)
}

/**
 * `2026-01-01`, `2026-01-01..2026-01-30`, or `2026-01-01, 2026-01-05..2026-01-07`; of a product
 * `day=2026-01-01..2026-01-30/country=de,fr`. {@link parseSet} reads it back.
 */
export function formatSet(spec: PartitionsSpec, set: PartitionSet): string {
  if (isEmpty(set)) return 'none'
  if (spec.dim === 'none') return '*'
  return piecesOf(spec, set, Number.POSITIVE_INFINITY).join(', ')
}

/** As {@link formatSet}, for people: of many values and pieces the first ten, and how many more there are. */
export function shortSet(spec: PartitionsSpec, set: PartitionSet): string {
  if (isEmpty(set) || spec.dim === 'none') return formatSet(spec, set)
  const pieces = spec.dim === 'product' ? piecesOf(spec, set, MOST_NAMED) : parts(spec, set, MOST_NAMED)
  return pieces.length <= MOST_NAMED + 1
    ? pieces.join(', ')
    : [...pieces.slice(0, MOST_NAMED), `and ${pieces.length - MOST_NAMED} more`].join(', ')
}

const MOST_NAMED = 10

/** @param most values named of a dimension in each piece */
function piecesOf(spec: PartitionsSpec, set: PartitionSet, most: number): readonly string[] {
  if (spec.dim === 'none') return []
  if (spec.dim !== 'product') return parts(spec, set, most)
  return alike(boxesOf(spec, set)).map((box) => joined(spec, (dimension, i) => parts(dimension, box[i] ?? EMPTY, most).join(',')))
}

function parts(spec: DimensionSpec, set: PartitionSet, most: number): readonly string[] {
  if (spec.dim !== 'time') {
    const named = Array.from(each(first(set, most)), (at) => valueKey(spec, at))
    const more = count(set) - named.length
    return more === 0 ? named : [...named, `and ${more} more`]
  }
  const axis = axisOf(spec)
  return withoutGaps(axis, set).map(([from, to]) => (to - from === 1 ? axis.keyOf(from) : `${axis.keyOf(from)}..${axis.keyOf(to - 1)}`))
}

/** Windows on both sides of a date that does not exist are neighbours. */
function withoutGaps(axis: TimeAxis, set: PartitionSet): PartitionSet {
  const filled = set.flatMap(([, to], i): readonly Interval[] => {
    const next = set[i + 1]?.[0]
    return next !== undefined && axis.startOf(to) === axis.startOf(next) ? [[to, next]] : []
  })
  return filled.length === 0 ? set : normalise([...set, ...filled])
}

/** Boxes that differ in one dimension alone become one, dimension by dimension. */
function alike(boxes: readonly Box[]): readonly Box[] {
  let out = boxes
  for (let dimension = 0; dimension < (boxes[0]?.length ?? 0); dimension++) {
    const groups = new Map<string, Box[]>()
    for (const box of out) {
      const id = JSON.stringify(box.with(dimension, EMPTY))
      const group = groups.get(id)
      if (group) group.push(box)
      else groups.set(id, [box])
    }
    out = [...groups.values()].map((group) => (group[0] as Box).with(dimension, normalise(group.flatMap((box) => box[dimension] ?? EMPTY))))
  }
  return out
}

/** A quoted value, a sign, or a run of anything else. */
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|\.\.|[,/=]|(?:(?!\.\.)[^\s,/="])+)\s*/uy

/**
 * The partitions that a text means: what {@link formatSet} prints, and for time windows also a longer time, as `2026-01`
 * for all its days. A dimension that a text leaves out means all of it.
 * @param exist all partitions of the asset
 * @throws ASSAY-4004 with examples
 */
export function parseSet(spec: PartitionsSpec, text: string, exist: PartitionSet, where?: SourceLocation): PartitionSet {
  const set = readSet(spec, text, exist)
  if (set !== undefined) return set
  throw new AssayError('ASSAY-4004', `'${text}' is not a partition or a range of partitions`, { where, next: examples(spec) })
}

/** As {@link parseSet}; undefined for a text that means nothing. */
export function readSet(spec: PartitionsSpec, text: string, exist: PartitionSet): PartitionSet | undefined {
  if (text === 'none') return EMPTY
  if (text === '*') return exist
  const tokens = tokensOf(text)
  if (tokens === undefined || spec.dim === 'none') return undefined
  if (spec.dim !== 'product') return listOf(spec, tokens)
  const boxes = boxTokens(tokens).map((box) => boxOf(spec, box, exist))
  return boxes.includes(undefined)
    ? undefined
    : fromBoxes(
        spec,
        boxes.filter((box) => box !== undefined),
      )
}

function tokensOf(text: string): readonly string[] | undefined {
  const out: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text)
    if (match === null) return undefined
    out.push(match[1] ?? '')
  }
  return out.length === 0 ? undefined : out
}

/** Cut at tokens of one kind. */
function split(tokens: readonly string[], at: string): readonly (readonly string[])[] {
  const out: string[][] = [[]]
  for (const token of tokens) {
    if (token === at) out.push([])
    else out.at(-1)?.push(token)
  }
  return out
}

/** A comma begins another box where a name and `=` follow, else another part of the same dimension. */
function boxTokens(tokens: readonly string[]): readonly (readonly string[])[] {
  const out: string[][] = [[]]
  tokens.forEach((token, i) => {
    if (token === ',' && tokens[i + 2] === '=') out.push([])
    else out.at(-1)?.push(token)
  })
  return out
}

function boxOf(spec: PartitionsSpec, tokens: readonly string[], exist: PartitionSet): Box | undefined {
  const named = new Map<string, PartitionSet>()
  for (const [name = '', equals, ...rest] of split(tokens, '/')) {
    const dimension = dimensionsOf(spec).find((d) => d.name === name)
    const set = dimension === undefined || equals !== '=' || named.has(name) ? undefined : listOf(dimension.spec, rest)
    if (set === undefined) return undefined
    named.set(name, set)
  }
  return dimensionsOf(spec).map(({ name }, i) => named.get(name) ?? project(spec, exist, i))
}

function listOf(spec: DimensionSpec, tokens: readonly string[]): PartitionSet | undefined {
  const sets = split(tokens, ',').map((part) => (spec.dim === 'time' ? windows(spec, part) : value(spec, part)))
  return sets.includes(undefined) ? undefined : union(...sets.map((set) => set ?? EMPTY))
}

function value(spec: StaticSpec | DynamicSpec, [text = '', ...more]: readonly string[]): PartitionSet | undefined {
  const at = more.length > 0 ? undefined : indexOfValue(spec, unquoted(text))
  return at === undefined ? undefined : [[at, at + 1]]
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text
  try {
    return String(JSON.parse(text))
  } catch {
    return text
  }
}

/** One text, or two with dots between. */
function windows(spec: TimeSpec, tokens: readonly string[]): PartitionSet | undefined {
  if (tokens.length !== 1 && (tokens.length !== 3 || tokens[1] !== '..')) return undefined
  const axis = axisOf(spec)
  const from = windowsWithin(axis, tokens[0] ?? '')?.[0]?.[0]
  const to = windowsWithin(axis, tokens.at(-1) ?? '')?.[0]?.[1]
  return from === undefined || to === undefined || to <= from ? undefined : subtract([[from, to]], axis.holes(from, to))
}

const TIMES: Readonly<Record<TimeSpec['grain'], readonly [string, string]>> = {
  hour: ['an hour as 2026-01-31T13:00', '2026-01-31T13:00..2026-02-01T12:00'],
  day: ['a day as 2026-01-31', '2026-01-01..2026-01-31'],
  week: ['a week by its Monday as 2026-01-26', '2026-01-05..2026-01-26'],
  month: ['a month as 2026-01', '2026-01..2026-03'],
  cron: ['a window by its start as 2026-01-31T13:45', '2026-01-31T13:45..2026-02-28T13:45'],
}

/** What a person could have written. */
function examples(spec: PartitionsSpec): string {
  if (spec.dim === 'none') return 'Leave it out: the asset has no partitions.'
  if (spec.dim === 'static') return `Write ${listed(spec.values)}, or several with commas between.`
  if (spec.dim === 'dynamic') return heldExamples(spec)
  if (spec.dim === 'time') return `Write ${TIMES[spec.grain][0]}, or a range with both ends included as ${TIMES[spec.grain][1]}.`
  const example = ({ name, spec: dimension }: ReturnType<typeof dimensionsOf>[number]): string =>
    `${name}=${dimension.dim === 'time' ? TIMES[dimension.grain][1] : exampleValue(dimension)}`
  return `Write ${spec.dimensions.map(example).join('/')}; what is left out means all.`
}

function heldExamples({ registry, held }: DynamicSpec): string {
  const some = Array.from(each(first(held?.live ?? EMPTY, SHOWN + 1)), (id) => valueOfId(held ?? NO_VALUES, id) ?? '')
  return some.length === 0
    ? `The registry ${registry} is empty: \`assay partitions ${registry} add VALUE\`.`
    : `Write ${listed(some)}, or several with commas between; \`assay partitions ${registry}\` lists all.`
}

const exampleValue = (spec: StaticSpec | DynamicSpec): string => {
  const at = spec.dim === 'dynamic' ? (spec.held?.live[0]?.[0] ?? 0) : 0
  return word(valueAt(spec, at) ?? 'VALUE')
}

const SHOWN = 5
const listed = (values: readonly string[]): string =>
  values.slice(0, SHOWN).map(word).join(' or ') + (values.length > SHOWN ? ` (or one of ${values.length - SHOWN} more)` : '')
