import { type Added, addedBy, withAdded } from '../assets/added.ts'
import { ancestors, type Snapshot, type TableMetadata } from '../iceberg/metadata.ts'
import type { Materialization } from '../storage/events.ts'

/** Summary properties by which a snapshot says what it was made from; in a table to which rows are added, what has been since it began. */
const INPUT_VERSIONS = 'assay.input-versions'
const ADDED_VERSIONS = 'assay.added-versions'

type Summary = Snapshot['summary']

/** What goes into the summary of the snapshot of a materialization. */
export const madeFromIn = ({ added, inputs }: Materialization): Summary =>
  added === undefined ? { [INPUT_VERSIONS]: JSON.stringify(inputs) } : { [ADDED_VERSIONS]: JSON.stringify(added) }

function addedIn(summary: Summary): Added | undefined {
  const [added, inputs] = [summary[ADDED_VERSIONS], summary[INPUT_VERSIONS]]
  if (added !== undefined) return JSON.parse(added) as Added
  return inputs === undefined ? undefined : addedBy({ inputs: JSON.parse(inputs) as Materialization['inputs'] })
}

/**
 * What was added to a table: by its last record and by its own account, which knows more where the record is lost, and less
 * where a step read partitions without rows. Of a partition that both know, the later one counts. What a rollback took away
 * is in neither.
 */
export function addedTo(record: Materialization | undefined, metadata: TableMetadata | undefined): Added {
  const line = metadata === undefined ? [] : ancestors(metadata)
  const last = line.find(({ id, summary }) => id === record?.snapshotId || addedIn(summary) !== undefined)
  const recorded = record === undefined ? [] : addedBy(record)
  return last === undefined || last.id === record?.snapshotId ? recorded : withAdded(recorded, addedIn(last.summary) ?? [])
}

/** What was added to a table, for the summary of a snapshot that keeps its rows: those that say so may expire. */
export function carriedOn(metadata: TableMetadata): Summary {
  const last = ancestors(metadata).find(({ summary }) => addedIn(summary) !== undefined)?.summary[ADDED_VERSIONS]
  return last === undefined ? {} : { [ADDED_VERSIONS]: last }
}
