import type { AssetSpec } from '../assets/spec.ts'
import { type Clock, newId, newSnapshotId } from '../clock.ts'
import { AssayError, type Problem, toProblem } from '../errors.ts'
import { discardStaged, stagedPlaces } from '../iceberg/stage.ts'
import type { AssetKey } from '../keys.ts'
import { dynamicOf, narrowPartitions } from '../partitions/bind.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { CheckResult, ConsumedInput, Materialization, PublishIntent, RunState, StoreEvent } from '../storage/events.ts'
import type { Storage } from '../storage/storage.ts'
import { type Observation, observeBefore } from '../tables/observe.ts'
import { discard, type Lake, type Output, publish, type Published } from '../tables/publish.ts'
import { rowsMade, type StagedTable } from '../tables/stage.ts'
import type { Executor, OnLine, StepAnswer } from './executor.ts'
import type { Plan, PlannedStep } from './plan.ts'
import { retryDelay } from './retry.ts'
import type { RunLake } from './run-state.ts'
import { inTime } from './timeout.ts'
import type { StepMessage, TableTarget } from './worker-protocol.ts'

export interface Supervision {
  readonly runId: string
  readonly plan: Plan
  readonly loaded: LoadedManifest
  readonly storage: Pick<Storage, 'append'>
  readonly lake: Lake
  readonly state: RunLake
  readonly executor: Executor
  readonly clock: Clock
  /** Everything is made and published, also where nothing changed. */
  readonly force: boolean
  /** Aborted by Ctrl-C: nothing new is started, workers are ended, a publishing that was begun is finished. */
  readonly signal: AbortSignal
  /** Called with each event once it is durable. */
  readonly onEvent: (event: StoreEvent) => void
  /** Where the lines of an attempt go. */
  readonly logOf: (stepId: string, attempt: number) => OnLine
}

/** Walks the steps of a plan to their end and returns the state of the run. The run must have been created. */
export async function supervise(supervision: Supervision): Promise<Exclude<RunState, 'running'>> {
  const walk = new Walk(supervision)
  const stop = (): void => supervision.executor.kill()
  supervision.signal.addEventListener('abort', stop, { once: true })
  try {
    const state = await walk.end()
    await walk.record({ type: 'run.ended', runId: supervision.runId, state })
    return state
  } finally {
    supervision.signal.removeEventListener('abort', stop)
  }
}

type Ended = 'succeeded' | 'failed' | 'blocked' | 'skipped' | 'interrupted'

/** Why what reads a step cannot run. */
const UPSTREAM = { failed: 'failed', blocked: 'was blocked by a check', skipped: 'was skipped', interrupted: 'was interrupted' } as const

class Walk {
  readonly #s: Supervision
  readonly #steps: ReadonlyMap<string, PlannedStep>
  readonly #waitingFor = new Map<string, number>()
  readonly #dependents = new Map<string, PlannedStep[]>()
  readonly #ended = new Map<string, Ended>()
  readonly #ready: PlannedStep[] = []
  readonly #finished: Promise<void>
  #finish: () => void = () => {}
  /** The store failed: nothing can be recorded any more, so the run is left to the next start. */
  #giveUp: (error: unknown) => void = () => {}
  #running = 0
  /** Publishing is one after the other: steps of one asset share a table. */
  #publishing: Promise<unknown> = Promise.resolve()

  constructor(supervision: Supervision) {
    this.#s = supervision
    this.#steps = new Map(supervision.plan.steps.map((step) => [step.id, step]))
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.#giveUp = reject
    })
    for (const step of supervision.plan.steps) {
      this.#waitingFor.set(step.id, step.after.length)
      if (step.after.length === 0) this.#ready.push(step)
      for (const id of step.after) {
        const dependents = this.#dependents.get(id)
        if (dependents === undefined) this.#dependents.set(id, [step])
        else dependents.push(step)
      }
    }
  }

  async end(): Promise<Exclude<RunState, 'running'>> {
    this.#fill()
    await this.#finished
    const ends = new Set(this.#ended.values())
    if (this.#s.signal.aborted && this.#ended.size < this.#s.plan.steps.length) return 'interrupted'
    return ends.has('failed') || ends.has('blocked') ? 'failed' : ends.has('interrupted') ? 'interrupted' : 'succeeded'
  }

  async record(...events: readonly StoreEvent[]): Promise<void> {
    await this.#s.storage.append(events)
    for (const event of events) this.#s.onEvent(event)
  }

  /** Starts what is ready while there are free slots. */
  #fill(): void {
    while (!this.#s.signal.aborted && this.#running < this.#s.executor.slots) {
      const step = this.#ready.shift()
      if (step === undefined) break
      this.#running++
      this.#run(step).then((ended) => this.#end(step, ended), this.#giveUp)
    }
    if (this.#running === 0) this.#finish()
  }

  #end(step: PlannedStep, ended: Ended): void {
    this.#running--
    this.#ended.set(step.id, ended)
    for (const next of this.#dependents.get(step.id) ?? []) {
      const left = (this.#waitingFor.get(next.id) ?? 0) - 1
      this.#waitingFor.set(next.id, left)
      if (left === 0) this.#ready.push(next)
    }
    this.#fill()
  }

  /** A step whose upstream did not succeed is skipped; one whose upstream turned out to be unchanged is fresh as it is. */
  async #run(step: PlannedStep): Promise<Ended> {
    const reason = this.#skipReason(step)
    if (
      reason === undefined &&
      step.kind === 'make' &&
      !this.#s.force &&
      this.#specsOf(step).every((spec) => this.#s.state.isFresh(spec, step.partitions))
    ) {
      await this.record({ type: 'step.reused', runId: this.#s.runId, stepId: step.id })
      return 'succeeded'
    }
    if (reason === undefined) return this.#attempts(step)
    await this.record({ type: 'step.skipped', runId: this.#s.runId, stepId: step.id, reason })
    return 'skipped'
  }

  #skipReason(step: PlannedStep): string | undefined {
    for (const id of step.after) {
      const ended = this.#ended.get(id)
      if (ended !== undefined && ended !== 'succeeded') return `${this.#steps.get(id)?.assets.join(', ')} ${UPSTREAM[ended]}`
    }
    return undefined
  }

  #specsOf(step: PlannedStep): readonly AssetSpec[] {
    return step.assets.map((key) => this.#s.loaded.asset(key) as AssetSpec)
  }

  async #attempts(step: PlannedStep): Promise<Ended> {
    // Outputs of one compute have the same retry policy.
    const { retry } = this.#s.loaded.asset(step.assets[0] ?? '') as AssetSpec
    for (let attempt = 1; ; attempt++) {
      const begun = this.#begin(step, attempt)
      await this.record({
        type: 'step.started',
        runId: this.#s.runId,
        stepId: step.id,
        attempt,
        stagingFolders: stagingPaths(begun.message.targets),
      })
      if (this.#s.signal.aborted) return this.#interrupted(step, begun.message)
      const answer = await this.#answer(begun)
      const outcome = await this.#outcome(begun, answer)
      if (outcome.kind !== 'failed') return outcome.kind
      if (this.#s.signal.aborted && outcome.state === 'lost') return this.#interrupted(step, begun.message)
      const delay = outcome.state === 'blocked' ? undefined : retryDelay(retry, attempt, outcome.problem.code, this.#s.clock)
      if (delay === undefined) return this.#failed(step, outcome.state, outcome.problem, outcome.checks)
      await this.record({ type: 'step.retrying', runId: this.#s.runId, stepId: step.id, attempt, problem: outcome.problem, delay })
      await this.#s.clock.sleep(delay, this.#s.signal)
      if (this.#s.signal.aborted) return this.#interrupted(step, begun.message)
    }
  }

  /** That of the worker, or after the timeout of the asset, that it took too long. */
  async #answer({ message, specs }: Begun): Promise<StepAnswer> {
    const { clock, executor, logOf } = this.#s
    const log = logOf(message.stepId, message.attempt)
    const { answer, tooLong } = await inTime(specs, clock, (limit) => executor.run(message, log, limit))
    if (tooLong === undefined) return answer
    await this.#discard(message)
    return { type: 'failed', outcome: 'failed', problem: toProblem(tooLong), checks: [] }
  }

  /** Pins what the attempt reads to the versions of now. */
  #begin(step: PlannedStep, attempt: number): Begun {
    const { runId, clock, state } = this.#s
    const specs = this.#specsOf(step)
    // Outputs of one compute read all of their deps.
    const alone = specs.length === 1 ? specs[0] : undefined
    const inputs = new Map(specs.map((spec) => [spec.key, inputsOf(state, spec, step.partitions)]))
    const pins: StepMessage['inputs'] = Object.fromEntries(
      // Outputs of one compute have the same deps.
      (specs[0]?.deps ?? []).flatMap((dep) => {
        const pin = state.pin(dep, step.partitions, this.#s.force && alone?.write?.kind !== 'append' ? undefined : alone)
        const input = pin ?? (this.#s.loaded.asset(dep.asset)?.kind === 'table' ? 'nothing' : undefined)
        return input === undefined ? [] : [[dep.name, input] as const]
      }),
    )
    const attemptName = `${runId}-${step.id}-${attempt}`
    const targets = specs.flatMap((spec) => state.targets(spec, attemptName, () => String(newSnapshotId(clock))))
    const message: StepMessage = {
      type: 'step',
      kind: step.kind,
      runId,
      stepId: step.id,
      attempt,
      assets: step.assets,
      partitions: step.partitions,
      ...slicesOf(specs, step),
      inputs: pins,
      compare: this.#s.force ? [] : step.assets.filter((key) => state.isMade(key, step.partitions)),
      compareColumns: Object.fromEntries(specs.map((spec) => [spec.key, state.columnsToCompare(spec, step.partitions, this.#s.force)])),
      targets,
    }
    return { message, specs, inputs, readFrom: new Map(specs.flatMap((spec) => [...state.readFrom(spec)])) }
  }

  async #outcome(begun: Begun, answer: StepAnswer): Promise<Outcome> {
    const { runId, stepId } = begun.message
    switch (answer.type) {
      case 'done':
        return this.#publishInTurn(begun, answer)
      case 'observed': {
        const observed = this.#s.state.observe(begun.message, answer.versions)
        await this.record({ type: 'step.observed', runId, stepId, ...observed })
        return { kind: 'succeeded' }
      }
      case 'skipped':
        await this.record({ type: 'step.skipped', runId, stepId, reason: answer.reason })
        return { kind: 'skipped' }
      case 'failed':
        return { kind: 'failed', state: answer.outcome, problem: answer.problem, checks: answer.checks }
      case 'lost': {
        await this.#discard(begun.message)
        const [names, where] = [begun.message.assets.join(', '), begun.specs[0]?.where]
        const problem = toProblem(new AssayError('ASSAY-3002', `the worker of ${names} was lost: ${answer.reason}`, { where }))
        return { kind: 'failed', state: 'lost', problem, checks: [] }
      }
    }
  }

  #publishInTurn(begun: Begun, done: Done): Promise<Outcome> {
    const turn = this.#publishing.then(() => this.#publish(begun, done))
    this.#publishing = turn.catch(() => undefined)
    return turn
  }

  /** All outputs of the step in one commit; what is unchanged is recorded, its tables and their versions stay. */
  async #publish(begun: Begun, done: Done): Promise<Outcome> {
    const { runId, stepId, partitions } = begun.message
    const { checks } = done
    const outputs = begun.specs.map((spec) => ({ spec, materialization: this.#materialization(spec, begun, done) }))
    const materializations = outputs.map((output) => output.materialization)
    const succeeded: StoreEvent = { type: 'step.succeeded', runId, stepId, materializations, checks }
    const tables = done.tables.filter((table) => !done.unchanged.includes(table.asset))
    if (tables.length === 0) {
      await this.record(succeeded)
      this.#s.state.succeeded(materializations, new Map())
      return { kind: 'succeeded' }
    }
    await this.record({ type: 'step.publishing', runId, stepId, intent: intentOf(begun, tables, materializations, checks) })
    let published: Published
    try {
      published = await publish(this.#s.lake, { outputs, partitions, tables, readFrom: begun.readFrom })
    } catch (error) {
      const problem = toProblem(error)
      // An unknown outcome is left open: its files stay, and the next start reads the table's ancestry.
      if (problem.code !== 'ASSAY-2010') await discard(this.#s.lake.store, tables)
      return { kind: 'failed', state: 'failed', problem, checks }
    }
    const observations = await this.#overtaken(outputs, published)
    await this.record(...observations.map((observation) => ({ type: 'table.observed' as const, ...observation })), succeeded)
    // Versions and head in one turn: a step that begins meanwhile must not take the versions of one head and read another.
    for (const observation of observations) this.#s.state.observed(observation)
    this.#s.state.succeeded(materializations, published)
    return { kind: 'succeeded' }
  }

  /** Commits of others that came in between this run's last look at the tables and its own commit. */
  async #overtaken(outputs: readonly Output[], published: Published): Promise<readonly Observation[]> {
    const found = outputs.map(async ({ spec, materialization: { snapshotId } }) => {
      const metadata = published.get(spec.key)?.metadata
      if (metadata === undefined || snapshotId === undefined) return []
      const between = { known: this.#s.state.snapshotOf(spec.key), ours: snapshotId }
      return (await observeBefore(this.#s.lake.store, spec, metadata, between)) ?? []
    })
    return (await Promise.all(found)).flat()
  }

  #materialization(spec: AssetSpec, { message, inputs }: Begun, { tables, unchanged, equal }: Done): Materialization {
    const { clock, state } = this.#s
    const id = newId(clock)
    const rows = tables.find((table) => table.asset === spec.key && table.role === 'rows')
    const rejected = tables.find((table) => table.asset === spec.key && table.role === 'rejects')?.staged.rows ?? 0
    const isUnchanged = unchanged.includes(spec.key)
    const same = isUnchanged ? [] : state.kept(spec.key, equal[spec.key] ?? [])
    const read = inputs.get(spec.key) ?? {}
    const added = state.added(spec, read)
    const snapshotId = isUnchanged ? state.snapshotOf(spec.key) : rows?.staged.snapshotId
    return {
      id,
      asset: spec.key,
      partitions: message.partitions,
      dataVersion: snapshotId ?? id,
      ...(isUnchanged && { unchanged: true }),
      codeVersion: spec.codeVersion,
      inputs: read,
      ...(added === undefined ? {} : { added }),
      ...(same.length === 0 ? {} : { same }),
      snapshotId,
      rows: rows === undefined ? undefined : rowsMade(rows),
      ...(rejected === 0 ? {} : { rejected }),
      runId: message.runId,
      stepId: message.stepId,
      at: clock.now(),
    }
  }

  async #failed(step: PlannedStep, state: 'failed' | 'blocked' | 'lost', problem: Problem, checks: readonly CheckResult[]): Promise<Ended> {
    await this.record({ type: 'step.failed', runId: this.#s.runId, stepId: step.id, state, problem, checks })
    return state === 'blocked' ? 'blocked' : 'failed'
  }

  async #discard({ targets }: StepMessage): Promise<void> {
    await Promise.all(targets.map(({ location, attemptName }) => discardStaged(this.#s.lake.store, { location, attempt: attemptName })))
  }

  async #interrupted(step: PlannedStep, message: StepMessage): Promise<Ended> {
    await this.#discard(message)
    await this.record({ type: 'step.interrupted', runId: this.#s.runId, stepId: step.id })
    return 'interrupted'
  }
}

const inputsOf = (state: RunLake, spec: AssetSpec, partitions: PartitionSet): Readonly<Record<string, ConsumedInput>> =>
  Object.fromEntries(spec.deps.map((dep) => [dep.name, state.consumedBy(spec, dep, partitions)]))

/** How assets are sliced where the manifest does not know the values. A version function may know more than it is asked for. */
function slicesOf(specs: readonly AssetSpec[], { kind, partitions }: PlannedStep): Pick<StepMessage, 'slices'> {
  const dynamic = specs.filter((spec) => dynamicOf(spec.partitions).length > 0)
  if (dynamic.length === 0) return {}
  const sliced = (spec: AssetSpec): PartitionsSpec => (kind === 'observe' ? spec.partitions : narrowPartitions(spec.partitions, partitions))
  return { slices: Object.fromEntries(dynamic.map((spec) => [spec.key, sliced(spec)])) }
}

/** An attempt with what it was pinned to. */
interface Begun {
  readonly message: StepMessage
  /** What it makes. */
  readonly specs: readonly AssetSpec[]
  /** By dep name, for each asset. */
  readonly inputs: ReadonlyMap<AssetKey, Readonly<Record<string, ConsumedInput>>>
  readonly readFrom: ReadonlyMap<string, string>
}

type Done = Extract<StepAnswer, { readonly type: 'done' }>

type Outcome =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'skipped' }
  | {
      readonly kind: 'failed'
      readonly state: 'failed' | 'blocked' | 'lost'
      readonly problem: Problem
      readonly checks: readonly CheckResult[]
    }

/** Everything that an attempt may have written before it was published. */
const stagingPaths = (targets: readonly TableTarget[]): readonly string[] =>
  targets.flatMap(({ location, attemptName }) => Object.values(stagedPlaces({ location, attempt: attemptName })))

const intentOf = (
  { message }: Begun,
  tables: readonly StagedTable[],
  materializations: readonly Materialization[],
  checks: readonly CheckResult[],
): PublishIntent => ({
  runId: message.runId,
  stepId: message.stepId,
  attempt: message.attempt,
  tables: tables.map(({ id, staged }) => ({ ...id, snapshotId: staged.snapshotId, folder: staged.folder })),
  materializations,
  checks,
})
