import { expect } from 'vitest'
import type { Clock } from '../../src/clock.ts'

const ESCAPE = '\u001b'
const PIECE = new RegExp(`${ESCAPE}\\[\\d*[A-Za-z]|\\n|[^${ESCAPE}\\n]+`, 'g')
const UP = new RegExp(`^${ESCAPE}\\[(\\d+)A$`)

/** A terminal of some lines, as far as the block uses one: text, new lines, cursor up, erase below. */
export class Screen {
  readonly isTTY = true
  readonly columns: number
  lines: string[] = ['']
  row = 0
  writes = 0
  constructor(columns: number) {
    this.columns = columns
  }
  write(text: string): void {
    this.writes++
    for (const [piece] of text.matchAll(PIECE)) this.#take(piece)
  }
  #take(piece: string): void {
    const up = UP.exec(piece)
    if (piece === '\n') this.lines[++this.row] ??= ''
    else if (up) this.row -= Number(up[1])
    else if (piece === '\u001b[0J') {
      this.lines = this.lines.slice(0, this.row)
      this.lines[this.row] = ''
    } else if (!piece.startsWith('\u001b')) this.lines[this.row] += piece
  }
}

export function steppedClock(): { readonly clock: Clock; readonly tick: () => void } {
  const ticks = new Set<() => void>()
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: () => Promise.resolve(),
    every: (ms, tick) => {
      expect(ms).toBeGreaterThanOrEqual(100)
      ticks.add(tick)
      return () => ticks.delete(tick)
    },
    random: (n) => new Uint8Array(n),
  }
  return { clock, tick: () => ticks.forEach((tick) => tick()) }
}
