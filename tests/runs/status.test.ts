import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AssetSpec, DepSpec } from '../../src/assets/spec.ts'
import { StatusBoard, statusOfAll } from '../../src/assets/status.ts'
import { systemClock } from '../../src/clock.ts'
import { type AssetKey, assetKey } from '../../src/keys.ts'
import { dayKey } from '../../src/partitions/calendar.ts'
import { contains, each, type Interval, normalise, type PartitionSet, range } from '../../src/partitions/partition-set.ts'
import { indexManifest, type LoadedManifest } from '../../src/project/manifest.ts'
import { RunLake } from '../../src/runs/run-state.ts'
import type { Materialization, StoreEvent } from '../../src/storage/events.ts'
import { openStorage } from '../../src/storage/sqlite.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { created, started, succeeded } from '../conformance/storage-events.ts'

const FIRST = 20_000
const DAYS = 4
const COLUMNS = ['a', 'b', 'c']

interface Shape {
  readonly daily: boolean
  /** What is read of each dep; null: a function, that gets whole rows. */
  readonly deps: readonly { readonly to: number; readonly next: boolean; readonly reads: readonly string[] | null }[]
}

type Move =
  | { readonly kind: 'run'; readonly asset: number; readonly days: readonly boolean[]; readonly changed: readonly (readonly string[])[] }
  | { readonly kind: 'edit'; readonly asset: number }
  /** By another writer; `away`: taken back, so that it was never made. */
  | { readonly kind: 'foreign'; readonly asset: number; readonly day: number; readonly away: boolean }
  | { readonly kind: 'compact'; readonly asset: number }

const someColumns = fc.subarray(COLUMNS, { maxLength: 2 })
const shapes = fc
  .array(
    fc.record({
      daily: fc.boolean(),
      deps: fc.array(fc.record({ to: fc.nat(20), next: fc.boolean(), reads: fc.option(someColumns, { freq: 9 }) }), {
        minLength: 1,
        maxLength: 2,
      }),
    }),
    { minLength: 2, maxLength: 4 },
  )
  .map((list) => list.map((shape, i): Shape => ({ ...shape, deps: i === 0 ? [] : shape.deps.map((d) => ({ ...d, to: d.to % i })) })))
const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('run' as const),
        asset: fc.oneof(fc.constant(0), fc.nat(20)),
        days: fc.array(
          fc.nat(4).map((n) => n > 0),
          { minLength: DAYS, maxLength: DAYS },
        ),
        changed: fc.array(someColumns, { minLength: DAYS, maxLength: DAYS }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit' as const), asset: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('foreign' as const), asset: fc.nat(20), day: fc.nat(DAYS - 1), away: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), asset: fc.nat(20) }) },
  ),
  { minLength: 5, maxLength: 40 },
)

/** A query whose lineage says what it reads, or a function. */
function specOf(shapes: readonly Shape[], at: number, code: number): AssetSpec {
  const shape = shapes[at] as Shape
  const isQuery = shape.deps.every((dep) => dep.reads !== null)
  const sources = shape.deps.flatMap((dep, n) => (dep.reads ?? []).map((column) => [`d${n}`, column, 'derive'] as const))
  return {
    key: keyOf(at),
    kind: 'table',
    columns: COLUMNS.map((name) => ({ name, type: 'int', nullable: true })),
    rowKey: [],
    partitions: shape.daily ? { dim: 'time', grain: 'day', start: dayKey(FIRST), end: dayKey(FIRST + DAYS), column: 'a' } : { dim: 'none' },
    deps: shape.deps.map((dep, n): DepSpec => ({ name: `d${n}`, asset: keyOf(dep.to), mapping: mappingOf(shapes, shape, dep) })),
    compute: isQuery ? { kind: 'duckdb', query: [] } : { kind: 'typescript', module: 'x.ts' },
    ...(isQuery ? { lineage: { columns: { a: sources, b: [], c: [] }, rows: sources.slice(0, 1) } } : {}),
    codeVersion: `c${code}`,
    checks: [],
    retry: { max: 0, delay: 0 },
    backfill: { partitionsPerStep: 9 },
  }
}

const keyOf = (at: number): AssetKey => assetKey(`layer.a${at}`)

function mappingOf(shapes: readonly Shape[], reader: Shape, dep: Shape['deps'][number]): DepSpec['mapping'] {
  if (!shapes[dep.to]?.daily || !reader.daily) return { kind: 'all' }
  return dep.next ? { kind: 'timeWindow', startOffset: 0, endOffset: 1, allowHoleAtEnd: true } : { kind: 'identity' }
}

interface NaiveMade {
  readonly code: number
  /** What the partition saw of each partition of each dep: the marks of the columns that it reads. */
  readonly saw: readonly ReadonlyMap<number, string>[]
}

const SETS = ['', 'a', 'b', 'c', 'a,b', 'a,c', 'b,c', 'a,b,c']

/** Everything one partition at a time: each set of columns that is read has a mark, which is new when the rows look new through it. */
class Naive {
  readonly shapes: readonly Shape[]
  readonly codes: number[]
  readonly marks: Map<number, ReadonlyMap<string, string>>[]
  readonly made: Map<number, NaiveMade>[]
  #marks = 0

  constructor(list: readonly Shape[]) {
    this.shapes = list
    this.codes = list.map(() => 0)
    this.marks = list.map(() => new Map())
    this.made = list.map(() => new Map())
  }

  partitions(at: number): readonly number[] {
    return this.shapes[at]?.daily ? Array.from({ length: DAYS }, (_, i) => FIRST + i) : [0]
  }

  /** Partitions of a dep that a partition may read, by the meaning of the mappings. */
  upstream(reader: Shape, dep: Shape['deps'][number], partition: number): readonly number[] {
    if (!this.shapes[dep.to]?.daily || !reader.daily) return this.partitions(dep.to)
    return [partition, ...(dep.next ? [partition + 1] : [])].filter((u) => u < FIRST + DAYS)
  }

  /** All columns for who reads whole rows; a function among the deps makes the whole asset one. */
  readsOf(shape: Shape, dep: Shape['deps'][number]): string {
    const isQuery = shape.deps.every((one) => one.reads !== null)
    // A query that reads an asset twice looks at it through each of both, one by one.
    return isQuery ? (dep.reads ?? []).join() : COLUMNS.join()
  }

  saw(shape: Shape, partition: number): NaiveMade['saw'] {
    return shape.deps.map((dep) => {
      const marks = this.upstream(shape, dep, partition).map((u) => [u, this.marks[dep.to]?.get(u)?.get(this.readsOf(shape, dep))] as const)
      return new Map(marks.flatMap(([u, mark]) => (mark === undefined ? [] : [[u, mark]])))
    })
  }

  /**
   * New marks for all sets of columns that hold one of these; for all there are, where the rows are those of others. Whole
   * rows are compared for a step as a whole.
   */
  write(at: number, partition: number, changed: readonly string[] | 'all', isWholeNew: boolean): void {
    const before = this.marks[at]?.get(partition)
    const isNew = (set: string): boolean =>
      changed === 'all' ||
      before === undefined ||
      (set === 'a,b,c' ? isWholeNew : changed.some((column) => set.split(',').includes(column)))
    this.marks[at]?.set(partition, new Map(SETS.map((set) => [set, isNew(set) ? `m${++this.#marks}` : (before?.get(set) ?? '')])))
  }

  make(at: number, partition: number): void {
    const shape = this.shapes[at] as Shape
    this.made[at]?.set(partition, { code: this.codes[at] ?? 0, saw: this.saw(shape, partition) })
  }

  status(at: number, partition: number): 'fresh' | 'stale' | 'missing' {
    const record = this.made[at]?.get(partition)
    if (record === undefined) return 'missing'
    const now = this.saw(this.shapes[at] as Shape, partition)
    const same = record.code === this.codes[at] && JSON.stringify(record.saw.map((m) => [...m])) === JSON.stringify(now.map((m) => [...m]))
    return same ? 'fresh' : 'stale'
  }

  /** Whether it, or anything above, is not fresh. */
  isDue(at: number, partition: number): boolean {
    return this.status(at, partition) !== 'fresh' || this.isBelowDue(at, partition)
  }

  isBelowDue(at: number, partition: number): boolean {
    const shape = this.shapes[at] as Shape
    return shape.deps.some((dep) => this.upstream(shape, dep, partition).some((u) => this.isDue(dep.to, u)))
  }
}

/** The real store and the real decisions, driven by the same moves. */
class Real {
  readonly storage: Storage
  readonly #naive: Naive
  #ids = 0

  constructor(storage: Storage, naive: Naive) {
    this.storage = storage
    this.#naive = naive
  }

  loaded(): LoadedManifest {
    const assets = this.#naive.shapes.map((_, i) => specOf(this.#naive.shapes, i, this.#naive.codes[i] ?? 0))
    return indexManifest('m', { formatVersion: 1, name: 'p', file: 'p.ts', profiles: [], sources: {}, assets })
  }

  /** A step as the supervisor does it: what the worker finds to be equal is what the naive world says. */
  async run(at: number, partitions: PartitionSet, changed: ReadonlyMap<number, readonly string[]>): Promise<void> {
    const loaded = this.loaded()
    const spec = loaded.asset(keyOf(at)) as AssetSpec
    const states = await this.storage.assetStates()
    const lake = new RunLake(loaded, states, new Map(), '')
    const inputs = Object.fromEntries(spec.deps.map((dep) => [dep.name, lake.consumedBy(spec, dep, partitions)]))
    const isEqual = (p: number, columns: readonly string[]): boolean => !columns.some((column) => changed.get(p)?.includes(column))
    const unchanged = lake.isMade(spec.key, partitions) && [...each(partitions)].every((p) => isEqual(p, COLUMNS))
    const equal = lake.columnsToCompare(spec, partitions, false).map((columns) => ({
      columns,
      partitions: normalise([...each(partitions)].filter((p) => isEqual(p, columns)).map((p): Interval => [p, p + 1])),
    }))
    const same = unchanged ? [] : lake.kept(spec.key, equal)
    const id = `r${++this.#ids}`
    const step = { runId: id, stepId: 's1' }
    const materialization: Materialization = {
      ...{
        id,
        asset: spec.key,
        partitions,
        dataVersion: id,
        codeVersion: spec.codeVersion,
        inputs,
        snapshotId: id,
        rows: 1,
        at: 0,
        ...step,
      },
      ...(unchanged ? { unchanged: true as const } : {}),
      ...(same.length === 0 ? {} : { same }),
    }
    await this.storage.append([created(id, [{ id: 's1', assets: [spec.key], partitions }]), started(step), succeeded(materialization)])
  }

  async observe(at: number, partition: number, away: boolean): Promise<void> {
    const asset = keyOf(at)
    const snapshotId = `f${++this.#ids}`
    const set = range(partition, partition + 1)
    const versions = away ? [] : [{ from: partition, to: partition + 1, value: snapshotId }]
    const event: StoreEvent = { type: 'table.observed', asset, snapshotId, versions, ...(away ? { lost: set } : {}) }
    await this.storage.append([event])
  }

  /** A new snapshot of the same rows: no partition was touched. */
  async compact(at: number): Promise<void> {
    await this.storage.append([{ type: 'table.observed', asset: keyOf(at), snapshotId: `k${++this.#ids}`, versions: [] }])
  }
}

async function play(naive: Naive, real: Real, move: Move): Promise<void> {
  const at = move.asset % naive.shapes.length
  const all = naive.partitions(at)
  switch (move.kind) {
    case 'edit':
      naive.codes[at] = (naive.codes[at] ?? 0) + 1
      return
    case 'compact':
      return real.compact(at)
    case 'foreign': {
      const partition = all[move.day % all.length] ?? 0
      if (!naive.made[at]?.has(partition)) return
      if (move.away) {
        naive.made[at]?.delete(partition)
        naive.marks[at]?.delete(partition)
      } else naive.write(at, partition, 'all', true)
      return real.observe(at, partition, move.away)
    }
    case 'run': {
      const chosen = all.filter((_, i) => move.days[i])
      if (chosen.length === 0) return
      const changed = new Map(chosen.map((p, i) => [p, move.changed[i] ?? []]))
      await real.run(at, normalise(chosen.map((p): Interval => [p, p + 1])), changed)
      for (const p of chosen) naive.make(at, p)
      const isWholeNew = chosen.some((p) => !naive.marks[at]?.has(p) || changed.get(p)?.length !== 0)
      for (const p of chosen) naive.write(at, p, changed.get(p) ?? [], isWholeNew)
    }
  }
}

async function compare(naive: Naive, real: Real, kept: { board: StatusBoard }, move: Move): Promise<void> {
  const loaded = real.loaded()
  const states = await real.storage.assetStates()
  const now = (FIRST + DAYS) * 86_400_000
  const statuses = statusOfAll(loaded.manifest.assets, states, now)
  if (move.kind === 'edit') kept.board = new StatusBoard(loaded.manifest.assets)
  const changed = move.kind === 'edit' ? undefined : new Set([keyOf(move.asset % naive.shapes.length)])
  expect(kept.board.update((key) => states.get(key), now, changed)).toEqual(
    new Map([...statuses].map(([key, { exist, version }]) => [key, { exist, version }])),
  )
  const lake = new RunLake(loaded, states, new Map(), '')
  for (const [at, spec] of loaded.manifest.assets.entries()) {
    const { version, outdated, exist } = statuses.get(spec.key) ?? { version: undefined, outdated: [], exist: [] }
    expect([...each(exist)]).toEqual(naive.partitions(at))
    for (const partition of naive.partitions(at)) {
      const word = naive.status(at, partition)
      const seen = (['fresh', 'stale', 'missing'] as const).filter((one) => contains(version?.[one] ?? [], partition))
      expect([spec.key, partition, ...seen]).toEqual([spec.key, partition, word])
      expect(lake.isFresh(spec, range(partition, partition + 1))).toBe(word === 'fresh')
      expect([spec.key, partition, contains(outdated, partition)]).toEqual([
        spec.key,
        partition,
        word === 'fresh' && naive.isBelowDue(at, partition),
      ])
    }
  }
}

it('status is what a model says that keeps a mark for each partition and each set of columns that is read', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, moves, async (list, steps) => {
      const folder = await mkdtemp(join(tmpdir(), 'assay-status-'))
      const storage = openStorage({ folder, clock: systemClock })
      const naive = new Naive(list)
      const real = new Real(storage, naive)
      const kept = { board: new StatusBoard(real.loaded().manifest.assets) }
      try {
        for (const move of steps) {
          await play(naive, real, move)
          await compare(naive, real, kept, move)
        }
      } finally {
        storage.close()
        await rm(folder, { recursive: true })
      }
    }),
    { numRuns: 12 },
  )
}, 60_000)
