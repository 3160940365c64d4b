import {
  decimalOf,
  type IcebergSchema,
  type IcebergType,
  type PartitionField,
  type PartitionSpec,
  type Transform,
} from '../schema/iceberg-type.ts'
import type { AvroRecord, AvroValue } from './avro.ts'
import { compareValues, decodeValue } from './bounds.ts'
import type { ManifestFile, PartitionTuple, PartitionValue } from './data-file.ts'
import { type LeanEntry, numberOf, pairsOf } from './manifests.ts'
import { resultType } from './transforms.ts'

/** A value as partition tuples have it: dates in days, timestamps in microseconds since 1970, decimals and UUIDs as text. */
export type Literal = Exclude<PartitionValue, null>

/** What rows are asked for, as plain data. Comparisons are false for nulls. */
export type Predicate =
  | { readonly op: 'and'; readonly of: readonly Predicate[] }
  | { readonly op: 'or'; readonly of: readonly Predicate[] }
  | { readonly op: '=' | '<' | '<=' | '>' | '>='; readonly column: string; readonly value: Literal }
  | { readonly op: 'in'; readonly column: string; readonly values: readonly Literal[] }
  | { readonly op: 'is null'; readonly column: string }

type Leaf = Exclude<Predicate, { readonly op: 'and' | 'or' }>

/** Undefined where it is not known. */
type Bound = Literal | undefined

/** What is known of the values of a column in some files, after a transform. What is not known is left open. */
interface Range {
  readonly transform: Transform
  /** Of the bounds. */
  readonly type: IcebergType
  readonly lower: Bound
  readonly upper: Bound
  readonly mayHoldNull: boolean
  readonly mayHoldValues: boolean
  /** NaN lies outside the bounds; the engine has it above all numbers. */
  readonly mayHoldNan: boolean
}

/** Says of manifests and files whether any of their rows may be asked for. Never wrongly no. */
export interface Pruner {
  manifest(manifest: ManifestFile, spec: PartitionSpec): boolean
  entry(entry: LeanEntry, spec: PartitionSpec): boolean
}

/** @param schema the columns that the predicate names; one that it does not have prunes nothing */
export function prunerOf(schema: IcebergSchema, predicate: Predicate | undefined): Pruner {
  if (predicate === undefined) return { manifest: () => true, entry: () => true }
  const question = prepared(schema, predicate)
  return {
    manifest: (manifest, spec) => mayMatch(question, (column) => rangesOfManifest(manifest, spec, column)),
    entry: (entry, spec) =>
      mayMatch(question, (column) => rangesOfPartition(entry.file.partition, spec, column)) &&
      mayMatch(question, (column) => [rangeOfMetrics(entry, column)]),
  }
}

interface Column {
  readonly id: number
  readonly type: IcebergType
}

/** A predicate with its columns looked up; undefined is one that any row may meet. */
type Question =
  | { readonly op: 'and'; readonly of: readonly Question[] }
  | { readonly op: 'or'; readonly of: readonly Question[] }
  | { readonly op: 'leaf'; readonly leaf: Leaf; readonly column: Column; readonly literals: (transform: Transform) => readonly Bound[] }
  | { readonly op: 'any' }

function prepared(schema: IcebergSchema, predicate: Predicate): Question {
  if (predicate.op === 'and' || predicate.op === 'or') return { op: predicate.op, of: predicate.of.map((part) => prepared(schema, part)) }
  const column = schema.fields.find((field) => field.name === predicate.column)
  if (column === undefined || typeof column.type !== 'string') return { op: 'any' }
  return { op: 'leaf', leaf: predicate, column, literals: literalsOf(predicate, column.type) }
}

/** The literals of a leaf after each transform that is met, made once for all files. */
function literalsOf(leaf: Leaf, type: IcebergType): (transform: Transform) => readonly Bound[] {
  const values = leaf.op === 'is null' ? [] : leaf.op === 'in' ? leaf.values : [leaf.value]
  const made = new Map<Transform, readonly Bound[]>()
  return (transform) => {
    const known = made.get(transform) ?? values.map((value) => transformed(transform, type, value))
    made.set(transform, known)
    return known
  }
}

function mayMatch(question: Question, rangesOf: (column: Column) => readonly Range[]): boolean {
  switch (question.op) {
    case 'and':
      return question.of.every((part) => mayMatch(part, rangesOf))
    case 'or':
      return question.of.some((part) => mayMatch(part, rangesOf))
    case 'leaf':
      return rangesOf(question.column).every((range) => leafMayMatch(question.leaf, range, question.literals(range.transform)))
    case 'any':
      return true
  }
}

function leafMayMatch(leaf: Leaf, range: Range, literals: readonly Bound[]): boolean {
  if (leaf.op === 'is null') return range.mayHoldNull
  if (!range.mayHoldValues) return false
  if (leaf.op === 'in' || leaf.op === '=') return literals.some((value) => within(range, value))
  const isLess = leaf.op === '<' || leaf.op === '<='
  const bound = isLess ? range.lower : range.upper
  const [value] = literals
  if (value === undefined || bound === undefined || value === 'NaN' || (!isLess && range.mayHoldNan)) return true
  const order = isLess ? compareValues(range.type, bound, value) : compareValues(range.type, value, bound)
  // Only the plain value keeps `<` apart from `<=`: a day holds moments before and after its own start.
  return order < 0 || (order === 0 && (leaf.op === '<=' || leaf.op === '>=' || range.transform !== 'identity'))
}

function within({ type, lower, upper }: Range, value: Bound): boolean {
  if (value === undefined || value === 'NaN') return true
  return (lower === undefined || compareValues(type, lower, value) <= 0) && (upper === undefined || compareValues(type, value, upper) <= 0)
}

type Fields = readonly (readonly [PartitionField, number])[]

/** Ranges and fields by what they are of, for each column: to find them costs more than all else of a plan. */
const memory = {
  fields: new WeakMap<PartitionSpec, Map<number, Fields>>(),
  manifests: new WeakMap<ManifestFile, Map<number, readonly Range[]>>(),
  entries: new WeakMap<LeanEntry, Map<number, Range>>(),
}

function remembered<K extends object, V>(known: WeakMap<K, Map<number, V>>, key: K, { id }: Column, make: () => V): V {
  const values = known.get(key) ?? new Map<number, V>()
  known.set(key, values)
  const value = values.get(id) ?? make()
  values.set(id, value)
  return value
}

/** Fields that say something about a column; a void one says nothing. */
const fieldsOn = (spec: PartitionSpec, column: Column): Fields =>
  remembered(memory.fields, spec, column, () =>
    spec.fields.flatMap((field, i) => (field['source-id'] === column.id && field.transform !== 'void' ? [[field, i] as const] : [])),
  )

const rangesOfManifest = (manifest: ManifestFile, spec: PartitionSpec, column: Column): readonly Range[] =>
  remembered(memory.manifests, manifest, column, () =>
    fieldsOn(spec, column).flatMap(([{ transform }, i]) => {
      const summary = manifest.partitions[i]
      if (summary === undefined) return []
      const type = resultType(transform, column.type)
      const [lower, upper] = [summary.lower, summary.upper].map((bound) =>
        bound === undefined ? undefined : decoded(type, Buffer.from(bound, 'base64')),
      )
      const mayHoldNan = isReal(type) && summary.containsNan !== false
      return [{ transform, type, lower, upper, mayHoldNull: summary.containsNull, mayHoldValues: true, mayHoldNan }]
    }),
  )

function rangesOfPartition(partition: PartitionTuple, spec: PartitionSpec, column: Column): readonly Range[] {
  return fieldsOn(spec, column).map(([{ transform, name }]) => {
    const value = partition[name] ?? undefined
    const mayHoldNan = value === 'NaN'
    const bound = mayHoldNan ? undefined : value
    const isNull = value === undefined
    const type = resultType(transform, column.type)
    return { transform, type, lower: bound, upper: bound, mayHoldNull: isNull, mayHoldValues: !isNull, mayHoldNan }
  })
}

const rangeOfMetrics = (entry: LeanEntry, column: Column): Range =>
  remembered(memory.entries, entry, column, () => madeRange(entry.metrics(), column))

function madeRange(fields: AvroRecord, { id, type }: Column): Range {
  const of = (name: string): AvroValue | undefined => pairsOf(fields[name]).get(id)
  const [values, nulls, nans] = ['value_counts', 'null_value_counts', 'nan_value_counts'].map((name) => numberOf(of(name), -1))
  // Engines disagree about the order of UUIDs.
  const bound = (name: string): Literal | undefined => {
    const bytes = of(name)
    return bytes instanceof Uint8Array && type !== 'uuid' ? decoded(type, bytes) : undefined
  }
  return {
    transform: 'identity',
    type,
    lower: bound('lower_bounds'),
    upper: bound('upper_bounds'),
    mayHoldNull: nulls !== 0,
    mayHoldValues: values === -1 || nulls !== values,
    mayHoldNan: isReal(type) && nans !== 0,
  }
}

const isReal = (type: IcebergType): boolean => type === 'float' || type === 'double'

const SIZES: Readonly<Record<string, readonly number[]>> = {
  boolean: [1],
  int: [4],
  date: [4],
  long: [4, 8],
  time: [8],
  timestamp: [8],
  timestamptz: [8],
  float: [4],
  double: [4, 8],
}

/** Undefined for bytes that no value of the type has, such as bounds from before the column got another type. */
function decoded(type: IcebergType, bytes: Uint8Array): Literal | undefined {
  const sizes = typeof type === 'string' ? SIZES[type] : undefined
  if (sizes !== undefined && !sizes.includes(bytes.length)) return undefined
  const value = decodeValue(type, bytes)
  return value === 'NaN' ? undefined : value
}

const MICROS_OF_HOUR = 3_600_000_000n
const MICROS_OF_DAY = 24n * MICROS_OF_HOUR
const MILLIS_OF_DAY = 86_400_000

/** A value after a transform that keeps order; undefined where that is not known. */
function transformed(transform: Transform, type: IcebergType, value: Literal): Literal | undefined {
  switch (transform) {
    case 'identity':
      return value
    case 'hour':
      return type === 'date' ? undefined : Number(floored(BigInt(value), MICROS_OF_HOUR))
    case 'day':
      return dayOf(type, value)
    case 'month':
    case 'year': {
      const day = new Date(dayOf(type, value) * MILLIS_OF_DAY)
      const years = day.getUTCFullYear() - 1970
      return transform === 'year' ? years : 12 * years + day.getUTCMonth()
    }
    default:
      return truncated(transform, type, value)
  }
}

const dayOf = (type: IcebergType, value: Literal): number =>
  type === 'date' ? Number(value) : Number(floored(BigInt(value), MICROS_OF_DAY))

const floored = (value: bigint, unit: bigint): bigint => value / unit - (value % unit < 0n ? 1n : 0n)

function truncated(transform: Transform, type: IcebergType, value: Literal): Literal | undefined {
  const width = /^truncate\[(\d+)\]$/.exec(transform)?.[1]
  if (width === undefined || decimalOf(type)) return undefined
  if (type === 'string') return [...String(value)].slice(0, Number(width)).join('')
  if (type !== 'int' && type !== 'long') return undefined
  return String(floored(BigInt(value), BigInt(width)) * BigInt(width))
}
