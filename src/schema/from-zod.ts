import type * as z from 'zod'
import { AssayError } from '../errors.ts'
import { type Column, type Kind, type Schema, t } from './column.ts'

/** The kind of column that a zod schema becomes, as far as checks tell kinds apart. */
type KindOf<Z> = Z extends z.ZodNullable<infer I> | z.ZodReadonly<infer I>
  ? KindOf<I>
  : Z extends z.ZodISODate
    ? 'date'
    : Z extends z.ZodISOTime
      ? 'time'
      : Z extends z.ZodISODateTime
        ? 'timestamp'
        : Z extends z.ZodUUID | z.ZodGUID
          ? 'uuid'
          : Z extends z.ZodEnum
            ? 'enum'
            : Z extends z.ZodArray
              ? 'list'
              : Z extends z.ZodMap
                ? 'map'
                : Z extends z.ZodObject
                  ? 'struct'
                  : Z extends z.ZodBigInt
                    ? 'long'
                    : Z extends z.ZodBoolean
                      ? 'boolean'
                      : Z extends z.ZodNumber
                        ? 'double'
                        : 'string'

/** The columns of a zod object. A cell has the type that zod gives it. */
export type SchemaOf<Z extends z.ZodObject> = {
  readonly [C in keyof Z['shape'] & string]: Column<KindOf<Z['shape'][C]>, z.output<Z['shape'][C]>>
}

/**
 * The columns of a zod object: `z.bigint()` is a long, `z.int32()` an int, `z.number()` a double, `z.iso.date()` a date, and
 * so on; arrays, maps and objects are nested columns. Rules beyond the type (`.min()`, `.refine()`) are not taken over:
 * write them as checks.
 * @throws ASSAY-1011 for what no column holds with the same TypeScript type: optional, union, record, Date
 */
export function fromZod<Z extends z.ZodObject>(object: Z): SchemaOf<Z> {
  return fieldsOf(object.shape, '') as unknown as SchemaOf<Z>
}

type Shape = Readonly<Record<string, z.core.$ZodType>>

const fieldsOf = (shape: Shape, path: string): Schema =>
  Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, columnOf(type, path === '' ? name : `${path}.${name}`)]))

function columnOf(type: z.core.$ZodType, path: string): Column {
  const doc = (type as Partial<z.ZodType>).description
  const column = plainColumn(type as z.core.$ZodTypes, path)
  return doc === undefined ? column : column.describe(doc)
}

function plainColumn(type: z.core.$ZodTypes, path: string): Column {
  const { def } = type._zod
  switch (def.type) {
    case 'nullable':
      return columnOf(def.innerType, path).nullable()
    case 'readonly':
      return columnOf(def.innerType, path)
    case 'string':
      if ('local' in def && def.local !== true) throw noColumn(path, 'datetime')
      return (STRINGS[formatOf(def) ?? ''] ?? t.string)()
    case 'number':
      return numberColumn(formatOf(def), path)
    case 'bigint':
      return t.long()
    case 'boolean':
      return t.boolean()
    case 'enum':
      return t.enum(Object.values(def.entries).map(String))
    case 'array':
      return t.list(columnOf(def.element, `${path}.element`))
    case 'map':
      return t.map(columnOf(def.keyType, `${path}.key`), columnOf(def.valueType, `${path}.value`))
    case 'object':
      return t.struct(fieldsOf(def.shape, path))
    default:
      throw noColumn(path, def.type)
  }
}

const formatOf = (def: object): string | undefined => ('format' in def && typeof def.format === 'string' ? def.format : undefined)

const STRINGS: Readonly<Record<string, () => Column<Kind>>> = {
  date: t.date,
  time: t.time,
  datetime: t.timestamp,
  uuid: t.uuid,
  guid: t.uuid,
}

function numberColumn(format: string | undefined, path: string): Column {
  if (format === undefined || format === 'float64') return t.double()
  if (format === 'float32') return t.float()
  if (format === 'int32') return t.int()
  throw noColumn(path, format)
}

const INSTEAD: Readonly<Record<string, string>> = {
  optional: 'Write .nullable(): a table has nulls, and no absent cells.',
  datetime: 'Write z.iso.datetime({ local: true }) for wall time; declare an instant as t.timestamptz().',
  date: 'Declare the column as t.timestamptz() or t.date(): a Date loses microseconds.',
  record: 'Write z.map(…): a cell of a map column is a Map.',
  safeint: 'Write z.int32() for 32 bits, z.bigint() for 64.',
  uint32: 'Write z.bigint().',
}

const noColumn = (path: string, type: string): AssayError =>
  new AssayError('ASSAY-1011', `${path}: zod's ${type} is no column`, { next: INSTEAD[type] ?? 'Declare the column with t.…' })
