/**
 * How a column of an input stands behind a column of a result. `copy`: its value, unchanged. `derive`: computed from it.
 * `aggregate`: computed from many rows of it. The others say which rows there are, in which groups, in which order.
 */
export type LineageKind = 'copy' | 'derive' | 'aggregate' | 'filter' | 'join' | 'group' | 'order'

/** A column of an input, and how it is used. */
export type LineageSource = readonly [input: string, column: string, kind: LineageKind]

/** Where the columns of a statement come from, as plain data. What is not known is not there: never guessed. */
export interface Lineage {
  /** By output column. One that is not here is unknown: it may come from anything that the statement reads. */
  readonly columns: Readonly<Record<string, readonly LineageSource[]>>
  /** What decides which rows there are; it stands behind every column. Absent when unknown. */
  readonly rows?: readonly LineageSource[]
  /** Why something is unknown. */
  readonly unknown?: string
}

/** Thrown where a statement holds something that this analysis does not follow. */
export class UnknownLineage extends Error {}

/** A set of columns of inputs, each with its kinds as bits. */
export type Sources = ReadonlyMap<string, number>

export const NONE: Sources = new Map()

/** In the order in which they are told. */
export const LINEAGE_KINDS: readonly LineageKind[] = ['copy', 'derive', 'aggregate', 'filter', 'join', 'group', 'order']
const bit = (kind: LineageKind): number => 1 << LINEAGE_KINDS.indexOf(kind)
const COPY = bit('copy')
const DERIVE = bit('derive')
const AGGREGATE = bit('aggregate')
const VALUE = COPY | DERIVE | AGGREGATE

/** Between input and column in a key; neither holds it. */
const SEPARATOR = '\0'

export const sourceOf = (input: string, column: string): Sources => new Map([[`${input}${SEPARATOR}${column}`, COPY]])

export function unite(...sets: readonly Sources[]): Sources {
  const filled = sets.filter((set) => set.size > 0)
  if (filled.length < 2) return filled[0] ?? NONE
  const all = new Map<string, number>()
  for (const set of filled) for (const [key, bits] of set) all.set(key, (all.get(key) ?? 0) | bits)
  return all
}

const mapped = (set: Sources, change: (bits: number) => number): Sources =>
  set.size === 0 ? set : new Map([...set].map(([key, bits]) => [key, change(bits)]))

/** What is computed from these: a copy of something is something derived now. */
export const derived = (set: Sources): Sources =>
  mapped(set, (bits) => (bits & ~(COPY | DERIVE)) | ((bits & (COPY | DERIVE)) === 0 ? 0 : DERIVE))

/** What is computed from many rows of these. */
export const aggregated = (set: Sources): Sources => mapped(set, (bits) => (bits & ~VALUE) | ((bits & VALUE) === 0 ? 0 : AGGREGATE))

/** The same columns, used in one way only. */
export const usedAs = (kind: 'filter' | 'join' | 'group' | 'order', set: Sources): Sources => mapped(set, () => bit(kind))

/** Plain data, in order of input, column and kind. */
export function sourceList(set: Sources): readonly LineageSource[] {
  const keys = [...set.keys()].sort()
  return keys.flatMap((key) => {
    const [input = '', column = ''] = key.split(SEPARATOR)
    return LINEAGE_KINDS.filter((kind) => ((set.get(key) ?? 0) & bit(kind)) !== 0).map((kind): LineageSource => [input, column, kind])
  })
}
