import { expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { columnSpecs, type Row, t } from '../../src/schema/column.ts'
import { fromZod } from '../../src/schema/from-zod.ts'

test('a zod object becomes the columns that t would declare', () => {
  const schema = fromZod(
    z.object({
      id: z.bigint().describe('Which.'),
      n: z.int32().min(0),
      x: z.number(),
      f: z.float32(),
      name: z.email().nullable(),
      ok: z.boolean(),
      kind: z.enum(['a', 'b']),
      day: z.iso.date(),
      at: z.iso.datetime({ local: true }),
      clock: z.iso.time(),
      key: z.uuid(),
      tags: z.array(z.string().nullable()).readonly(),
      sizes: z.map(z.string(), z.object({ w: z.number(), h: z.number().nullable() })),
    }),
  )
  const { string, int, long, float, double } = t
  expect(columnSpecs(schema)).toStrictEqual(
    columnSpecs({
      id: long().describe('Which.'),
      n: int(),
      x: double(),
      f: float(),
      name: string().nullable(),
      ok: t.boolean(),
      kind: t.enum(['a', 'b']),
      day: t.date(),
      at: t.timestamp(),
      clock: t.time(),
      key: t.uuid(),
      tags: t.list(string().nullable()),
      sizes: t.map(string(), t.struct({ w: double(), h: double().nullable() })),
    }),
  )
  expectTypeOf<Row<typeof schema>['sizes']>().toEqualTypeOf<Map<string, { w: number; h: number | null }>>()
  expectTypeOf<Row<typeof schema>['id']>().toEqualTypeOf<bigint>()
})

test.each([
  [z.string().optional(), /x: zod's optional/, /nullable/],
  [z.date(), /x: zod's date/, /timestamptz/],
  [z.record(z.string(), z.int32()), /x: zod's record/, /z\.map/],
  [z.int(), /x: zod's safeint/, /bigint/],
  [z.iso.datetime(), /x: zod's datetime/, /local/],
  [z.array(z.union([z.string(), z.number()])), /x\.element: zod's union/, /t\./],
])('%# is no column', (type, what, next) => {
  expect(() => fromZod(z.object({ x: type }))).toThrow(
    expect.objectContaining({ code: 'ASSAY-1011', message: expect.stringMatching(what), next: expect.stringMatching(next) }),
  )
})
