import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import {
  decimalOf,
  type IcebergSchema,
  type IcebergType,
  type NestedField,
  type PartitionField,
  type PartitionSpec,
  type Transform,
  typeName,
} from '../schema/iceberg-type.ts'
import { FIRST_PARTITION_FIELD, type TableMetadata } from './metadata.ts'

/** What evolution has to know of a table as it is. */
export interface TableSchema {
  readonly schema: IcebergSchema
  readonly lastColumnId: number
  /** Those of the table; their source columns cannot be dropped. */
  readonly specs?: readonly PartitionSpec[]
}

/**
 * The schema of a table that is to have these columns. Fields keep their id by name, or by the name they are renamed from,
 * at every depth; new ones get new ids in Iceberg's order: all of one level, then what lies in each.
 * @param current the table now; undefined for a new table
 * @throws ASSAY-2007 for a change that Iceberg does not allow, naming the column
 */
export function evolveSchema(
  current: TableSchema | undefined,
  columns: readonly ColumnSpec[],
  table: string,
): { readonly schema: IcebergSchema; readonly changed: boolean } {
  const wanted = columns.map(({ nullable, values: _, ...column }): NestedField => ({ id: 0, required: !nullable, ...column }))
  let last = current?.lastColumnId ?? 0
  const next: NextId = () => ++last
  if (current === undefined) return { schema: { type: 'struct', 'schema-id': 0, fields: numberedFields(wanted, next) }, changed: true }
  const { schema, specs = [] } = current
  const fields = evolvedFields(schema.fields, wanted, { table, path: '', next })
  refuseDroppedSources(fields, schema, specs, table)
  if (sameFields(fields, schema.fields)) return { schema, changed: false }
  const kept = new Set(fields.map((field) => field.id))
  const identifiers = schema['identifier-field-ids']?.filter((id) => kept.has(id))
  // The id is a proposal: the commit sees all schemas of the table and takes a free one.
  const evolved = { ...schema, 'schema-id': schema['schema-id'] + 1, fields }
  return { schema: identifiers === undefined ? evolved : { ...evolved, 'identifier-field-ids': identifiers }, changed: true }
}

type NextId = () => number

function numberedFields(fields: readonly NestedField[], next: NextId): readonly NestedField[] {
  const ids = fields.map(next)
  return fields.map((field, i) => numberedField(field, ids[i] ?? 0, next))
}

const numberedField = ({ renamedFrom: _, ...field }: NestedField, id: number, next: NextId): NestedField => ({
  ...field,
  id,
  type: numbered(field.type, next),
})

function numbered(type: IcebergType, next: NextId): IcebergType {
  if (typeof type === 'string') return type
  if (type.type === 'struct') return { ...type, fields: numberedFields(type.fields, next) }
  if (type.type === 'list') return { ...type, 'element-id': next(), element: numbered(type.element, next) }
  const [key, value] = [next(), next()]
  return { ...type, 'key-id': key, 'value-id': value, key: numbered(type.key, next), value: numbered(type.value, next) }
}

/** Where evolution is, for what it has to say. */
interface Place {
  readonly table: string
  /** Empty, or ends with a dot. */
  readonly path: string
  readonly next: NextId
}

function evolvedFields(before: readonly NestedField[], wanted: readonly NestedField[], at: Place): readonly NestedField[] {
  const named = (name: string | undefined): NestedField | undefined => before.find((field) => field.name === name)
  const names = new Set(wanted.map((field) => field.name))
  return wanted.map((field) => {
    const former = named(field.name) ?? (names.has(field.renamedFrom ?? '') ? undefined : named(field.renamedFrom))
    return former === undefined ? addedField(field, at) : evolvedField(field, former, at)
  })
}

function addedField(field: NestedField, { table, path, next }: Place): NestedField {
  if (!field.required) return numberedField(field, next(), next)
  throw refused(
    table,
    `column ${path}${field.name} is new and not nullable`,
    'Rows already in the table have no value for it: declare it .nullable().',
  )
}

function evolvedField({ renamedFrom: _, ...field }: NestedField, before: NestedField, at: Place): NestedField {
  const { doc: __, ...kept } = before
  refuseTightened(before.required, field.required, `${at.path}${field.name}`, at.table)
  return { ...kept, ...field, id: before.id, type: evolvedType(before.type, field.type, { ...at, path: `${at.path}${field.name}` }) }
}

/** @param at its path is that of the field itself */
function evolvedType(before: IcebergType, wanted: IcebergType, at: Place): IcebergType {
  const inside = (name: string): Place => ({ ...at, path: `${at.path}.${name}` })
  if (typeof before === 'string' || typeof wanted === 'string') {
    if (typeof before === 'string' && typeof wanted === 'string' && (before === wanted || widens(before, wanted))) return wanted
  } else if (before.type === 'struct' && wanted.type === 'struct') {
    return { ...before, fields: evolvedFields(before.fields, wanted.fields, inside('')) }
  } else if (before.type === 'list' && wanted.type === 'list') {
    refuseTightened(before['element-required'], wanted['element-required'], `${at.path}.element`, at.table)
    const element = evolvedType(before.element, wanted.element, inside('element'))
    return { ...before, element, 'element-required': wanted['element-required'] }
  } else if (before.type === 'map' && wanted.type === 'map') {
    refuseTightened(before['value-required'], wanted['value-required'], `${at.path}.value`, at.table)
    const value = evolvedType(before.value, wanted.value, inside('value'))
    if (sameType(unnumbered(before.key), unnumbered(wanted.key))) return { ...before, value, 'value-required': wanted['value-required'] }
    throw refused(
      at.table,
      `the keys of map ${at.path} cannot change from ${typeName(before.key)} to ${typeName(wanted.key)}`,
      'Keys of maps keep their type; choose another column name.',
    )
  }
  const change = `from ${typeName(before)} to ${typeName(wanted)}`
  throw refused(at.table, `column ${at.path} cannot change ${change}`, allowedFrom(before))
}

function refuseTightened(before: boolean, wanted: boolean, path: string, table: string): void {
  if (before || !wanted) return
  throw refused(
    table,
    `column ${path} was nullable and cannot become required`,
    'Rows already in the table may hold nulls: declare it .nullable().',
  )
}

/** A partition spec without its source column is one that most engines cannot load. */
function refuseDroppedSources(fields: readonly NestedField[], before: IcebergSchema, specs: readonly PartitionSpec[], table: string): void {
  const kept = new Set(fields.map((field) => field.id))
  const sources = new Set(
    specs.flatMap((spec) => spec.fields.filter((field) => field.transform !== 'void')).map((field) => field['source-id']),
  )
  const dropped = before.fields.find((field) => sources.has(field.id) && !kept.has(field.id))
  if (dropped === undefined) return
  throw refused(
    table,
    `column ${dropped.name} cannot be dropped: the table is or was partitioned by it`,
    'Keep the column; it may be nullable.',
  )
}

const refused = (table: string, what: string, next: string): AssayError => new AssayError('ASSAY-2007', `${table}: ${what}`, { next })

function widens(from: IcebergType, to: IcebergType): boolean {
  if (from === 'int') return to === 'long'
  if (from === 'float') return to === 'double'
  const [a, b] = [decimalOf(from), decimalOf(to)]
  return a !== undefined && b !== undefined && a.scale === b.scale && b.precision > a.precision
}

function allowedFrom(type: IcebergType): string {
  const decimal = decimalOf(type)
  if (decimal)
    return `A ${typeName(type)} may become a decimal of more digits with ${decimal.scale} after the point; otherwise choose another column name.`
  if (type === 'int' || type === 'float')
    return `A column of type ${type} may become ${type === 'int' ? 'long' : 'double'}; otherwise choose another column name.`
  return `A column of type ${typeName(type)} keeps its type; choose another column name.`
}

const sameFields = (a: readonly NestedField[], b: readonly NestedField[]): boolean =>
  a.length === b.length &&
  a.every((field, i) => {
    const other = b[i]
    return (
      other !== undefined &&
      field.id === other.id &&
      field.name === other.name &&
      field.required === other.required &&
      field.doc === other.doc &&
      sameType(field.type, other.type)
    )
  })

function sameType(a: IcebergType, b: IcebergType): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b
  if (a.type === 'struct') return b.type === 'struct' && sameFields(a.fields, b.fields)
  if (a.type === 'list')
    return (
      b.type === 'list' &&
      a['element-id'] === b['element-id'] &&
      a['element-required'] === b['element-required'] &&
      sameType(a.element, b.element)
    )
  return (
    b.type === 'map' &&
    a['key-id'] === b['key-id'] &&
    a['value-id'] === b['value-id'] &&
    a['value-required'] === b['value-required'] &&
    sameType(a.key, b.key) &&
    sameType(a.value, b.value)
  )
}

/** A type without ids, to compare it with a declared one. */
const unnumbered = (type: IcebergType): IcebergType => numbered(type, () => 0)

/**
 * The partition spec of these fields: one that the table has, its default first, or a new one. A field that any spec of the
 * table has had keeps its id and name.
 * @throws ASSAY-1011 when a column is missing
 */
export function partitionSpec(
  schema: IcebergSchema,
  fields: readonly { readonly column: string; readonly transform: Transform }[],
  existing?: TableMetadata,
): PartitionSpec {
  const known = existing?.specs.flatMap((spec) => spec.fields) ?? []
  let last = existing?.lastPartitionId ?? FIRST_PARTITION_FIELD - 1
  const wanted = fields.map(({ column, transform }): PartitionField => {
    const source = schema.fields.find((field) => field.name === column)
    if (source === undefined) throw new AssayError('ASSAY-1011', `The partition column ${column} is not a column of the table`)
    const before = known.find((field) => field['source-id'] === source.id && field.transform === transform)
    return before ?? { 'source-id': source.id, 'field-id': ++last, name: fieldName(schema, column, transform), transform }
  })
  if (existing === undefined) return { 'spec-id': 0, fields: wanted }
  const current = existing.specs.toSorted(
    (a, b) => Number(b['spec-id'] === existing.defaultSpecId) - Number(a['spec-id'] === existing.defaultSpecId),
  )
  const found = current.find((spec) => divideAlike(spec.fields, wanted))
  return found ?? { 'spec-id': Math.max(...existing.specs.map((spec) => spec['spec-id'])) + 1, fields: wanted }
}

const divideAlike = (a: readonly PartitionField[], b: readonly PartitionField[]): boolean =>
  a.length === b.length && a.every((field, i) => field['source-id'] === b[i]?.['source-id'] && field.transform === b[i]?.transform)

/** As Spark and PyIceberg name them: `ts_day`. A field may share its name with its own source column only. */
function fieldName(schema: IcebergSchema, column: string, transform: Transform): string {
  if (transform === 'identity') return column
  let name = `${column}_${transform === 'void' ? 'null' : transform.replace(/\[.*/, '').replace('truncate', 'trunc')}`
  while (schema.fields.some((field) => field.name === name)) name += '_part'
  return name
}
