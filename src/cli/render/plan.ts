import { count, isEmpty, union } from '../../partitions/partition-set.ts'
import { formatSet } from '../../partitions/texts.ts'
import { universe } from '../../partitions/partitions.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import type { Plan, PlannedAsset } from '../../runs/plan.ts'
import type { ColumnReader, Destroyed, Outlook, SchemaChange } from '../../runs/plan-outlook.ts'
import { partitionCount } from '../asset-facts.ts'
import { becauseWords } from './causes.ts'
import { look } from './status.ts'
import { type TableColumn, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, duration, withRemark, wrap } from './words.ts'

const times = (plan: Plan, action: PlannedAsset['action']): number => plan.assets.filter((asset) => asset.action === action).length

/** `7 to run, 4 reused, nothing destroyed`. */
export function planSentence(plan: Plan, destroyed: readonly Destroyed[] = []): string {
  const blocked = times(plan, 'blocked')
  const partly = plan.assets.filter((asset) => asset.action === 'run' && asset.blocked.length > 0).length
  if (times(plan, 'observe') > 0) return `${counted(times(plan, 'observe'), 'external asset')} to observe`
  return [
    `${times(plan, 'run')} to run${plan.steps.length !== times(plan, 'run') ? ` in ${counted(plan.steps.length, 'step')}` : ''}`,
    `${times(plan, 'reuse')} reused`,
    ...(blocked === 0 ? [] : [`${blocked} blocked`]),
    ...(partly === 0 ? [] : [`${partly} blocked in part`]),
    destroyedWords(destroyed),
  ].join(', ')
}

function destroyedWords(destroyed: readonly Destroyed[]): string {
  const columns = destroyed.filter(({ kind }) => kind === 'column').length
  const partitions = destroyed.reduce((n, one) => n + (one.kind === 'column' ? 0 : count(one.partitions)), 0)
  const words = [
    ...(columns === 0 ? [] : [`${counted(columns, 'column')} dropped`]),
    ...(partitions === 0 ? [] : [`rows of others replaced in ${counted(partitions, 'partition')}`]),
  ]
  return words.join(', ') || 'nothing destroyed'
}

/** What is to be expected of a plan: changes of columns with their readers, rows of others, and how long it takes. */
export function outlookLines(terminal: Terminal, plan: Plan, outlook: Outlook, loaded: LoadedManifest): readonly string[] {
  const byAsset = Map.groupBy(outlook.schemaChanges, ({ asset }) => asset)
  const { total, unknown } = outlook.estimate
  const isPartly =
    unknown.length > 0 ? `, without ${unknown.slice(0, 3).join(', ')}${unknown.length > 3 ? ' and more' : ''}, not run before` : ''
  const lines = [
    ...[...byAsset].flatMap(([asset, changes]) => changeLines(terminal, asset, changes)),
    ...outlook.destroyed.flatMap((one) => {
      const spec = loaded.asset(one.asset)
      if (one.kind === 'column' || spec === undefined) return []
      const slices = spec.partitions.dim === 'none' ? '' : ` in ${formatSet(spec.partitions, one.partitions)}`
      return [terminal.paint('red', `rows of ${one.asset}${slices} were written by others, and are replaced`)]
    }),
    ...(plan.steps.length === 0 || total === 0
      ? []
      : [terminal.paint('grey', `takes about ${duration(total)}, going by earlier steps${isPartly}`)]),
  ]
  return lines.flatMap((line) => {
    const indent = line.startsWith(' ') ? 4 : 2
    return wrap(line.trimStart(), terminal.columns() - indent).map((part) => `${' '.repeat(indent)}${part}`)
  })
}

function changeLines(terminal: Terminal, asset: string, changes: readonly SchemaChange[]): readonly string[] {
  const words = changes.map((change) => (change.breaking ? terminal.paint('red', changeWords(change)) : changeWords(change)))
  const readers = changes.flatMap((change) =>
    change.readers.length === 0
      ? []
      : [`  ${change.kind === 'renamed' ? change.from : change.column} is read by ${readerWords(change.readers)}`],
  )
  const [dropped, ...more] = changes.filter(({ kind }) => kind === 'dropped')
  const [added, ...others] = changes.filter(({ kind }) => kind === 'added')
  const isOne = dropped !== undefined && added !== undefined && more.length + others.length === 0
  const hint = isOne ? [`  if ${dropped.column} became ${added.column}: .renamedFrom('${dropped.column}') keeps its values`] : []
  return [`columns of ${asset}: ${words.join(', ')}`, ...readers, ...hint]
}

/** Readers named in one line. */
const READERS = 12

function readerWords(readers: readonly ColumnReader[]): string {
  const names = readers.slice(0, READERS).map(({ asset, column }) => (column === undefined ? asset : `${asset}.${column}`))
  return [...names, ...(readers.length > READERS ? [`${readers.length - READERS} more`] : [])].join(', ')
}

function changeWords(change: SchemaChange): string {
  switch (change.kind) {
    case 'added':
      return `adds ${change.column}`
    case 'dropped':
      return `drops ${change.column} (breaking)`
    case 'renamed':
      return `renames ${change.from} to ${change.column} (breaking)`
    case 'nullable':
      return `${change.column} may be null from now on (breaking)`
    case 'widened':
      return `widens ${change.column} from ${change.from} to ${change.to}`
    case 'altered':
      return `changes ${change.column} from ${change.from} to ${change.to} (breaking)`
    case 'refused':
      return `cannot be done: ${change.why} (breaking)`
  }
}

/** The sentence, and the id of what it is about. */
export const planHeading = (terminal: Terminal, sentence: string, id: string): readonly string[] =>
  withRemark(terminal.paint('bold', sentence), terminal.paint('grey', id), terminal.columns())

const COLUMNS: readonly TableColumn[] = [
  { title: '' },
  { title: 'asset', min: 14 },
  { title: 'partitions', align: 'right', drop: 2 },
  { title: 'because', min: 8, drop: 3 },
  { title: 'checks that gate', min: 6, drop: 1 },
]

/** One line an asset, in the order in which they run. @param now milliseconds since the epoch */
export function planTable(terminal: Terminal, plan: Plan, loaded: LoadedManifest, now: number): readonly string[] {
  const rows = plan.assets.map((planned) => {
    const spec = loaded.asset(planned.asset)
    const shown =
      planned.action === 'blocked'
        ? union(...planned.blocked.map((b) => b.partitions))
        : planned.action === 'run'
          ? planned.run
          : planned.reuse
    return [
      look(terminal, planned.action),
      planned.asset,
      spec === undefined || planned.action === 'external' ? '' : partitionCount(spec, shown, universe(spec.partitions, now)),
      becauseWords(planned),
      isEmpty(planned.run) ? '' : gates(planned.checks),
    ]
  })
  return table(terminal, COLUMNS, rows)
}

const gates = (checks: readonly string[]): string => (checks.length === 0 ? 'none' : `${checks.length}: ${checks.join(', ')}`)
