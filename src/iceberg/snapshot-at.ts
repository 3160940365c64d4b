import { AssayError } from '../errors.ts'
import { ancestors, type Snapshot, type SnapshotId, snapshotOf, type TableMetadata } from './metadata.ts'
import { refList, refOf } from './refs.ts'

/** A version of a table: a snapshot, what `main` was at a time (milliseconds since the epoch), or what a branch or tag points to. */
export type At = { readonly id: SnapshotId } | { readonly timestamp: number } | { readonly ref: string }

/** Snapshots that an error lists, newest first. */
const LISTED = 5

/** Time travel. @throws ASSAY-2009 saying what there is */
export function snapshotAt(metadata: TableMetadata, at: At): Snapshot {
  if ('timestamp' in at) return snapshotAsOf(metadata, at.timestamp)
  const id = 'id' in at ? at.id : refOf(metadata, at.ref).snapshotId
  const found = metadata.snapshots.find((snapshot) => snapshot.id === id)
  if (found !== undefined) return found
  throw new AssayError('ASSAY-2009', `The table at ${metadata.location} has no snapshot ${id}`, { details: newest(metadata) })
}

function snapshotAsOf(metadata: TableMetadata, timestamp: number): Snapshot {
  const history = historyOf(metadata)
  const id = history.findLast((entry) => entry.timestamp <= timestamp)?.snapshotId
  const found = id === undefined ? undefined : snapshotOf(metadata, id)
  if (found !== undefined) return found
  const [first] = history
  const known = first === undefined ? 'it has no snapshot yet' : `what is kept begins at ${iso(first.timestamp)}`
  throw new AssayError('ASSAY-2009', `The table at ${metadata.location} has no snapshot as of ${iso(timestamp)}: ${known}`, {
    details: newest(metadata),
  })
}

/** What `main` was since when, oldest first. Writers may leave the log out; then the ancestors have to do. */
export const historyOf = (metadata: TableMetadata): TableMetadata['snapshotLog'] =>
  metadata.snapshotLog.length > 0
    ? metadata.snapshotLog
    : ancestors(metadata)
        .toReversed()
        .map(({ id, timestamp }) => ({ timestamp, snapshotId: id }))

const newest = (metadata: TableMetadata): readonly string[] =>
  metadata.snapshots
    .slice(-LISTED)
    .toReversed()
    .map(({ id, timestamp, operation }) => `${id} ${operation} of ${iso(timestamp)}`)

const iso = (timestamp: number): string => {
  const date = new Date(timestamp)
  return Number.isNaN(date.getTime()) ? String(timestamp) : date.toISOString()
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,3})?(Z|[+-]\d\d:\d\d)?)?$/
const DAY = 86_400_000

/**
 * A version as people write it: the name of a branch or tag, the id of a snapshot, or a time in ISO 8601. A time is meant
 * to the precision that it is given in, in UTC where it has no zone: `2026-01-31` is the end of that day, and
 * `14:03:22Z`, as snapshots are listed, the end of that second.
 * @throws ASSAY-2009 for what is none of these
 */
export function parseAt(metadata: TableMetadata, text: string): At {
  if (metadata.refs[text] !== undefined) return { ref: text }
  if (/^\d+$/.test(text)) return { id: text }
  const time = timeOf(text)
  if (time !== undefined) return { timestamp: time }
  throw new AssayError(
    'ASSAY-2009',
    `The table at ${metadata.location} has no branch or tag ${text}, nor is that a snapshot id or a time`,
    {
      details: [...refList(metadata), ...newest(metadata)],
    },
  )
}

function timeOf(text: string): number | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [, day = '', minutes, seconds, fraction = '', zone = 'Z'] = match
  const start = Date.parse(minutes === undefined ? `${day}T00:00:00Z` : `${day}T${minutes}${seconds ?? ':00'}${fraction}${zone}`)
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(start) || !new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return undefined
  const span = minutes === undefined ? DAY : seconds === undefined ? 60_000 : fraction === '' ? 1000 : 1
  return start + span - 1
}
