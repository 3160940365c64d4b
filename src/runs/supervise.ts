import type { AssetSpec } from '../assets/spec.ts'
import { type Clock, newId, newSnapshotId } from '../clock.ts'
import { AssayError, type Problem, toProblem } from '../errors.ts'
import { discardStaged, stagedPlaces } from '../iceberg/stage.ts'
import { dynamicOf, narrowPartitions } from '../partitions/bind.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { CheckResult, ConsumedInput, Materialization, PublishIntent, RunState, StoreEvent } from '../storage/events.ts'
import type { Storage } from '../storage/storage.ts'
import { type Observation, observeBefore } from '../tables/observe.ts'
import { discard, type Lake, publish, type Published } from '../tables/publish.ts'
import { rowsMade, type StagedTable } from '../tables/stage.ts'
import type { Executor, OnLine, StepAnswer } from './executor.ts'
import type { Plan, PlannedStep } from './plan.ts'
import { retryDelay } from './retry.ts'
import type { RunLake } from './run-state.ts'
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
      for (const id of step.after) this.#dependents.set(id, [...(this.#dependents.get(id) ?? []), step])
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
    const spec = this.#s.loaded.asset(step.asset) as AssetSpec
    if (reason === undefined && !this.#s.force && this.#s.state.isFresh(spec, step.partitions)) {
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
      if (ended !== undefined && ended !== 'succeeded') return `${this.#steps.get(id)?.asset} ${UPSTREAM[ended]}`
    }
    return undefined
  }

  async #attempts(step: PlannedStep): Promise<Ended> {
    const spec = this.#s.loaded.asset(step.asset) as AssetSpec
    for (let attempt = 1; ; attempt++) {
      const begun = this.#begin(spec, step, attempt)
      await this.record({
        type: 'step.started',
        runId: this.#s.runId,
        stepId: step.id,
        attempt,
        stagingFolders: stagingPaths(begun.message.targets),
      })
      if (this.#s.signal.aborted) return this.#interrupted(step, begun.message)
      const answer = await this.#answer(spec, begun.message)
      const outcome = await this.#outcome(spec, begun, answer)
      if (outcome.kind !== 'failed') return outcome.kind
      if (this.#s.signal.aborted && outcome.state === 'lost') return this.#interrupted(step, begun.message)
      const delay = outcome.state === 'blocked' ? undefined : retryDelay(spec.retry, attempt, outcome.problem.code, this.#s.clock)
      if (delay === undefined) return this.#failed(step, outcome.state, outcome.problem, outcome.checks)
      await this.record({ type: 'step.retrying', runId: this.#s.runId, stepId: step.id, attempt, problem: outcome.problem, delay })
      await this.#s.clock.sleep(delay, this.#s.signal)
      if (this.#s.signal.aborted) return this.#interrupted(step, begun.message)
    }
  }

  /** That of the worker, or after the timeout of the asset, that it took too long. */
  async #answer(spec: AssetSpec, message: StepMessage): Promise<StepAnswer> {
    const { clock, executor, logOf } = this.#s
    const log = logOf(message.stepId, message.attempt)
    if (spec.timeout === undefined) return executor.run(message, log)
    const over = new AbortController()
    const ended = new AbortController()
    void clock.sleep(spec.timeout, ended.signal).then(() => ended.signal.aborted || over.abort())
    const answer = await executor.run(message, log, over.signal)
    ended.abort()
    if (answer.type !== 'lost' || !over.signal.aborted) return answer
    await this.#discard(message)
    return { type: 'failed', outcome: 'failed', problem: toProblem(tookTooLong(spec)), checks: [] }
  }

  /** Pins what the attempt reads to the versions of now. */
  #begin(spec: AssetSpec, step: PlannedStep, attempt: number): Begun {
    const { runId, clock, state } = this.#s
    const inputs: Record<string, ConsumedInput> = {}
    const pins: StepMessage['inputs'] = Object.fromEntries(
      spec.deps.flatMap((dep) => {
        inputs[dep.name] = state.consumed(dep, step.partitions)
        const pin = state.pin(dep, step.partitions, this.#s.force && spec.write?.kind !== 'append' ? undefined : spec)
        return pin === undefined ? [] : [[dep.name, pin]]
      }),
    )
    const targets = state.targets(spec, `${runId}-${step.id}-${attempt}`, () => String(newSnapshotId(clock)))
    const message: StepMessage = {
      type: 'step',
      runId,
      stepId: step.id,
      attempt,
      asset: step.asset,
      partitions: step.partitions,
      ...(dynamicOf(spec.partitions).length === 0 ? {} : { slices: narrowPartitions(spec.partitions, step.partitions) }),
      inputs: pins,
      compare: !this.#s.force && state.isMade(step.asset, step.partitions),
      targets,
    }
    return { message, inputs, readFrom: state.readFrom(spec) }
  }

  async #outcome(spec: AssetSpec, begun: Begun, answer: StepAnswer): Promise<Outcome> {
    const { runId, stepId } = begun.message
    switch (answer.type) {
      case 'done':
        return answer.unchanged ? this.#unchanged(spec, begun, answer) : this.#publishInTurn(spec, begun, answer.tables, answer.checks)
      case 'skipped':
        await this.record({ type: 'step.skipped', runId, stepId, reason: answer.reason })
        return { kind: 'skipped' }
      case 'failed':
        return { kind: 'failed', state: answer.outcome, problem: answer.problem, checks: answer.checks }
      case 'lost': {
        await this.#discard(begun.message)
        const problem = toProblem(
          new AssayError('ASSAY-3002', `the worker of ${spec.key} was lost: ${answer.reason}`, { where: spec.where }),
        )
        return { kind: 'failed', state: 'lost', problem, checks: [] }
      }
    }
  }

  /** The rows are those that are there: the materialization is recorded, the tables and their versions stay. */
  async #unchanged(spec: AssetSpec, begun: Begun, { tables, checks }: StepAnswer & { type: 'done' }): Promise<Outcome> {
    const { runId, stepId } = begun.message
    const { snapshotId, ...made } = this.#materialization(spec, begun, tables)
    const head = this.#s.state.snapshotOf(spec.key)
    const materialization: Materialization = { ...made, snapshotId: head, dataVersion: head ?? made.id, unchanged: true }
    await this.record({ type: 'step.succeeded', runId, stepId, materialization, checks })
    this.#s.state.succeeded(materialization, new Map())
    return { kind: 'succeeded' }
  }

  #publishInTurn(spec: AssetSpec, begun: Begun, tables: readonly StagedTable[], checks: readonly CheckResult[]): Promise<Outcome> {
    const turn = this.#publishing.then(() => this.#publish(spec, begun, tables, checks))
    this.#publishing = turn.catch(() => undefined)
    return turn
  }

  async #publish(spec: AssetSpec, begun: Begun, tables: readonly StagedTable[], checks: readonly CheckResult[]): Promise<Outcome> {
    const { runId, stepId, partitions } = begun.message
    const materialization = this.#materialization(spec, begun, tables)
    const succeeded: StoreEvent = { type: 'step.succeeded', runId, stepId, materialization, checks }
    if (tables.length === 0) {
      await this.record(succeeded)
      this.#s.state.succeeded(materialization, new Map())
      return { kind: 'succeeded' }
    }
    await this.record({ type: 'step.publishing', runId, stepId, intent: intentOf(begun, tables, materialization, checks) })
    let published: Published
    try {
      published = await publish(this.#s.lake, { spec, partitions, tables, readFrom: begun.readFrom, materialization })
    } catch (error) {
      const problem = toProblem(error)
      // An unknown outcome is left open: its files stay, and the next start reads the table's ancestry.
      if (problem.code !== 'ASSAY-2010') await discard(this.#s.lake.store, tables)
      return { kind: 'failed', state: 'failed', problem, checks }
    }
    const observation = await this.#overtaken(spec, published, materialization)
    await this.record(...(observation === undefined ? [] : [{ type: 'table.observed' as const, ...observation }]), succeeded)
    // Versions and head in one turn: a step that begins meanwhile must not take the versions of one head and read another.
    if (observation !== undefined) this.#s.state.observed(observation)
    this.#s.state.succeeded(materialization, published)
    return { kind: 'succeeded' }
  }

  /** Commits of others that came in between this run's last look at the table and its own commit. */
  async #overtaken(spec: AssetSpec, published: Published, { snapshotId }: Materialization): Promise<Observation | undefined> {
    const metadata = published.get(spec.key)?.metadata
    if (metadata === undefined || snapshotId === undefined) return undefined
    return observeBefore(this.#s.lake.store, spec, metadata, { known: this.#s.state.snapshotOf(spec.key), ours: snapshotId })
  }

  #materialization(spec: AssetSpec, { message, inputs }: Begun, tables: readonly StagedTable[]): Materialization {
    const { clock } = this.#s
    const id = newId(clock)
    const rows = tables.find((table) => table.role === 'rows')
    return {
      id,
      asset: spec.key,
      partitions: message.partitions,
      dataVersion: rows?.staged.snapshotId ?? id,
      codeVersion: spec.codeVersion,
      inputs,
      snapshotId: rows?.staged.snapshotId,
      rows: rows === undefined ? undefined : rowsMade(rows),
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

const tookTooLong = ({ key, timeout, where }: AssetSpec): AssayError =>
  new AssayError('ASSAY-3045', `${key} had not ended after ${timeout} ms, which is its timeout`, { where })

/** An attempt with what it was pinned to. */
interface Begun {
  readonly message: StepMessage
  readonly inputs: Readonly<Record<string, ConsumedInput>>
  readonly readFrom: ReadonlyMap<string, string>
}

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
  materialization: Materialization,
  checks: readonly CheckResult[],
): PublishIntent => ({
  runId: message.runId,
  stepId: message.stepId,
  attempt: message.attempt,
  tables: tables.map(({ id, staged }) => ({ ...id, snapshotId: staged.snapshotId, folder: staged.folder })),
  materialization,
  checks,
})
