import { decimalOf, fixedLength, type IcebergType, type PrimitiveType } from '../schema/iceberg-type.ts'
import type { PartitionValue } from './data-file.ts'

/** Code points (or bytes) of text and binary bounds that are kept: Iceberg's default `truncate(16)`. */
const KEPT = 16
const DAY_MILLIS = 86_400_000

type Value = Exclude<PartitionValue, null>

/** Integers beyond 2^53 stay exact as text. */
const exact = (value: bigint): Value =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)

/** NaN and the infinities do not survive JSON, so they are text. */
const real = (value: number): Value => (Number.isFinite(value) ? value : String(value))

/**
 * A value as the SQL engine spells it, in the form that partition tuples have. Undefined for what Iceberg cannot hold
 * (`infinity` as a date) and for types whose text form says nothing.
 */
export function valueOfText(type: IcebergType, text: string): Value | undefined {
  switch (type) {
    case 'int':
    case 'long':
      return exact(BigInt(text))
    case 'float':
    case 'double':
      return real(numberOfText(text))
    case 'boolean':
      return text === 'true' || text === '1'
    case 'date':
      return daysOfText(text)
    case 'time':
      return microsOfText(`1970-01-01 ${text}`)
    case 'timestamp':
    case 'timestamptz':
      return microsOfText(text)
    case 'string':
    case 'uuid':
      return text
    default:
      return decimalOf(type) ? text : undefined
  }
}

function numberOfText(text: string): number {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(text)
}

function millisOfDay(text: string): number | undefined {
  const match = /^(\d{4,6})(-\d\d-\d\d)$/.exec(text)
  if (!match) return undefined
  const year = match[1] ?? ''
  const millis = Date.parse(`${year.length === 4 ? year : `+${year.padStart(6, '0')}`}${match[2]}`)
  return Number.isNaN(millis) ? undefined : millis
}

function daysOfText(text: string): number | undefined {
  const millis = millisOfDay(text)
  return millis === undefined ? undefined : millis / DAY_MILLIS
}

/** Microseconds since 1970 of `2024-01-01 10:00:00.5+00`; the engine's zone is UTC. */
function microsOfText(text: string): Value | undefined {
  const match = /^(\S+)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00(?::?00)?|Z)?$/.exec(text)
  const day = match ? millisOfDay(match[1] ?? '') : undefined
  if (!match || day === undefined) return undefined
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4])
  return exact(BigInt(day / 1000 + seconds) * 1_000_000n + BigInt((match[5] ?? '').padEnd(6, '0')))
}

/** Iceberg's single-value binary form. Source: table specification, appendix D. */
export function encodeValue(type: IcebergType, value: Value): Buffer {
  switch (type) {
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0])
    case 'int':
    case 'date':
      return filled(4, (b) => b.writeInt32LE(Number(value)))
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return filled(8, (b) => b.writeBigInt64LE(BigInt(value)))
    case 'float':
      return filled(4, (b) => b.writeFloatLE(Number(value)))
    case 'double':
      return filled(8, (b) => b.writeDoubleLE(Number(value)))
    case 'string':
      return Buffer.from(String(value))
    case 'uuid':
      return Buffer.from(String(value).replaceAll('-', ''), 'hex')
    default: {
      const decimal = decimalOf(type)
      return decimal ? twosComplement(unscaled(String(value), decimal.scale)) : Buffer.from(String(value), 'base64')
    }
  }
}

/** The inverse of {@link encodeValue}. Binary and fixed values become base64. */
export function decodeValue(type: IcebergType, bytes: Uint8Array): Value {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'boolean':
      return b[0] !== 0
    case 'int':
    case 'date':
      return b.readInt32LE()
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      // A bound written before the column was widened from int has four bytes.
      return b.length === 4 ? b.readInt32LE() : exact(b.readBigInt64LE())
    case 'float':
      return real(b.readFloatLE())
    case 'double':
      return real(b.length === 4 ? b.readFloatLE() : b.readDoubleLE())
    case 'string':
      return b.toString()
    case 'uuid':
      return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    default: {
      const decimal = decimalOf(type)
      return decimal ? decimalText(fromTwosComplement(b), decimal.scale) : b.toString('base64')
    }
  }
}

/** Orders two values of a type as Iceberg does: text by its UTF-8 bytes. */
export function compareValues(type: IcebergType, a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (type === 'float' || type === 'double') return Number(a) - Number(b)
  if (typeof a === 'boolean' || typeof b === 'boolean') return Number(a) - Number(b)
  const decimal = decimalOf(type)
  if (decimal) return order(unscaled(String(a), decimal.scale), unscaled(String(b), decimal.scale))
  if (type === 'long' || type === 'time' || type === 'timestamp' || type === 'timestamptz') return order(BigInt(a), BigInt(b))
  return Buffer.compare(encodeValue(type, a), encodeValue(type, b))
}

const order = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Lower bound of a column from the engine's minimum; undefined where none can be given. */
export function lowerBound(type: PrimitiveType, min: string): Buffer | undefined {
  if (type === 'binary') return Buffer.from(min, 'hex').subarray(0, KEPT)
  if (fixedLength(type) !== undefined) return fixedBound(type, min)
  const value = boundValue(type, min)
  if (value === undefined) return undefined
  if (type === 'string') return Buffer.from(codePoints(String(value)).slice(0, KEPT).join(''))
  return encodeValue(type, value === 0 ? -0 : value)
}

/** Upper bound of a column from the engine's maximum; cut text is raised so that it still lies above. */
export function upperBound(type: PrimitiveType, max: string): Buffer | undefined {
  if (type === 'binary') return raisedBytes(Buffer.from(max, 'hex'))
  if (fixedLength(type) !== undefined) return fixedBound(type, max)
  const value = boundValue(type, max)
  if (value === undefined) return undefined
  if (type === 'string') return raisedText(codePoints(String(value)))
  return encodeValue(type, value === 0 ? 0 : value)
}

/** Fixed values are never cut; the engine cuts its statistics of long ones. */
function fixedBound(type: PrimitiveType, hex: string): Buffer | undefined {
  const bytes = Buffer.from(hex, 'hex')
  return bytes.length === fixedLength(type) ? bytes : undefined
}

/** UUIDs are left out: engines disagree about their order. */
function boundValue(type: PrimitiveType, text: string): Value | undefined {
  if (type === 'uuid') return undefined
  const value = valueOfText(type, text)
  return value === 'NaN' ? undefined : value
}

const codePoints = (text: string): string[] => [...text.slice(0, 2 * KEPT + 2)]

function raisedText(points: readonly string[]): Buffer | undefined {
  if (points.length <= KEPT) return Buffer.from(points.join(''))
  for (let i = KEPT - 1; i >= 0; i--) {
    const next = (points[i]?.codePointAt(0) ?? 0) + 1
    if (next > 0x10ffff || (next >= 0xd800 && next <= 0xdfff)) continue
    return Buffer.from(points.slice(0, i).join('') + String.fromCodePoint(next))
  }
  return undefined
}

function raisedBytes(bytes: Buffer): Buffer | undefined {
  if (bytes.length <= KEPT) return bytes
  for (let i = KEPT - 1; i >= 0; i--) {
    const byte = bytes[i] ?? 0xff
    if (byte !== 0xff) return Buffer.from([...bytes.subarray(0, i), byte + 1])
  }
  return undefined
}

function filled(size: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(size)
  write(buffer)
  return buffer
}

/** `'-1.5'` at scale 2 as -150. */
export function unscaled(text: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(`${whole}${fraction.padEnd(scale, '0').slice(0, scale)}`)
}

/** -150 at scale 2 as `'-1.50'`. */
export function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${value < 0n ? '-' : ''}${digits.slice(0, cut)}${scale === 0 ? '' : `.${digits.slice(cut)}`}`
}

/** Big-endian two's complement in `size` bytes, or in the fewest that hold it. */
export function twosComplement(value: bigint, size?: number): Buffer {
  let n = size ?? 1
  if (size === undefined) while (BigInt.asIntN(8 * n, value) !== value) n++
  const buffer = Buffer.alloc(n)
  for (let i = n - 1, rest = value; i >= 0; i--, rest >>= 8n) buffer[i] = Number(rest & 0xffn)
  return buffer
}

export function fromTwosComplement(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(8 * bytes.length, value)
}
