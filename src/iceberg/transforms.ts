import { AssayError } from '../errors.ts'
import {
  duckdbType,
  type IcebergType,
  type PartitionField,
  type PartitionSpec,
  type StructType,
  type Transform,
} from '../schema/iceberg-type.ts'
import { valueOfText } from './bounds.ts'
import type { PartitionValue } from './data-file.ts'

/** The type of a partition field. Source: table specification, "Partition Transforms". */
export function resultType(transform: Transform, source: IcebergType): IcebergType {
  if (transform === 'day') return 'date'
  if (transform === 'year' || transform === 'month' || transform === 'hour' || transform.startsWith('bucket[')) return 'int'
  return source
}

/** How the engine spells NULL in the name of a folder. Text that begins so would share the folder of the nulls. */
const NULL_FOLDER = '__HIVE'
/** Marks text that has been moved out of the way of {@link NULL_FOLDER}. */
const MARK = '~'

/**
 * The partition value of a column as a SQL expression; {@link partitionValue} reads its text.
 * @param column a SQL expression of the type `source`, in a session whose time zone is UTC
 * @throws ASSAY-2004 for bucket and truncate, which are read but not written
 */
export function transformSql(transform: Transform, column: string, source: IcebergType): string {
  const wallTime = source === 'timestamptz' ? `(${column} AT TIME ZONE 'UTC')` : column
  switch (transform) {
    case 'identity':
      return source === 'string'
        ? `CASE WHEN starts_with(${column}, '${NULL_FOLDER}') OR starts_with(${column}, '${MARK}') THEN '${MARK}' || ${column} ELSE ${column} END`
        : column
    case 'void':
      return `CAST(NULL AS ${duckdbType(source)})`
    case 'day':
      return source === 'date' ? column : `CAST(${wallTime} AS DATE)`
    // Counts the borders crossed since 1970, so times before it round down as the specification asks.
    case 'year':
    case 'month':
    case 'hour':
      return `CAST(date_diff('${transform}', TIMESTAMP '1970-01-01', CAST(${wallTime} AS TIMESTAMP)) AS INTEGER)`
    default:
      throw new AssayError('ASSAY-2004', `Assay does not write partitions by ${transform}`, {
        next: 'Use identity, year, month, day or hour.',
      })
  }
}

/** A partition value from the text that the engine gives for it. @throws ASSAY-5003 for what Iceberg cannot hold */
export function partitionValue(field: PartitionField, source: IcebergType, text: string | null): PartitionValue {
  if (text === null) return null
  const value =
    source === 'string' && text.startsWith(MARK) ? text.slice(MARK.length) : valueOfText(resultType(field.transform, source), text)
  if (value === undefined) throw new AssayError('ASSAY-5003', `'${text}' cannot be a value of the partition field ${field.name}`)
  return value
}

/** The fields of a spec with the types of their values. A source column that was dropped leaves text. */
export function partitionTypes(
  spec: PartitionSpec,
  schemas: readonly StructType[],
): readonly { readonly field: PartitionField; readonly type: IcebergType }[] {
  return spec.fields.map((field) => {
    const sources = schemas.flatMap((schema) => schema.fields.filter((column) => column.id === field['source-id']))
    return { field, type: resultType(field.transform, sources.at(-1)?.type ?? 'string') }
  })
}
