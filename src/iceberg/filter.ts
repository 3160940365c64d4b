import { decimalOf, fixedLength, type IcebergSchema, type IcebergType, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { AvroRecord, AvroValue } from './avro.ts'
import { compareValues, decodeValue } from './bounds.ts'
import type { PartitionValue } from './data-file.ts'
import type { ManifestEntry } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'

/** A value in the form that partition tuples have: days of a date, microseconds of a time, text of a decimal. */
export type FilterValue = Exclude<PartitionValue, null>

/** A condition on rows as plain data. As in SQL it is true, false, or unknown where a column is null. */
export type Filter =
  | { readonly op: 'always' }
  | { readonly op: '=' | '<' | '<=' | '>' | '>='; readonly column: string; readonly value: FilterValue }
  | { readonly op: 'null'; readonly column: string }
  | { readonly op: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly op: 'not'; readonly of: Filter }

type Comparison = Extract<Filter, { readonly value: unknown }>

/** The filter as a SQL condition over columns of these names. */
export function filterSql(filter: Filter, schema: IcebergSchema): string {
  switch (filter.op) {
    case 'always':
      return 'true'
    case 'null':
      return `${quoteIdentifier(filter.column)} IS NULL`
    case 'not':
      return `NOT (${filterSql(filter.of, schema)})`
    case 'and':
    case 'or':
      if (filter.of.length === 0) return String(filter.op === 'and')
      return filter.of.map((part) => `(${filterSql(part, schema)})`).join(filter.op === 'and' ? ' AND ' : ' OR ')
    default: {
      const type = schema.fields.find((field) => field.name === filter.column)?.type ?? 'string'
      return `${quoteIdentifier(filter.column)} ${filter.op} ${literal(type, filter.value)}`
    }
  }
}

function literal(type: IcebergType, value: FilterValue): string {
  const text = quoteText(String(value))
  const decimal = decimalOf(type)
  if (decimal) return `CAST(${text} AS DECIMAL(${decimal.precision},${decimal.scale}))`
  switch (type) {
    case 'boolean':
      return String(value)
    case 'int':
    case 'long':
      return `CAST(${text} AS BIGINT)`
    case 'float':
      return `CAST(${text} AS FLOAT)`
    case 'double':
      return `CAST(${text} AS DOUBLE)`
    case 'date':
      return `(DATE '1970-01-01' + CAST(${text} AS INTEGER))`
    case 'time':
      return `(TIME '00:00:00' + to_microseconds(CAST(${text} AS BIGINT)))`
    case 'timestamp':
      return `make_timestamp(CAST(${text} AS BIGINT))`
    case 'timestamptz':
      return `(make_timestamp(CAST(${text} AS BIGINT)) AT TIME ZONE 'UTC')`
    case 'uuid':
      return `CAST(${text} AS UUID)`
    default:
      return text
  }
}

/** What a condition can be for the rows of a file, as far as its statistics tell. */
interface Outcomes {
  readonly true: boolean
  readonly false: boolean
  readonly unknown: boolean
}

const ANY: Outcomes = { true: true, false: true, unknown: true }
const TRUE: Outcomes = { true: true, false: false, unknown: false }
const FALSE: Outcomes = { true: false, false: true, unknown: false }

/** How many rows of a data file a filter matches: surely none, surely all, or it has to be read. */
export function matchOf(filter: Filter, metadata: TableMetadata, schema: IcebergSchema, entry: ManifestEntry): 'none' | 'some' | 'all' {
  const outcomes = outcomesOf(filter, (column) => factsOf(metadata, schema, entry, column))
  if (!outcomes.true) return 'none'
  return outcomes.false || outcomes.unknown ? 'some' : 'all'
}

function outcomesOf(filter: Filter, facts: (column: string) => ColumnFacts): Outcomes {
  switch (filter.op) {
    case 'always':
      return TRUE
    case 'not': {
      const inner = outcomesOf(filter.of, facts)
      return { true: inner.false, false: inner.true, unknown: inner.unknown }
    }
    case 'and':
      return filter.of.map((part) => outcomesOf(part, facts)).reduce(both, TRUE)
    case 'or':
      return filter.of.map((part) => outcomesOf(part, facts)).reduce(either, FALSE)
    case 'null': {
      const { mayBeNull, mayHold } = facts(filter.column)
      return { true: mayBeNull, false: mayHold, unknown: false }
    }
    default:
      return compared(filter, facts(filter.column))
  }
}

/** Kleene's AND over all pairs of what two conditions can be. */
const both = (a: Outcomes, b: Outcomes): Outcomes => ({
  true: a.true && b.true,
  false: a.false || b.false,
  unknown: (a.unknown && (b.true || b.unknown)) || (b.unknown && (a.true || a.unknown)),
})

const inverse = (o: Outcomes): Outcomes => ({ true: o.false, false: o.true, unknown: o.unknown })
const either = (a: Outcomes, b: Outcomes): Outcomes => inverse(both(inverse(a), inverse(b)))

function compared({ op, value }: Comparison, facts: ColumnFacts): Outcomes {
  const { type, lower, upper, mayBeNaN, mayBeNull, mayHold } = facts
  if (!mayHold) return { true: false, false: false, unknown: true }
  if (type === undefined || value === 'NaN') return ANY
  const wanted = type === 'float' && typeof value === 'number' ? Math.fround(value) : value
  const low = lower === undefined ? undefined : compareValues(type, lower, wanted)
  const high = upper === undefined ? undefined : compareValues(type, upper, wanted)
  // NaN is in no bound, and the engine sorts it above all numbers.
  const may = {
    '<': low === undefined || low < 0,
    '<=': low === undefined || low <= 0,
    '>': high === undefined || high > 0 || mayBeNaN,
    '>=': high === undefined || high >= 0 || mayBeNaN,
  }
  const unknown = mayBeNull
  switch (op) {
    case '<':
      return { true: may['<'], false: may['>='], unknown }
    case '<=':
      return { true: may['<='], false: may['>'], unknown }
    case '>':
      return { true: may['>'], false: may['<='], unknown }
    case '>=':
      return { true: may['>='], false: may['<'], unknown }
    case '=':
      return { true: may['<='] && may['>='], false: may['<'] || may['>'], unknown }
  }
}

/** What the metrics and the partition of a file tell of a column. */
interface ColumnFacts {
  readonly type: IcebergType | undefined
  readonly lower: FilterValue | undefined
  readonly upper: FilterValue | undefined
  readonly mayBeNaN: boolean
  readonly mayBeNull: boolean
  /** False where all is null. */
  readonly mayHold: boolean
}

const NOTHING_KNOWN: ColumnFacts = { type: undefined, lower: undefined, upper: undefined, mayBeNaN: true, mayBeNull: true, mayHold: true }

function factsOf(metadata: TableMetadata, schema: IcebergSchema, entry: ManifestEntry, column: string): ColumnFacts {
  const field = schema.fields.find((one) => one.name === column)
  if (field === undefined || typeof field.type !== 'string') return NOTHING_KNOWN
  const { type, id } = field
  const spec = metadata.specs.find((one) => one['spec-id'] === entry.file.specId)
  const identity = spec?.fields.find((one) => one['source-id'] === id && one.transform === 'identity')
  const nulls = metric(entry.fields, 'null_value_counts', id)
  const values = metric(entry.fields, 'value_counts', id)
  const real = type === 'float' || type === 'double'
  const mayBeNaN = real && Number(metric(entry.fields, 'nan_value_counts', id) ?? 1) !== 0
  const counted = {
    mayBeNull: nulls === undefined || Number(nulls) > 0,
    mayHold: nulls === undefined || values === undefined || Number(nulls) < Number(values),
  }
  // Of bytes there is more than one spelling.
  if (type === 'binary' || fixedLength(type) !== undefined) return { ...NOTHING_KNOWN, type, ...counted }
  if (identity !== undefined && !real) {
    const value = entry.file.partition[identity.name] ?? null
    if (value === null) return { ...NOTHING_KNOWN, type, mayHold: false }
    return { type, lower: value, upper: value, mayBeNaN: false, mayBeNull: false, mayHold: true }
  }
  // Engines disagree about the order of UUIDs.
  if (type === 'uuid') return { ...NOTHING_KNOWN, type, ...counted }
  const bound = (name: string): FilterValue | undefined => {
    const bytes = metric(entry.fields, name, id)
    return bytes instanceof Uint8Array ? decodeValue(type, bytes) : undefined
  }
  return { type, lower: bound('lower_bounds'), upper: bound('upper_bounds'), mayBeNaN, ...counted }
}

/** A metric of one column, from the pairs that a manifest keeps them in. */
export function metric(fields: AvroRecord, name: string, id: number): AvroValue | undefined {
  const pairs = fields[name]
  if (!Array.isArray(pairs)) return undefined
  const pair: unknown = pairs.find((one: unknown) => isPair(one) && Number(one.key) === id)
  return isPair(pair) ? pair.value : undefined
}

const isPair = (value: unknown): value is { readonly key: number | bigint; readonly value: AvroValue } =>
  typeof value === 'object' && value !== null && 'key' in value && 'value' in value
