import { expect, test } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { daily, monthly, product, staticPartitions } from '../../src/partitions/declare.ts'
import { universe } from '../../src/partitions/partitions.ts'
import { parseSet } from '../../src/partitions/texts.ts'
import { boundOf } from '../../src/runs/partition-bound.ts'

test('bounds and keys are those of the dimension that is named, bounds else those of the first one of time', () => {
  const partitions = product({
    country: staticPartitions(['de', "l'or"]).on('country'),
    day: daily({ start: '2026-01-01', end: '2026-02-01' }).on('day'),
    booked: monthly({ start: '2026-01', end: '2026-06' }).on('booked'),
  }).spec
  const columns = ['day', 'booked'].map((name) => ({ name, type: 'date' as const, nullable: false }))
  const spec = { partitions, columns } as unknown as AssetSpec
  const set = parseSet(partitions, `country="l'or"/day=2026-01-05..2026-01-07/booked=2026-02`, universe(partitions, 0))
  const bound = (name: Parameters<typeof boundOf>[2]): string => boundOf(spec, set, name)
  expect([bound('partition.start'), bound('partition.end')]).toEqual(["DATE '2026-01-05'", "DATE '2026-01-08'"])
  expect([bound('partition.start.day'), bound('partition.end.day')]).toEqual(["DATE '2026-01-05'", "DATE '2026-01-08'"])
  expect([bound('partition.start.booked'), bound('partition.end.booked')]).toEqual(["DATE '2026-02-01'", "DATE '2026-03-01'"])
  expect(bound('partition.keys.country')).toBe("(['l''or']::VARCHAR[])")
  expect(bound('partition.keys.booked')).toBe("(['2026-02']::VARCHAR[])")
})
