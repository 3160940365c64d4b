import type { Clock } from '../../clock.ts'
import type { Terminal } from './terminal.ts'

/** Lines that stay, above a block at the bottom that is drawn again and again. */
export interface LiveBlock {
  /** Adds lines that scroll away. */
  print(...lines: readonly string[]): void
  /** Draws what is waiting and takes the block away. */
  end(): void
}

const REDRAW_MS = 100
/** Lines of the block at most. */
const MAX_BLOCK = 10

/**
 * Redraws at most ten times a second: each time the waiting lines and the block in one write, so that nothing flickers.
 * @param block its lines, none wider than the terminal
 */
export function liveBlock(terminal: Terminal, clock: Clock, block: () => readonly string[]): LiveBlock {
  let waiting: string[] = []
  let drawn = 0
  let last = ''
  const draw = (lines: readonly string[]): void => {
    const text = lines.map((line) => `${line}\n`).join('')
    if (waiting.length === 0 && text === last) return
    const erase = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`
    terminal.write(`${erase}${waiting.map((line) => `${line}\n`).join('')}${text}`)
    waiting = []
    drawn = lines.length
    last = text
  }
  const stop = clock.every(REDRAW_MS, () => draw(block().slice(0, MAX_BLOCK)))
  return {
    print: (...lines) => {
      waiting.push(...lines)
    },
    end: () => {
      stop()
      draw([])
    },
  }
}
