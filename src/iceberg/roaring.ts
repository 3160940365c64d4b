/**
 * Sets of row positions as Iceberg's deletion vectors hold them: 64-bit Roaring bitmaps in the portable format. Source:
 * github.com/RoaringBitmap/RoaringFormatSpec, with its "extension for 64-bit implementations".
 */

/** Positions from `from` up to, but without, `to`. */
export type Run = readonly [from: number, to: number]

const NO_RUNS = 12346
const WITH_RUNS = 12347
/** Containers up to this many values are lists, those above are bits. */
const MOST_LISTED = 4096
const BITMAP_BYTES = 8192
/** Bitmaps with runs give offsets from this many containers on. */
const OFFSETS_FROM = 4
/** Java reads keys as signed. */
const MOST_KEY = 2 ** 31 - 1

interface Cursor {
  readonly view: DataView
  at: number
}

/**
 * The positions of a 64-bit bitmap, ascending, as runs that do not touch.
 * @throws Error when the bytes are not exactly one bitmap
 */
export function decodeRoaring64(bytes: Uint8Array): { readonly runs: readonly Run[]; readonly count: number } {
  const cursor: Cursor = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 }
  const collected: Collected = { runs: [], count: 0 }
  const bitmaps = u32(cursor)
  if (u32(cursor) !== 0) throw new Error('the bitmap says that it has more parts than bytes')
  let last = -1
  for (let i = 0; i < bitmaps; i++) {
    const key = u32(cursor)
    if (key <= last || key > MOST_KEY) throw new Error('the keys of the bitmap are not in order')
    last = key
    readBitmap(cursor, key * 2 ** 32, collected)
  }
  if (cursor.at !== bytes.byteLength) throw new Error('the bitmap is followed by other bytes')
  return collected
}

interface Collected {
  readonly runs: [number, number][]
  count: number
}

/** Positions come in ascending order; touching runs become one. */
function collect(into: Collected, from: number, to: number): void {
  const last = into.runs.at(-1)
  if (last !== undefined && from < last[1]) throw new Error('the positions of the bitmap are not in order')
  if (last !== undefined && from === last[1]) last[1] = to
  else into.runs.push([from, to])
  into.count += to - from
}

interface Container {
  readonly base: number
  readonly size: number
  readonly isRuns: boolean
}

/** One 32-bit bitmap. */
function readBitmap(cursor: Cursor, base: number, into: Collected): void {
  const cookie = u32(cursor)
  const hasRuns = (cookie & 0xffff) === WITH_RUNS
  if (!hasRuns && cookie !== NO_RUNS) throw new Error('it is not a Roaring bitmap')
  const containers = hasRuns ? (cookie >>> 16) + 1 : u32(cursor)
  if (containers > 2 ** 16) throw new Error('the bitmap has too many parts')
  const flags = hasRuns ? Array.from({ length: Math.ceil(containers / 8) }, () => u8(cursor)) : []
  const headers = Array.from({ length: containers }, (_, i): Container => {
    const key = u16(cursor)
    const isRuns = (((flags[i >> 3] ?? 0) >> (i & 7)) & 1) === 1
    return { base: base + key * 2 ** 16, size: u16(cursor) + 1, isRuns }
  })
  if (!hasRuns || containers >= OFFSETS_FROM) cursor.at += 4 * containers
  for (const header of headers) {
    const before = into.count
    if (header.isRuns) readRuns(cursor, header.base, into)
    else if (header.size <= MOST_LISTED) readList(cursor, header, into)
    else readBits(cursor, header.base, into)
    if (into.count - before !== header.size) throw new Error('a part of the bitmap holds another number of positions than it says')
  }
}

function readRuns(cursor: Cursor, base: number, into: Collected): void {
  for (let left = u16(cursor); left > 0; left--) {
    const from = base + u16(cursor)
    collect(into, from, from + u16(cursor) + 1)
  }
}

function readList(cursor: Cursor, { base, size }: Container, into: Collected): void {
  for (let i = 0; i < size; i++) {
    const position = base + u16(cursor)
    collect(into, position, position + 1)
  }
}

function readBits(cursor: Cursor, base: number, into: Collected): void {
  for (let byte = 0; byte < BITMAP_BYTES; byte++) {
    const bits = u8(cursor)
    for (let bit = 0; bit < 8; bit++) {
      const position = base + 8 * byte + bit
      if (((bits >> bit) & 1) === 1) collect(into, position, position + 1)
    }
  }
}

function forward(cursor: Cursor, size: number): number {
  const at = cursor.at
  if (at + size > cursor.view.byteLength) throw new Error('the bitmap is cut short')
  cursor.at = at + size
  return at
}

function u8(cursor: Cursor): number {
  return cursor.view.getUint8(forward(cursor, 1))
}

function u16(cursor: Cursor): number {
  return cursor.view.getUint16(forward(cursor, 2), true)
}

function u32(cursor: Cursor): number {
  return cursor.view.getUint32(forward(cursor, 4), true)
}
