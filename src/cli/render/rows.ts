import type { EngineRow } from '../../sql/engine.ts'
import { cellText } from './cell.ts'
import { GAP, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { width } from './words.ts'

const NUMERIC = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL.*)$/
/** Narrowest a column of text is cut to. */
const LEAST = 8

/** Columns are left out rather than cut below this width. */
const READABLE = 16

interface ResultColumn {
  readonly name: string
  /** As DuckDB prints it. */
  readonly type: string
}

/**
 * Rows of a query as an aligned table, as wide as the terminal. Returns the names of the columns for which there was no
 * room: the last ones.
 */
export function printRows(terminal: Terminal, columns: readonly ResultColumn[], rows: readonly EngineRow[]): readonly string[] {
  const cells = rows.map((row) => columns.map(({ name }) => cellText(row[name] ?? null)))
  const shown = fitting(terminal.columns(), columns, cells)
  const shape = columns
    .slice(0, shown)
    .map(({ name, type }) => (NUMERIC.test(type) ? { title: name, align: 'right' as const } : { title: name, min: LEAST }))
  for (const line of table(terminal, shape, cells)) terminal.line(line)
  return columns.slice(shown).map(({ name }) => name)
}

/** How many columns from the left can be read beside each other, at least one. */
function fitting(available: number, columns: readonly ResultColumn[], cells: readonly (readonly string[])[]): number {
  let used = 0
  const at = columns.findIndex(({ name, type }, i) => {
    const natural = cells.reduce((most, row) => Math.max(most, width(row[i] ?? '')), width(name))
    used += (i === 0 ? 0 : GAP) + (NUMERIC.test(type) ? natural : Math.min(natural, READABLE))
    return used > available
  })
  return at < 0 ? columns.length : Math.max(1, at)
}

/** Says which columns had no room; nothing where all had. */
export const leftOutWords = (columns: readonly string[]): string =>
  columns.length === 0 ? '' : `, without ${columns.join(', ')}: name fewer columns in the SELECT to see them`
