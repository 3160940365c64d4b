import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import type { AvroRecord, AvroSchema, AvroValue } from './avro.ts'

export interface AvroFile {
  readonly metadata: ReadonlyMap<string, string>
  readonly records: readonly AvroRecord[]
  /** A record once more, with the fields that were deferred. */
  whole(index: number): AvroRecord
  /** Bytes that stay in memory for that. */
  readonly size: number
}

/** How a file is read. */
export interface AvroReading {
  /** The name of a field id; undefined keeps the field's own. Writers spell names differently. */
  nameOf(fieldId: number): string | undefined
  /** Fields that are passed over, by the name that {@link nameOf} gives them. */
  readonly without?: ReadonlySet<string>
  /** Fields that are passed over at first: the metrics are most of a manifest, and asked of few of its entries. */
  readonly deferred?: ReadonlySet<string>
}

interface Cursor {
  readonly bytes: Buffer
  at: number
}

/** One compiled type: its value, and the way past it. */
interface Reader {
  read(cursor: Cursor): AvroValue
  skip(cursor: Cursor): void
}

const MAGIC = Buffer.from('Obj\x01')
const SYNC_BYTES = 16

/** By what names fields. Compiling a schema costs more than reading a small file with it, and the manifests of a table share one. */
const compiled = new WeakMap<AvroReading['nameOf'], Map<string, Reader>>()
const MOST_COMPILED = 64

/**
 * Reads an Avro object container file. Longs are numbers where those are exact, else bigints. It exists beside the
 * library that writes because half of what a manifest holds is not asked for, and passing over it is the faster half.
 * @throws Error when the bytes are no such file
 */
export function decodeAvro(bytes: Uint8Array, reading: AvroReading): AvroFile {
  const cursor: Cursor = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: MAGIC.length }
  if (!cursor.bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('not an Avro file')
  const metadata = new Map<string, string>()
  eachItem(cursor, () => metadata.set(text(cursor), text(cursor)))
  const sync = take(cursor, SYNC_BYTES)
  const { nameOf, without = NONE, deferred = NONE } = reading
  const schema = metadata.get('avro.schema') ?? ''
  const reader = readerOf(schema, { nameOf, without: new Set([...without, ...deferred]) })
  const inflate = inflaterOf(metadata.get('avro.codec') ?? 'null')
  const records: AvroRecord[] = []
  const places: Cursor[] = []
  let size = 0
  while (cursor.at < cursor.bytes.length) {
    const count = int(cursor)
    const block: Cursor = { bytes: inflate(take(cursor, int(cursor))), at: 0 }
    if (!take(cursor, SYNC_BYTES).equals(sync)) throw new Error('an Avro block is cut short')
    for (let i = 0; i < count; i++) {
      if (deferred.size > 0) places.push({ ...block })
      records.push(recordAt(reader, block))
    }
    if (block.at !== block.bytes.length) throw new Error('an Avro block holds more than its records')
    if (deferred.size > 0) size += block.bytes.length
  }
  const full = deferred.size > 0 ? readerOf(schema, { nameOf, without }) : reader
  const whole = (index: number): AvroRecord => {
    const place = places[index]
    return place === undefined ? (records[index] ?? {}) : recordAt(full, { ...place })
  }
  return { metadata, records, whole, size }
}

const NONE: ReadonlySet<string> = new Set()

function recordAt(reader: Reader, block: Cursor): AvroRecord {
  const value = reader.read(block)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isList(value)) {
    throw new Error('an Avro file that does not hold records')
  }
  return value
}

const isList = (value: AvroRecord | readonly AvroValue[]): value is readonly AvroValue[] => Array.isArray(value)

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

function readerOf(schema: string, reading: Compiling['reading']): Reader {
  const readers = compiled.get(reading.nameOf) ?? new Map<string, Reader>()
  compiled.set(reading.nameOf, readers)
  const key = `${[...reading.without].join()} ${schema}`
  const known = readers.get(key)
  if (known !== undefined) return known
  const reader = compile(JSON.parse(schema) as AvroSchema, { reading, named: new Map() })
  if (readers.size >= MOST_COMPILED) readers.delete(readers.keys().next().value ?? '')
  readers.set(key, reader)
  return reader
}

interface Compiling {
  readonly reading: Required<Pick<AvroReading, 'nameOf' | 'without'>>
  /** Types that the schema has named so far. */
  readonly named: Map<string, Reader>
}

function compile(schema: AvroSchema, context: Compiling): Reader {
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? context.named.get(schema) ?? unknownType(schema)
  if (isUnion(schema)) {
    const branches = schema.map((branch) => compile(branch, context))
    const branch = (cursor: Cursor): Reader => branches[int(cursor)] ?? unknownType('the branch of a union')
    return { read: (cursor) => branch(cursor).read(cursor), skip: (cursor) => branch(cursor).skip(cursor) }
  }
  const made = compileObject(schema, context)
  if (schema.name !== undefined) context.named.set(schema.name, made)
  return made
}

type AvroObject = Exclude<AvroSchema, string | readonly AvroSchema[]>
const isUnion = (schema: AvroObject | readonly AvroSchema[]): schema is readonly AvroSchema[] => Array.isArray(schema)

function compileObject(schema: AvroObject, context: Compiling): Reader {
  switch (schema.type) {
    case 'record':
      return record(schema, context)
    case 'array':
      return array(compile(schema.items ?? 'null', context))
    case 'map':
      return map(compile(schema.values ?? 'null', context))
    case 'fixed': {
      const size = Number(schema['size'])
      return { read: (cursor) => take(cursor, size), skip: (cursor) => void take(cursor, size) }
    }
    case 'enum': {
      const symbols = Array.isArray(schema['symbols']) ? schema['symbols'].map(String) : []
      return { read: (cursor) => symbols[int(cursor)] ?? null, skip: (cursor) => void int(cursor) }
    }
    default:
      return compile(schema.type, context)
  }
}

function record(schema: AvroObject, context: Compiling): Reader {
  const fields = (schema.fields ?? []).map((field) => {
    const id = field['field-id']
    const name = (id === undefined ? undefined : context.reading.nameOf(id)) ?? field.name
    return { name, wanted: !context.reading.without.has(name), type: compile(field.type, context) }
  })
  return {
    read: (cursor) => {
      const out: Record<string, AvroValue> = {}
      for (const { name, wanted, type } of fields) {
        if (wanted) out[name] = type.read(cursor)
        else type.skip(cursor)
      }
      return out
    },
    skip: (cursor) => {
      for (const { type } of fields) type.skip(cursor)
    },
  }
}

const array = (item: Reader): Reader => ({
  read: (cursor) => {
    const out: AvroValue[] = []
    eachItem(cursor, () => out.push(item.read(cursor)))
    return out
  },
  skip: (cursor) => passItems(cursor, () => item.skip(cursor)),
})

const map = (value: Reader): Reader => ({
  read: (cursor) => {
    const out: Record<string, AvroValue> = {}
    eachItem(cursor, () => {
      out[text(cursor)] = value.read(cursor)
    })
    return out
  },
  skip: (cursor) =>
    passItems(cursor, () => {
      pass(cursor)
      value.skip(cursor)
    }),
})

/** Arrays and maps come in blocks; a negative count is followed by the size of its block. */
function eachItem(cursor: Cursor, item: () => void): void {
  for (let count = int(cursor); count !== 0; count = int(cursor)) {
    if (count < 0) int(cursor)
    const items = Math.abs(count)
    if (items > cursor.bytes.length) throw new Error('an Avro block is cut short')
    for (let i = 0; i < items; i++) item()
  }
}

function passItems(cursor: Cursor, item: () => void): void {
  for (let count = int(cursor); count !== 0; count = int(cursor)) {
    if (count < 0) pass(cursor)
    else if (count > cursor.bytes.length) throw new Error('an Avro block is cut short')
    else for (let i = 0; i < count; i++) item()
  }
}

const unknownType = (name: string): never => {
  throw new Error(`the Avro schema does not say what ${name} is`)
}

const PRIMITIVES: Readonly<Record<string, Reader>> = {
  null: { read: () => null, skip: () => undefined },
  boolean: { read: (cursor) => byte(cursor) === 1, skip: (cursor) => void byte(cursor) },
  int: { read: int, skip: (cursor) => void long(cursor) },
  long: { read: long, skip: (cursor) => void long(cursor) },
  float: { read: (cursor) => take(cursor, 4).readFloatLE(), skip: (cursor) => void take(cursor, 4) },
  double: { read: (cursor) => take(cursor, 8).readDoubleLE(), skip: (cursor) => void take(cursor, 8) },
  bytes: { read: (cursor) => take(cursor, int(cursor)), skip: pass },
  string: { read: text, skip: pass },
}

function byte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at++]
  if (value === undefined) throw new Error('an Avro block is cut short')
  return value
}

function advance(cursor: Cursor, size: number): number {
  const from = cursor.at
  if (size < 0 || from + size > cursor.bytes.length) throw new Error('an Avro block is cut short')
  cursor.at = from + size
  return from
}

function take(cursor: Cursor, size: number): Buffer {
  const from = advance(cursor, size)
  return cursor.bytes.subarray(from, cursor.at)
}

function text(cursor: Cursor): string {
  const from = advance(cursor, int(cursor))
  return cursor.bytes.toString('utf8', from, cursor.at)
}

function pass(cursor: Cursor): void {
  advance(cursor, int(cursor))
}

function int(cursor: Cursor): number {
  return Number(long(cursor))
}

const LOW = 2 ** 28

/** Zigzag in groups of seven bits. What needs more than 53 bits becomes a bigint: Java's snapshot ids do. */
function long(cursor: Cursor): number | bigint {
  let low = 0
  for (let shift = 0; shift < 28; shift += 7) {
    const next = byte(cursor)
    low |= (next & 0x7f) << shift
    if (next < 0x80) return (low >>> 1) ^ -(low & 1)
  }
  let high = 0
  for (let unit = 1; unit < 2 ** 42; unit *= 128) {
    const next = byte(cursor)
    high += (next & 0x7f) * unit
    if (next < 0x80) return signed(high, low)
  }
  throw new Error('an Avro number is too long')
}

function signed(high: number, low: number): number | bigint {
  const value = high * LOW + low
  if (value < Number.MAX_SAFE_INTEGER) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  const big = BigInt.asUintN(64, BigInt(high) * BigInt(LOW) + BigInt(low))
  const whole = (big >> 1n) ^ -(big & 1n)
  const number = Number(whole)
  return Number.isSafeInteger(number) ? number : whole
}
