import type { Clock } from '../../clock.ts'
import { count, isEmpty } from '../../partitions/partition-set.ts'
import { shortSet } from '../../partitions/texts.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import type { RunListener, RunOutcome } from '../../runs/launch.ts'
import type { Plan } from '../../runs/plan.ts'
import type { Maintained } from '../../tables/maintain.ts'
import { touchedPartitions } from '../../tables/observe.ts'
import { liveBlock } from './live-block.ts'
import { planHeading, planSentence } from './plan.ts'
import { type ProblemFrame, problemLines } from './problem.ts'
import { assetLine, barLine, runningLine } from './run-lines.ts'
import { type Progress, type RunView, runView, warnings } from './run-view.ts'
import { tinted } from './status.ts'
import type { Terminal } from './terminal.ts'
import { counted, duration, number, wrap } from './words.ts'

/** Tells a person what a run does. */
export interface RunPrinter extends RunListener {
  /** The user wants it to stop. */
  stopping(): void
  /** Takes the live block away and says what came of it. */
  end(outcome: RunOutcome): void
  /** Takes the live block away; the run could not be walked. */
  broken(): void
}

interface Printing {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly loaded: LoadedManifest
  readonly frame: ProblemFrame
}

const HEARTBEAT_MS = 30_000
/** Running assets in the live block; the bar and what is not shown take the rest of its ten lines. */
const RUNNING_SHOWN = 7

/** One live block at the bottom of a terminal; one plain line a fact where the output is piped. */
export function runPrinter(printing: Printing): RunPrinter {
  const { terminal, clock } = printing
  const began = clock.monotonic()
  const elapsed = (): number => clock.monotonic() - began
  let view: RunView | undefined
  let stopped = false
  const block = terminal.live
    ? liveBlock(terminal, clock, () => (view === undefined ? [] : blockLines(terminal, clock, view, elapsed())))
    : undefined
  const print = (...lines: readonly string[]): void => {
    if (block) block.print(...lines)
    else for (const line of lines) terminal.line(line)
  }
  const heartbeat = terminal.live
    ? () => {}
    : clock.every(HEARTBEAT_MS, () =>
        print(`still running: ${view?.ended() ?? 0} of ${counted(view?.steps ?? 0, 'step')} done after ${duration(elapsed())}`),
      )
  const close = (): void => {
    heartbeat()
    block?.end()
  }
  return {
    recovered: (runs) => {
      for (const { run, published, interrupted } of runs) {
        print(`run ${run.id} (${run.request}) had been cut off: ${counted(published, 'step')} found published, ${interrupted} to run again`)
      }
    },
    observed: (observations) => {
      // A snapshot that touched no partition has only rearranged files.
      for (const seen of observations.filter(({ versions, lost }) => versions.length + lost.length > 0)) {
        const spec = printing.loaded.asset(seen.asset)
        const slices =
          spec === undefined || spec.partitions.dim === 'none' ? '' : ` in ${shortSet(spec.partitions, touchedPartitions(seen))}`
        print(`${seen.asset} was written by others${slices}: snapshot ${seen.snapshotId}`)
      }
    },
    planned: (plan, runId) => {
      view = runView(plan, clock)
      print(...plannedLines(terminal, plan, runId))
    },
    event: (event) => {
      const all = view?.apply(event) ?? []
      const [first] = all
      if (first === undefined) return
      if (event.type === 'step.retrying')
        print(`  ${stepName(printing, first)} tries again in ${duration(event.delay)}: ${event.problem.what}`)
      if (first.news !== undefined) print('', ...failureTitle(printing, first), ...problemLines(terminal, first.news, printing.frame), '')
      for (const { finished, progress } of all)
        if (finished) print(...assetLine(terminal, progress, printing.loaded.asset(progress.asset), keyWidth(view)))
    },
    maintained: (tables) => {
      for (const one of tables) {
        const words = maintainedWords(one)
        if (words !== '') print(`${one.table} was due for maintenance: ${words}`)
      }
    },
    stopping: () => {
      if (!stopped) print('stopping; what is being published is finished first. Again to end at once')
      stopped = true
    },
    end: (outcome) => {
      if (view !== undefined && outcome.runId !== undefined) print(...summaryLines(printing, view, outcome, elapsed()))
      close()
    },
    broken: close,
  }
}

const maintainedWords = ({ compactedFiles, compactedInto, mergedManifests, expiredSnapshots, orphans }: Maintained): string =>
  [
    ...(compactedFiles === 0 ? [] : [`${counted(compactedFiles, 'file')} became ${compactedInto ?? 0}`]),
    ...(mergedManifests === 0 ? [] : [`${counted(mergedManifests, 'manifest')} merged`]),
    ...(expiredSnapshots === 0 ? [] : [`${counted(expiredSnapshots, 'old version')} dropped`]),
    ...(orphans === 0 ? [] : [`${counted(orphans, 'stray file')} removed`]),
  ].join(', ')

function failureTitle(printing: Printing, progress: Progress): readonly string[] {
  const word = progress.outcome === 'blocked' ? 'blocked' : 'failed'
  const { terminal } = printing
  return wrap(`${stepName(printing, progress)} ${word}`, terminal.columns()).map((line) => tinted(terminal, word, line))
}

function plannedLines(terminal: Terminal, plan: Plan, runId: string | undefined): readonly string[] {
  if (runId === undefined) {
    const reused = plan.assets.filter((planned) => planned.action === 'reuse')
    const slices = reused.reduce((n, planned) => n + count(planned.reuse), 0)
    return [tinted(terminal, 'fresh', `all fresh: ${counted(reused.length, 'asset')}, ${counted(slices, 'partition')}; nothing to run`)]
  }
  return planHeading(terminal, planSentence(plan), `run ${runId}`)
}

const stepName = ({ loaded }: Printing, { step }: Progress): string => {
  const spec = loaded.asset(step.assets[0] ?? '')
  const names = step.assets.join(', ')
  return spec === undefined || spec.partitions.dim === 'none' ? names : `${names} ${shortSet(spec.partitions, step.partitions)}`
}

const keyWidth = (view: RunView | undefined): number => (view?.assets ?? []).reduce((max, { asset }) => Math.max(max, asset.length), 0)

function blockLines(terminal: Terminal, clock: Clock, view: RunView, elapsed: number): readonly string[] {
  const running = view.assets.filter((progress) => progress.running > 0 || (progress.ended > 0 && progress.ended < progress.steps))
  const hidden = running.length - RUNNING_SHOWN
  return [
    ...running.slice(0, RUNNING_SHOWN).map((progress) => runningLine(terminal, progress, keyWidth(view), clock.monotonic())),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
    barLine(terminal, view, elapsed),
  ]
}

function summaryLines({ terminal }: Printing, view: RunView, { state, runId, plan }: RunOutcome, elapsed: number): readonly string[] {
  const { made, failed, blocked, skipped, interrupted } = view.outcomes()
  const warned = view.assets.reduce((n, progress) => n + warnings(progress).length, 0)
  const reused =
    plan.assets.filter((planned) => planned.action === 'reuse').length + view.assets.filter((asset) => !isEmpty(asset.reused)).length
  const verb = plan.assets.some(({ action }) => action === 'observe') ? 'observed' : 'made'
  const parts = [
    made === view.steps ? `${counted(view.assets.length, 'asset')} ${verb}` : `${number(made)} of ${counted(view.steps, 'step')} ${verb}`,
    ...nonZero(failed, 'failed'),
    ...nonZero(blocked, 'blocked'),
    ...nonZero(skipped, 'skipped'),
    ...nonZero(view.steps - view.ended(), 'not begun'),
    ...nonZero(interrupted, 'interrupted'),
    ...nonZero(reused, 'reused'),
    ...(warned === 0 ? [] : [`${counted(warned, 'check')} warned`]),
  ]
  const [first = '', ...more] = wrap(
    `${state === 'succeeded' ? 'done' : state} in ${duration(elapsed)}: ${parts.join(', ')}`,
    terminal.columns(),
  )
  const next = state === 'succeeded' ? [] : [terminal.suggest(`see \`assay logs ${runId}\`, continue with \`assay retry ${runId}\``)]
  const word = state === 'succeeded' && warned > 0 ? 'warned' : state
  return ['', tinted(terminal, word, first), ...more, ...next.flatMap((line) => wrap(line, terminal.columns()))]
}

const nonZero = (n: number, word: string): readonly string[] => (n === 0 ? [] : [`${number(n)} ${word}`])
