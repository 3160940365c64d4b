import { createRequire } from 'node:module'
import type * as z from 'zod'
import { Instant } from './instant.ts'
import type { PrimitiveType } from './iceberg-type.ts'

export type Kind = 'string' | 'int' | 'long' | 'double' | 'decimal' | 'boolean' | 'date' | 'timestamp' | 'timestamptz' | 'enum'

/** An exact decimal as text, for example `'12.50'`. */
export type Decimal = `${number}`
/** A calendar day, `YYYY-MM-DD`. */
export type IsoDate = `${number}-${number}-${number}`
/** Wall time without zone, `YYYY-MM-DDTHH:MM:SS[.ffffff]`. */
export type LocalDateTime = `${IsoDate}T${string}`

/** A column as plain data: what the manifest keeps of it. */
export interface ColumnSpec {
  readonly name: string
  readonly type: PrimitiveType
  readonly nullable: boolean
  /** The allowed values of an enum column. */
  readonly values?: readonly string[]
  readonly doc?: string
}

/**
 * A column: its Iceberg type and, for the type checker, the TypeScript type of a cell. Light on purpose: ten thousand
 * assets load these, so the zod schema is built when it is first asked for.
 */
export interface Column<out K extends Kind = Kind, out T = unknown> {
  readonly kind: K
  /** For the type checker only; undefined when the program runs. */
  readonly cell: T
  readonly type: PrimitiveType
  readonly optional: boolean
  readonly values: readonly string[] | undefined
  readonly doc: string | undefined
  /** The same column, null allowed. */
  nullable(): Column<K, T | null>
  /** The same column with a sentence for readers. */
  describe(doc: string): Column<K, T>
  /** A zod schema of one cell. */
  zod(): z.ZodType<T>
}

/** Columns by name, in the order of the table. */
export type Schema = { readonly [name: string]: Column }

/** A row as TypeScript sees it. */
export type Row<S extends Schema> = { readonly [C in keyof S]: S[C]['cell'] }

interface Parts {
  readonly kind: Kind
  readonly type: PrimitiveType
  readonly optional: boolean
  readonly values: readonly string[] | undefined
  readonly doc: string | undefined
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
    zod: () => zodOf(parts) as z.ZodType<T>,
  })
  interned.set(id, made)
  return made
}

const plain = <K extends Kind, T>(kind: K, type: PrimitiveType): Column<K, T> =>
  column({ kind, type, optional: false, values: undefined, doc: undefined })

/**
 * Column types. `long` is a bigint, `decimal` an exact text, `timestamptz` an {@link Instant}, `date` and `timestamp`
 * are ISO texts: none of them loses a digit.
 */
export const t = {
  string: (): Column<'string', string> => plain('string', 'string'),
  /** 32 bits, signed. */
  int: (): Column<'int', number> => plain('int', 'int'),
  /** 64 bits, signed. */
  long: (): Column<'long', bigint> => plain('long', 'long'),
  double: (): Column<'double', number> => plain('double', 'double'),
  boolean: (): Column<'boolean', boolean> => plain('boolean', 'boolean'),
  date: (): Column<'date', IsoDate> => plain('date', 'date'),
  /** Wall time without zone, in microseconds. */
  timestamp: (): Column<'timestamp', LocalDateTime> => plain('timestamp', 'timestamp'),
  /** An instant, in microseconds. */
  timestamptz: (): Column<'timestamptz', Instant> => plain('timestamptz', 'timestamptz'),
  /** @param precision 1 to 38 digits in all. @param scale digits after the point. */
  decimal: (precision: number, scale: number): Column<'decimal', Decimal> => plain('decimal', `decimal(${precision},${scale})`),
  /** Text that is one of `values`; a check holds it. */
  enum: <const V extends string>(values: readonly V[]): Column<'enum', V> =>
    column({ kind: 'enum', type: 'string', optional: false, values, doc: undefined }),
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
  double: (zod) => zod.number(),
  boolean: (zod) => zod.boolean(),
  date: (zod) => zod.iso.date(),
  timestamp: (zod) => zod.iso.datetime({ local: true }),
  timestamptz: (zod) => zod.instanceof(Instant),
  decimal: (zod) => zod.string().regex(/^-?\d+(\.\d+)?$/),
  enum: (zod, parts) => zod.enum((parts.values ?? []) as [string, ...string[]]),
}

/** The columns of a schema as plain data, in order. */
export const columnSpecs = (schema: Schema): readonly ColumnSpec[] =>
  Object.entries(schema).map(([name, column]) => ({
    name,
    type: column.type,
    nullable: column.optional,
    ...(column.values === undefined ? {} : { values: column.values }),
    ...(column.doc === undefined ? {} : { doc: column.doc }),
  }))
