import { AssayError, type SourceLocation } from '../errors.ts'
import { count, type PartitionSet, range, WHOLE } from './partition-set.ts'

/** How an asset is sliced, as plain data. `end` is exclusive; a `column` is what holds the slice in the table. */
export type PartitionsSpec =
  | { readonly dim: 'none' }
  | { readonly dim: 'time'; readonly grain: 'day'; readonly start: string; readonly end?: string; readonly column?: string }

export interface Unpartitioned {
  readonly dim: 'none'
  readonly name: 'unpartitioned'
  readonly spec: PartitionsSpec
}

/** Daily partitions. Days are UTC for a `timestamptz` column, and wall time for a `timestamp` or `date` column. */
export interface Daily<out Column extends string = string> {
  readonly dim: 'time'
  readonly name: 'day'
  readonly spec: PartitionsSpec & { readonly dim: 'time' }
  /** For the type checker: the column that holds the day; `''` where none is named. */
  readonly column: Column
  /** Names the column that holds the day: a `timestamptz`, `timestamp` or `date`. */
  on<const C extends string>(column: C): Daily<C>
}

export type Partitions = Unpartitioned | Daily

const WITHOUT: PartitionsSpec = { dim: 'none' }
export const UNPARTITIONED: Unpartitioned = Object.freeze({ dim: 'none', name: 'unpartitioned', spec: WITHOUT })

const DAY = /^\d{4}-\d\d-\d\d$/
const MS_A_DAY = 86_400_000

/**
 * One partition a day, from `start` up to but not including `end` (without an end: up to and including yesterday, UTC).
 * @throws ASSAY-1016 when a day is not a day, or end does not lie after start
 */
export function daily(window: { readonly start: string; readonly end?: string }): Daily<''> {
  const start = dayIndex(window.start)
  const end = window.end === undefined ? undefined : dayIndex(window.end)
  if (start === undefined) throw new AssayError('ASSAY-1016', `start '${window.start}' is not a day`)
  if (window.end !== undefined && end === undefined) throw new AssayError('ASSAY-1016', `end '${window.end}' is not a day`)
  if (end !== undefined && end <= start) throw new AssayError('ASSAY-1016', `end ${window.end} does not lie after start ${window.start}`)
  return made({ dim: 'time', grain: 'day', start: window.start, ...(window.end === undefined ? {} : { end: window.end }) })
}

const made = <C extends string>(spec: PartitionsSpec & { dim: 'time' }): Daily<C> =>
  Object.freeze({
    dim: 'time',
    name: 'day',
    spec,
    column: (spec.column ?? '') as C,
    on: <const N extends string>(column: N) => made<N>({ ...spec, column }),
  })

/** Days since 1970-01-01 of a `YYYY-MM-DD`; undefined when it is no day of the calendar. */
export function dayIndex(day: string): number | undefined {
  const ms = DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN
  return Number.isNaN(ms) || dayKey(ms / MS_A_DAY) !== day ? undefined : ms / MS_A_DAY
}

/** `YYYY-MM-DD` of a number of days since 1970-01-01. */
export const dayKey = (index: number): string => new Date(index * MS_A_DAY).toISOString().slice(0, 10)

/** All partitions that exist at the time `now` (milliseconds since the epoch). */
export function universe(spec: PartitionsSpec, now: number): PartitionSet {
  if (spec.dim === 'none') return WHOLE
  const start = dayIndex(spec.start) ?? 0
  const end = spec.end === undefined ? Math.floor(now / MS_A_DAY) : (dayIndex(spec.end) ?? start)
  return range(start, end)
}

/** The key of one partition as people write it; the one of an unpartitioned asset has none and prints as `*`. */
export const partitionKey = (spec: PartitionsSpec, partition: number): string => (spec.dim === 'none' ? '*' : dayKey(partition))

/** `2026-01-01`, `2026-01-01..2026-01-30`, or `2026-01-01, 2026-01-05..2026-01-07`. */
export function formatSet(spec: PartitionsSpec, set: PartitionSet): string {
  if (spec.dim === 'none') return count(set) === 0 ? 'none' : '*'
  const words = set.map(([from, to]) => (to - from === 1 ? dayKey(from) : `${dayKey(from)}..${dayKey(to - 1)}`))
  return words.length === 0 ? 'none' : words.join(', ')
}

/**
 * What a person writes: one key, or `A..B` with both ends included.
 * @throws ASSAY-4004 when it is neither
 */
export function parseRange(text: string, where?: SourceLocation): PartitionSet {
  const [first = '', last = first, ...more] = text.split('..')
  const from = dayIndex(first)
  const to = dayIndex(last)
  if (from === undefined || to === undefined || more.length > 0 || to < from) {
    throw new AssayError('ASSAY-4004', `'${text}' is not a partition or a range of partitions`, {
      where,
      next: 'Write a day as 2026-01-31, or a range with both ends included as 2026-01-01..2026-01-31.',
    })
  }
  return range(from, to + 1)
}
