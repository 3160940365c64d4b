import { AssayError } from '../errors.ts'
import type { IcebergSchema, NestedField } from '../schema/iceberg-type.ts'
import { ancestors, schemaOf, type Snapshot, type SnapshotId, type SnapshotRef, snapshotOf, type TableMetadata } from './metadata.ts'

/** The branch that readers see when they name none. */
export const MAIN = 'main'

/** How long a ref and what it reaches are kept. Absent: as the table's properties say. Source: specification, "Snapshot References". */
export interface Retention {
  /** Of a branch: snapshots kept whatever their age. */
  readonly minSnapshotsToKeep?: number
  /** Of a branch: milliseconds. */
  readonly maxSnapshotAge?: number
  /** Milliseconds since its snapshot was committed, after which the ref goes; `main` never goes. */
  readonly maxRefAge?: number
}

/** Retention fields as metadata spells them. */
const FIELDS: Readonly<Record<keyof Retention, string>> = {
  minSnapshotsToKeep: 'min-snapshots-to-keep',
  maxSnapshotAge: 'max-snapshot-age-ms',
  maxRefAge: 'max-ref-age-ms',
}
const NAMES: readonly (keyof Retention)[] = ['minSnapshotsToKeep', 'maxSnapshotAge', 'maxRefAge']

/** What a ref itself says of how long it is kept. */
export function retentionOf(ref: SnapshotRef): Retention {
  const set = NAMES.flatMap((name): [string, number][] => {
    const value = ref.rest?.[FIELDS[name]]
    return typeof value === 'number' || typeof value === 'bigint' ? [[name, Number(value)]] : []
  })
  return Object.fromEntries(set)
}

export interface NewRef {
  readonly name: string
  readonly type: SnapshotRef['type']
  /** Absent: where `main` stands. */
  readonly snapshotId?: SnapshotId
  readonly retention?: Retention
}

/** @param now milliseconds since the epoch. @throws ASSAY-2031 when the name is taken or the retention makes no sense, ASSAY-2009 */
export function createRef(metadata: TableMetadata, { name, type, snapshotId, retention = {} }: NewRef, now: number): TableMetadata {
  const taken = metadata.refs[name]
  if (taken !== undefined) throw refusal(metadata, `has the ${taken.type} ${name} already`)
  if (name === '' || name === MAIN) throw refusal(metadata, `cannot have a ${type} named '${name}'`)
  const snapshot = snapshotOf(metadata, snapshotId)
  if (snapshot === undefined) throw new AssayError('ASSAY-2009', `The table at ${metadata.location} has no snapshot yet`)
  const rest = retentionFields(metadata, type, retention)
  const ref: SnapshotRef = { snapshotId: snapshot.id, type, ...(Object.keys(rest).length === 0 ? {} : { rest }) }
  return { ...metadata, lastUpdated: next(metadata, now), refs: { ...metadata.refs, [name]: ref } }
}

function retentionFields(metadata: TableMetadata, type: SnapshotRef['type'], retention: Retention): Record<string, number> {
  const set = NAMES.flatMap((name): [string, number][] => {
    const value = retention[name]
    if (value === undefined) return []
    if (type === 'tag' && name !== 'maxRefAge') throw refusal(metadata, `cannot have ${FIELDS[name]} on a tag, which keeps one snapshot`)
    if (!Number.isSafeInteger(value) || value < 1) throw refusal(metadata, `cannot have ${FIELDS[name]} ${value}: it must be 1 or more`)
    return [[FIELDS[name], value]]
  })
  return Object.fromEntries(set)
}

/** @throws ASSAY-2031 for `main`, ASSAY-2009 when there is no such ref */
export function dropRef(metadata: TableMetadata, name: string, now: number): TableMetadata {
  refOf(metadata, name)
  if (name === MAIN) throw refusal(metadata, `cannot be without its branch ${MAIN}`)
  const { [name]: _, ...refs } = metadata.refs
  return { ...metadata, lastUpdated: next(metadata, now), refs }
}

/**
 * Moves a branch to any snapshot. Moving `main` is what readers see: the current snapshot and the log of them follow.
 * @throws ASSAY-2031 for a tag, ASSAY-2009
 */
export function setBranch(metadata: TableMetadata, branch: string, snapshotId: SnapshotId, now: number): TableMetadata {
  const ref = branchOf(metadata, branch)
  snapshotOf(metadata, snapshotId)
  if (ref.snapshotId === snapshotId) return metadata
  const lastUpdated = next(metadata, now)
  const moved = { ...metadata, lastUpdated, refs: { ...metadata.refs, [branch]: { ...ref, snapshotId } } }
  if (branch !== MAIN) return moved
  return { ...moved, currentSnapshotId: snapshotId, snapshotLog: [...metadata.snapshotLog, { timestamp: lastUpdated, snapshotId }] }
}

/**
 * Moves a branch forward to a snapshot that descends from where it stands. With `main` goes the schema of the table, where
 * the snapshot was staged with another than `main` had.
 * @throws ASSAY-2031 when it does not, or when both sides changed the schema; ASSAY-2009
 */
export function fastForward(metadata: TableMetadata, branch: string, to: SnapshotId, now: number): TableMetadata {
  const head = branchOf(metadata, branch).snapshotId
  snapshotOf(metadata, to)
  if (!isAncestor(metadata, head, to))
    throw refusal(metadata, `cannot be fast-forwarded: snapshot ${to} does not descend from ${head}, where ${branch} stands`)
  const moved = setBranch(metadata, branch, to, now)
  return branch === MAIN ? withSchemaOf(moved, head, to) : moved
}

/** Publishes the schema of a staged snapshot. One that came of it by adding columns, and is the table's by now, stays. */
function withSchemaOf(metadata: TableMetadata, from: SnapshotId, to: SnapshotId): TableMetadata {
  const current = schemaOf(metadata)
  const [before, staged] = [schemaOf(metadata, snapshotOf(metadata, from)), schemaOf(metadata, snapshotOf(metadata, to))]
  const id = staged['schema-id']
  if (id === before['schema-id'] || id === current['schema-id']) return metadata
  if (before['schema-id'] === current['schema-id']) return { ...metadata, currentSchemaId: id }
  if (hasAll(staged, before) && hasAll(current, staged)) return metadata
  throw refusal(metadata, `cannot be fast-forwarded: both ${MAIN} and snapshot ${to} have another schema than snapshot ${from}`)
}

/** Whether a schema has every column of another one, under its name. */
const hasAll = (schema: IcebergSchema, other: IcebergSchema): boolean => {
  const keyOf = ({ id, name, type }: NestedField): string => JSON.stringify([id, name, type])
  const keys = new Set(schema.fields.map(keyOf))
  return other.fields.every((field) => keys.has(keyOf(field)))
}

/**
 * The table as one sees it from a branch: its head is the current snapshot, and the schema of that the current one.
 * @throws ASSAY-2009, ASSAY-2031 for a tag
 */
export function onBranch(metadata: TableMetadata, branch: string = MAIN): TableMetadata {
  if (branch === MAIN) return metadata
  const { snapshotId } = branchOf(metadata, branch)
  // Where it stands with `main`, the table may have had another schema since.
  if (snapshotId === metadata.currentSnapshotId) return metadata
  return { ...metadata, currentSnapshotId: snapshotId, currentSchemaId: schemaOf(metadata, snapshotOf(metadata, snapshotId))['schema-id'] }
}

/**
 * Takes `main` back to one of the snapshots that led to where it stands.
 * @param to an ancestor, or the newest ancestor not later than a time, milliseconds since the epoch
 * @throws ASSAY-2031 when the snapshot is no ancestor, ASSAY-2009 when there is none
 */
export function rollback(
  metadata: TableMetadata,
  to: { readonly id: SnapshotId } | { readonly timestamp: number },
  now: number,
): TableMetadata {
  if ('id' in to) {
    snapshotOf(metadata, to.id)
    if (isAncestor(metadata, to.id, metadata.currentSnapshotId)) return setBranch(metadata, MAIN, to.id, now)
    throw refusal(metadata, `cannot be rolled back to snapshot ${to.id}: ${MAIN} does not descend from it`)
  }
  return setBranch(metadata, MAIN, ancestorAt(metadata, to.timestamp).id, now)
}

/** The newest ancestor of `main` that was committed by then. Unlike the log, it does not know of snapshots rolled back since. */
function ancestorAt(metadata: TableMetadata, timestamp: number): Snapshot {
  const found = ancestors(metadata).find((snapshot) => snapshot.timestamp <= timestamp)
  if (found !== undefined) return found
  const at = new Date(timestamp).toISOString()
  throw new AssayError('ASSAY-2009', `The table at ${metadata.location} keeps no snapshot on ${MAIN} as old as ${at}`)
}

/** Whether a snapshot is another or one of its ancestors that have not expired. */
export const isAncestor = (metadata: TableMetadata, ancestor: SnapshotId, of: SnapshotId | undefined): boolean =>
  of !== undefined && ancestors(metadata, of).some((snapshot) => snapshot.id === ancestor)

/** A branch or tag by its name. @throws ASSAY-2009 saying which there are */
export function refOf(metadata: TableMetadata, name: string): SnapshotRef {
  const ref = metadata.refs[name]
  if (ref !== undefined) return ref
  throw new AssayError('ASSAY-2009', `The table at ${metadata.location} has no branch or tag ${name}`, { details: refList(metadata) })
}

/** A branch by its name. @throws ASSAY-2009, ASSAY-2031 for a tag */
function branchOf(metadata: TableMetadata, name: string): SnapshotRef {
  const ref = refOf(metadata, name)
  if (ref.type === 'branch') return ref
  throw refusal(metadata, `has ${name} as a tag, and tags do not move`)
}

/** `branch main at 123`, one text a ref. */
export const refList = (metadata: TableMetadata): readonly string[] =>
  Object.entries(metadata.refs).map(([name, ref]) => `${ref.type} ${name} at ${ref.snapshotId}`)

/** The time of a change: later than that of the change before it, whatever the clock says. */
const next = (metadata: TableMetadata, now: number): number => Math.max(now, metadata.lastUpdated + 1)

const refusal = (metadata: TableMetadata, what: string): AssayError =>
  new AssayError('ASSAY-2031', `The table at ${metadata.location} ${what}`)
