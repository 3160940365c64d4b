import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AssetSpec } from '../../src/assets/spec.ts'
import { assetKey } from '../../src/keys.ts'
import { dayKey } from '../../src/partitions/calendar.ts'
import { assign } from '../../src/partitions/interval-map.ts'
import { contains, count, type PartitionSet, range } from '../../src/partitions/partition-set.ts'
import { indexManifest } from '../../src/project/manifest.ts'
import { NOTHING_KNOWN } from '../../src/assets/status.ts'
import { makePlan } from '../../src/runs/plan.ts'
import type { Materialization } from '../../src/storage/events.ts'

const FIRST = 20_000
const DAYS = 6
const KEYS = ['a.x', 'a.y', 'a.z'].map((key) => assetKey(key))

const specOf = (i: number, partial: boolean, partitionsPerStep: number): AssetSpec => ({
  key: KEYS[i] ?? assetKey('a.none'),
  kind: 'table',
  columns: [],
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: dayKey(FIRST), end: dayKey(FIRST + DAYS), column: 'day' },
  deps: [],
  compute: { kind: 'duckdb', query: [] },
  outputs: { assets: { x: KEYS[0] as never, y: KEYS[1] as never, z: KEYS[2] as never }, partial },
  codeVersion: 'now',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep },
})

type Slice = 'fresh' | 'stale' | 'missing'

/** What a store knows of an asset whose partitions are these. */
function stateOf(key: Materialization['asset'], slices: readonly Slice[]) {
  let state = NOTHING_KNOWN
  for (const [i, slice] of slices.entries()) {
    if (slice === 'missing') continue
    const record = {
      id: `${slice}`,
      asset: key,
      codeVersion: slice === 'fresh' ? 'now' : 'before',
      inputs: {},
    } as unknown as Materialization
    const at: PartitionSet = range(FIRST + i, FIRST + i + 1)
    state = { ...state, made: assign(state.made, at, record), versions: assign(state.versions, at, 'v') }
  }
  return state
}

const slices = fc.array(fc.constantFrom<Slice>('fresh', 'stale', 'missing'), { minLength: DAYS, maxLength: DAYS })
const requests = fc.record({
  known: fc.array(slices, { minLength: 3, maxLength: 3 }),
  selected: fc.subarray([0, 1, 2], { minLength: 1 }),
  from: fc.nat(DAYS - 1),
  days: fc.integer({ min: 1, max: DAYS }),
  partial: fc.boolean(),
  force: fc.boolean(),
  perStep: fc.integer({ min: 1, max: 3 }),
})

it('outputs are made where they are due: with partial each by itself, else all where any selected one is', () => {
  fc.assert(
    fc.property(requests, ({ known, selected, from, days, partial, force, perStep }) => {
      const assets = KEYS.map((_, i) => specOf(i, partial, perStep))
      const loaded = indexManifest('m', { formatVersion: 1, name: 'p', file: 'p.ts', profiles: [], sources: {}, assets })
      const states = new Map(KEYS.map((key, i) => [key, stateOf(key, known[i] ?? [])]))
      const selection = KEYS.filter((_, i) => selected.includes(i))
      const partitions = range(FIRST + from, FIRST + Math.min(DAYS, from + days))
      const plan = makePlan(loaded, states, { request: 'test', selection, partitions, force }, 0)

      const isDue = (i: number, p: number): boolean =>
        selected.includes(i) && contains(partitions, p) && (force || known[i]?.[p - FIRST] !== 'fresh')
      const isMade = (i: number, p: number): boolean => (partial ? isDue(i, p) : selected.some((other) => isDue(other, p)))
      for (let p = FIRST; p < FIRST + DAYS; p++) {
        const there = plan.steps.filter((step) => contains(step.partitions, p))
        // One step at most, with all that is made of this partition.
        expect(there.map(({ assets }) => assets)).toEqual(KEYS.some((_, i) => isMade(i, p)) ? [KEYS.filter((_, i) => isMade(i, p))] : [])
        for (const [i, key] of KEYS.entries()) {
          const planned = plan.assets.find(({ asset }) => asset === key)
          expect(contains(planned?.run ?? [], p)).toBe(isMade(i, p))
          const along = (planned?.together ?? []).filter(({ partitions }) => contains(partitions, p))
          expect(along.map(({ asset }) => asset)).toEqual(isMade(i, p) && !isDue(i, p) ? KEYS.filter((_, other) => isDue(other, p)) : [])
        }
      }
      expect(plan.steps.every((step) => count(step.partitions) <= perStep)).toBe(true)
      expect(plan.assets.map(({ asset }) => asset)).toEqual(partial || plan.steps.length === 0 ? selection : KEYS)
    }),
  )
})
