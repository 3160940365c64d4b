/**
 * MurmurHash3 for 32-bit x86 with seed 0, as a signed integer: what Iceberg's `bucket` transform hashes with.
 * Source: Austin Appleby's MurmurHash3, in the public domain; Iceberg table specification, appendix B.
 */
export function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length & ~3
  let hash = 0
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(view.getInt32(at, true))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | (bytes[at] ?? 0)
  return finished(hash ^ scrambled(tail), bytes.length)
}

/** {@link murmur3} of an integer as eight bytes, little end first: how Iceberg hashes int, long, date, time and timestamps. */
export function murmur3OfLong(value: bigint): number {
  let hash = scrambled(Number(BigInt.asIntN(32, value)))
  hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  hash ^= scrambled(Number(BigInt.asIntN(32, value >> 32n)))
  hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  return finished(hash, 8)
}

/** {@link murmur3} of the fewest bytes of an integer in two's complement, big end first: how Iceberg hashes decimals. */
export function murmur3OfBigint(value: bigint): number {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.unshift(Number(rest & 0xffn))
    rest >>= 8n
  } while (rest !== (((bytes[0] ?? 0) & 0x80) === 0 ? 0n : -1n))
  return murmur3(Uint8Array.from(bytes))
}

function scrambled(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

function finished(hash: number, length: number): number {
  let h = hash ^ length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}
