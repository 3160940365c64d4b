import { AssayError } from '../errors.ts'
import { NOT_A_DELETE_FILE } from '../iceberg/deletes.ts'
import { type SnapshotId, schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { planScan, type ScanFile } from '../iceberg/plan-scan.ts'
import type { Literal, Predicate } from '../iceberg/prune.ts'
import { type Reader, rowsSql } from '../iceberg/rows-sql.ts'
import { contains, type Interval, type PartitionSet } from '../partitions/partition-set.ts'
import type { PartitionsSpec } from '../partitions/partitions.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { SqlError } from '../sql/engine.ts'
import { dayOfFiles } from './asset-table.ts'

/** A table version, or the partitions of an asset in it. */
export interface Pinned {
  readonly snapshotId: SnapshotId
  readonly slice?: Slice
}

/** Partitions of an asset, with how the asset is partitioned. */
export interface Slice {
  readonly spec: PartitionsSpec
  readonly partitions: PartitionSet
}

/**
 * A SELECT over the rows of a table version, all columns of its schema, narrowed to partitions: by whole files where they
 * hold one day each, row by row where another engine laid them out differently. The head has the table's current schema,
 * which may be newer than its snapshot.
 * @throws ASSAY-2003, ASSAY-2004, ASSAY-2005, ASSAY-2009
 */
export async function relationOf(reader: Reader, metadata: TableMetadata, { snapshotId, slice }: Pinned): Promise<string> {
  const plan = await planScan(reader.store, metadata, { snapshotId, filter: slice && filterOf(metadata, snapshotId, slice) })
  if (slice === undefined || slice.spec.dim === 'none') return rowsSql(reader, plan)
  const dayIn = dayOfFiles(metadata, slice.spec)
  const isInside = ({ file }: ScanFile): boolean => {
    const day = dayIn(file)
    return typeof day === 'number' && contains(slice.partitions, day)
  }
  const rows = await rowsSql(reader, plan)
  return plan.files.every(isInside) ? rows : `SELECT * FROM (${rows}) WHERE ${insideOf(slice)}`
}

const MICROS_OF_DAY = 86_400_000_000n

/** Partitions as a filter, where the partition column is of a type that has days. */
function filterOf(metadata: TableMetadata, snapshotId: SnapshotId, { spec, partitions }: Slice): Predicate | undefined {
  if (spec.dim === 'none' || spec.column === undefined) return undefined
  const { column } = spec
  const type = schemaOf(metadata, snapshotOf(metadata, snapshotId)).fields.find((field) => field.name === column)?.type
  if (type !== 'date' && type !== 'timestamp' && type !== 'timestamptz') return undefined
  const start = (day: number): Literal => (type === 'date' ? day : String(BigInt(day) * MICROS_OF_DAY))
  const end = (day: number): Literal => (type === 'date' ? day - 1 : String(BigInt(day) * MICROS_OF_DAY - 1n))
  const inside = ([from, to]: Interval): Predicate => ({
    op: 'and',
    of: [
      { op: '>=', column, value: start(from) },
      { op: '<=', column, value: end(to) },
    ],
  })
  return { op: 'or', of: partitions.map(inside) }
}

function insideOf({ spec, partitions }: Slice): string {
  const column = quoteIdentifier(spec.dim === 'none' ? '' : (spec.column ?? ''))
  const day = (index: number): string => `DATE '1970-01-01' + ${index}`
  const ranges = partitions.map(([from, to]) => `${column}::DATE >= ${day(from)} AND ${column}::DATE < ${day(to)}`)
  return ranges.length === 0 ? 'false' : ranges.map((range) => `(${range})`).join(' OR ')
}

/** What the engine says of a file that is not there, or is not what its name says. */
const MISSING = /No files found that match the pattern|Cannot open file|No such file/i
const BROKEN = new RegExp(
  `No magic bytes|too small to be a Parquet file|Footer length error|don't know what type|TProtocolException|${NOT_A_DELETE_FILE}`,
  'i',
)

/** An engine's error about a data file that is not there or not whole, as one of the catalogue; any other error as it is. */
export function fileProblem(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error
  const isKnown =
    (error.kind === 'io' && MISSING.test(error.message)) ||
    (error.kind !== 'syntax' && error.kind !== 'binding' && BROKEN.test(error.message))
  return isKnown
    ? new AssayError('ASSAY-2005', `A file of a table cannot be read: ${error.message.split('\n')[0]}`, { cause: error })
    : error
}
