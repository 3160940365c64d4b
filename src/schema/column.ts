import { createRequire } from 'node:module'
import type * as z from 'zod'
import { Instant } from './instant.ts'
import { fixedLength, type IcebergType, type ListType, type MapType, type PrimitiveType, type StructType } from './iceberg-type.ts'

export type Kind =
  | 'string'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'decimal'
  | 'boolean'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'uuid'
  | 'fixed'
  | 'binary'
  | 'enum'
  | 'list'
  | 'map'
  | 'struct'

/** An exact decimal as text, for example `'12.50'`. */
export type Decimal = `${number}`
/** A calendar day, `YYYY-MM-DD`. */
export type IsoDate = `${number}-${number}-${number}`
/** A time of day, `HH:MM:SS[.ffffff]`. */
export type IsoTime = `${number}:${number}:${number}`
/** Wall time without zone, `YYYY-MM-DDTHH:MM:SS[.ffffff]`. */
export type LocalDateTime = `${IsoDate}T${string}`

/** A column as plain data: what the manifest keeps of it. */
export interface ColumnSpec {
  readonly name: string
  /** Field ids within it are 0: the table gives them. */
  readonly type: IcebergType
  readonly nullable: boolean
  /** The allowed values of an enum column. */
  readonly values?: readonly string[]
  readonly doc?: string
  /** The name that the column has had so far. */
  readonly renamedFrom?: string
}

/**
 * A column: its Iceberg type and, for the type checker, the TypeScript type of a cell. Light on purpose: ten thousand
 * assets load these, so the zod schema is built when it is first asked for.
 */
export interface Column<out K extends Kind = Kind, out T = unknown> {
  readonly kind: K
  /** For the type checker only; undefined when the program runs. */
  readonly cell: T
  readonly type: IcebergType
  readonly optional: boolean
  readonly values: readonly string[] | undefined
  readonly doc: string | undefined
  readonly formerName: string | undefined
  /** What a nested column consists of: its `element`; its `key` and `value`; its fields. */
  readonly inner: { readonly [name: string]: Column }
  /** The same column, null allowed. */
  nullable(): Column<K, T | null>
  /** The same column with a sentence for readers. */
  describe(doc: string): Column<K, T>
  /**
   * The same column, which the table knows under another name so far. It keeps its rows; without this, a new name is a new
   * column. May stay for good: it counts only while the table has the former name and not the new one.
   */
  renamedFrom(name: string): Column<K, T>
  /** A zod schema of one cell. */
  zod(): z.ZodType<T>
}

/** Columns by name, in the order of the table. */
export type Schema = { readonly [name: string]: Column }

/** A row as TypeScript sees it. */
export type Row<S extends Schema> = { readonly [C in keyof S]: S[C]['cell'] }

interface Parts {
  readonly kind: Kind
  readonly type: IcebergType
  readonly optional: boolean
  readonly values: readonly string[] | undefined
  readonly doc: string | undefined
  readonly formerName: string | undefined
  readonly inner: Schema
}

const interned = new Map<string, Column>()

function column<K extends Kind, T>(parts: Parts & { kind: K }): Column<K, T> {
  const id = JSON.stringify(parts, (_, value: unknown) => value ?? null)
  const known = interned.get(id)
  if (known) return known as Column<K, T>
  const made: Column<K, T> = Object.freeze({
    ...parts,
    cell: undefined as T,
    nullable: () => column<K, T | null>({ ...parts, optional: true }),
    describe: (doc: string) => column<K, T>({ ...parts, doc }),
    renamedFrom: (formerName: string) => column<K, T>({ ...parts, formerName }),
    zod: () => zodOf(parts) as z.ZodType<T>,
  })
  interned.set(id, made)
  return made
}

const NEW = { optional: false, values: undefined, doc: undefined, formerName: undefined, inner: {} }

const plain = <K extends Kind, T>(kind: K, type: PrimitiveType): Column<K, T> => column({ ...NEW, kind, type })
const nested = <K extends Kind, T>(kind: K, type: IcebergType, inner: Schema): Column<K, T> => column({ ...NEW, kind, type, inner })

/** The id of a nested field before a table has given it one. */
const UNNUMBERED = 0

const listType = (element: Column): ListType => ({
  type: 'list',
  'element-id': UNNUMBERED,
  element: element.type,
  'element-required': !element.optional,
})
const mapType = (key: Column, value: Column): MapType => ({
  type: 'map',
  'key-id': UNNUMBERED,
  key: key.type,
  'value-id': UNNUMBERED,
  value: value.type,
  'value-required': !value.optional,
})
const structType = (fields: Schema): StructType => ({
  type: 'struct',
  fields: columnSpecs(fields).map(({ nullable, values: _, ...field }) => ({ id: UNNUMBERED, required: !nullable, ...field })),
})

/**
 * Column types. `long` is a bigint, `decimal` an exact text, `timestamptz` an {@link Instant}; `date`, `time` and
 * `timestamp` are ISO texts: none of them loses a digit. Nested ones take columns, nullable at each level.
 */
export const t = {
  string: (): Column<'string', string> => plain('string', 'string'),
  /** 32 bits, signed. */
  int: (): Column<'int', number> => plain('int', 'int'),
  /** 64 bits, signed. */
  long: (): Column<'long', bigint> => plain('long', 'long'),
  /** 32 bits. */
  float: (): Column<'float', number> => plain('float', 'float'),
  /** 64 bits. */
  double: (): Column<'double', number> => plain('double', 'double'),
  boolean: (): Column<'boolean', boolean> => plain('boolean', 'boolean'),
  date: (): Column<'date', IsoDate> => plain('date', 'date'),
  /** A time of day without zone, in microseconds. */
  time: (): Column<'time', IsoTime> => plain('time', 'time'),
  /** Wall time without zone, in microseconds. */
  timestamp: (): Column<'timestamp', LocalDateTime> => plain('timestamp', 'timestamp'),
  /** An instant, in microseconds. */
  timestamptz: (): Column<'timestamptz', Instant> => plain('timestamptz', 'timestamptz'),
  /** @param precision 1 to 38 digits in all. @param scale digits after the point. */
  decimal: (precision: number, scale: number): Column<'decimal', Decimal> => plain('decimal', `decimal(${precision},${scale})`),
  /** Text such as `f79c3e09-677c-4bbd-a479-3f349cb785e7`; read in lower case. */
  uuid: (): Column<'uuid', string> => plain('uuid', 'uuid'),
  /** Exactly `length` bytes. Stored as bytes of any number, which PyIceberg does not read as fixed ones: `binary` serves everyone. */
  fixed: (length: number): Column<'fixed', Uint8Array> => plain('fixed', `fixed[${length}]`),
  binary: (): Column<'binary', Uint8Array> => plain('binary', 'binary'),
  /** Text that is one of `values`; a check holds it where the column is not nested. */
  enum: <const V extends string>(values: readonly V[]): Column<'enum', V> => column({ ...NEW, kind: 'enum', type: 'string', values }),
  list: <E>(element: Column<Kind, E>): Column<'list', readonly E[]> => nested('list', listType(element), { element }),
  /** A map of distinct keys, none of them null. Keys that are objects in JavaScript are found by identity only. */
  map: <K, V>(key: Column<Kind, K>, value: Column<Kind, V>): Column<'map', ReadonlyMap<K, V>> =>
    nested('map', mapType(key, value), { key, value }),
  struct: <F extends Schema>(fields: F): Column<'struct', Row<F>> => nested('struct', structType(fields), fields),
}

/** Zod is loaded when a cell is first asked for its schema: most processes never do, and it is a hundred modules. */
const require = createRequire(import.meta.url)

function zodOf(parts: Parts): z.ZodType {
  const required = ZOD[parts.kind](require('zod') as typeof z, parts)
  return parts.optional ? required.nullable() : required
}

const ZOD: Record<Kind, (zod: typeof z, parts: Parts) => z.ZodType> = {
  string: (zod) => zod.string(),
  int: (zod) => zod.int32(),
  long: (zod) => zod.bigint(),
  float: (zod) => zod.number(),
  double: (zod) => zod.number(),
  boolean: (zod) => zod.boolean(),
  date: (zod) => zod.iso.date(),
  time: (zod) => zod.iso.time(),
  timestamp: (zod) => zod.iso.datetime({ local: true }),
  timestamptz: (zod) => zod.instanceof(Instant),
  decimal: (zod) => zod.string().regex(/^-?\d+(\.\d+)?$/),
  uuid: (zod) => zod.guid(),
  fixed: (zod, { type }) => zod.instanceof(Uint8Array).refine((bytes) => bytes.length === fixedLength(type)),
  binary: (zod) => zod.instanceof(Uint8Array),
  enum: (zod, parts) => zod.enum((parts.values ?? []) as [string, ...string[]]),
  list: (zod, { inner }) => zod.array(cellOf(inner, 'element')),
  map: (zod, { inner }) => zod.map(cellOf(inner, 'key'), cellOf(inner, 'value')),
  struct: (zod, { inner }) => zod.strictObject(Object.fromEntries(Object.keys(inner).map((name) => [name, cellOf(inner, name)]))),
}

function cellOf(inner: Schema, name: string): z.ZodType {
  const column = inner[name]
  if (column === undefined) throw new Error(`a nested column has no ${name}`)
  return column.zod()
}

/** The columns of a schema as plain data, in order. */
export const columnSpecs = (schema: Schema): readonly ColumnSpec[] =>
  Object.entries(schema).map(([name, column]) => ({
    name,
    type: column.type,
    nullable: column.optional,
    ...(column.values === undefined ? {} : { values: column.values }),
    ...(column.doc === undefined ? {} : { doc: column.doc }),
    ...(column.formerName === undefined ? {} : { renamedFrom: column.formerName }),
  }))

/** The column that plain data is of; undefined for nested ones, whose data says less than they do. */
export function columnOf({ type, nullable, values, doc, renamedFrom }: ColumnSpec): Column | undefined {
  if (typeof type !== 'string') return undefined
  const kind = values === undefined ? (type.replace(/[([].*$/, '') as Kind) : 'enum'
  return column({ kind, type, optional: nullable, values, doc, formerName: renamedFrom, inner: {} })
}
