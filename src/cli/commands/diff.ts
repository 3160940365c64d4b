import { AssayError } from '../../errors.ts'
import { fileDiff, tableDiffSql, type Versions } from '../../iceberg/diff.ts'
import { schemaOf, type Snapshot, type TableMetadata } from '../../iceberg/metadata.ts'
import { parseAt, snapshotAt } from '../../iceberg/snapshot-at.ts'
import { localStore } from '../../iceberg/stores/local.ts'
import { tableNameOf } from '../../keys.ts'
import { openDuckdb } from '../../resources/duckdb.ts'
import { openCatalog } from '../../runs/launch.ts'
import type { Cell, EngineRow, SqlSession } from '../../sql/engine.ts'
import { fileProblem } from '../../tables/read.ts'
import { type Command, type CommandContext, emit, jsonLine, type Options } from '../context.ts'
import { oneAsset, openProject } from '../open-project.ts'
import { cellText } from '../render/cell.ts'
import { type TableColumn, table } from '../render/table.ts'
import type { Style } from '../render/terminal.ts'
import { versionLines } from '../render/versions.ts'
import { counted, wrap } from '../render/words.ts'

const ROWS_SHOWN = 40

/**
 * `assay diff <asset>`: rows that were added, removed or changed between two versions of its table, by its key. Without
 * `--to` up to now, without `--from` since the snapshot before.
 */
export const diff: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const store = localStore()
  const catalog = openCatalog(settings, store)
  const found = await catalog.load(tableNameOf(spec.key)).finally(() => catalog.close())
  if (found === undefined) throw new AssayError('ASSAY-2008', `${spec.key} has no table`)
  const { metadata } = found
  const versions = versionsOf(metadata, context.options)
  const files = await fileDiff(store, metadata, versions)
  const names = schemaOf(metadata, versions.to).fields.map((field) => field.name)
  const key = spec.rowKey.every((name) => names.includes(name)) ? spec.rowKey : []
  const engine = await openDuckdb()
  try {
    const session = await engine.session()
    await session.run(`CREATE TABLE ${ROWS} AS ${tableDiffSql(store, metadata, { ...versions, ...files }, key)}`)
    const shown: Shown = { asset: spec.key, key, versions, files: { added: files.added.length, removed: files.removed.length } }
    await (context.options.json ? tell(context, session, shown) : print(context, session, shown))
    return 0
  } catch (error) {
    throw fileProblem(error)
  } finally {
    engine.close()
  }
}

const ROWS = '__differing'

/** @throws ASSAY-2009 */
function versionsOf(metadata: TableMetadata, options: Options): Versions {
  const at = (text: string): Snapshot => snapshotAt(metadata, parseAt(metadata, text))
  const to = at(options.to ?? 'main')
  if (options.from !== undefined) return { from: at(options.from), to }
  return { from: to.parentId === undefined ? undefined : snapshotAt(metadata, { id: to.parentId }), to }
}

interface Shown {
  readonly asset: string
  readonly key: readonly string[]
  readonly versions: Versions
  /** How many differ. */
  readonly files: { readonly added: number; readonly removed: number }
}

const CHANGES = ['added', 'removed', 'changed'] as const
type Counts = Readonly<Record<(typeof CHANGES)[number], number>>

async function countsOf(session: SqlSession): Promise<Counts> {
  const [row = {}] = await session.rows(`SELECT ${CHANGES.map((c) => `count(*) FILTER (change = '${c}') AS ${c}`).join(', ')} FROM ${ROWS}`)
  return { added: Number(row['added']), removed: Number(row['removed']), changed: Number(row['changed']) }
}

const inOrder = (limit: number | undefined): string =>
  `SELECT * FROM ${ROWS} ORDER BY key, change${limit === undefined ? '' : ` LIMIT ${limit}`}`

async function tell(context: CommandContext, session: SqlSession, { asset, versions, files, key }: Shown): Promise<void> {
  for await (const row of session.stream(inOrder(context.options.limit))) context.terminal.line(jsonLine('row', row))
  const { from, to } = versions
  emit(context, 'diff', { asset, from: from?.id ?? null, to: to.id, key, files, rows: await countsOf(session) })
}

const STYLES: Readonly<Record<string, Style>> = { added: 'green', removed: 'red', changed: 'yellow' }

async function print({ terminal, options }: CommandContext, session: SqlSession, shown: Shown): Promise<void> {
  const { asset, key, versions, files } = shown
  const counts = await countsOf(session)
  const total = counts.added + counts.removed + counts.changed
  const limit = options.limit ?? ROWS_SHOWN
  const rows = await session.rows(inOrder(limit))
  terminal.line(terminal.paint('bold', asset))
  for (const line of versionLines(terminal, versions)) terminal.line(line)
  terminal.line()
  const columns: readonly TableColumn[] = [{ title: '' }, ...key.map((title) => ({ title, min: 8 })), { title: 'columns', min: 16 }]
  const cells = rows.map((row) => [
    [String(row['change']), STYLES[String(row['change'])] ?? 'grey'] as const,
    ...key.map((name) => cellText(partOf(row['key'], name))),
    wordsOf(row, key),
  ])
  if (rows.length > 0) for (const line of table(terminal, columns, cells)) terminal.line(line)
  const words = CHANGES.map((change) => `${counts[change]} ${change}`).join(', ')
  const by = key.length === 0 ? 'by whole rows, since it has no key' : `by ${key.join(', ')}`
  const more = total > rows.length ? `; the first ${rows.length} shown: --limit shows more` : ''
  for (const line of wrap(`(${words} ${by}, in ${counted(files.added + files.removed, 'file')}${more})`, terminal.columns()))
    terminal.line(terminal.paint('grey', line))
}

const isStruct = (cell: Cell | undefined): cell is Readonly<Record<string, Cell>> & object => typeof cell === 'object' && cell !== null

const partOf = (struct: Cell | undefined, name: string): Cell => (isStruct(struct) ? (struct[name] ?? null) : null)

/** `amount 1.00 → 2.00` of what changed; else all that is beside the key. */
function wordsOf(row: EngineRow, key: readonly string[]): string {
  const { old, new: young, columns } = row
  const side = old ?? young
  if (Array.isArray(columns))
    return columns
      .map(String)
      .map((name) => `${name} ${cellText(partOf(old, name))} → ${cellText(partOf(young, name))}`)
      .join(', ')
  const names = isStruct(side) ? Object.keys(side).filter((name) => !key.includes(name)) : []
  return names.map((name) => `${name} ${cellText(partOf(side, name))}`).join(', ')
}
