/**
 * Iceberg's type system as data (format version 2). Source: Apache Iceberg table specification, "Schemas and Data Types".
 */
export type PrimitiveType =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'string'
  | 'uuid'
  | 'binary'
  | `decimal(${number},${number})`
  | `fixed[${number}]`

export interface StructType {
  readonly type: 'struct'
  readonly fields: readonly NestedField[]
}
export interface ListType {
  readonly type: 'list'
  readonly 'element-id': number
  readonly element: IcebergType
  readonly 'element-required': boolean
}
export interface MapType {
  readonly type: 'map'
  readonly 'key-id': number
  readonly key: IcebergType
  readonly 'value-id': number
  readonly value: IcebergType
  readonly 'value-required': boolean
}
export type IcebergType = PrimitiveType | StructType | ListType | MapType

export interface NestedField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
  readonly doc?: string
  /** Of declared columns only: the name that the field has had so far. It never reaches table metadata. */
  readonly renamedFrom?: string
}

/** A schema as table metadata holds it. */
export interface IcebergSchema extends StructType {
  readonly 'schema-id': number
  readonly 'identifier-field-ids'?: readonly number[]
}

/** Transforms of partition fields. Their arithmetic lies in `iceberg/transforms`. */
export type Transform = 'identity' | 'void' | 'year' | 'month' | 'day' | 'hour' | `bucket[${number}]` | `truncate[${number}]`

export interface PartitionField {
  readonly 'source-id': number
  readonly 'field-id': number
  readonly name: string
  readonly transform: Transform
}
export interface PartitionSpec {
  readonly 'spec-id': number
  readonly fields: readonly PartitionField[]
}

/** By what the rows of a file are sorted. Source: table specification, "Sorting". */
export interface SortOrder {
  readonly id: number
  readonly fields: readonly SortField[]
}

export interface SortField {
  readonly 'source-id': number
  readonly transform: string
  readonly direction: 'asc' | 'desc'
  readonly 'null-order': 'nulls-first' | 'nulls-last'
}

const DECIMAL = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/

/** Precision and scale of a decimal type; undefined for any other. */
export function decimalOf(type: IcebergType): { readonly precision: number; readonly scale: number } | undefined {
  const match = typeof type === 'string' ? DECIMAL.exec(type) : null
  return match ? { precision: Number(match[1]), scale: Number(match[2]) } : undefined
}

/** Bytes of a fixed type; undefined for any other. */
export function fixedLength(type: IcebergType): number | undefined {
  const match = typeof type === 'string' ? /^fixed\[(\d+)\]$/.exec(type) : null
  return match ? Number(match[1]) : undefined
}

/** A type in words: `list<struct<a: long, b: string>>`. */
export function typeName(type: IcebergType): string {
  if (typeof type === 'string') return type
  if (type.type === 'list') return `list<${typeName(type.element)}>`
  if (type.type === 'map') return `map<${typeName(type.key)}, ${typeName(type.value)}>`
  return `struct<${type.fields.map((field) => `${field.name}: ${typeName(field.type)}`).join(', ')}>`
}

/** The type with null allowed wherever something lies in it; the keys of maps have to stay. */
export function nullableWithin(type: IcebergType): IcebergType {
  if (typeof type === 'string') return type
  if (type.type === 'list') return { ...type, element: nullableWithin(type.element), 'element-required': false }
  if (type.type === 'map') return { ...type, value: nullableWithin(type.value), 'value-required': false }
  return { ...type, fields: type.fields.map((field) => ({ ...field, type: nullableWithin(field.type), required: false })) }
}

/** A field of a schema that holds values itself, at whatever depth. */
export interface Leaf {
  readonly id: number
  /** Names from the top down; `element`, `key` and `value` inside lists and maps. */
  readonly path: readonly string[]
  readonly type: PrimitiveType
  /** In a list or a map: a row has any number of values. */
  readonly repeated: boolean
}

/** The leaves of some fields, in order. */
export const leavesOf = (fields: readonly NestedField[]): readonly Leaf[] =>
  fields.flatMap((field) => leavesIn(field.type, { id: field.id, path: [field.name], repeated: false }))

function leavesIn(type: IcebergType, at: Omit<Leaf, 'type'>): readonly Leaf[] {
  if (typeof type === 'string') return [{ ...at, type }]
  const inside = (name: string, id: number, inner: IcebergType, repeated = true): readonly Leaf[] =>
    leavesIn(inner, { id, path: [...at.path, name], repeated: repeated || at.repeated })
  if (type.type === 'list') return inside('element', type['element-id'], type.element)
  if (type.type === 'map') return [...inside('key', type['key-id'], type.key), ...inside('value', type['value-id'], type.value)]
  return type.fields.flatMap((field) => inside(field.name, field.id, field.type, false))
}

/** Every field of a schema, whatever its depth, with its path in words. */
export function allFields(fields: readonly NestedField[], path = ''): readonly { readonly id: number; readonly path: string }[] {
  return fields.flatMap((field) => [{ id: field.id, path: `${path}${field.name}` }, ...fieldsIn(field.type, `${path}${field.name}.`)])
}

function fieldsIn(type: IcebergType, path: string): ReturnType<typeof allFields> {
  if (typeof type === 'string') return []
  if (type.type === 'struct') return allFields(type.fields, path)
  const inside = (id: number, name: string, inner: IcebergType) => [{ id, path: path + name }, ...fieldsIn(inner, `${path}${name}.`)]
  if (type.type === 'list') return inside(type['element-id'], 'element', type.element)
  return [...inside(type['key-id'], 'key', type.key), ...inside(type['value-id'], 'value', type.value)]
}

const DUCKDB: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMP WITH TIME ZONE',
  string: 'VARCHAR',
  uuid: 'UUID',
  binary: 'BLOB',
}

/** The DuckDB type that holds an Iceberg type without loss, spelt as DuckDB itself prints it. */
export function duckdbType(type: IcebergType): string {
  if (typeof type !== 'string') {
    if (type.type === 'list') return `${duckdbType(type.element)}[]`
    if (type.type === 'map') return `MAP(${duckdbType(type.key)}, ${duckdbType(type.value)})`
    return `STRUCT(${type.fields.map((f) => `${quoteIdentifier(f.name)} ${duckdbType(f.type)}`).join(', ')})`
  }
  const decimal = decimalOf(type)
  if (decimal) return `DECIMAL(${decimal.precision},${decimal.scale})`
  return DUCKDB[type] ?? 'BLOB'
}

/** A name as a SQL identifier, always quoted. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A text as a SQL string literal. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`
