import { SqlError } from '../sql/engine.ts'

/** DuckDB's error as JSON; see its setting `errors_as_json`. */
interface Report {
  readonly exception_type?: string
  readonly exception_message?: string
  /** In characters for errors of the parser, in bytes of UTF-8 for all others. */
  readonly position?: string
  readonly candidates?: string
}

const KINDS: Readonly<Record<string, SqlError['kind']>> = {
  Parser: 'syntax',
  Syntax: 'syntax',
  Binder: 'binding',
  Catalog: 'binding',
  IO: 'io',
  'Out of Memory': 'io',
  HTTP: 'io',
  Permission: 'io',
  INTERRUPT: 'interrupted',
  Interrupt: 'interrupted',
}

/**
 * What DuckDB threw as a {@link SqlError}.
 * @param statement the text that was run
 * @param prefix characters before the caller's own text in it
 */
function sqlError(error: unknown, statement: string, prefix = 0): SqlError {
  const text = error instanceof Error ? error.message : String(error)
  const report = reportOf(text)
  const type = report.exception_type ?? /^([A-Z][A-Za-z ]+) Error:/.exec(text)?.[1] ?? ''
  const kind = KINDS[type] ?? 'data'
  const message = report.exception_message ?? text
  const made = new SqlError(message, kind, positionOf(report, statement, prefix), candidatesOf(report))
  made.cause = error
  return made
}

/** Runs what runs `sql`. @throws SqlError in place of what DuckDB says */
export async function guarded<T>(sql: string, action: () => Promise<T>, prefix = 0): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw sqlError(error, sql, prefix)
  }
}

function reportOf(text: string): Report {
  const start = text.indexOf('{')
  if (start < 0) return {}
  try {
    const json: unknown = JSON.parse(text.slice(start))
    return typeof json === 'object' && json !== null ? json : {}
  } catch {
    return {}
  }
}

function positionOf(report: Report, statement: string, prefix: number): number | undefined {
  const position = Number(report.position ?? Number.NaN)
  if (!Number.isInteger(position) || position < 0) return undefined
  const characters = report.exception_type === 'Parser' ? position : Buffer.from(statement).subarray(0, position).toString().length
  return characters < prefix ? undefined : characters - prefix
}

/** The engine guesses over everything it has; its own tables were never meant. */
const candidatesOf = (report: Report): readonly string[] =>
  (report.candidates ?? '')
    .split(',')
    .map((name) => name.trim().replaceAll('"', ''))
    .filter((name) => name !== '' && !/^(pg_|duckdb_|sqlite_)/.test(name))
