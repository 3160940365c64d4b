import { schemaOf } from '../../iceberg/metadata.ts'
import { isEmpty, union } from '../../partitions/partition-set.ts'
import { universe } from '../../partitions/partitions.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import type { Plan, PlannedAsset } from '../../runs/plan.ts'
import type { Heads } from '../../tables/observe.ts'
import { partitionCount } from '../asset-facts.ts'
import { becauseWords } from './causes.ts'
import { look } from './status.ts'
import { type TableColumn, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, withRemark } from './words.ts'

/** What a plan changes of the columns of a table that is there. */
export interface SchemaChange {
  readonly asset: string
  readonly added: readonly string[]
  readonly dropped: readonly string[]
}

export function schemaChanges(plan: Plan, loaded: LoadedManifest, heads: Heads): readonly SchemaChange[] {
  return plan.assets.flatMap(({ asset, action }) => {
    const head = heads.get(asset)
    const columns = loaded.asset(asset)?.columns.map((column) => column.name)
    if (action !== 'run' || head === undefined || columns === undefined) return []
    const there = schemaOf(head.metadata).fields.map((field) => field.name)
    const change = {
      asset,
      added: columns.filter((name) => !there.includes(name)),
      dropped: there.filter((name) => !columns.includes(name)),
    }
    return change.added.length + change.dropped.length === 0 ? [] : [change]
  })
}

const times = (plan: Plan, action: PlannedAsset['action']): number => plan.assets.filter((asset) => asset.action === action).length

/** `7 to run, 4 reused, nothing destroyed`. */
export function planSentence(plan: Plan, changes: readonly SchemaChange[] = []): string {
  const blocked = times(plan, 'blocked')
  const dropped = changes.reduce((n, change) => n + change.dropped.length, 0)
  if (times(plan, 'observe') > 0) return `${counted(times(plan, 'observe'), 'external asset')} to observe`
  return [
    `${times(plan, 'run')} to run${plan.steps.length !== times(plan, 'run') ? ` in ${counted(plan.steps.length, 'step')}` : ''}`,
    `${times(plan, 'reuse')} reused`,
    ...(blocked === 0 ? [] : [`${blocked} blocked`]),
    dropped === 0 ? 'nothing destroyed' : `${counted(dropped, 'column')} dropped`,
  ].join(', ')
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
