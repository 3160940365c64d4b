import type { AssetSpec } from '../../assets/spec.ts'
import { count, intersect, isEmpty, type PartitionSet } from '../../partitions/partition-set.ts'
import { formatSet } from '../../partitions/partitions.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { type Inspection, inspect } from '../../runs/launch.ts'
import { type AssetFacts, factsOf, statusWords } from '../asset-facts.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { explain, type Reason } from '../explanation.ts'
import { oneAsset, openProject, partitionsOf } from '../open-project.ts'
import { causeWords } from '../render/causes.ts'
import { glyph, tinted } from '../render/status.ts'
import { ago, counted, harmless, short, wrap } from '../render/words.ts'

/** `assay why <asset> [partition]`: its status, with the causes down to the roots. */
export const why: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const now = context.surroundings.clock.now()
  const asked = partitionsOf(context.words[1], loaded, [spec.key], now)
  const inspection = await inspect(settings, loaded)
  try {
    const facts = narrowed(factsOf(spec, inspection, now), asked)
    const reasons = await explain({ loaded, inspection, now }, spec, facts.exist)
    const attempts = await lastAttempts(inspection, facts)
    if (context.options.json) emit(context, 'why', { asset: spec.key, partitions: formatSet(spec.partitions, facts.exist), status: facts.word, reasons, lastAttempts: attempts })
    else print({ context, loaded, now }, facts, reasons, attempts)
  } finally {
    inspection.close()
  }
  return 0
}

function narrowed(facts: AssetFacts, asked: PartitionSet | undefined): AssetFacts {
  if (asked === undefined) return facts
  const on = (set: PartitionSet): PartitionSet => intersect(set, asked)
  const { fresh, stale, missing, because } = facts.version
  const version = { fresh: on(fresh), stale: on(stale), missing: on(missing), because }
  const failed = on(facts.failed)
  const blocked = on(facts.blocked)
  const calm = !isEmpty(version.stale) ? 'stale' : isEmpty(version.missing) ? 'fresh' : 'missing'
  const word = facts.spec.kind === 'external' ? 'external' : !isEmpty(failed) ? 'failed' : !isEmpty(blocked) ? 'blocked' : calm
  return { ...facts, exist: on(facts.exist), version, failed, blocked, interrupted: on(facts.interrupted), word }
}

interface AttemptFact {
  readonly runId: string
  readonly stepId: string
  readonly state: string
  readonly problem: string | undefined
  readonly partitions: PartitionSet
}

/** The attempts that did not succeed, one for each run and problem. */
async function lastAttempts({ states, storage }: Inspection, { spec, exist }: AssetFacts): Promise<readonly AttemptFact[]> {
  const facts: AttemptFact[] = []
  const seen = new Set<string>()
  for (const { from, to, value } of states.get(spec.key)?.lastAttempt ?? []) {
    const partitions = intersect([[from, to]], exist)
    const step = isEmpty(partitions) ? undefined : (await storage.steps(value.runId)).find((s) => s.id === value.stepId)
    const problem = step?.problem === undefined ? undefined : `${step.problem.code} ${step.problem.what}`
    const kind = `${value.runId} ${value.state} ${problem}`
    if (isEmpty(partitions) || seen.has(kind)) continue
    seen.add(kind)
    facts.push({ ...value, problem, partitions })
  }
  return facts
}

interface Showing {
  readonly context: CommandContext
  readonly loaded: LoadedManifest
  readonly now: number
}

function print(showing: Showing, facts: AssetFacts, reasons: readonly Reason[], attempts: readonly AttemptFact[]): void {
  const { terminal } = showing.context
  const { spec } = facts
  const slices = spec.partitions.dim === 'none' ? '' : ` (${formatSet(spec.partitions, facts.exist)})`
  terminal.line(`${terminal.live ? `${glyph(terminal, facts.word)} ` : ''}${terminal.paint('bold', spec.key)}${slices} is ${tinted(terminal, facts.word, statusWords(facts))}`)
  for (const reason of reasons) printReason(showing, reason, 1)
  if (reasons.length === 0 && spec.kind !== 'external') printLine(showing, 1, `it was made from the current versions of ${inputsWords(spec)} and by the current code`)
  for (const attempt of attempts) printLine(showing, 1, harmless(`last attempt of ${sliceWords(spec, attempt.partitions)}${attempt.state}${attempt.problem === undefined ? '' : `: ${attempt.problem}`} (assay logs ${attempt.runId} ${attempt.stepId})`))
  const due = facts.word !== 'fresh' && facts.word !== 'external'
  if (due) printLine(showing, 0, `next: assay materialize +${spec.key}`)
}

const inputsWords = (spec: AssetSpec): string => (spec.deps.length === 0 ? 'no inputs' : spec.deps.map((dep) => dep.asset).join(', '))

const sliceWords = (spec: AssetSpec | undefined, set: PartitionSet): string => (spec === undefined || spec.partitions.dim === 'none' ? '' : `${formatSet(spec.partitions, set)} `)

function printReason(showing: Showing, reason: Reason, depth: number): void {
  const spec = showing.loaded.asset(reason.asset)
  printLine(showing, depth, reasonWords(showing, reason, spec))
  const shown = reason.from.slice(0, 5)
  for (const inner of shown) printReason(showing, inner, depth + 1)
  if (shown.length < reason.from.length) printLine(showing, depth + 1, `and ${counted(reason.from.length - shown.length, 'more', 'more')}`)
}

function reasonWords({ now }: Showing, reason: Reason, spec: AssetSpec | undefined): string {
  const slices = sliceWords(spec, reason.partitions)
  switch (reason.kind) {
    case 'never made':
      return `${reason.asset} ${slices}was never made`
    case 'stale': {
      const { cause } = reason
      const detail = cause.kind === 'code changed' ? ` ${short(cause.from)} → ${short(cause.to)}` : cause.kind === 'input changed' ? `, ${counted(count(cause.partitions), 'partition')} of it` : ''
      return `${slices}${cause.kind === 'input changed' ? 'input ' : ''}${causeWords(cause)}${cause.kind === 'input changed' && spec?.partitions.dim === 'none' ? '' : detail}`
    }
    case 'made':
      return `${reason.asset} ${slices}became ${short(reason.version)} by run ${reason.runId}, ${ago(reason.at, now)}, ${reason.because}`
    case 'written by others':
      return `${reason.asset} ${slices}became ${short(reason.version)} by another writer${reason.at === undefined ? '' : `, ${ago(reason.at, now)}`}`
  }
}

function printLine({ context: { terminal } }: Showing, depth: number, text: string): void {
  const [first = '', ...more] = wrap(text, terminal.columns() - 2 * depth - 2)
  terminal.line(`${'  '.repeat(depth)}${first}`)
  for (const line of more) terminal.line(`${'  '.repeat(depth + 1)}${line}`)
}
