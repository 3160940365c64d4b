import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { puffinBlobs, readVector } from '../../src/iceberg/puffin.ts'
import { decodeRoaring64 } from '../../src/iceberg/roaring.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { puffinOf, roaring64Of, vectorOf } from './hand-made.ts'

/** Bitmaps that CRoaring (by pyroaring 1.2.0) wrote, gzipped, with the runs that it was given. */
const CROARING: readonly (readonly [string, string, readonly (readonly [number, number])[]])[] = [
  [
    'lists in two 32-bit parts',
    'H4sIAAAAAAACA2NiQAArAwYGRjCLmUGAAcRmZWBnSGFgQpFjAMsxMwAAI4c7tzoAAAA=',
    [
      [1, 2],
      [5, 6],
      [7, 8],
      [100, 101],
      [2 ** 33 + 3, 2 ** 33 + 4],
    ],
  ],
  ['bits', 'H4sIAAAAAAACA+3GwQ0AEBAAwbsOJBrx1oeatE189MDMY7MZV28ReW7WsjsAnhUAAAAAAADwjQVAQntvHCAAAA==', every(2, 0, 10_000)],
  [
    'runs',
    'H4sIAAAAAAACA2NkQABrA0YGZkaGdmFWBiYGRoYCwXZhRqAwEwMAzuUF4SUAAAA=',
    [
      [70_000, 75_000],
      [327_680, 327_683],
    ],
  ],
  [
    'runs, lists and bits over six containers',
    'H4sIAAAAAAACA+3KuwmAUBBE0Vl9WoA1mAqCGInJy8y1MRtex8gahLuc2Q9s6KttLuqkqsZHq8zi2eu8Js/FWd8nZ3fCH9U9vGdKxz0CAAAAAAAAAAAAAIB/Gx5SSucMSSAAAA==',
    [[3, 70], [131_073, 131_074], [196_608, 262_145], ...every(3, 393_216, 458_751)],
  ],
  ['nothing', 'H4sIAAAAAAACA2NggAAAad8iZQgAAAA=', []],
]

function every(step: number, from: number, to: number): [number, number][] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => [from + i * step, from + i * step + 1])
}

const PUFFIN = new URL('../../../shared/specs/iceberg-puffin/', import.meta.url)

describe('Roaring bitmaps', () => {
  it.each(CROARING)('are read as CRoaring wrote them: %s', (_, packed, runs) => {
    const { runs: read, count } = decodeRoaring64(gunzipSync(Buffer.from(packed, 'base64')))
    expect(read).toEqual(runs)
    expect(count).toBe(runs.reduce((sum, [from, to]) => sum + to - from, 0))
  })

  it('give back any set of positions', () => {
    const position = fc.oneof(fc.nat(200), fc.nat(300_000), fc.integer({ min: 0, max: 2 ** 40 }))
    fc.assert(
      fc.property(fc.uniqueArray(position, { maxLength: 300 }), (positions) => {
        const { runs, count } = decodeRoaring64(roaring64Of(positions))
        expect(count).toBe(positions.length)
        expect(runs.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(
          positions.toSorted((a, b) => a - b),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('are refused when they are cut short, run on or are something else, and never read on for ever', () => {
    const whole = gunzipSync(Buffer.from(CROARING[3]?.[1] ?? '', 'base64'))
    for (let length = 0; length < 200; length++) expect(() => decodeRoaring64(whole.subarray(0, length))).toThrow(/bitmap/)
    expect(() => decodeRoaring64(Buffer.concat([whole, Buffer.from([0])]))).toThrow('followed by other bytes')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeRoaring64(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})

describe.skipIf(!existsSync(PUFFIN))('Puffin files of the reference implementation (skipped where ../shared/specs is absent)', () => {
  const read = async (name: string) => puffinBlobs(await readFile(new URL(name, PUFFIN)), name)

  it('are read: none, plain and compressed blobs', async () => {
    expect(await read('empty-puffin-uncompressed.bin')).toEqual([])
    const plain = await read('sample-metric-data-uncompressed.bin')
    expect(plain.map(({ type, offset, length, codec }) => ({ type, offset, length, codec }))).toEqual([
      { type: 'some-blob', offset: 4, length: 9, codec: undefined },
      { type: 'some-other-blob', offset: 13, length: 83, codec: undefined },
    ])
    expect((await read('sample-metric-data-compressed-zstd.bin')).map((blob) => blob.codec)).toEqual(['zstd', 'zstd'])
  })
})

describe('deletion vectors', () => {
  const store = (bytes: Uint8Array): Store => ({ ...localStore(), read: async () => bytes })
  const vector = vectorOf([0, 2, 3])
  const place = { path: '/t/data/dv.puffin', offset: 4, length: vector.length, rows: 3 }

  it('are read from the place that the manifest names', async () => {
    const { bytes, offsets } = puffinOf([vectorOf([9]), vector])
    expect(await readVector(store(bytes), { ...place, offset: offsets[1] ?? -1 })).toEqual([
      [0, 1],
      [2, 4],
    ])
  })

  it.each([
    ['a bit that flipped', vector.with(20, 0xaa), {}, 'checksum'],
    ['another number of rows', vector, { rows: 4 }, 'holds 3 positions'],
    ['another place', vector, { offset: 5 }, 'no blob'],
    ['another magic', vector.with(4, 0), {}, 'no deletion vector'],
    ['a length of its own', vector.with(3, 1), {}, 'cut short'],
  ])('are refused for %s, with the name of the file', async (_, blob, elsewhere, what) => {
    const { bytes } = puffinOf([blob])
    await expect(readVector(store(bytes), { ...place, ...elsewhere })).rejects.toMatchObject({
      code: 'ASSAY-2005',
      message: expect.stringMatching(new RegExp(`dv.puffin.*${what}`)),
    })
  })

  it('are refused in files that are no Puffin files, cut short or compressed', async () => {
    const { bytes } = puffinOf([vector])
    const files = [Buffer.alloc(0), Buffer.from('PFA1'), bytes.subarray(0, bytes.length - 1), bytes.subarray(1), Buffer.alloc(50)]
    for (const file of files) await expect(readVector(store(file), place)).rejects.toMatchObject({ code: 'ASSAY-2005' })
    const other = puffinOf([vector], 'apache-datasketches-theta-v1')
    await expect(readVector(store(other.bytes), place)).rejects.toMatchObject({
      code: 'ASSAY-2004',
      message: expect.stringContaining('theta'),
    })
  })
})
