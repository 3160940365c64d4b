import type { Cell } from '../../sql/engine.ts'
import { jsonLine } from '../context.ts'
import { harmless } from './words.ts'

/** A cell of a table as people read it, on one line. */
export function cellText(cell: Cell): string {
  if (cell === null) return 'null'
  if (typeof cell !== 'object') return harmless(String(cell))
  const text = jsonLine('', { cell })
  return harmless(/^.*?"cell":"?(.*?)"?\}$/.exec(text)?.[1] ?? text)
}
