import type { Style, Terminal } from './terminal.ts'
import { cut, width } from './words.ts'

export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** The column may be cut down to this width. Without it, it keeps its own. */
  readonly min?: number
  /** Cut, and left out when that is not enough, lowest first. Without it, never left out, and cut last. */
  readonly drop?: number
}

/** A cell: a text, or a text with its colour. */
export type TableCell = string | readonly [text: string, style: Style]

/** Blanks between two columns. */
export const GAP = 2
const textOf = (cell: TableCell): string => (typeof cell === 'string' ? cell : cell[0])

/** Lines of an aligned table, made to fit the terminal by cutting and leaving out what matters least. */
export function table(terminal: Terminal, columns: readonly TableColumn[], rows: readonly (readonly TableCell[])[]): readonly string[] {
  const natural = columns.map((column, i) => rows.reduce((max, row) => Math.max(max, width(textOf(row[i] ?? ''))), width(column.title)))
  const shown = fittingColumns(columns, natural, terminal.columns())
  const widths = shrink(
    shown.map((i) => ({ width: natural[i] ?? 0, min: columns[i]?.min ?? natural[i] ?? 0, rank: columns[i]?.drop ?? Number.MAX_VALUE })),
    terminal.columns(),
  )
  const line = (cells: readonly TableCell[]): string => {
    const parts = shown.map((i, at) => padded(terminal, cells[i] ?? '', columns[i] ?? { title: '' }, widths[at] ?? 0))
    return parts.join(' '.repeat(GAP)).trimEnd()
  }
  const titles = columns.some((column) => column.title !== '') ? [line(columns.map((column): TableCell => [column.title, 'grey']))] : []
  return [...titles, ...rows.map(line)]
}

function padded(terminal: Terminal, cell: TableCell, column: TableColumn, cells: number): string {
  const text = cut(textOf(cell), cells)
  const space = ' '.repeat(Math.max(0, cells - width(text)))
  const painted = typeof cell === 'string' ? text : terminal.paint(cell[1], text)
  return column.align === 'right' ? space + painted : painted + space
}

/** Indices of the columns that fit when each is as narrow as it may be. */
function fittingColumns(columns: readonly TableColumn[], natural: readonly number[], available: number): readonly number[] {
  let shown = columns.map((_, i) => i).filter((i) => columns[i]?.title !== '' || natural[i] !== 0)
  const least = (): number => shown.reduce((sum, i) => sum + Math.min(natural[i] ?? 0, columns[i]?.min ?? natural[i] ?? 0) + GAP, -GAP)
  const droppable = shown.filter((i) => columns[i]?.drop !== undefined).sort((a, b) => (columns[a]?.drop ?? 0) - (columns[b]?.drop ?? 0))
  for (const i of droppable) {
    if (least() <= available) break
    shown = shown.filter((other) => other !== i)
  }
  return shown
}

interface Shrinking {
  readonly width: number
  readonly min: number
  /** Columns of the lowest rank give first. */
  readonly rank: number
}

/** Takes from the widest column of the lowest rank that may give, one cell at a time, until all fit. */
function shrink(columns: readonly Shrinking[], available: number): readonly number[] {
  const widths = columns.map((column) => column.width)
  let excess = widths.reduce((sum, w) => sum + w + GAP, -GAP) - available
  for (; excess > 0; excess--) {
    const able = columns.flatMap(({ min, rank }, i) => ((widths[i] ?? 0) > min ? [{ i, rank, width: widths[i] ?? 0 }] : []))
    const giver = able.toSorted((a, b) => a.rank - b.rank || b.width - a.width)[0]
    if (giver === undefined) break
    widths[giver.i] = giver.width - 1
  }
  return widths
}
