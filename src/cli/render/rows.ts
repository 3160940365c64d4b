import type { EngineRow } from '../../sql/engine.ts'
import { cellText } from './cell.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

const NUMERIC = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL.*)$/
/** Narrowest a column of text is cut to. */
const LEAST = 8

/** Rows of a query as an aligned table. @param columns with their types as DuckDB prints them */
export function printRows(
  terminal: Terminal,
  columns: readonly { readonly name: string; readonly type: string }[],
  rows: readonly EngineRow[],
): void {
  const shape = columns.map(({ name, type }) =>
    NUMERIC.test(type) ? { title: name, align: 'right' as const } : { title: name, min: LEAST },
  )
  const cells = rows.map((row) => columns.map(({ name }) => cellText(row[name] ?? null)))
  for (const line of table(terminal, shape, cells)) terminal.line(line)
}
