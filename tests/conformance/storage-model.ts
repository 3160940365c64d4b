import fc from 'fast-check'
import { type AssetKey, assetKey } from '../../src/keys.ts'
import { each, type Interval, normalise, type PartitionSet } from '../../src/partitions/partition-set.ts'
import type { Materialization, StepState, StoreEvent } from '../../src/storage/events.ts'
import {
  check,
  created,
  failed,
  interrupted,
  materialization,
  PROBLEM,
  publishing,
  type StepRef,
  started,
  succeeded,
} from './storage-events.ts'

/** One thing to try; numbers pick among what is possible when its turn comes. */
export type Move =
  | { readonly kind: 'run'; readonly steps: readonly { readonly asset: number; readonly partitions: PartitionSet }[] }
  | { readonly kind: 'step'; readonly pick: number; readonly what: number }
  | { readonly kind: 'end'; readonly pick: number }
  | { readonly kind: 'add' | 'remove'; readonly registry: number; readonly values: readonly number[] }
  | { readonly kind: 'observe'; readonly asset: number; readonly partitions: PartitionSet }

const ASSETS = ['bronze.a', 'silver.b', 'gold.c'].map((key) => assetKey(key))

const partitions = (options: { readonly minLength?: number } = {}): fc.Arbitrary<PartitionSet> =>
  fc
    .array(fc.tuple(fc.integer({ min: -3, max: 12 }), fc.integer({ min: 1, max: 5 })), { minLength: options.minLength ?? 0, maxLength: 4 })
    .map((list) => normalise(list.map(([from, length]): Interval => [from, from + length])))

const steps = fc.array(fc.record({ asset: fc.nat(2), partitions: partitions({ minLength: 1 }) }), { minLength: 1, maxLength: 5 })

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('run' as const), steps }) },
    { weight: 14, arbitrary: fc.record({ kind: fc.constant('step' as const), pick: fc.nat(), what: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), pick: fc.nat() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('add' as const, 'add' as const, 'remove' as const),
        registry: fc.nat(1),
        values: fc.array(fc.nat(9), { maxLength: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('observe' as const), asset: fc.nat(2), partitions: partitions({ minLength: 1 }) }),
    },
  ),
  { minLength: 1, maxLength: 60 },
)

interface ModelStep extends StepRef {
  readonly asset: AssetKey
  readonly partitions: PartitionSet
  state: StepState
  attempts: number
  /** What open publishings of it would record, by attempt. */
  readonly open: Map<number, Materialization>
}

/** What is known of an asset, one partition at a time. */
export interface NaiveAsset {
  readonly versions: Map<number, string>
  readonly made: Map<number, string>
  readonly attempts: Map<number, string>
  snapshotId: string | undefined
}

/** A store as a person would write it down: it turns moves into events that may happen, and keeps maps by partition. */
export class StorageModel {
  readonly assets = new Map<AssetKey, NaiveAsset>()
  readonly steps: ModelStep[] = []
  readonly runs = new Map<string, string>()
  /** All values that a registry ever had, in the order of their first adding, and whether each is there now. */
  readonly registries = new Map<string, Map<string, boolean>>()
  #ids = 0

  /** The event that a move comes to; undefined when nothing of the kind is possible now. */
  play(move: Move): StoreEvent | undefined {
    if (move.kind === 'run') return this.#create(move.steps)
    if (move.kind === 'observe') return this.#observe(ASSETS[move.asset] as AssetKey, move.partitions)
    if (move.kind === 'end') return this.#end(move.pick)
    if ('registry' in move) return this.#register(move)
    const possible = this.steps.filter((step) => movesOf(step).length > 0)
    const step = possible[move.pick % possible.length]
    if (step === undefined) return undefined
    const names = movesOf(step)
    return this.#act(step, names[move.what % names.length] as StepMove)
  }

  #create(planned: Extract<Move, { kind: 'run' }>['steps']): StoreEvent {
    const runId = `run-${++this.#ids}`
    this.runs.set(runId, 'running')
    const own = planned.map(({ asset, partitions: set }, i): ModelStep => {
      const key = ASSETS[asset] as AssetKey
      return { runId, stepId: `s${i}`, asset: key, partitions: set, state: 'waiting', attempts: 0, open: new Map() }
    })
    this.steps.push(...own)
    return created(
      runId,
      own.map((step) => ({ id: step.stepId, asset: step.asset, partitions: step.partitions })),
    )
  }

  #observe(asset: AssetKey, set: PartitionSet): StoreEvent {
    const known = this.#asset(asset)
    // Few names, so that neighbours often have the same and must be joined.
    const versions = set.map(([from, to]) => ({ from, to, value: `foreign-${++this.#ids % 2}` }))
    for (const { from, to, value } of versions) for (const p of each([[from, to]])) known.versions.set(p, value)
    known.snapshotId = `foreign-${this.#ids}`
    return { type: 'table.observed', asset, snapshotId: known.snapshotId, versions }
  }

  #register({ kind, registry: n, values: numbers }: Extract<Move, { kind: 'add' | 'remove' }>): StoreEvent {
    const [registry, values] = [`registry ${n}`, numbers.map((v) => `value ${v}`)]
    const held = this.registries.get(registry) ?? new Map<string, boolean>()
    for (const value of values) {
      if (kind === 'add') held.set(value, true)
      else if (held.has(value)) held.set(value, false)
    }
    if (held.size > 0) this.registries.set(registry, held)
    return { type: kind === 'add' ? 'partition.added' : 'partition.removed', registry, values }
  }

  #end(pick: number): StoreEvent | undefined {
    const open = [...this.runs].filter(([, state]) => state === 'running').map(([id]) => id)
    const runId = open[pick % open.length]
    if (runId === undefined) return undefined
    this.runs.set(runId, 'failed')
    return { type: 'run.ended', runId, state: 'failed' }
  }

  #act(step: ModelStep, move: StepMove): StoreEvent {
    const ref = { runId: step.runId, stepId: step.stepId }
    switch (move) {
      case 'start':
        Object.assign(step, { state: 'running', attempts: step.attempts + 1 })
        return started(ref, step.attempts)
      case 'retry':
        step.state = 'running'
        return { ...ref, type: 'step.retrying', attempt: step.attempts, problem: PROBLEM, delay: 10 }
      case 'publish':
        step.state = 'publishing'
        return publishing(this.#make(step), step.attempts)
      case 'succeed':
        return this.#succeed(step)
      case 'fail':
        step.state = 'blocked'
        this.#attempted(step)
        return failed(ref, 'blocked', [check(step.asset, 'amount.between', 'fail')])
      case 'skip':
        step.state = 'skipped'
        return { ...ref, type: 'step.skipped', reason: 'nothing new' }
      case 'interrupt':
        if (!ENDED.has(step.state)) {
          step.state = 'interrupted'
          this.#attempted(step)
        }
        step.open.clear()
        return interrupted(ref)
    }
  }

  #make(step: ModelStep): Materialization {
    const made = materialization({ runId: step.runId, stepId: step.stepId }, step.asset, step.partitions, `m${++this.#ids}`)
    step.open.set(step.attempts, made)
    return made
  }

  #succeed(step: ModelStep): StoreEvent {
    const made = [...step.open.values()].at(-1) ?? this.#make(step)
    const known = this.#asset(step.asset)
    for (const p of each(step.partitions)) {
      known.versions.set(p, made.dataVersion)
      known.made.set(p, made.id)
      known.attempts.delete(p)
    }
    known.snapshotId = made.snapshotId
    step.state = 'succeeded'
    step.open.clear()
    return succeeded(made, [check(step.asset, 'unique')])
  }

  #attempted(step: ModelStep): void {
    if (step.attempts === 0) return
    for (const p of each(step.partitions)) this.#asset(step.asset).attempts.set(p, `${step.state} ${step.runId} ${step.stepId}`)
  }

  #asset(key: AssetKey): NaiveAsset {
    const known = this.assets.get(key) ?? { versions: new Map(), made: new Map(), attempts: new Map(), snapshotId: undefined }
    this.assets.set(key, known)
    return known
  }
}

type StepMove = 'start' | 'retry' | 'publish' | 'succeed' | 'fail' | 'skip' | 'interrupt'

const ENDED: ReadonlySet<StepState> = new Set(['succeeded', 'failed', 'blocked', 'lost', 'skipped', 'interrupted'])

function movesOf(step: ModelStep): readonly StepMove[] {
  if (step.state === 'waiting') return ['start', 'start', 'start', 'skip', 'fail', 'interrupt']
  if (step.state === 'publishing') return ['succeed', 'succeed', 'fail', 'retry', 'interrupt']
  if (step.state !== 'running') return step.open.size === 0 ? [] : ['succeed', 'interrupt']
  const always: readonly StepMove[] = ['succeed', 'fail', 'retry', 'start', 'skip', 'interrupt']
  // An attempt publishes once.
  return step.open.has(step.attempts) ? always : ['publish', 'publish', ...always]
}
