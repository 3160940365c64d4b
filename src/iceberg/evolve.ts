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
} from '../schema/iceberg-type.ts'
import { FIRST_PARTITION_FIELD, type TableMetadata } from './metadata.ts'

/**
 * The schema of a table that is to have these columns. Columns keep their field id by name; new ones get new ids.
 * @param current the table's schema now; undefined for a new table
 * @throws ASSAY-2007 for a change that Iceberg does not allow, naming the column
 */
export function evolveSchema(
  current: { readonly schema: IcebergSchema; readonly lastColumnId: number } | undefined,
  columns: readonly ColumnSpec[],
  table: string,
): { readonly schema: IcebergSchema; readonly changed: boolean } {
  if (current === undefined) {
    const fields = columns.map((column, i) => fieldOf(column, i + 1, !column.nullable))
    return { schema: { type: 'struct', 'schema-id': 0, fields }, changed: true }
  }
  const { schema, lastColumnId } = current
  let next = lastColumnId
  const fields = columns.map((column) => {
    const before = schema.fields.find((field) => field.name === column.name)
    return before === undefined ? addedField(column, ++next, table) : evolvedField(column, before, table)
  })
  if (sameFields(fields, schema.fields)) return { schema, changed: false }
  const kept = new Set(fields.map((field) => field.id))
  const identifiers = schema['identifier-field-ids']?.filter((id) => kept.has(id))
  // The id is a proposal: the commit sees all schemas of the table and takes a free one.
  const evolved = { ...schema, 'schema-id': schema['schema-id'] + 1, fields }
  return { schema: identifiers === undefined ? evolved : { ...evolved, 'identifier-field-ids': identifiers }, changed: true }
}

const fieldOf = (column: ColumnSpec, id: number, required: boolean): NestedField => ({
  id,
  name: column.name,
  required,
  type: column.type,
  ...(column.doc === undefined ? {} : { doc: column.doc }),
})

function addedField(column: ColumnSpec, id: number, table: string): NestedField {
  if (column.nullable) return fieldOf(column, id, false)
  throw refused(
    table,
    `column ${column.name} is new and not nullable`,
    'Rows already in the table have no value for it: declare it .nullable().',
  )
}

function evolvedField(column: ColumnSpec, before: NestedField, table: string): NestedField {
  if (!sameType(before.type, column.type) && !widens(before.type, column.type)) {
    throw refused(table, `column ${column.name} cannot change from ${typeName(before.type)} to ${column.type}`, allowedFrom(before.type))
  }
  if (!before.required && !column.nullable) {
    throw refused(
      table,
      `column ${column.name} was nullable and cannot become required`,
      'Rows already in the table may hold nulls: declare it .nullable().',
    )
  }
  return fieldOf(column, before.id, !column.nullable)
}

const refused = (table: string, what: string, next: string): AssayError => new AssayError('ASSAY-2007', `${table}: ${what}`, { next })

const typeName = (type: IcebergType): string => (typeof type === 'string' ? type : type.type)
const sameType = (a: IcebergType, b: IcebergType): boolean => JSON.stringify(a) === JSON.stringify(b)

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

/**
 * The partition spec of these fields: a new one, or that of the table.
 * @throws ASSAY-2011 when the table has no such spec; ASSAY-1011 when a column is missing
 */
export function partitionSpec(
  schema: IcebergSchema,
  fields: readonly { readonly column: string; readonly transform: Transform }[],
  existing?: TableMetadata,
): PartitionSpec {
  const wanted = fields.map(({ column, transform }, i): PartitionField => {
    const source = schema.fields.find((field) => field.name === column)
    if (source === undefined) throw new AssayError('ASSAY-1011', `The partition column ${column} is not a column of the table`)
    return { 'source-id': source.id, 'field-id': FIRST_PARTITION_FIELD + i, name: fieldName(schema, column, transform), transform }
  })
  if (existing === undefined) return { 'spec-id': 0, fields: wanted }
  const current = existing.specs.toSorted(
    (a, b) => Number(b['spec-id'] === existing.defaultSpecId) - Number(a['spec-id'] === existing.defaultSpecId),
  )
  const found = current.find((spec) => divideAlike(spec.fields, wanted))
  if (found !== undefined) return found
  throw new AssayError(
    'ASSAY-2011',
    `The table at ${existing.location} is partitioned by ${spelt(current[0]?.fields ?? [])}, not by ${spelt(wanted)}`,
  )
}

const divideAlike = (a: readonly PartitionField[], b: readonly PartitionField[]): boolean =>
  a.length === b.length && a.every((field, i) => field['source-id'] === b[i]?.['source-id'] && field.transform === b[i]?.transform)

const spelt = (fields: readonly PartitionField[]): string =>
  fields.length === 0 ? 'nothing' : fields.map((field) => field.name).join(', ')

/** As Spark and PyIceberg name them: `ts_day`. A field may share its name with its own source column only. */
function fieldName(schema: IcebergSchema, column: string, transform: Transform): string {
  if (transform === 'identity') return column
  let name = `${column}_${transform === 'void' ? 'null' : transform.replace(/\[.*/, '').replace('truncate', 'trunc')}`
  while (schema.fields.some((field) => field.name === name)) name += '_part'
  return name
}
