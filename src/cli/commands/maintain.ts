import { AssayError } from '../../errors.ts'
import { localStore } from '../../iceberg/stores/local.ts'
import { openDuckdb } from '../../resources/duckdb.ts'
import { openCatalog } from '../../runs/launch.ts'
import { tablesOf } from '../../tables/asset-table.ts'
import { type Maintained, maintainTable } from '../../tables/maintain.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { openProject, selected } from '../open-project.ts'
import { type TableColumn, table } from '../render/table.ts'
import { counted, number } from '../render/words.ts'

/**
 * `assay maintain [assets]`: compacts the tables of assets, merges their manifests, lets old versions expire and
 * removes files that nothing names.
 * Works beside a run. Tables that others make (external assets) are left alone.
 */
export const maintain: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const { options, surroundings } = context
  if (settings.environment !== undefined)
    throw new AssayError('ASSAY-4010', `the tables of ${settings.environment.name} are not maintained in it`)
  const store = localStore()
  const catalog = openCatalog(settings, store)
  const engine = await openDuckdb()
  try {
    const session = await engine.session()
    const tools = { catalog, store, session, clock: surroundings.clock, isDryRun: options.dryRun }
    const done: Maintained[] = []
    const specs = selected(context, loaded).flatMap((key) => loaded.asset(key) ?? [])
    for (const { id, sortBy } of specs.flatMap(tablesOf)) {
      const one = await maintainTable(tools, id, sortBy)
      if (one === undefined) continue
      done.push(one)
      if (options.json) emit(context, 'maintained', { dryRun: options.dryRun, ...one })
    }
    if (!options.json) print(context, done)
    return 0
  } finally {
    engine.close()
    catalog.close()
  }
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'table', min: 14 },
  { title: 'files', min: 10 },
  { title: 'manifests', align: 'right', drop: 1 },
  { title: 'versions', align: 'right', drop: 2 },
  { title: 'orphans', align: 'right', drop: 3 },
  { title: 'bytes', align: 'right', drop: 4 },
]

function print({ terminal, options }: CommandContext, done: readonly Maintained[]): void {
  const busy = done.filter((one) => one.wasBusy)
  const due = done.filter((one) => one.compactedFiles + one.mergedManifests + one.expiredSnapshots + one.orphans > 0)
  const rows = due.map((one) => [
    one.table,
    filesOf(one),
    one.mergedManifests === 0 ? '' : number(one.mergedManifests),
    one.expiredSnapshots === 0 ? '' : number(one.expiredSnapshots),
    one.orphans === 0 ? '' : number(one.orphans),
    one.orphans === 0 ? '' : number(one.orphanBytes),
  ])
  if (rows.length > 0) for (const line of table(terminal, COLUMNS, rows)) terminal.line(line)
  if (rows.length > 0) terminal.line()
  for (const one of busy) terminal.line(`${one.table} was being written to; run \`assay maintain ${one.table}\` again`)
  for (const { table: name, heldBy } of done.flatMap((one) => (one.heldBy === undefined ? [] : [one])))
    terminal.line(`${name} is left alone: ${heldBy} stands on its files`)
  const what = options.dryRun ? 'would be maintained' : 'maintained'
  terminal.line(
    due.length === 0 ? `${counted(done.length, 'table')}, nothing to do` : `${due.length} of ${counted(done.length, 'table')} ${what}`,
  )
}

function filesOf({ compactedFiles, compactedInto }: Maintained): string {
  if (compactedFiles === 0) return ''
  return compactedInto === undefined ? counted(compactedFiles, 'file') : `${number(compactedFiles)} → ${number(compactedInto)}`
}
