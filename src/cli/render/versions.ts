import type { Snapshot } from '../../iceberg/metadata.ts'
import { rowsOf } from '../../iceberg/summary.ts'
import { type TableColumn, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, instant } from './words.ts'

const COLUMNS: readonly TableColumn[] = [{ title: '' }, { title: '' }, { title: '', drop: 1 }, { title: '', min: 8 }]

/** Lines that say which two versions of a table are meant. */
export function versionLines(
  terminal: Terminal,
  versions: { readonly from: Snapshot | undefined; readonly to: Snapshot },
): readonly string[] {
  const inner = { ...terminal, columns: () => terminal.columns() - 2 }
  const rows = [rowOf('from', versions.from), rowOf('to', versions.to)]
  return table(inner, COLUMNS, rows).map((line) => `  ${line}`)
}

function rowOf(label: string, snapshot: Snapshot | undefined): readonly string[] {
  if (snapshot === undefined) return [label, 'nothing', '', '']
  const { id, timestamp, operation } = snapshot
  const rows = rowsOf(snapshot)
  return [label, id, instant(timestamp), rows === undefined ? operation : `${operation}, ${counted(rows, 'row')}`]
}
