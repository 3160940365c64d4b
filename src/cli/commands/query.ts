import { AssayError } from '../../errors.ts'
import { localStore } from '../../iceberg/stores/local.ts'
import { openDuckdb } from '../../resources/duckdb.ts'
import { openCatalog } from '../../runs/launch.ts'
import { type EngineRow, SqlError, type SqlSession } from '../../sql/engine.ts'
import { fileProblem } from '../../tables/read.ts'
import { absentTable } from '../absent-table.ts'
import { type Command, type CommandContext, emit, jsonLine } from '../context.ts'
import { settingsOf } from '../settings.ts'
import { type Opened, openTables } from '../open-tables.ts'
import { leftOutWords, printRows } from '../render/rows.ts'
import { type TableColumn, table } from '../render/table.ts'
import { counted, harmless, number, wrap } from '../render/words.ts'

const ROWS_SHOWN = 40

/**
 * `assay query <sql> …`: every table of the catalog under its own name, `--at table=version` as of a snapshot, time, branch
 * or tag, and what is known of it as `table.snapshots` and so on. Only what the statements mention is opened. Needs no
 * loadable project. `--explain` says how many files it would read and how many it is spared, and reads none.
 */
export const query: Command = async (context) => {
  const settings = settingsOf(context)
  const store = localStore()
  const catalog = openCatalog(settings, store)
  const engine = await openDuckdb()
  try {
    const session = await engine.session()
    const pins = pinsOf(context.options.at)
    const { names: known, opened } = await openTables({ catalog, store, session }, context.words, pins)
    if (context.options.explain) {
      explain(context, opened)
      return 0
    }
    for (const [i, statement] of context.words.entries()) {
      if (i > 0 && !context.options.json) context.terminal.line()
      await answer(context, session, { statement, number: i + 1, known })
    }
    return 0
  } finally {
    engine.close()
    catalog.close()
  }
}

const SCAN_COLUMNS: readonly TableColumn[] = [
  { title: 'table', min: 14 },
  { title: 'files read', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'skipped', align: 'right' },
  { title: 'bytes', align: 'right' },
]

function explain(context: CommandContext, opened: readonly Opened[]): void {
  const { terminal, options } = context
  if (options.json) for (const scan of opened) emit(context, 'scan', scan)
  else if (opened.length === 0) terminal.line('no table is read')
  else {
    const rows = opened.map(({ table: name, read, skipped }) => [
      name,
      number(read.files),
      number(read.bytes),
      number(skipped.files),
      number(skipped.bytes),
    ])
    for (const line of table(terminal, SCAN_COLUMNS, rows)) terminal.line(line)
  }
}

/** `silver.orders=123` as the table and its version. @throws ASSAY-4002 */
function pinsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text): [string, string] => {
      const [, name, version] = /^([^=]+)=(.+)$/.exec(text) ?? []
      if (name === undefined || version === undefined)
        throw new AssayError('ASSAY-4002', `--at is '${text}', and must be TABLE=SNAPSHOT, or a time, branch or tag in its place`, {
          next: '`assay show <asset>` lists the snapshots of its table.',
        })
      return [name, version]
    }),
  )
}

interface Statement {
  readonly statement: string
  /** Counts from 1. */
  readonly number: number
  /** Names of all tables. */
  readonly known: readonly string[]
}

/** A comment at the head of a statement is its title. */
const TITLE = /^\s*\/\*\s*([\s\S]*?)\s*\*\//

/** Where a semicolon parts nothing: texts, quoted names, comments. */
const NO_SEPARATOR = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g

async function answer(context: CommandContext, session: SqlSession, statement: Statement): Promise<void> {
  const text = statement.statement.replace(/[;\s]+$/, '')
  if (text.replaceAll(NO_SEPARATOR, '').includes(';'))
    throw new AssayError('ASSAY-4006', 'one argument holds several statements', { next: 'Give each statement as an argument of its own.' })
  try {
    const described = await session.describe(text)
    const isTwice = new Set(described.map(({ name }) => name.toLowerCase())).size < described.length
    // Rows come as objects: of two columns of one name each needs its own, as a query around them gives it.
    const columns = isTwice ? await session.describe(`SELECT * FROM (${text}\n)`) : described
    const limit = context.options.limit ?? (context.options.json ? Number.POSITIVE_INFINITY : ROWS_SHOWN)
    const rows: EngineRow[] = []
    let total = 0
    for await (const row of session.stream(text)) {
      if (total++ >= limit) continue
      if (context.options.json) context.terminal.line(jsonLine('row', { statement: statement.number, row }))
      else rows.push(row)
    }
    if (context.options.json) emit(context, 'result', { statement: statement.number, columns, rows: total })
    else print(context, { title: TITLE.exec(text)?.[1], columns, rows, total })
  } catch (error) {
    const known = fileProblem(error)
    throw known instanceof SqlError ? refusal(known, text, statement.known) : known
  }
}

interface Answer {
  readonly title: string | undefined
  readonly columns: Awaited<ReturnType<SqlSession['describe']>>
  readonly rows: readonly EngineRow[]
  readonly total: number
}

function print({ terminal }: CommandContext, { title, columns, rows, total }: Answer): void {
  if (title !== undefined) terminal.line(terminal.paint('bold', harmless(title)))
  const leftOut = printRows(terminal, columns, rows)
  const words = total > rows.length ? `${counted(total, 'row')}, the first ${rows.length} shown: --limit shows more` : counted(total, 'row')
  for (const line of wrap(`(${words}${leftOutWords(leftOut)})`, terminal.columns())) terminal.line(terminal.paint('grey', line))
}

/** The engine's error with a caret below the line of the statement that it is about. */
function refusal(error: SqlError, text: string, known: readonly string[]): AssayError {
  const [first = '', ...more] = error.message.split('\n')
  const absent = absentTable(first, text, known)
  const candidates = error.candidates.length === 0 ? undefined : `Did you mean ${error.candidates.join(' or ')}?`
  const next = absent?.next ?? candidates
  return new AssayError('ASSAY-4006', absent?.what ?? first, {
    details: error.position === undefined ? more.filter((line) => line !== '') : caret(text, error.position),
    ...(next === undefined ? {} : { next }),
    cause: error,
  })
}

function caret(text: string, position: number): readonly string[] {
  const before = text.slice(0, position).split('\n')
  const line = text.split('\n')[before.length - 1] ?? ''
  return [`  ${line}`, `  ${' '.repeat(before.at(-1)?.length ?? 0)}^`]
}
