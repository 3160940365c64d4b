import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
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

export interface AvroFile {
  readonly metadata: ReadonlyMap<string, string>
  readonly records: readonly AvroRecord[]
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

/** Compiling a type costs more than reading a small file with it, and manifests of a table share a schema. */
const compiled = new Map<string, avro.Type>()
const MOST_COMPILED = 64

function compile(key: string, schema: AvroSchema): avro.Type {
  const known = compiled.get(key)
  if (known) return known
  const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: false, registry: { long: LONG }, omitRecordMethods: true })
  if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value ?? '')
  compiled.set(key, type)
  return type
}

/** An Avro object container file in memory. The schema goes into the header as given, field ids and all. */
export function encodeAvro(schema: AvroSchema, metadata: Readonly<Record<string, string>>, records: readonly AvroRecord[]): Buffer {
  const text = JSON.stringify(schema)
  const type = compile(
    text,
    named(schema, () => undefined),
  )
  const data = deflateRawSync(Buffer.concat(records.map((record) => type.toBuffer(record))))
  const meta = Object.fromEntries(
    Object.entries({ ...metadata, 'avro.codec': 'deflate', 'avro.schema': text }).map(([k, v]) => [k, Buffer.from(v)]),
  )
  // Any sixteen bytes that the data does not hold will do as the mark between blocks.
  const sync = createHash('md5').update(data).digest()
  const header = HEADER.toBuffer({ magic: MAGIC, meta, sync })
  if (records.length === 0) return header
  return Buffer.concat([header, BLOCK_NUMBER.toBuffer(records.length), BLOCK_NUMBER.toBuffer(data.length), data, sync])
}

/**
 * Reads an Avro object container file. Fields are named by their field id, because writers spell names differently.
 * @param nameOf the name of a field id; undefined keeps the field's own
 * @throws Error when the bytes are no such file
 */
export function decodeAvro(bytes: Uint8Array, nameOf: (fieldId: number) => string | undefined): AvroFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('not an Avro file')
  const header: { value: { meta: Record<string, Buffer>; sync: Buffer }; offset: number } = HEADER.decode(buffer, 0)
  if (header.offset < 0) throw new Error('the Avro header is cut short')
  const metadata = new Map(Object.entries(header.value.meta).map(([key, value]) => [key, value.toString()]))
  const text = metadata.get('avro.schema') ?? ''
  const type = compile(`named ${text}`, named(JSON.parse(text) as AvroSchema, nameOf))
  const inflate = inflaterOf(metadata.get('avro.codec') ?? 'null')
  const records: AvroRecord[] = []
  for (let at = header.offset; at < buffer.length; ) {
    const count = numberAt(buffer, at)
    const size = numberAt(buffer, count.offset)
    const end = size.offset + size.value
    if (!buffer.subarray(end, end + SYNC_BYTES).equals(header.value.sync)) throw new Error('an Avro block is cut short')
    readBlock(type, inflate(buffer.subarray(size.offset, end)), count.value, records)
    at = end + SYNC_BYTES
  }
  return { metadata, records }
}

function numberAt(buffer: Buffer, at: number): { value: number; offset: number } {
  const read: { value: number; offset: number } = BLOCK_NUMBER.decode(buffer, at)
  if (read.offset < 0) throw new Error('an Avro block is cut short')
  return read
}

function readBlock(type: avro.Type, block: Buffer, count: number, into: AvroRecord[]): void {
  for (let i = 0, at = 0; i < count; i++) {
    const record: { value: AvroRecord; offset: number } = type.decode(block, at)
    if (record.offset < 0) throw new Error('an Avro record is cut short')
    into.push(record.value)
    at = record.offset
  }
}

function inflaterOf(codec: string): (block: Buffer) => Buffer {
  switch (codec) {
    case 'null':
      return (block) => block
    case 'deflate':
      return (block) => inflateRawSync(block)
    case 'zstandard':
      return (block) => zstdDecompressSync(block)
    default:
      throw new Error(`Avro files compressed with ${codec} are not read`)
  }
}

const COMPLEX: ReadonlySet<unknown> = new Set(['record', 'array', 'map', 'fixed', 'enum'])

/**
 * The schema with its fields renamed by their ids. `{ type: 'long', logicalType: … }` becomes `long`: avsc would take its
 * own long for it instead of ours.
 */
function named(schema: AvroSchema, nameOf: (fieldId: number) => string | undefined): AvroSchema {
  if (typeof schema === 'string') return schema
  if (isList(schema)) return schema.map((branch) => named(branch, nameOf))
  if (!COMPLEX.has(schema.type)) return named(schema.type, nameOf)
  const fields = schema.fields?.map((field) => {
    const id = field['field-id']
    return { ...field, name: (id === undefined ? undefined : nameOf(id)) ?? field.name, type: named(field.type, nameOf) }
  })
  return {
    ...schema,
    ...(fields === undefined ? {} : { fields }),
    ...(schema.items === undefined ? {} : { items: named(schema.items, nameOf) }),
    ...(schema.values === undefined ? {} : { values: named(schema.values, nameOf) }),
  }
}

const isList = (schema: AvroSchema): schema is readonly AvroSchema[] => Array.isArray(schema)
