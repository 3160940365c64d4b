import { didYouMean } from '../assets/nearest.ts'
import { METADATA_TABLES } from '../iceberg/metadata-tables.ts'

/** What to say of a name in a query that leads to no table. */
interface Absent {
  readonly what: string
  readonly next: string
}

/** As DuckDB says it: of a table, of the schema or of the database that it would be in. */
const NO_TABLE = /^Table with name "?([^"\s]+?)"? does not exist/
const NO_DATABASE = /^Catalog "([^"]+)" does not exist/

/**
 * DuckDB's words on a name that it does not find, in terms of tables and assets; undefined for any other message.
 * @param text the statement. @param known names of all tables
 */
export function absentTable(message: string, text: string, known: readonly string[]): Absent | undefined {
  const table = NO_TABLE.exec(message)?.[1]
  const database = NO_DATABASE.exec(message)?.[1]
  if (table === undefined && database === undefined) return undefined
  const start = database ?? table?.split('.')[0] ?? ''
  const names = [...text.replaceAll('"', '').matchAll(/[\w-]+(?:\.[\w-]+)+/g)].map(([name]) => name)
  const written = names.find((name) => name.startsWith(`${start}.`) || name.endsWith(`.${table}`)) ?? table ?? start
  const parts = written.split('.')
  const about = parts.length > 2 ? known.find((name) => written.startsWith(`${name}.`)) : undefined
  return about === undefined ? absentAsset(parts.slice(0, 2).join('.'), known) : absentAbout(about, written.slice(about.length + 1))
}

function absentAsset(name: string, known: readonly string[]): Absent {
  const make = `If it is an asset, make it first: \`assay materialize +${name}\`; \`assay ls\` lists all.`
  return {
    what: `there is no table ${name}`,
    next: didYouMean(name, known) ?? (name.includes('.') ? make : 'List the tables with `assay ls`.'),
  }
}

function absentAbout(table: string, word: string): Absent {
  const near = METADATA_TABLES.find((name) => name.startsWith(word.toLowerCase().replace(/s$/, '')))
  const hint = near === undefined ? didYouMean(word, METADATA_TABLES) : `Did you mean ${near}?`
  const list = `What is known of it is in ${table}.${METADATA_TABLES.join(', .')}.`
  return { what: `${table} has no ${word}`, next: hint === undefined ? list : `${hint.replace('mean ', `mean ${table}.`)} ${list}` }
}
