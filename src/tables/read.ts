import { AssayError } from '../errors.ts'
import { NOT_A_DELETE_FILE } from '../iceberg/deletes.ts'
import { type SnapshotId, schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import { planScan } from '../iceberg/plan-scan.ts'
import { type Reader, rowsSql } from '../iceberg/rows-sql.ts'
import { insideSql } from '../partitions/holder.ts'
import { contains, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import { boxesOf } from '../partitions/product.ts'
import { dimensionsOf, type PartitionsSpec } from '../partitions/spec.ts'
import type { IcebergType } from '../schema/iceberg-type.ts'
import { SqlError } from '../sql/engine.ts'
import { locatorOf } from './asset-table.ts'
import { pruningOf } from './pruning.ts'

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
 * hold one partition each, row by row where another engine laid them out differently. The head has the table's current
 * schema, which may be newer than its snapshot.
 * @throws ASSAY-2003, ASSAY-2004, ASSAY-2005, ASSAY-2009
 */
export async function relationOf(reader: Reader, metadata: TableMetadata, { snapshotId, slice }: Pinned): Promise<string> {
  const sliced = slice !== undefined && slice.spec.dim !== 'none'
  const plan = await planScan(reader.store, metadata, { snapshotId, filter: sliced ? pruningOf(schemaOf(metadata), slice) : undefined })
  if (!sliced) return rowsSql(reader, slice !== undefined && isEmpty(slice.partitions) ? { ...plan, files: [] } : plan)
  const locate = locatorOf(metadata, slice.spec)
  const files = plan.files.filter(({ file }) => {
    const at = locate(file)
    return at === 'any' || (at !== undefined && contains(slice.partitions, at))
  })
  const rows = await rowsSql(reader, { ...plan, files })
  return files.some(({ file }) => locate(file) === 'any') ? `SELECT * FROM (${rows}) WHERE ${insideOf(slice, plan.schema.fields)}` : rows
}

/** The rows of a slice as a condition on the columns that hold its partitions. */
export function insideOf({ spec, partitions }: Slice, fields: readonly { readonly name: string; readonly type: IcebergType }[]): string {
  const dimensions = dimensionsOf(spec).map(({ spec: dimension }) => {
    const type = fields.find((field) => field.name === dimension.column)?.type
    return { dimension, type: typeof type === 'string' ? type : ('binary' as const) }
  })
  const boxes = boxesOf(spec, partitions).map((box) =>
    dimensions.map(({ dimension, type }, i) => insideSql(dimension, type, box[i] ?? [])).join(' AND '),
  )
  return boxes.length < 2 ? (boxes[0] ?? 'false') : boxes.map((box) => `(${box})`).join(' OR ')
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
