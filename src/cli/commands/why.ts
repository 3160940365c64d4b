import { withUpstream } from '../../assets/asset-graph.ts'
import { graphOf } from '../../assets/selection.ts'
import type { AssetSpec } from '../../assets/spec.ts'
import { count, intersect, isEmpty, type PartitionSet } from '../../partitions/partition-set.ts'
import { formatSet, shortSet } from '../../partitions/texts.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { type Inspection, inspect } from '../../runs/launch.ts'
import { type AssetFacts, factsJson, factsOf, statusWords } from '../asset-facts.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { explain, type Reason } from '../explanation.ts'
import { oneAsset, openProject, partitionsOf } from '../open-project.ts'
import { causeWords, foldCauses } from '../render/causes.ts'
import { glyph, tinted } from '../render/status.ts'
import { ago, harmless, short, wrap } from '../render/words.ts'

/** Reasons shown of an asset, and of each further step up. */
const REASONS = 8

/** `assay why <asset> [partition]`: its status, with the causes down to the roots. */
export const why: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const now = context.surroundings.clock.now()
  const asked = partitionsOf(context.words[1], loaded, [spec.key], now)
  const inspection = await inspect(settings, loaded)
  try {
    const facts = narrowed(factsOf(spec, inspection, now), asked?.get(spec.key))
    const reasons = await explain({ loaded, inspection, now }, spec, facts.exist)
    const attempts = await lastAttempts(inspection, facts)
    const upstream = upstreamDue(loaded, inspection, spec, now)
    if (context.options.json)
      emit(context, 'why', {
        asset: spec.key,
        partitions: formatSet(spec.partitions, facts.exist),
        status: facts.word,
        reasons,
        lastAttempts: attempts,
        upstream: upstream.map(factsJson),
      })
    else print({ context, loaded, now }, facts, { reasons, attempts, upstream })
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

interface Findings {
  readonly reasons: readonly Reason[]
  readonly attempts: readonly AttemptFact[]
  readonly upstream: readonly AssetFacts[]
}

/** What lies upstream and is itself not fresh: it will move this asset when it is made. */
function upstreamDue(loaded: LoadedManifest, inspection: Inspection, spec: AssetSpec, now: number): readonly AssetFacts[] {
  const above = withUpstream(graphOf(loaded.manifest.assets), [spec.key])
  return loaded.manifest.assets
    .filter((other) => other !== spec && above.has(other.key) && other.kind !== 'external')
    .map((other) => factsOf(other, inspection, now))
    .filter(({ version }) => !isEmpty(version.stale) || !isEmpty(version.missing))
}

function print(showing: Showing, facts: AssetFacts, { reasons, attempts, upstream }: Findings): void {
  const { terminal } = showing.context
  const { spec } = facts
  const slices = spec.partitions.dim === 'none' ? '' : ` (${shortSet(spec.partitions, facts.exist)})`
  printLine(
    showing,
    0,
    `${terminal.live ? `${glyph(terminal, facts.word)} ` : ''}${terminal.paint('bold', spec.key)}${slices}: ${tinted(terminal, facts.word, statusWords(facts))}`,
  )
  for (const reason of reasons.slice(0, REASONS)) printReason(showing, reason, 1)
  if (reasons.length > REASONS) printLine(showing, 1, `and ${reasons.length - REASONS} more like these`)
  if (reasons.length === 0 && spec.kind !== 'external')
    printLine(showing, 1, `it was made from the current versions of ${inputsWords(spec)} and by the current code`)
  for (const attempt of attempts)
    printLine(
      showing,
      1,
      harmless(
        `last attempt of ${sliceWords(spec, attempt.partitions)}${attempt.state}${attempt.problem === undefined ? '' : `: ${attempt.problem}`} (assay logs ${attempt.runId} ${attempt.stepId})`,
      ),
    )
  for (const above of upstream)
    printLine(
      showing,
      1,
      `upstream ${above.spec.key} is not fresh: ${statusWords(above)}${foldCauses(above.version.because)
        .map(({ words }) => `, ${words}`)
        .join('')}`,
    )
  const due = upstream.length > 0 || (facts.word !== 'fresh' && facts.word !== 'external')
  if (due) printLine(showing, 0, `next: assay materialize +${spec.key}`)
}

const inputsWords = (spec: AssetSpec): string => (spec.deps.length === 0 ? 'no inputs' : spec.deps.map((dep) => dep.asset).join(', '))

const sliceWords = (spec: AssetSpec | undefined, set: PartitionSet): string =>
  spec === undefined || spec.partitions.dim === 'none' ? '' : `${shortSet(spec.partitions, set)} `

function printReason(showing: Showing, reason: Reason, depth: number): void {
  const spec = showing.loaded.asset(reason.asset)
  printLine(showing, depth, reasonWords(showing, reason, spec))
  const shown = reason.from.slice(0, REASONS)
  for (const inner of shown) printReason(showing, inner, depth + 1)
  if (shown.length < reason.from.length) printLine(showing, depth + 1, `and ${reason.from.length - shown.length} more like these`)
}

function reasonWords({ now }: Showing, reason: Reason, spec: AssetSpec | undefined): string {
  const slices = sliceWords(spec, reason.partitions)
  switch (reason.kind) {
    case 'never made':
      return `${reason.asset} ${slices}was never made`
    case 'stale': {
      const { cause } = reason
      const detail =
        cause.kind === 'code changed'
          ? ` ${short(cause.from)} → ${short(cause.to)}`
          : cause.kind === 'input changed'
            ? count(cause.partitions) > 1
              ? ` in ${count(cause.partitions)} partitions`
              : ''
            : ''
      return `${slices}${cause.kind === 'input changed' ? 'input ' : ''}${causeWords(cause)}${detail}`
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
