import type { AssetSpec } from '../../assets/spec.ts'
import { domain } from '../../partitions/interval-map.ts'
import { chunks, EMPTY, intersect, type PartitionSet } from '../../partitions/partition-set.ts'
import { universe } from '../../partitions/partitions.ts'
import { openDuckdb } from '../../resources/duckdb.ts'
import { type Inspection, inspect, statusesIn } from '../../runs/launch.ts'
import type { SqlEngine } from '../../sql/engine.ts'
import type { CheckOutcome, CheckResult } from '../../storage/events.ts'
import { fileProblem, relationOf } from '../../tables/read.ts'
import { runChecks, shareWords } from '../../tables/run-checks.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { openProject, partitionsOf, selected } from '../open-project.ts'
import { type LookWord, look, tinted } from '../render/status.ts'
import { type TableColumn, table } from '../render/table.ts'
import { counted, cut } from '../render/words.ts'

/** `assay check [assets]`: runs the checks of assets on what is published. Records nothing; `materialize` does. */
export const check: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const now = context.surroundings.clock.now()
  const inspection = await inspect(settings, loaded)
  const engine = await openDuckdb()
  try {
    const keys = selected(context, loaded, statusesIn(loaded.manifest.assets, inspection.states, now))
    const partitions = partitionsOf(context.options.partition, loaded, keys, now)
    const specs = keys.flatMap((key) => loaded.asset(key) ?? []).filter((spec) => spec.checks.length > 0)
    const results: CheckResult[] = []
    const unmade: string[] = []
    for (const spec of specs) {
      // Others may have written what is no partition of the asset.
      const exist = universe(spec.partitions, now)
      const asked = partitions === undefined ? exist : intersect(exist, partitions.get(spec.key) ?? EMPTY)
      const found = await checksOf(spec, inspection, engine, asked)
      if (found === undefined) unmade.push(spec.key)
      else results.push(...found)
    }
    if (context.options.json) for (const result of results) emit(context, 'check', result)
    else print(context, results, unmade)
    return results.some((result) => result.outcome === 'error' || (result.blocking && result.outcome !== 'pass')) ? 1 : 0
  } finally {
    engine.close()
    inspection.close()
  }
}

/** Undefined where there is no table yet. A check speaks of the rows of a step, so it is asked in the same portions. */
async function checksOf(
  spec: AssetSpec,
  inspection: Inspection,
  engine: SqlEngine,
  partitions: PartitionSet,
): Promise<readonly CheckResult[] | undefined> {
  const metadata = inspection.heads.get(spec.key)?.metadata
  const snapshotId = metadata?.currentSnapshotId
  if (metadata === undefined || snapshotId === undefined) return undefined
  const made = domain(inspection.states.get(spec.key)?.versions ?? [])
  const portions = spec.partitions.dim === 'none' ? [made] : chunks(intersect(made, partitions), spec.backfill.partitionsPerStep)
  const session = await engine.session()
  try {
    let results: readonly CheckResult[] = []
    for (const portion of portions) {
      const reader = { store: inspection.store, session }
      const rows = await relationOf(reader, metadata, { snapshotId, slice: { spec: spec.partitions, partitions: portion } })
      results = together(results, await runChecks({ session, asset: spec.key, rows }, spec.checks))
    }
    return results
  } catch (error) {
    throw fileProblem(error)
  } finally {
    session.close()
  }
}

const SEVERITY: readonly CheckOutcome[] = ['pass', 'warn', 'fail', 'error']

/** Results of the same checks on two portions as one: what is worse is shown, rows are counted up. */
function together(a: readonly CheckResult[], b: readonly CheckResult[]): readonly CheckResult[] {
  if (a.length === 0) return b
  return b.map((result, i) => {
    const before = a[i] ?? result
    const worse = SEVERITY.indexOf(result.outcome) > SEVERITY.indexOf(before.outcome) ? result : before
    const rows = sum(before.rows, result.rows)
    const failing = sum(before.failing, result.failing)
    return { ...worse, rows, failing, observed: togetherWords(worse.observed, failing, rows) }
  })
}

/** The words of one portion with the numbers of all. */
function togetherWords(observed: string, failing: number | undefined, rows: number | undefined): string {
  const verb = /^\d+ of \d+ rows? (does|do|repeats?) /.exec(observed)?.[1]
  if (verb === undefined || failing === undefined || rows === undefined) return observed
  return shareWords(failing, rows, verb.startsWith('do') ? 'do not hold' : 'repeat a key')
}

const sum = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? undefined : a + b)

const LOOK_OF: Readonly<Record<CheckOutcome, LookWord>> = { pass: 'succeeded', warn: 'warned', fail: 'failed', error: 'failed' }
const COLUMNS: readonly TableColumn[] = [
  { title: '' },
  { title: 'asset', min: 12 },
  { title: 'check', min: 10 },
  { title: 'seen', min: 10, drop: 1 },
]

function print({ terminal }: CommandContext, results: readonly CheckResult[], unmade: readonly string[]): void {
  const rows = results.map((result) => [
    look(terminal, LOOK_OF[result.outcome], result.outcome),
    result.asset,
    result.check,
    result.observed,
  ])
  if (rows.length > 0) for (const line of table(terminal, COLUMNS, rows)) terminal.line(line)
  const wrong = results.filter((result) => result.outcome !== 'pass' && result.samples.length > 0)
  for (const { asset, check: name, samples } of wrong) {
    terminal.line()
    terminal.line(`${asset} ${name}, rows that do not hold:`)
    for (const row of samples) terminal.line(`  ${cut(row, terminal.columns() - 2)}`)
  }
  if (results.length > 0) terminal.line()
  for (const key of unmade) terminal.line(terminal.suggest(`${key} has no table yet: assay materialize +${key}`))
  terminal.line(summary(results, (word, text) => tinted(terminal, word, text)))
}

function summary(results: readonly CheckResult[], paint: (word: LookWord, text: string) => string): string {
  const have = (...outcomes: readonly CheckOutcome[]): number => results.filter((result) => outcomes.includes(result.outcome)).length
  const failed = have('fail', 'error')
  const warned = have('warn')
  if (results.length === 0) return 'no checks to run'
  const words = `${counted(results.length, 'check')}: ${have('pass')} passed${warned === 0 ? '' : `, ${warned} warned`}${failed === 0 ? '' : `, ${failed} failed`}`
  return paint(failed > 0 ? 'failed' : warned > 0 ? 'warned' : 'succeeded', words)
}
