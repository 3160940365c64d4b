import { existsSync, readFileSync } from 'node:fs'
import { didYouMean } from '../../assets/nearest.ts'
import type { Settings } from '../../config.ts'
import { AssayError } from '../../errors.ts'
import type { LogLine } from '../../log.ts'
import { shortSet } from '../../partitions/texts.ts'
import { type LoadedManifest, manifestFile, readManifest } from '../../project/manifest.ts'
import { logFile, registriesIn } from '../../runs/launch.ts'
import { bindManifest } from '../../runs/registries.ts'
import { openStorageReader } from '../../storage/sqlite.ts'
import type { RunRecord, StepRecord, StorageReader } from '../../storage/storage.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { settingsOf } from '../settings.ts'
import { problemLines } from '../render/problem.ts'
import { look } from '../render/status.ts'
import { type TableColumn, table } from '../render/table.ts'
import { ago, duration, harmless, instant, number, withRemark } from '../render/words.ts'

const RUNS_SHOWN = 20

/** `assay logs [run] [step or asset]`: the last runs, the steps of one, what a step printed. Needs no loadable project. */
export const logs: Command = async (context) => {
  const settings = settingsOf(context)
  const storage = openStorageReader({ folder: settings.home })
  try {
    const [runId, name] = context.words
    if (runId === undefined) showRuns(context, await storage.runs(RUNS_SHOWN))
    else await showRun({ context, settings, storage, run: await runOf(storage, runId) }, name)
  } finally {
    storage.close()
  }
  return 0
}

async function runOf(storage: StorageReader, id: string): Promise<RunRecord> {
  const run = await storage.run(id)
  if (run !== undefined) return run
  const hint = didYouMean(
    id,
    (await storage.runs(RUNS_SHOWN)).map((r) => r.id),
  )
  throw new AssayError('ASSAY-3006', `there is no run ${id}`, hint === undefined ? {} : { next: hint })
}

function showRuns(context: CommandContext, runs: readonly RunRecord[]): void {
  if (context.options.json) return runs.forEach((run) => emit(context, 'run', run))
  const { terminal, surroundings } = context
  if (runs.length === 0) return terminal.line('no runs yet: `assay materialize` makes the first')
  const now = surroundings.clock.now()
  const columns: readonly TableColumn[] = [
    { title: 'run' },
    { title: 'state' },
    { title: 'began', drop: 2 },
    { title: 'took', align: 'right', drop: 1 },
    { title: 'asked for', min: 10, drop: 3 },
  ]
  const rows = runs.map((run) => [
    run.id,
    look(terminal, run.state),
    ago(run.createdAt, now),
    run.endedAt === undefined ? '' : duration(run.endedAt - run.createdAt),
    run.request,
  ])
  for (const line of table(terminal, columns, rows)) terminal.line(line)
}

interface OneRun {
  readonly context: CommandContext
  readonly settings: Settings
  readonly storage: StorageReader
  readonly run: RunRecord
}

async function showRun(one: OneRun, name: string | undefined): Promise<void> {
  const { context, settings, storage, run } = one
  const steps = await storage.steps(run.id)
  const chosen = name === undefined ? steps : steps.filter((step) => step.id === name || step.assets.some((asset) => asset === name))
  if (chosen.length === 0 && name !== undefined) {
    const hint = didYouMean(
      name,
      steps.flatMap((step) => [...step.assets, step.id]),
    )
    throw new AssayError('ASSAY-4003', `run ${run.id} has no step of '${name}'`, {
      next: hint ?? `List them with \`assay logs ${run.id}\`.`,
    })
  }
  if (name !== undefined) for (const step of chosen) showStep(one, step)
  else if (context.options.json) for (const step of steps) emit(context, 'step', step)
  else printSteps(one, steps, await manifestOf(settings, run))
}

/** The manifest that the run was planned on, while it is kept. */
async function manifestOf(settings: Settings, run: RunRecord): Promise<LoadedManifest | undefined> {
  const file = manifestFile(settings.home, run.manifestId)
  return existsSync(file) ? bindManifest(readManifest(file), await registriesIn(settings)) : undefined
}

const STEP_COLUMNS: readonly TableColumn[] = [
  { title: 'step' },
  { title: 'asset', min: 12 },
  { title: 'partitions', min: 10, drop: 4 },
  { title: 'state' },
  { title: 'tries', align: 'right', drop: 1 },
  { title: 'took', align: 'right', drop: 2 },
  { title: 'rows', align: 'right', drop: 3 },
  { title: '', min: 10, drop: 5 },
]

function printSteps({ context, run, settings }: OneRun, steps: readonly StepRecord[], manifest: LoadedManifest | undefined): void {
  const { terminal } = context
  const took = run.endedAt === undefined ? '' : `, ${duration(run.endedAt - run.createdAt)}`
  for (const line of withRemark(terminal.paint('bold', run.request), `${run.state}, ${instant(run.createdAt)}${took}`, terminal.columns()))
    terminal.line(line)
  const rows = steps.map((step) => {
    const spec = manifest?.asset(step.assets[0] ?? '')
    const took = step.startedAt === undefined || step.endedAt === undefined ? '' : duration(step.endedAt - step.startedAt)
    const slices = spec === undefined ? '' : shortSet(spec.partitions, step.partitions).replace('*', '')
    const remark = step.problem === undefined ? (step.reason ?? '') : step.problem.code
    return [
      step.id,
      step.assets.join(', '),
      slices,
      look(terminal, step.state),
      String(step.attempts),
      took,
      step.rows === undefined ? '' : number(step.rows),
      remark,
    ]
  })
  for (const line of table(terminal, STEP_COLUMNS, rows)) terminal.line(line)
  const shown = new Set<string>()
  for (const { assets, problem } of steps) {
    const kind = `${assets.join()} ${problem?.code} ${problem?.where?.line}`
    if (problem === undefined || shown.has(kind)) continue
    shown.add(kind)
    terminal.line()
    for (const line of problemLines(terminal, problem, { root: settings.root, trace: context.options.trace })) terminal.line(line)
  }
}

/** The lines of all attempts of a step. */
function showStep({ context, settings, run }: OneRun, step: StepRecord): void {
  const { terminal, options } = context
  for (let attempt = 1; attempt <= step.attempts; attempt++) {
    const lines = linesOf(logFile(settings, { runId: run.id, stepId: step.id, attempt }))
    if (options.json) lines.forEach((line) => emit(context, 'line', { stepId: step.id, assets: step.assets, attempt, ...line }))
    else {
      terminal.line(
        `${terminal.paint('bold', `${step.id} ${step.assets.join(', ')}`)}  attempt ${attempt}${lines.length === 0 ? ', printed nothing' : ''}`,
      )
      for (const line of lines)
        terminal.line(`${terminal.paint('grey', `${instant(line.at).slice(11)} ${line.stream}`)}  ${harmless(line.text)}`)
    }
  }
  if (step.problem === undefined || options.json) return
  for (const line of problemLines(terminal, step.problem, { root: settings.root, trace: options.trace })) terminal.line(line)
}

/** A line that a crash cut off is passed over. */
function linesOf(file: string): readonly LogLine[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return text === '' ? [] : [JSON.parse(text) as LogLine]
      } catch {
        return []
      }
    })
}
