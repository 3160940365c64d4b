import type { IcebergType, PartitionSpec, StructType } from '../schema/iceberg-type.ts'
import { decimalOf } from '../schema/iceberg-type.ts'
import type { AvroField, AvroSchema, AvroValue } from './avro.ts'
import { decimalText, fromTwosComplement, twosComplement, unscaled } from './bounds.ts'
import type { PartitionValue } from './data-file.ts'
import { partitionTypes } from './transforms.ts'

/** Avro schemas of manifests and manifest lists. Source: table specification, "Manifests" and "Manifest Lists". */

const required = (name: string, type: AvroSchema, id: number): AvroField => ({ name, type, 'field-id': id })
const optional = (name: string, type: AvroSchema, id: number): AvroField => ({ name, type: ['null', type], default: null, 'field-id': id })

/** Avro maps have text keys only, so Iceberg writes a map by field id as an array of pairs. */
const byFieldId = (keyId: number, valueId: number, value: AvroSchema): AvroSchema => ({
  type: 'array',
  logicalType: 'map',
  items: { type: 'record', name: `k${keyId}_v${valueId}`, fields: [required('key', 'int', keyId), required('value', value, valueId)] },
})

const listOf = (item: AvroSchema, id: number): AvroSchema => ({ type: 'array', items: item, 'element-id': id })

/** The fields of a data file but for its partition. */
const DATA_FILE_FIELDS: readonly AvroField[] = [
  required('content', 'int', 134),
  required('file_path', 'string', 100),
  required('file_format', 'string', 101),
  required('record_count', 'long', 103),
  required('file_size_in_bytes', 'long', 104),
  optional('column_sizes', byFieldId(117, 118, 'long'), 108),
  optional('value_counts', byFieldId(119, 120, 'long'), 109),
  optional('null_value_counts', byFieldId(121, 122, 'long'), 110),
  optional('nan_value_counts', byFieldId(138, 139, 'long'), 137),
  optional('lower_bounds', byFieldId(126, 127, 'bytes'), 125),
  optional('upper_bounds', byFieldId(129, 130, 'bytes'), 128),
  optional('key_metadata', 'bytes', 131),
  optional('split_offsets', listOf('long', 133), 132),
  optional('equality_ids', listOf('int', 136), 135),
  optional('sort_order_id', 'int', 140),
  optional('referenced_data_file', 'string', 143),
  optional('content_offset', 'long', 144),
  optional('content_size_in_bytes', 'long', 145),
]

/** Names of the data file fields that a rewritten manifest carries over. */
export const DATA_FILE_FIELD_NAMES: readonly string[] = DATA_FILE_FIELDS.map((field) => field.name)

export function entrySchema(spec: PartitionSpec, schemas: readonly StructType[]): AvroSchema {
  const partition: AvroSchema = {
    type: 'record',
    name: 'r102',
    fields: partitionTypes(spec, schemas).map(({ field, type }) =>
      optional(avroName(field.name), avroType(type, field['field-id']), field['field-id']),
    ),
  }
  const fields = DATA_FILE_FIELDS.toSpliced(3, 0, required('partition', partition, 102))
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      required('status', 'int', 0),
      optional('snapshot_id', 'long', 1),
      optional('sequence_number', 'long', 3),
      optional('file_sequence_number', 'long', 4),
      required('data_file', { type: 'record', name: 'r2', fields }, 2),
    ],
  }
}

export const LIST_SCHEMA: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    required('manifest_path', 'string', 500),
    required('manifest_length', 'long', 501),
    required('partition_spec_id', 'int', 502),
    required('content', 'int', 517),
    required('sequence_number', 'long', 515),
    required('min_sequence_number', 'long', 516),
    required('added_snapshot_id', 'long', 503),
    required('added_files_count', 'int', 504),
    required('existing_files_count', 'int', 505),
    required('deleted_files_count', 'int', 506),
    required('added_rows_count', 'long', 512),
    required('existing_rows_count', 'long', 513),
    required('deleted_rows_count', 'long', 514),
    optional(
      'partitions',
      listOf(
        {
          type: 'record',
          name: 'r508',
          fields: [
            required('contains_null', 'boolean', 509),
            optional('contains_nan', 'boolean', 518),
            optional('lower_bound', 'bytes', 510),
            optional('upper_bound', 'bytes', 511),
          ],
        },
        508,
      ),
      507,
    ),
    optional('key_metadata', 'bytes', 519),
  ],
}

const NAMES: ReadonlyMap<number, string> = new Map(
  collect({ type: 'record', name: 'both', fields: [...fieldsOf(LIST_SCHEMA), ...fieldsOf(entrySchema({ 'spec-id': 0, fields: [] }, []))] }),
)

/** The name that the specification gives to a field id of a manifest or manifest list; partition fields are free. */
export const specifiedName = (fieldId: number): string => NAMES.get(fieldId) ?? partitionFieldName(fieldId)

/** What a partition field of a manifest is called in memory, whatever its writer called it. */
export const partitionFieldName = (fieldId: number): string => `field_${fieldId}`

function fieldsOf(schema: AvroSchema): readonly AvroField[] {
  return typeof schema === 'object' && 'fields' in schema ? (schema.fields ?? []) : []
}

function collect(schema: AvroSchema | undefined): [number, string][] {
  if (schema === undefined || typeof schema === 'string') return []
  if ('type' in schema) {
    const own = fieldsOf(schema).flatMap((field) => [[field['field-id'] ?? -1, field.name] as [number, string], ...collect(field.type)])
    return [...own, ...collect(schema.type), ...collect(schema.items)]
  }
  return schema.flatMap(collect)
}

/** Avro names are words; others are spelt as Iceberg's Java library does. */
export const avroName = (name: string): string =>
  name.replace(/^\d/, (digit) => `_${digit}`).replace(/[^A-Za-z0-9_]/g, (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase()}`)

const AVRO: Readonly<Record<string, AvroSchema>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  binary: 'bytes',
  date: { type: 'int', logicalType: 'date' },
  time: { type: 'long', logicalType: 'time-micros' },
  timestamp: { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': false },
  timestamptz: { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': true },
}

/** @param id makes the names of fixed types unique within a file */
function avroType(type: IcebergType, id: number): AvroSchema {
  if (typeof type !== 'string') return 'bytes'
  const decimal = decimalOf(type)
  if (decimal) return { type: 'fixed', name: `decimal_${id}`, size: decimalBytes(decimal.precision), logicalType: 'decimal', ...decimal }
  if (type === 'uuid') return { type: 'fixed', name: `uuid_${id}`, size: 16, logicalType: 'uuid' }
  const fixed = /^fixed\[(\d+)\]$/.exec(type)
  return fixed ? { type: 'fixed', name: `fixed_${id}`, size: Number(fixed[1]) } : (AVRO[type] ?? 'bytes')
}

/** The fewest bytes that hold every decimal of a precision. */
function decimalBytes(precision: number): number {
  const most = 10n ** BigInt(precision) - 1n
  return twosComplement(most).length
}

/** A partition value as the Avro record holds it. */
export function toAvro(type: IcebergType, value: PartitionValue): AvroValue {
  if (value === null) return null
  const decimal = decimalOf(type)
  if (decimal) return twosComplement(unscaled(String(value), decimal.scale), decimalBytes(decimal.precision))
  if (type === 'uuid') return Buffer.from(String(value).replaceAll('-', ''), 'hex')
  if (type === 'float' || type === 'double') return Number(value)
  if (type === 'long' || type === 'time' || type === 'timestamp' || type === 'timestamptz') return BigInt(value)
  return type === 'binary' || (typeof type === 'string' && type.startsWith('fixed')) ? Buffer.from(String(value), 'base64') : value
}

/** The inverse of {@link toAvro}. */
export function fromAvro(type: IcebergType, value: AvroValue | undefined): PartitionValue {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) {
    const decimal = decimalOf(type)
    if (decimal) return decimalText(fromTwosComplement(value), decimal.scale)
    const bytes = Buffer.from(value)
    return type === 'uuid' ? bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : bytes.toString('base64')
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  return typeof value === 'boolean' || typeof value === 'string' ? value : String(value)
}
