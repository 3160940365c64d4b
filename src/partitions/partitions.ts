import { type PartitionSet, range, subtract, WHOLE } from './partition-set.ts'
import { fromBoxes } from './product.ts'
import { NO_VALUES } from './registry.ts'
import { type DimensionSpec, dimensionsOf, type PartitionsSpec, type TimeSpec } from './spec.ts'
import { axisOf, firstFrom } from './time-axis.ts'
import { parseLocal } from './calendar.ts'
import { firstInstant, type Zone } from './zone.ts'

/** All partitions that exist at the time `now` (milliseconds since the epoch); of a dynamic dimension those of the registry that it is bound to. */
export function universe(spec: PartitionsSpec, now: number): PartitionSet {
  if (spec.dim === 'none') return WHOLE
  return fromBoxes(spec, [dimensionsOf(spec).map((dimension) => existing(dimension.spec, now))])
}

function existing(spec: DimensionSpec, now: number): PartitionSet {
  if (spec.dim === 'static') return range(0, spec.values.length)
  if (spec.dim === 'dynamic') return (spec.held ?? NO_VALUES).live
  const [first, end] = windowRange(spec, now)
  return subtract(range(first, end), axisOf(spec).holes(first, end))
}

/** First window, and the one behind the last; without an end those that are over at `now`, moved by the end offset. */
export function windowRange(spec: TimeSpec, now: number): readonly [from: number, to: number] {
  const axis = axisOf(spec)
  const end = spec.end === undefined ? axis.at(now) + (spec.endOffset ?? 0) : firstFrom(axis, instantAt(axis.zone, spec.end))
  return [firstWindow(spec), end]
}

/** The first window of a time dimension. */
export function firstWindow(spec: TimeSpec): number {
  const axis = axisOf(spec)
  return firstFrom(axis, instantAt(axis.zone, spec.start))
}

const instantAt = (zone: Zone, text: string): number => firstInstant(zone, parseLocal(text)?.local ?? 0)
