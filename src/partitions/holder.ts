import type { IcebergType, PrimitiveType, Transform } from '../schema/iceberg-type.ts'
import { quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import { each, type PartitionSet } from './partition-set.ts'
import { idOf, NO_VALUES, valueOfId } from './registry.ts'
import type { DimensionSpec, DynamicSpec, StaticSpec, TimeSpec } from './spec.ts'
import { axisOf, windowOfKey } from './time-axis.ts'

/**
 * The Iceberg transform by which a column of this type holds a dimension; undefined where it cannot. Iceberg's transforms
 * of a `timestamptz` cut by UTC, so windows of another zone need a column that names them.
 */
export function transformOf(spec: DimensionSpec, type: PrimitiveType): Transform | undefined {
  if (type === 'string') return 'identity'
  if (spec.dim !== 'time' || spec.grain === 'cron') return undefined
  if (type === 'date') return spec.grain === 'hour' ? undefined : spec.grain === 'week' ? 'identity' : spec.grain
  if (spec.grain === 'week' || (type !== 'timestamptz' && type !== 'timestamp')) return undefined
  const wallTime = type === 'timestamp' && spec.grain !== 'hour'
  return spec.zone === undefined || wallTime ? spec.grain : undefined
}

/** Types of columns that can hold a dimension, for messages. */
export const holders = (spec: DimensionSpec): readonly PrimitiveType[] =>
  (['timestamptz', 'timestamp', 'date', 'string'] as const).filter((type) => transformOf(spec, type) !== undefined)

/** The partition that a value of the transformed column means; undefined for a value that is none. */
export function coordinateOf(spec: DimensionSpec, type: PrimitiveType, value: unknown): number | undefined {
  if (typeof value === 'string') return spec.dim === 'time' ? windowOfKey(axisOf(spec), value) : indexOfValue(spec, value)
  if (typeof value !== 'number' || spec.dim !== 'time') return undefined
  if (spec.grain !== 'week') return value
  const week = Math.floor((value + 3) / 7)
  return type === 'date' && week * 7 - 3 === value ? week : undefined
}

/** The partition of a value, removed ones too; undefined for a value that is none. */
export function indexOfValue(spec: StaticSpec | DynamicSpec, value: string): number | undefined {
  if (spec.dim === 'dynamic') return idOf(spec.held ?? NO_VALUES, value)
  const at = spec.values.indexOf(value)
  return at < 0 ? undefined : at
}

/** The value of a partition; undefined where there is none. */
export const valueAt = (spec: StaticSpec | DynamicSpec, at: number): string | undefined =>
  spec.dim === 'dynamic' ? valueOfId(spec.held ?? NO_VALUES, at) : spec.values[at]

/** What a text column holds for a partition: its value, or its key as people write it. */
export const heldKey = (spec: DimensionSpec, at: number): string =>
  spec.dim === 'time' ? axisOf(spec).keyOf(at) : (valueAt(spec, at) ?? '')

/** The rows of a set, as SQL: by ranges where the column is a time, by its keys where it holds those. */
export function insideSql(spec: DimensionSpec, type: PrimitiveType, set: PartitionSet): string {
  if (spec.column === undefined) return 'true'
  const column = quoteIdentifier(spec.column)
  if (spec.dim !== 'time' || type === 'string') {
    const keys = Array.from(each(set), (at) => quoteText(heldKey(spec, at)))
    return keys.length === 0 ? 'false' : `${column} IN (${keys.join(', ')})`
  }
  const ranges = set.map(([from, to]) => `${column} >= ${boundSql(spec, type, from)} AND ${column} < ${boundSql(spec, type, to)}`)
  if (ranges.length < 2) return ranges[0] ?? 'false'
  return `(${ranges.map((range) => `(${range})`).join(' OR ')})`
}

/**
 * Where a window begins, as a SQL literal: wall time for a `timestamp` or `date` column, else the instant. The end of a
 * window is where the next one begins.
 */
export function boundSql(spec: TimeSpec, type: IcebergType | undefined, window: number): string {
  const axis = axisOf(spec)
  const start = axis.startOf(window)
  const text = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')
  const local = text(start + axis.zone.offsetAt(start))
  if (type === 'timestamptz' || type === 'string') return `TIMESTAMPTZ '${text(start)}+00'`
  return type === 'timestamp' ? `TIMESTAMP '${local}'` : `DATE '${local.slice(0, 10)}'`
}
