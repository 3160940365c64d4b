import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AssetSpec, DepSpec } from '../../src/assets/spec.ts'
import { assetKey } from '../../src/keys.ts'
import { assign, valueAt } from '../../src/partitions/interval-map.ts'
import { contains, each, equals, type PartitionSet, range, union } from '../../src/partitions/partition-set.ts'
import { dayKey } from '../../src/partitions/calendar.ts'
import { indexManifest, type LoadedManifest } from '../../src/project/manifest.ts'
import { makePlan, type Plan } from '../../src/runs/plan.ts'
import { NOTHING_KNOWN } from '../../src/assets/status.ts'
import type { Materialization } from '../../src/storage/events.ts'
import type { AssetState } from '../../src/storage/storage.ts'
import { versionStatus } from '../../src/assets/versions.ts'

const FIRST = 20_000
const DAYS = 9

interface Shape {
  readonly daily: boolean
  readonly perStep: number
  readonly deps: readonly { readonly to: number; readonly kind: 'same' | 'all' | 'next' | 'previous' }[]
}

/** Small graphs: each asset may read any earlier one. */
const shapes = fc
  .array(
    fc.record({
      daily: fc.boolean(),
      perStep: fc.integer({ min: 1, max: 4 }),
      deps: fc.array(fc.record({ to: fc.nat(20), kind: fc.constantFrom('same', 'all', 'next', 'previous') }), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) => list.map((shape, i): Shape => ({ ...shape, deps: i === 0 ? [] : shape.deps.map((d) => ({ ...d, to: d.to % i })) })))

function mappingOf(shapes: readonly Shape[], reader: Shape, dep: Shape['deps'][number]): DepSpec['mapping'] {
  if (!shapes[dep.to]?.daily || !reader.daily || dep.kind === 'all') return { kind: 'all' }
  if (dep.kind === 'next') return { kind: 'timeWindow', startOffset: 0, endOffset: 1, allowHoleAtEnd: true }
  return { kind: 'identity' }
}

function project(shapes: readonly Shape[], codeVersions: readonly string[] = [], days = DAYS): LoadedManifest {
  const assets = shapes.map(
    (shape, i): AssetSpec => ({
      key: assetKey(`layer.a${i}`),
      kind: 'table',
      columns: [],
      rowKey: [],
      partitions: shape.daily
        ? { dim: 'time', grain: 'day', start: dayKey(FIRST), end: dayKey(FIRST + days), column: 'day' }
        : { dim: 'none' },
      deps: shape.deps.map((dep, n) => ({ name: `d${n}`, asset: assetKey(`layer.a${dep.to}`), mapping: mappingOf(shapes, shape, dep) })),
      compute: { kind: 'duckdb', query: [] },
      codeVersion: codeVersions[i] ?? 'c0',
      checks: [],
      retry: { max: 0, delay: 0 },
      backfill: { partitionsPerStep: shape.perStep },
    }),
  )
  return indexManifest('m', { formatVersion: 1, name: 'p', file: 'project.ts', profiles: [], sources: {}, assets })
}

type States = Map<string, AssetState>

/** What a run of the plan would record, step by step; also checks that every step comes after what it reads. */
function execute(loaded: LoadedManifest, plan: Plan, states: States): States {
  const out: States = new Map(states)
  const done = new Set<string>()
  for (const step of plan.steps) {
    for (const id of step.after) expect(done.has(id)).toBe(true)
    done.add(step.id)
    const spec = loaded.asset(step.assets.join()) as AssetSpec
    const inputs = Object.fromEntries(
      spec.deps.map((dep) => {
        const current = out.get(dep.asset)?.versions ?? []
        let versions: AssetState['versions'] = []
        for (const p of each(step.partitions))
          for (const u of naiveUpstream(loaded, dep, p)) {
            const value = valueAt(current, u)
            if (value !== undefined) versions = assign(versions, range(u, u + 1), value)
          }
        return [dep.name, { asset: dep.asset, versions }]
      }),
    )
    const version = `${plan.id}/${step.id}`
    const record: Materialization = {
      id: version,
      asset: spec.key,
      partitions: step.partitions,
      dataVersion: version,
      codeVersion: spec.codeVersion,
      inputs,
      snapshotId: version,
      rows: 1,
      runId: 'r',
      stepId: step.id,
      at: 0,
    }
    const state = out.get(spec.key) ?? NOTHING_KNOWN
    out.set(spec.key, {
      ...state,
      versions: assign(state.versions, step.partitions, version),
      made: assign(state.made, step.partitions, record),
      snapshotId: version,
    })
  }
  return out
}

/** The definition of the mappings, one partition at a time. */
function naiveUpstream(loaded: LoadedManifest, dep: DepSpec, partition: number): readonly number[] {
  const upstream = loaded.asset(dep.asset) as AssetSpec
  if (upstream.partitions.dim === 'none') return [0]
  if (dep.mapping.kind === 'all') return Array.from({ length: DAYS }, (_, i) => FIRST + i)
  const offsets = dep.mapping.kind === 'identity' ? [0] : [0, 1]
  return offsets.map((o) => partition + o).filter((u) => u >= FIRST && u < FIRST + DAYS)
}

const everything = (loaded: LoadedManifest) => ({ request: 'all', selection: loaded.manifest.assets.map((a) => a.key), force: false })
const planAll = (loaded: LoadedManifest, states: States): Plan => makePlan(loaded, states as never, everything(loaded), 0)
const universeOf = (spec: AssetSpec): PartitionSet => (spec.partitions.dim === 'none' ? range(0, 1) : range(FIRST, FIRST + DAYS))

describe('makePlan', () => {
  it('makes everything once, upstream first, and then finds nothing to do', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const loaded = project(shape)
        const plan = planAll(loaded, new Map())
        for (const spec of loaded.manifest.assets) {
          const made = plan.steps.filter((s) => s.assets.includes(spec.key))
          expect(union(...made.map((s) => s.partitions))).toEqual(universeOf(spec))
          expect(made.every((s) => (s.partitions[0]?.[1] ?? 0) - (s.partitions[0]?.[0] ?? 0) <= spec.backfill.partitionsPerStep)).toBe(true)
        }
        expect(planAll(loaded, execute(loaded, plan, new Map())).steps).toEqual([])
      }),
    )
  })

  it('a step comes after every step of the plan whose partitions it reads', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const loaded = project(shape)
        const plan = planAll(loaded, new Map())
        for (const step of plan.steps)
          for (const dep of (loaded.asset(step.assets.join()) as AssetSpec).deps) {
            const reads = new Set([...each(step.partitions)].flatMap((p) => naiveUpstream(loaded, dep, p)))
            const needed = plan.steps
              .filter((s) => s.assets.includes(dep.asset) && [...each(s.partitions)].some((u) => reads.has(u)))
              .map((s) => s.id)
            expect(needed.filter((id) => !step.after.includes(id))).toEqual([])
          }
      }),
    )
  })

  it('after a commit by others, exactly the partitions that read the touched ones are stale, and the plan reaches all below', () => {
    fc.assert(
      fc.property(shapes, fc.nat(5), fc.nat(DAYS - 1), fc.nat(3), (shape, which, at, length) => {
        const loaded = project(shape)
        const states = execute(loaded, planAll(loaded, new Map()), new Map())
        const touched = loaded.manifest.assets[which % loaded.manifest.assets.length] as AssetSpec
        const set = touched.partitions.dim === 'none' ? range(0, 1) : range(FIRST + at, Math.min(FIRST + DAYS, FIRST + at + 1 + length))
        const state = states.get(touched.key) as AssetState
        states.set(touched.key, { ...state, versions: assign(state.versions, set, 'foreign') })
        for (const spec of loaded.manifest.assets) {
          const status = versionStatus(spec, states.get(spec.key) as AssetState, universeOf(spec), (key) => states.get(key))
          const expected = [...each(universeOf(spec))].filter((p) =>
            spec.deps.some((dep) => dep.asset === touched.key && naiveUpstream(loaded, dep, p).some((u) => contains(set, u))),
          )
          expect([...each(status.stale)]).toEqual(expected)
          expect(status.missing).toEqual([])
        }
        const wave = planAll(loaded, states)
        expect(planAll(loaded, execute(loaded, wave, states)).steps).toEqual([])
        const below = naiveDescendants(loaded, touched, set)
        for (const spec of loaded.manifest.assets) {
          expect([...each(union(...wave.steps.filter((s) => s.assets.includes(spec.key)).map((s) => s.partitions)))]).toEqual(
            below.get(spec.key) ?? [],
          )
        }
      }),
    )
  })

  it('changed code makes the asset stale with the reason, and what reads it runs after it', () => {
    const shape: Shape[] = [
      { daily: true, perStep: 3, deps: [] },
      { daily: true, perStep: 2, deps: [{ to: 0, kind: 'same' }] },
    ]
    const loaded = project(shape)
    const states = execute(loaded, planAll(loaded, new Map()), new Map())
    const plan = planAll(project(shape, ['c1']), states)
    expect(plan.assets[0]?.because.map((b) => b.cause)).toEqual(Array(3).fill({ kind: 'code changed', from: 'c0', to: 'c1' }))
    expect(plan.assets[1]?.because.every((b) => b.cause.kind === 'input changed')).toBe(true)
    expect(plan.steps).toHaveLength(8)
  })

  it('is the same plan, with the same id, for the same facts, and cannot be changed', () => {
    const loaded = project([{ daily: true, perStep: 1, deps: [] }])
    const plan = planAll(loaded, new Map())
    expect(planAll(loaded, new Map())).toEqual(plan)
    expect(() => (plan.steps as unknown[]).push(1)).toThrow(TypeError)
  })

  it('names the missing partitions of an upstream that is not selected', () => {
    const loaded = project([
      { daily: true, perStep: 1, deps: [] },
      { daily: true, perStep: 9, deps: [{ to: 0, kind: 'same' }] },
    ])
    const key = assetKey('layer.a1')
    const plan = makePlan(loaded, new Map(), { request: 'a1', selection: [key], force: false }, 0)
    expect(plan.steps).toEqual([])
    expect(plan.assets[0]?.action).toBe('blocked')
    expect(plan.assets[0]?.blocked).toEqual([
      { dep: 'layer.a0', missing: range(FIRST, FIRST + DAYS), partitions: range(FIRST, FIRST + DAYS) },
    ])
  })

  it('widens a range to what a selected reader needs, and says so', () => {
    const loaded = project([
      { daily: true, perStep: 9, deps: [] },
      { daily: true, perStep: 9, deps: [{ to: 0, kind: 'next' }] },
    ])
    const plan = makePlan(loaded, new Map(), { ...everything(loaded), partitions: range(FIRST, FIRST + 1) }, 0)
    expect(plan.assets.map((a) => [a.run, a.widened])).toEqual([
      [range(FIRST, FIRST + 2), range(FIRST + 1, FIRST + 2)],
      [range(FIRST, FIRST + 1), []],
    ])
  })

  it('with force, makes what is fresh and says that it was forced', () => {
    const loaded = project([{ daily: false, perStep: 1, deps: [] }])
    const states = execute(loaded, planAll(loaded, new Map()), new Map())
    const plan = makePlan(loaded, states as never, { ...everything(loaded), force: true }, 0)
    expect(plan.assets[0]?.because).toEqual([{ partitions: range(0, 1), cause: { kind: 'forced' } }])
    expect(equals(plan.steps[0]?.partitions ?? [], range(0, 1))).toBe(true)
  })
})

/** Transitive closure, one partition at a time: what must run again when `set` of `touched` has changed. */
function naiveDescendants(loaded: LoadedManifest, touched: AssetSpec, set: PartitionSet): ReadonlyMap<string, readonly number[]> {
  const dirty = new Map<string, Set<number>>([[touched.key, new Set(each(set))]])
  const below = new Map<string, readonly number[]>()
  for (const spec of loaded.manifest.assets) {
    const hit = [...each(universeOf(spec))].filter((p) =>
      spec.deps.some((dep) => naiveUpstream(loaded, dep, p).some((u) => dirty.get(dep.asset)?.has(u))),
    )
    if (hit.length === 0) continue
    below.set(spec.key, hit)
    dirty.set(spec.key, new Set([...(dirty.get(spec.key) ?? []), ...hit]))
  }
  return below
}

it('plans partitions one a step, ten thousand of them, without looking at all for each', () => {
  const chain = [0, 1, 2].map((i): Shape => ({ daily: true, perStep: 1, deps: i === 0 ? [] : [{ to: i - 1, kind: 'same' }] }))
  const days = 10_000
  const loaded = project(chain, [], days)
  const { steps } = planAll(loaded, new Map())
  expect(steps).toHaveLength(3 * days)
  expect(steps.map(({ after }) => after.join())).toEqual(steps.map((_, at) => (at < days ? '' : steps[at - days]?.id)))
})
