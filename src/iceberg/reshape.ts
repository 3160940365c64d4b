import { AssayError } from '../errors.ts'
import {
  duckdbType,
  type IcebergType,
  type NestedField,
  quoteIdentifier,
  quoteText,
  type StructType,
  typeName,
} from '../schema/iceberg-type.ts'

/**
 * A column as it is read from files of all ages, and what turns that into the column wanted. The engine finds top-level
 * columns by field id, but what lies in them by name: so nested fields are read under every name that they have had.
 */
export interface Reading {
  /** As which DuckDB type the column is read. */
  readonly type: string
  /** The wanted value from what was read. The text itself where nothing is to be done. */
  readonly project: (value: string) => string
}

/**
 * How to read a top-level field from files written under any of these schemas.
 * @param marks collects what has to be known of each file, see there
 * @throws ASSAY-2004 where one nested name has stood for fields that cannot be read alike
 */
export function readingOf(field: NestedField, history: readonly StructType[], marks: Marks): Reading {
  const versions = history.flatMap((schema) => schema.fields.filter((known) => known.id === field.id).map((known) => known.type))
  return reading(field.type, versions, { marks, path: field.name, depth: 0 })
}

/**
 * What has to be known of single files, that each has a field id under a name: names of boolean columns, with the rows of
 * `parquet_schema` that make them true. Needed where a nested name was given to another field later.
 */
export type Marks = Map<string, string>

function mark(marks: Marks, id: number, name: string): string {
  const column = quoteIdentifier(`__file_${id}_${name}`)
  marks.set(column, `field_id = ${id} AND lower(name) = lower(${quoteText(name)})`)
  return column
}

/** The columns of `marks` for a scan of `paths`, a list literal, whose column `file` names the file of a row. */
export const markedColumns = (marks: Marks, paths: string, file: string): readonly string[] =>
  [...marks].map(([column, rows]) => `${file} IN (SELECT file_name FROM parquet_schema(${paths}) WHERE ${rows}) AS ${column}`)

interface Place {
  readonly marks: Marks
  readonly path: string
  /** Of lambdas, for names of their own. */
  readonly depth: number
}

/** @param versions what the field has been, the wanted type among it or not */
function reading(wanted: IcebergType, versions: readonly IcebergType[], at: Place): Reading {
  const as = (project: Reading['project'], type: string): Reading => ({ type, project })
  if (typeof wanted === 'string') return as(same, duckdbType(wanted))
  const shape = JSON.stringify(shapeOf(wanted))
  if (versions.every((version) => JSON.stringify(shapeOf(version)) === shape)) return as(same, duckdbType(wanted))
  if (wanted.type === 'struct') {
    const fields = versions.map((version) => (typeof version !== 'string' && version.type === 'struct' ? version.fields : []))
    return structReading(wanted, [...fields, wanted.fields], at)
  }
  const item = `e${at.depth}`
  const inside = { ...at, depth: at.depth + 1 }
  if (wanted.type === 'list') {
    const elements = versions.flatMap((version) => (typeof version !== 'string' && version.type === 'list' ? [version.element] : []))
    const element = reading(wanted.element, elements, inside)
    const project = (value: string): string => `list_transform(${value}, lambda ${item}: ${element.project(item)})`
    return as(element.project === same ? same : project, `${element.type}[]`)
  }
  const values = versions.flatMap((version) => (typeof version !== 'string' && version.type === 'map' ? [version.value] : []))
  const value = reading(wanted.value, values, inside)
  const project = (map: string): string =>
    `map_from_entries(list_transform(map_entries(${map}), lambda ${item}: {key: ${item}.key, value: ${value.project(`${item}.value`)}}))`
  return as(value.project === same ? same : project, `MAP(${duckdbType(wanted.key)}, ${value.type})`)
}

const same = (value: string): string => value

/** A type without what does not matter to a reader. */
function shapeOf(type: IcebergType): unknown {
  if (typeof type === 'string') return type
  if (type.type === 'list') return [type['element-id'], shapeOf(type.element)]
  if (type.type === 'map') return [type['key-id'], shapeOf(type.key), type['value-id'], shapeOf(type.value)]
  return type.fields.map((field) => [field.id, field.name, shapeOf(field.type)])
}

/** A name that fields of a struct have had, as the engine compares names. */
interface Name {
  readonly name: string
  readonly ids: ReadonlySet<number>
  readonly reading: Reading
}

/**
 * Reads the fields of all versions, dropped ones too: the engine refuses a struct of which a file has no field at all.
 * @param versions fields of the struct, oldest first, those wanted last
 */
function structReading(wanted: StructType, versions: readonly (readonly NestedField[])[], at: Place): Reading {
  const all = versions.flat()
  const names = [...Map.groupBy(all, (field) => field.name.toLowerCase()).values()].map((fields) => nameOf(fields, all, at))
  const type = `STRUCT(${names.map(({ name, reading: { type } }) => `${quoteIdentifier(name)} ${type}`).join(', ')})`
  const project = (value: string): string => {
    const fields = wanted.fields.map((field) => {
      const read = names.filter(({ ids }) => ids.has(field.id)).map((name) => fieldSql(value, field, name, at))
      return `${quoteIdentifier(field.name)} := ${read.length === 1 ? read[0] : `coalesce(${read.join(', ')})`}`
    })
    return `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`
  }
  return { type, project }
}

function nameOf(fields: readonly NestedField[], all: readonly NestedField[], at: Place): Name {
  const latest = fields.at(-1) as NestedField
  const ids = new Set(fields.map((field) => field.id))
  const path = `${at.path}.${latest.name}`
  if (ids.size === 1) {
    const versions = all.filter((field) => ids.has(field.id)).map((field) => field.type)
    return { name: latest.name, ids, reading: reading(versions.at(-1) as IcebergType, versions, { ...at, path }) }
  }
  if (fields.every((field) => typeof field.type === 'string')) {
    // Text holds each of them; whose it is, the file tells.
    return { name: latest.name, ids, reading: { type: 'VARCHAR', project: same } }
  }
  const types = fields.map((field) => typeName(field.type)).join(', ')
  throw new AssayError(
    'ASSAY-2004',
    `The nested column ${path} has stood for different fields (${types}), of which not all are simple values`,
  )
}

function fieldSql(value: string, field: NestedField, { name, ids, reading: { project } }: Name, at: Place): string {
  const inner = `${value}.${quoteIdentifier(name)}`
  if (ids.size === 1) return project(inner)
  return `CASE WHEN ${mark(at.marks, field.id, name)} THEN CAST(${inner} AS ${duckdbType(field.type)}) END`
}
