import { crc32 } from 'node:zlib'
import { AssayError } from '../errors.ts'
import { parseLossless } from './json.ts'
import { decodeRoaring64, type Run } from './roaring.ts'
import type { Store } from './store.ts'

/**
 * Puffin files: blobs that belong to a table. Source: Apache Iceberg, "Puffin Spec".
 */
interface Blob {
  readonly type: string
  /** Bytes from the start of the file. */
  readonly offset: number
  readonly length: number
  /** `lz4` or `zstd`; undefined: as it is. */
  readonly codec: string | undefined
  readonly properties: Readonly<Record<string, unknown>>
}

/** Where a manifest says that a deletion vector is, and of what. */
export interface VectorPlace {
  readonly path: string
  readonly offset: number
  readonly length: number
  /** Deleted rows. */
  readonly rows: number
}

const MAGIC = Buffer.from('PFA1')
/** After the payload of the footer: its size, flags and the magic. */
const TAIL_BYTES = 12
const VECTOR = 'deletion-vector-v1'
const VECTOR_MAGIC = Buffer.from([0xd1, 0xd3, 0x39, 0x64])

/**
 * The blobs that a Puffin file says it has.
 * @param path names the file in errors
 * @throws ASSAY-2005; ASSAY-2004 where the footer is compressed
 */
export function puffinBlobs(content: Uint8Array, path: string): readonly Blob[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const tail = bytes.length - TAIL_BYTES
  const from = tail < 2 * MAGIC.length ? -1 : tail - bytes.readInt32LE(tail)
  const framed = [0, bytes.length - MAGIC.length, from - MAGIC.length].every((at) => at >= 0 && bytes.subarray(at, at + 4).equals(MAGIC))
  if (!framed || from > tail) throw corrupt(path, 'it is not a Puffin file')
  if (((bytes[tail + 4] ?? 0) & 1) === 1) throw new AssayError('ASSAY-2004', `${path} has a compressed footer`)
  return recordsOf(footerOf(bytes.subarray(from, tail), path)['blobs']).map((blob) => ({
    type: String(blob['type']),
    offset: Number(blob['offset']),
    length: Number(blob['length']),
    codec: typeof blob['compression-codec'] === 'string' ? blob['compression-codec'] : undefined,
    properties: isRecord(blob['properties']) ? blob['properties'] : {},
  }))
}

function footerOf(payload: Buffer, path: string): Readonly<Record<string, unknown>> {
  try {
    const json = parseLossless(payload.toString())
    if (isRecord(json)) return json
  } catch (error) {
    throw corrupt(path, 'its footer is not JSON', error)
  }
  throw corrupt(path, 'its footer is not a JSON object')
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const recordsOf = (value: unknown): Readonly<Record<string, unknown>>[] => (Array.isArray(value) ? value.filter(isRecord) : [])

const corrupt = (path: string, what: string, cause?: unknown): AssayError =>
  new AssayError('ASSAY-2005', `${path} cannot be read: ${what}`, { cause })

/** The rows that a deletion vector of a Puffin file deletes. @throws ASSAY-2005, ASSAY-2004 */
export async function readVector(store: Store, place: VectorPlace): Promise<readonly Run[]> {
  const content = await store.read(place.path)
  const blob = puffinBlobs(content, place.path).find(({ offset, length }) => offset === place.offset && length === place.length)
  if (blob === undefined) throw corrupt(place.path, `it has no blob of ${place.length} bytes at ${place.offset}`)
  if (blob.type !== VECTOR || blob.codec !== undefined) {
    throw new AssayError(
      'ASSAY-2004',
      `${place.path} has a blob ${blob.type}${blob.codec ? ` compressed with ${blob.codec}` : ''} as deletes`,
    )
  }
  return decodeVector(content.subarray(place.offset, place.offset + place.length), place)
}

/** Length (big-endian), magic, bitmap, CRC-32 (big-endian) of magic and bitmap. */
function decodeVector(content: Uint8Array, { path, rows }: VectorPlace): readonly Run[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const end = bytes.length - 4
  if (end < 8 || bytes.readUInt32BE(0) !== end - 4) throw corrupt(path, 'a deletion vector is cut short')
  if (!bytes.subarray(4, 8).equals(VECTOR_MAGIC)) throw corrupt(path, 'a blob is no deletion vector')
  if (crc32(bytes.subarray(4, end)) !== bytes.readUInt32BE(end)) throw corrupt(path, 'a deletion vector does not match its checksum')
  const { runs, count } = decoded(bytes.subarray(8, end), path)
  if (count !== rows) throw corrupt(path, `a deletion vector holds ${count} positions, and its manifest says ${rows}`)
  return runs
}

function decoded(bitmap: Uint8Array, path: string): ReturnType<typeof decodeRoaring64> {
  try {
    return decodeRoaring64(bitmap)
  } catch (error) {
    throw corrupt(path, error instanceof Error ? error.message : String(error), error)
  }
}
