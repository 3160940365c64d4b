import type { PlannedAsset } from '../../runs/plan.ts'
import type { RunState, StepState } from '../../storage/events.ts'
import type { StatusWord } from '../../assets/status.ts'
import type { TableCell } from './table.ts'
import type { Style, Terminal } from './terminal.ts'

type Look = readonly [glyph: string, style: Style]

/** Always shape, colour and word. */
const LOOKS: Readonly<Record<StatusWord | StepState | RunState | PlannedAsset['action'] | 'warned' | 'unknown', Look>> = {
  fresh: ['●', 'green'],
  succeeded: ['●', 'green'],
  warned: ['◉', 'yellow'],
  stale: ['◐', 'yellow'],
  outdated: ['◑', 'yellow'],
  missing: ['○', 'grey'],
  waiting: ['○', 'grey'],
  running: ['◌', 'blue'],
  publishing: ['◌', 'blue'],
  failed: ['▲', 'red'],
  lost: ['▲', 'red'],
  blocked: ['■', 'magenta'],
  external: ['◇', 'grey'],
  unknown: ['?', 'grey'],
  skipped: ['–', 'grey'],
  interrupted: ['–', 'yellow'],
  run: ['▶', 'cyan'],
  observe: ['◇', 'cyan'],
  reuse: ['↺', 'grey'],
}

export type LookWord = keyof typeof LOOKS

/** The glyph of a word, in its colour; nothing where the output is piped. */
export const glyph = (terminal: Terminal, word: LookWord): string => (terminal.live ? terminal.paint(LOOKS[word][1], LOOKS[word][0]) : '')

/** Glyph and words as a cell; the words alone where the output is piped. */
export const look = (terminal: Terminal, word: LookWord, words: string = word): TableCell => [
  terminal.live ? `${LOOKS[word][0]} ${words}` : words,
  LOOKS[word][1],
]

/** Words in the colour of a status. */
export const tinted = (terminal: Terminal, word: LookWord, words: string): string => terminal.paint(LOOKS[word][1], words)
