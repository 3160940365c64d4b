import { AssayError } from '../errors.ts'

/** A change of a zone's offset. Instants and offsets in milliseconds; an offset is what is added to get local time. */
export interface Change {
  readonly at: number
  readonly before: number
  readonly after: number
}

/** A stretch of time with one offset, `from ≤ t < to`. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly offset: number
}

/** A time zone. Only the changes of its offset are read from `Intl`, a year at a time; all else is arithmetic. */
export interface Zone {
  readonly name: string
  offsetAt(instant: number): number
  /** In `from < t ≤ to`, in order. */
  changes(from: number, to: number): readonly Change[]
}

const SECOND = 1000
const DAY = 86_400_000
/** Two changes were never closer than seven days to each other (America/Noronha, 2000), so none hides between two looks. */
const STEP = 5 * DAY

const UTC: Zone = { name: 'UTC', offsetAt: () => 0, changes: () => [] }
const zones = new Map<string, Zone>([['UTC', UTC]])

/** The zone of an IANA name; without a name UTC. @throws ASSAY-1016 for a name that is unknown */
export function zoneOf(name = 'UTC'): Zone {
  const known = zones.get(name)
  if (known !== undefined) return known
  const made = zoneOver(name, offsetReader(name))
  zones.set(name, made)
  return made
}

function zoneOver(name: string, read: (instant: number) => number): Zone {
  const years = new Map<number, { readonly first: number; readonly changes: readonly Change[] }>()
  const yearOf = (year: number): { readonly first: number; readonly changes: readonly Change[] } => {
    const known = years.get(year)
    if (known !== undefined) return known
    const from = yearStart(year)
    const made = { first: read(from), changes: changesBetween(read, from, yearStart(year + 1)) }
    years.set(year, made)
    return made
  }
  return {
    name,
    offsetAt: (instant) => {
      const { first, changes } = yearOf(new Date(instant).getUTCFullYear())
      let offset = first
      for (const change of changes) if (change.at <= instant) offset = change.after
      return offset
    },
    changes: (from, to) => {
      const out: Change[] = []
      for (let year = new Date(from).getUTCFullYear(); yearStart(year) <= to; year++)
        for (const change of yearOf(year).changes) if (change.at > from && change.at <= to) out.push(change)
      return out
    },
  }
}

const yearStart = (year: number): number => new Date(0).setUTCFullYear(year, 0, 1)

/** Changes in `start < t ≤ end`, each found by halving the stretch that it lies in, to the second. */
function changesBetween(read: (instant: number) => number, start: number, end: number): readonly Change[] {
  const out: Change[] = []
  let from = start
  let before = read(from)
  while (from < end) {
    const to = Math.min(from + STEP, end)
    if (read(to) === before) {
      from = to
      continue
    }
    let [low, high] = [from, to]
    while (high - low > SECOND) {
      const middle = low + Math.floor((high - low) / 2 / SECOND) * SECOND
      if (read(middle) === before) low = middle
      else high = middle
    }
    const after = read(high)
    out.push({ at: high, before, after })
    from = high
    before = after
  }
  return out
}

function offsetReader(name: string): (instant: number) => number {
  const format = formatOf(name)
  return (instant) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = (format.format(instant).match(/\d+/g) ?? []).map(Number)
    return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * SECOND - instant
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const whole = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...whole })
  } catch (cause) {
    throw new AssayError('ASSAY-1016', `'${timeZone}' is not a time zone`, { next: 'Write an IANA name such as Europe/Berlin.', cause })
  }
}

/** The stretches of one offset from `from` to `to`, in order and without gaps. */
export function spans(zone: Zone, from: number, to: number): readonly Span[] {
  const out: Span[] = []
  let start = from
  let offset = zone.offsetAt(from)
  for (const change of zone.changes(from, to - 1)) {
    out.push({ from: start, to: change.at, offset })
    start = change.at
    offset = change.after
  }
  return [...out, { from: start, to, offset }]
}

/** Local times differ from UTC by less than this. */
const REACH = 2 * DAY

/** The instants of a local time: none in a gap, two where the clock was set back. */
export function instantsOf(zone: Zone, local: number): readonly number[] {
  if (zone === UTC) return [local]
  return spans(zone, local - REACH, local + REACH).flatMap(({ from, to, offset }) => {
    const instant = local - offset
    return instant >= from && instant < to ? [instant] : []
  })
}

/** The first instant whose local time is not before `local`: behind a gap, the instant of the change. */
export function firstInstant(zone: Zone, local: number): number {
  if (zone === UTC) return local
  for (const { from, to, offset } of spans(zone, local - REACH, local + REACH))
    if (to + offset > local) return Math.max(from, local - offset)
  return local
}
