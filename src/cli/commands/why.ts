import { statusOfAll } from '../../assets/status.ts'
import { count, type PartitionSet } from '../../partitions/partition-set.ts'
import { formatSet, shortSet } from '../../partitions/texts.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { inspect } from '../../runs/launch.ts'
import { type AssetFacts, factsOf, narrowed, statusWords } from '../asset-facts.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { explain, type Reason } from '../explanation.ts'
import { oneAsset, openProject, partitionsOf } from '../open-project.ts'
import { reasonWords } from '../render/reason.ts'
import { glyph, tinted } from '../render/status.ts'
import { harmless, wrap } from '../render/words.ts'

/** Reasons shown side by side. */
const REASONS = 8
/** Steps to the right; beyond, there would be no room for words. */
const INDENTS = 8

/** `assay why <asset> [partition]`: its status, with the causes down to the roots. */
export const why: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const now = context.surroundings.clock.now()
  const asked = partitionsOf(context.words[1], loaded, [spec.key], now)
  const inspection = await inspect(settings, loaded)
  try {
    const statuses = statusOfAll(loaded.manifest.assets, inspection.states, now)
    const facts = narrowed(factsOf(spec, inspection, statuses), asked?.get(spec.key))
    const reasons = await explain({ loaded, inspection, statuses }, spec, facts.exist)
    if (context.options.json)
      emit(context, 'why', { asset: spec.key, partitions: formatSet(spec.partitions, facts.exist), status: facts.word, reasons })
    else print({ context, loaded, now }, facts, reasons)
  } finally {
    inspection.close()
  }
  return 0
}

interface Showing {
  readonly context: CommandContext
  readonly loaded: LoadedManifest
  readonly now: number
}

function print(showing: Showing, facts: AssetFacts, reasons: readonly Reason[]): void {
  const { terminal } = showing.context
  const { spec } = facts
  const slices = spec.partitions.dim === 'none' ? '' : ` (${shortSet(spec.partitions, facts.exist)})`
  printLine(
    showing,
    0,
    `${terminal.live ? `${glyph(terminal, facts.word)} ` : ''}${terminal.paint('bold', spec.key)}${slices}: ${tinted(terminal, facts.word, statusWords(facts))}`,
  )
  printReasons(showing, reasons, 1)
  if (!['fresh', 'external', 'unknown'].includes(facts.word)) printLine(showing, 0, terminal.suggest(`next: ${nextOf(facts, reasons)}`))
}

/** A failed check or function is mended first: to run the same again would fail again. */
function nextOf({ spec }: AssetFacts, reasons: readonly Reason[]): string {
  const all = reasons.flatMap((reason) => [reason, ...reason.from])
  const failed = all.find((reason) => reason.kind === 'attempt' && (reason.state === 'failed' || reason.state === 'blocked'))
  return failed?.kind === 'attempt' ? `mend ${failed.asset}, then: assay retry ${failed.runId}` : `assay materialize +${spec.key}`
}

function printReasons(showing: Showing, reasons: readonly Reason[], depth: number): void {
  for (const reason of reasons.slice(0, REASONS)) {
    printLine(showing, depth, harmless(reasonWords(reason, wordingOf(showing, reason))))
    printReasons(showing, reason.from, depth + 1)
  }
  if (reasons.length > REASONS) printLine(showing, depth, `and ${reasons.length - REASONS} more like these`)
}

function wordingOf({ loaded, now }: Showing, { asset, partitions }: Reason): Parameters<typeof reasonWords>[1] {
  const spec = loaded.asset(asset)
  const words = (set: PartitionSet): string =>
    spec === undefined || spec.partitions.dim === 'none' || count(set) === 0 ? '' : `${shortSet(spec.partitions, set)} `
  return {
    slices: words(partitions),
    inputs: spec?.deps.map((dep) => dep.asset) ?? [],
    where: spec?.where,
    now,
  }
}

function printLine({ context: { terminal } }: Showing, depth: number, text: string): void {
  const indent = Math.min(depth, INDENTS)
  const [first = '', ...more] = wrap(text, terminal.columns() - 2 * indent - 2)
  terminal.line(`${'  '.repeat(indent)}${first}`)
  for (const line of more) terminal.line(`${'  '.repeat(indent + 1)}${line}`)
}
