import { AssayError } from '../errors.ts'
import {
  decimalOf,
  duckdbType,
  fixedLength,
  type IcebergType,
  type PartitionField,
  type PartitionSpec,
  type StructType,
  type Transform,
  typeName,
} from '../schema/iceberg-type.ts'
import { decimalText, valueOfText } from './bounds.ts'
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
 * @throws ASSAY-2004 for a transform that the type does not have, or that Assay does not know
 */
export function transformSql(transform: Transform, column: string, source: IcebergType): string {
  const width = widthOf(transform)
  if (!accepts(transform, source)) {
    throw new AssayError('ASSAY-2004', `A ${typeName(source)} cannot be partitioned by ${transform}`, {
      next: "See the source types of each transform in Iceberg's specification, under Partition Transforms.",
    })
  }
  if (transform === 'identity') return identitySql(column, source)
  if (transform.startsWith('bucket')) return `((${hashSql(column, source)} & 2147483647) % ${width})`
  if (transform.startsWith('truncate')) return truncateSql(column, source, width)
  const wallTime = source === 'timestamptz' ? `(${column} AT TIME ZONE 'UTC')` : column
  if (transform === 'void') return `CAST(NULL AS ${duckdbType(source)})`
  if (transform === 'day') return source === 'date' ? column : `CAST(${wallTime} AS DATE)`
  // Counts the borders crossed since 1970, so times before it round down as the specification asks.
  return `CAST(date_diff('${transform}', TIMESTAMP '1970-01-01', CAST(${wallTime} AS TIMESTAMP)) AS INTEGER)`
}

/** N of `bucket[N]`, W of `truncate[W]`; 0 for the others. */
const widthOf = (transform: Transform): number => Number(/^(?:bucket|truncate)\[(\d+)\]$/.exec(transform)?.[1] ?? 0)

const INSTANTS = ['timestamp', 'timestamptz']
const DAYS = ['date', ...INSTANTS]
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  year: DAYS,
  month: DAYS,
  day: DAYS,
  hour: INSTANTS,
  bucket: ['int', 'long', 'decimal', ...DAYS, 'time', 'string', 'uuid', 'fixed', 'binary'],
  truncate: ['int', 'long', 'decimal', 'string', 'binary'],
}

/** Whether a column of a type may be the source of a transform. */
function accepts(transform: Transform, source: IcebergType): boolean {
  if (transform === 'void') return true
  if (typeof source !== 'string') return false
  if (transform === 'identity') return true
  const name = transform.replace(/\[.*/, '')
  const sized = (name === 'bucket' || name === 'truncate') === widthOf(transform) > 0
  return sized && (SOURCES[name]?.includes(source.replace(/[([].*/, '')) ?? false)
}

/** Bytes go as hexadecimal text; text that looks like the folder of nulls is moved out of its way. */
function identitySql(column: string, source: IcebergType): string {
  if (isBytes(source)) return `hex(${column})`
  if (source !== 'string') return column
  return `CASE WHEN starts_with(${column}, '${NULL_FOLDER}') OR starts_with(${column}, '${MARK}') THEN '${MARK}' || ${column} ELSE ${column} END`
}

/** The hash of a value as the specification has it in appendix B. */
function hashSql(column: string, source: IcebergType): string {
  if (decimalOf(source)) return `murmur3_decimal(${unscaledSql(column)})`
  if (isBytes(source)) return `murmur3(${column})`
  switch (source) {
    case 'string':
      return `murmur3(encode(${column}))`
    case 'uuid':
      return `murmur3(unhex(replace(CAST(${column} AS VARCHAR), '-', '')))`
    case 'date':
      return `murmur3_long(${column} - DATE '1970-01-01')`
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return `murmur3_long(epoch_us(${column}))`
    default:
      return `murmur3_long(${column})`
  }
}

/** Numbers are cut downwards, also below zero. Decimals come out unscaled. */
function truncateSql(column: string, source: IcebergType, width: number): string {
  if (source === 'string') return identitySql(`left(${column}, ${width})`, source)
  if (source === 'binary') return `hex(array_slice(${column}, 1, ${width}))`
  const value = decimalOf(source) ? unscaledSql(column) : column
  return `(${value} - ((${value} % ${width}) + ${width}) % ${width})`
}

const unscaledSql = (column: string): string => `CAST(replace(CAST(${column} AS VARCHAR), '.', '') AS HUGEINT)`

const isBytes = (type: IcebergType): boolean => type === 'binary' || fixedLength(type) !== undefined

/** A partition value from the text that the engine gives for it. @throws ASSAY-5003 for what Iceberg cannot hold */
export function partitionValue(field: PartitionField, source: IcebergType, text: string | null): PartitionValue {
  if (text === null) return null
  const value = valueIn(resultType(field.transform, source), text, field.transform)
  if (value === undefined) throw new AssayError('ASSAY-5003', `'${text}' cannot be a value of the partition field ${field.name}`)
  return value
}

function valueIn(type: IcebergType, text: string, transform: Transform): PartitionValue | undefined {
  if (type === 'string' && text.startsWith(MARK)) return text.slice(MARK.length)
  if (isBytes(type)) return Buffer.from(text, 'hex').toString('base64')
  const decimal = transform.startsWith('truncate') ? decimalOf(type) : undefined
  return decimal ? decimalText(BigInt(text), decimal.scale) : valueOfText(type, text)
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
