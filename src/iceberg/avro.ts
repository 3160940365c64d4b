import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import avro from 'avsc'

/** An Avro schema as JSON, with Iceberg's `field-id` and `element-id` attributes. */
export type AvroSchema = string | readonly AvroSchema[] | AvroObject
interface AvroObject {
  readonly type: AvroSchema
  readonly name?: string
  readonly fields?: readonly AvroField[]
  readonly items?: AvroSchema
  readonly values?: AvroSchema
  readonly [attribute: string]: unknown
}
export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly 'field-id'?: number
  readonly [attribute: string]: unknown
}

/** Longs are numbers where those are exact, else bigints. */
export type AvroValue = null | boolean | number | bigint | string | Uint8Array | AvroRecord | readonly AvroValue[]
export interface AvroRecord {
  readonly [field: string]: AvroValue | undefined
}

const MAGIC = Buffer.from('Obj\x01')
const SYNC_BYTES = 16

/** avsc refuses longs beyond 2^53, which is what Java's snapshot ids are. */
const LONG = avro.types.LongType.__with({
  fromBuffer: (b: Buffer) => {
    const value = b.readBigInt64LE()
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  },
  toBuffer: (value: number | bigint) => {
    const b = Buffer.alloc(8)
    b.writeBigInt64LE(BigInt(value))
    return b
  },
  fromJSON: (value: number) => value,
  toJSON: (value: number | bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
  compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

const HEADER = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: MAGIC.length } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: SYNC_BYTES } },
  ],
})
const BLOCK_NUMBER = avro.Type.forSchema('long')

/** Compiling a type costs more than writing a small file with it, and manifests of a table share a schema. */
const compiled = new Map<string, avro.Type>()
const MOST_COMPILED = 64

function compile(key: string, schema: AvroSchema): avro.Type {
  const known = compiled.get(key)
  if (known) return known
  const type = avro.Type.forSchema(plain(schema) as avro.Schema, { wrapUnions: false, registry: { long: LONG }, omitRecordMethods: true })
  if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value ?? '')
  compiled.set(key, type)
  return type
}

/** An Avro object container file in memory. The schema goes into the header as given, field ids and all. */
export function encodeAvro(schema: AvroSchema, metadata: Readonly<Record<string, string>>, records: readonly AvroRecord[]): Buffer {
  return avroFile(schema, metadata, records.map(recordEncoder(schema)))
}

/** Turns records of a schema into the bytes that {@link avroFile} takes. */
export function recordEncoder(schema: AvroSchema): (record: AvroRecord) => Buffer {
  const type = compile(JSON.stringify(schema), schema)
  return (record) => type.toBuffer(record)
}

/** {@link encodeAvro} of records that are encoded already. */
export function avroFile(schema: AvroSchema, metadata: Readonly<Record<string, string>>, records: readonly Buffer[]): Buffer {
  const text = JSON.stringify(schema)
  const data = deflateRawSync(Buffer.concat(records))
  const meta = Object.fromEntries(
    Object.entries({ ...metadata, 'avro.codec': 'deflate', 'avro.schema': text }).map(([k, v]) => [k, Buffer.from(v)]),
  )
  // Any sixteen bytes that the data does not hold will do as the mark between blocks.
  const sync = createHash('md5').update(data).digest()
  const header = HEADER.toBuffer({ magic: MAGIC, meta, sync })
  if (records.length === 0) return header
  return Buffer.concat([header, BLOCK_NUMBER.toBuffer(records.length), BLOCK_NUMBER.toBuffer(data.length), data, sync])
}

const COMPLEX: ReadonlySet<unknown> = new Set(['record', 'array', 'map', 'fixed', 'enum'])

/** `{ type: 'long', logicalType: … }` becomes `long`: avsc would take its own long for it instead of ours. */
function plain(schema: AvroSchema): AvroSchema {
  if (typeof schema === 'string') return schema
  if (isList(schema)) return schema.map(plain)
  if (!COMPLEX.has(schema.type)) return plain(schema.type)
  return {
    ...schema,
    ...(schema.fields === undefined ? {} : { fields: schema.fields.map((field) => ({ ...field, type: plain(field.type) })) }),
    ...(schema.items === undefined ? {} : { items: plain(schema.items) }),
    ...(schema.values === undefined ? {} : { values: plain(schema.values) }),
  }
}

const isList = (schema: AvroSchema): schema is readonly AvroSchema[] => Array.isArray(schema)
