import { statusOfAll } from '../../assets/status.ts'
import { inspect, statusesIn } from '../../runs/launch.ts'
import { type AssetFacts, factsJson, factsOf, madePartitions, partitionCount, statusWords } from '../asset-facts.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { openProject, selected } from '../open-project.ts'
import { look } from '../render/status.ts'
import { type TableColumn, table } from '../render/table.ts'
import { ago, counted, number } from '../render/words.ts'

const COLUMNS: readonly TableColumn[] = [
  { title: 'asset' },
  { title: 'kind', drop: 2 },
  { title: 'group', min: 6, drop: 1 },
  { title: 'partitions', align: 'right', drop: 5 },
  { title: 'status', min: 10 },
  { title: 'rows', align: 'right', drop: 4 },
  { title: 'last made', drop: 3 },
]

/** Characters of an asset's name that other columns give way to. */
const NAME = 40

/** `assay ls [assets]`: one line an asset. */
export const ls: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const inspection = await inspect(settings, loaded)
  try {
    const now = context.surroundings.clock.now()
    const keys = selected(context, loaded, statusesIn(loaded.manifest.assets, inspection.states, now))
    const statuses = statusOfAll(loaded.manifest.assets, inspection.states, now)
    const facts = keys.flatMap((key) => loaded.asset(key) ?? []).map((spec) => factsOf(spec, inspection, statuses))
    if (context.options.json) for (const one of facts) emit(context, 'asset', factsJson(one))
    else print(context, facts, now)
  } finally {
    inspection.close()
  }
  return 0
}

/** When it was made, or looked at where others make it. */
function lookedAt({ lastMade, observedAt }: AssetFacts, now: number): string {
  const at = lastMade ?? observedAt
  return at === undefined ? '' : ago(at, now)
}

function print({ terminal }: CommandContext, facts: readonly AssetFacts[], now: number): void {
  const rows = facts.map((one) => [
    one.spec.key,
    one.spec.kind,
    one.spec.group ?? '',
    one.spec.kind === 'external' ? '' : partitionCount(one.spec, madePartitions(one), one.exist),
    look(terminal, one.word, statusWords(one)),
    one.rows === undefined ? '' : number(one.rows),
    lookedAt(one, now),
  ])
  const grouped = facts.some((one) => one.spec.group !== undefined)
  const longest = facts.reduce((most, { spec }) => Math.max(most, spec.key.length), 0)
  const columns = COLUMNS.map((column) => {
    if (column.title === 'asset') return { ...column, min: Math.min(longest, terminal.columns() < 80 ? 14 : NAME) }
    return column.title === 'group' && !grouped ? { title: '' } : column
  })
  for (const line of table(terminal, columns, rows)) terminal.line(line)
  const due = facts.filter((one) => !['fresh', 'external', 'unknown'].includes(one.word)).length
  if (!terminal.live) return
  terminal.line()
  const next = due === 0 ? 'all fresh' : `${counted(due, 'asset')} not fresh: ${terminal.suggest('`assay plan`')} says what would run`
  terminal.line(terminal.paint('grey', `${counted(facts.length, 'asset')}, ${next}`))
}
