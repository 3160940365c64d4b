import { crc32 } from 'node:zlib'

/** Puffin files and bitmaps written by hand, as another engine would. Source: Puffin and Roaring specifications. */

const u16 = (n: number): Buffer => Buffer.from([n & 0xff, (n >> 8) & 0xff])
const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(n)
  return bytes
}

/** A 64-bit bitmap of few positions: lists only, with the offsets that nobody needs. */
export function roaring64Of(positions: readonly number[]): Buffer {
  const parts = Map.groupBy(
    positions.toSorted((a, b) => a - b),
    (position) => Math.floor(position / 2 ** 32),
  )
  const bitmaps = [...parts].map(([key, some]) => Buffer.concat([u32(key), roaring32Of(some.map((position) => position % 2 ** 32))]))
  return Buffer.concat([u32(parts.size), u32(0), ...bitmaps])
}

function roaring32Of(positions: readonly number[]): Buffer {
  const containers = [...Map.groupBy(positions, (position) => Math.floor(position / 2 ** 16))]
  const headers = containers.map(([key, some]) => Buffer.concat([u16(key), u16(some.length - 1)]))
  const lists = containers.map(([, some]) => Buffer.concat(some.map((position) => u16(position % 2 ** 16))))
  return Buffer.concat([u32(12346), u32(containers.length), ...headers, ...containers.map(() => u32(0)), ...lists])
}

/** The blob of a deletion vector. */
export function vectorOf(positions: readonly number[]): Buffer {
  const body = Buffer.concat([Buffer.from([0xd1, 0xd3, 0x39, 0x64]), roaring64Of(positions)])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A Puffin file of blobs, and where each of them begins. */
export function puffinOf(blobs: readonly Uint8Array[], type = 'deletion-vector-v1'): { bytes: Buffer; offsets: number[] } {
  const magic = Buffer.from('PFA1')
  const offsets = blobs.map((_, i) => blobs.slice(0, i).reduce((at, blob) => at + blob.length, magic.length))
  const listed = blobs.map((blob, i) => ({
    type,
    fields: [2147483546],
    'snapshot-id': -1,
    'sequence-number': -1,
    offset: offsets[i],
    length: blob.length,
  }))
  const footer = Buffer.from(JSON.stringify({ blobs: listed }))
  return { bytes: Buffer.concat([magic, ...blobs, magic, footer, u32(footer.length), u32(0), magic]), offsets }
}
