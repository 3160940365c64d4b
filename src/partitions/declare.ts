import { AssayError } from '../errors.ts'
import { parseLocal } from './calendar.ts'
import { firstWindow, windowRange } from './partitions.ts'
import { room } from './product.ts'
import type { DimensionSpec, DynamicSpec, Grain, PartitionsSpec, ProductSpec, StaticSpec, TimeSpec } from './spec.ts'
import { axisOf } from './time-axis.ts'
import { firstInstant } from './zone.ts'

export interface Unpartitioned {
  readonly dim: 'none'
  readonly name: 'unpartitioned'
  readonly spec: PartitionsSpec
}

/** One partition for each window of time. */
export interface TimeWindows<out G extends Grain = Grain, out Column extends string = string> {
  readonly dim: 'time'
  readonly name: G
  readonly spec: TimeSpec
  /** For the type checker: the column that holds the window; `''` where none is named. */
  readonly column: Column
  /**
   * Names the column that holds the window. UTC hours, days and months: the `timestamptz` itself. Of another zone: a
   * `date` (days, weeks, months), or a `string` with the key. A `timestamp` is wall time in the zone of the partitions.
   */
  on<const C extends string>(column: C): TimeWindows<G, C>
}
export type Daily<Column extends string = string> = TimeWindows<'day', Column>

/** One partition for each value of a fixed list. */
export interface StaticPartitions<out Value extends string = string, out Column extends string = string> {
  readonly dim: 'static'
  readonly name: 'static'
  readonly spec: StaticSpec
  readonly column: Column
  readonly values: readonly Value[]
  /** Names the text column that holds the value. */
  on<const C extends string>(column: C): StaticPartitions<Value, C>
}

/** One partition for each value that a registry holds; values are added and removed while the project stands. */
export interface DynamicPartitions<out Name extends string = string, out Column extends string = string> {
  readonly dim: 'dynamic'
  readonly name: 'dynamic'
  readonly spec: DynamicSpec
  readonly column: Column
  /** Assets that name the same registry have the same partitions. */
  readonly registry: Name
  /** Names the text column that holds the value. */
  on<const C extends string>(column: C): DynamicPartitions<Name, C>
}

export type Dimension = TimeWindows | StaticPartitions | DynamicPartitions
export type Dimensions = { readonly [name: string]: Dimension }

/** Every combination of the partitions of its dimensions. */
export interface ProductPartitions<D extends Dimensions = Dimensions> {
  readonly dim: 'product'
  readonly name: 'product'
  readonly spec: ProductSpec
  readonly dimensions: D
  /** For the type checker: the columns of all dimensions. */
  readonly column: D[keyof D]['column']
}

export type Partitions = Unpartitioned | Dimension | ProductPartitions

const WITHOUT: PartitionsSpec = { dim: 'none' }
export const UNPARTITIONED: Unpartitioned = Object.freeze({ dim: 'none', name: 'unpartitioned', spec: WITHOUT })

/** Local times of `timezone` at which windows begin: the first one, and the one behind the last. */
export interface WindowOptions {
  readonly start: string
  /** Exclusive. Without it, partitions go up to the last window that is over. */
  readonly end?: string
  /** IANA name; UTC without one. */
  readonly timezone?: string
  /** How many windows there are beyond the last one that is over: 1 takes in the one that goes on. Term: Dagster. */
  readonly endOffset?: number
}

/**
 * One partition an hour of the local clock: in a repeated hour two, in a skipped one none.
 * @throws ASSAY-1016 as {@link daily}
 */
export const hourly = (window: WindowOptions): TimeWindows<'hour', ''> => timeWindows('hour', window)

/**
 * One partition a day, from `start` up to but not including `end` (without an end: up to and including yesterday). A day
 * begins at the first instant whose local date it is; a date that the zone skips has no partition.
 * @throws ASSAY-1016 for a time that is none or begins no window, an end that does not lie after start, an unknown zone
 */
export const daily = (window: WindowOptions): Daily<''> => timeWindows('day', window)

/** One partition a week, Monday to Sunday, named by its Monday. @throws ASSAY-1016 as {@link daily} */
export const weekly = (window: WindowOptions): TimeWindows<'week', ''> => timeWindows('week', window)

/** One partition a month. @throws ASSAY-1016 as {@link daily} */
export const monthly = (window: WindowOptions): TimeWindows<'month', ''> => timeWindows('month', window)

/**
 * One partition from each tick of a cron expression of five fields to the next. Ticks are counted from 1970.
 * @throws ASSAY-1016 as {@link daily}, and for an expression that is none or never fires
 */
export const cron = (expression: string, window: WindowOptions): TimeWindows<'cron', ''> => timeWindows('cron', window, expression)

function timeWindows<G extends Grain>(grain: G, window: WindowOptions, expression?: string): TimeWindows<G, ''> {
  const { start, end, timezone, endOffset } = window
  const spec: TimeSpec & { grain: G } = {
    dim: 'time',
    grain,
    start,
    ...(end === undefined ? {} : { end }),
    ...(timezone === undefined || timezone === 'UTC' ? {} : { zone: timezone }),
    ...(expression === undefined ? {} : { cron: expression }),
    ...(endOffset === undefined || endOffset === 0 ? {} : { endOffset }),
  }
  beginsWindow(spec, 'start', start)
  if (end !== undefined) beginsWindow(spec, 'end', end)
  if (end !== undefined && windowRange(spec, 0)[1] <= firstWindow(spec)) throw wrong(`end ${end} does not lie after start ${start}`)
  if (end !== undefined && endOffset !== undefined) throw wrong('endOffset moves an end that is open, and this one is given')
  if (endOffset !== undefined && !Number.isInteger(endOffset)) throw wrong(`endOffset is a whole number, not ${endOffset}`)
  return windowsOf(spec)
}

const wrong = (what: string, next?: string): AssayError => new AssayError('ASSAY-1016', what, next === undefined ? {} : { next })

const EXAMPLES: Readonly<Record<Grain, string>> = {
  hour: '2026-01-31T13:00',
  day: '2026-01-31',
  week: '2026-01-26, a Monday',
  month: '2026-01',
  cron: '2026-01-31',
}

/** A cron may begin between two ticks; any other start must be that of a window, or the first one would be cut. */
function beginsWindow(spec: TimeSpec, option: 'start' | 'end', text: string): void {
  const time = parseLocal(text)
  const word = spec.grain === 'cron' ? 'time' : spec.grain
  if (time === undefined) throw wrong(`${option} '${text}' is not a ${word}`, `Write it as ${EXAMPLES[spec.grain]}.`)
  const axis = axisOf(spec)
  const instant = firstInstant(axis.zone, time.local)
  const window = axis.at(instant)
  if (spec.grain === 'cron') {
    if (instant < 0) throw wrong(`${option} '${text}' lies before 1970, from where ticks are counted`)
  } else if (axis.startOf(window) !== instant) {
    throw wrong(`no ${word} begins at ${option} '${text}'`, `The one that holds it is ${axis.keyOf(window)}.`)
  }
}

const windowsOf = <G extends Grain, C extends string>(spec: TimeSpec & { readonly grain: G }): TimeWindows<G, C> =>
  Object.freeze({
    dim: 'time',
    name: spec.grain,
    spec,
    column: (spec.column ?? '') as C,
    on: <const N extends string>(column: N) => windowsOf<G, N>({ ...spec, column }),
  })

/**
 * One partition a value. Their order counts: append new values at the end.
 * @throws ASSAY-1016 for an empty list, an empty value, or one that comes twice
 */
export function staticPartitions<const V extends string>(values: readonly V[]): StaticPartitions<V, ''> {
  if (values.length === 0) throw wrong('static partitions need at least one value')
  if (values.includes('' as V)) throw wrong('a static partition has an empty name')
  const twice = values.find((value, i) => values.indexOf(value) !== i)
  if (twice !== undefined) throw wrong(`the static partition '${twice}' comes twice`)
  return valuesOf({ dim: 'static', values: [...values] }, values)
}

const valuesOf = <V extends string, C extends string>(spec: StaticSpec, values: readonly V[]): StaticPartitions<V, C> =>
  Object.freeze({
    dim: 'static',
    name: 'static',
    spec,
    column: (spec.column ?? '') as C,
    values,
    on: <const N extends string>(column: N) => valuesOf<V, N>({ ...spec, column }, values),
  })

/** What computes call the parts of a partition: `partition.start` beside `partition.day.start`. */
const TAKEN = ['key', 'keys', 'start', 'end']
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * One partition for each value of a registry, which is kept in the metadata store: `assay partitions <registry> add acme`.
 * @example dynamic('customers').on('customer')
 * @throws ASSAY-1016 for a name that is no word
 */
export function dynamic<const N extends string>(registry: N): DynamicPartitions<N, ''> {
  if (!NAME.test(registry)) throw wrong(`'${registry}' is not a name of a registry`, 'Use letters, digits and _.')
  return registered({ dim: 'dynamic', registry }, registry)
}

const registered = <N extends string, C extends string>(spec: DynamicSpec, registry: N): DynamicPartitions<N, C> =>
  Object.freeze({
    dim: 'dynamic',
    name: 'dynamic',
    spec,
    column: (spec.column ?? '') as C,
    registry,
    on: <const M extends string>(column: M) => registered<N, M>({ ...spec, column }, registry),
  })

/**
 * Every combination of the partitions of two or more dimensions. All windows of one time dimension cost what one costs;
 * of the others each value counts. A day beside a registry has room for 16 million values, and for two million where there
 * is a list of values as well.
 * @example product({ day: daily({ start: '2026-01-01' }).on('ts'), country: staticPartitions(['de', 'fr']).on('country') })
 * @throws ASSAY-1016 for a name that is no word, less than two dimensions, and more values than there is room for
 */
export function product<const D extends Dimensions>(dimensions: D): ProductPartitions<D> {
  const entries = Object.entries(dimensions)
  if (entries.length < 2) throw wrong('a product has two or more dimensions', 'Give the one dimension itself as `partitions`.')
  const odd = entries.find(([name]) => !NAME.test(name) || TAKEN.includes(name))
  if (odd !== undefined) throw wrong(`'${odd[0]}' is not a name of a dimension`, `Use letters, digits and _, but not ${TAKEN.join(', ')}.`)
  const spec: ProductSpec = { dim: 'product', dimensions: entries.map(([name, { spec: of }]) => ({ name, spec: of })) }
  entries.forEach(([name, { spec: of }], i) => {
    const fault = overflow(of, room(spec, i))
    if (fault !== undefined) throw wrong(`the dimension ${name} has ${fault}`, 'Take fewer dimensions, or fewer values.')
  })
  return Object.freeze({ dim: 'product', name: 'product', spec, dimensions, column: '' as D[keyof D]['column'] })
}

function overflow(spec: DimensionSpec, [from, to]: readonly [number, number]): string | undefined {
  if (spec.dim === 'dynamic') return undefined
  if (spec.dim === 'static') return spec.values.length > to ? `${spec.values.length} values, and there is room for ${to}` : undefined
  const [first, end] = [firstWindow(spec), windowRange(spec, spec.end === undefined ? CENTURY_END : 0)[1]]
  return first < from || end > to ? `windows beyond the ${to - from} that there is room for` : undefined
}

/** 2100-01-01: an open end must have room until then. */
const CENTURY_END = 4_102_444_800_000

/** What was declared, of its plain data. */
export function partitionsOf(spec: PartitionsSpec): Partitions {
  switch (spec.dim) {
    case 'none':
      return UNPARTITIONED
    case 'time':
      return windowsOf(spec)
    case 'static':
      return valuesOf(spec, spec.values)
    case 'dynamic':
      return registered(spec, spec.registry)
    case 'product': {
      const dimensions = spec.dimensions.map(({ name, spec: of }) => [name, partitionsOf(of) as Dimension] as const)
      return Object.freeze({ dim: 'product', name: 'product', spec, dimensions: Object.fromEntries(dimensions), column: '' })
    }
  }
}
