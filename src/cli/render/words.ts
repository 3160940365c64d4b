import { stripVTControlCharacters } from 'node:util'

/** 84120 as `84,120`. */
export const number = (n: number | bigint): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ',')

/** `1 row`, `84,120 rows`. */
export const counted = (n: number, noun: string, nouns = `${noun}s`): string => `${number(n)} ${n === 1 ? noun : nouns}`

/** Milliseconds as `35 ms`, `1.2 s`, `45 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** An instant with its zone: `2026-01-31 14:03:22Z`. */
export const instant = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`

/** Relative up to a day, absolute beyond: `just now`, `5 min ago`, `2026-01-31 14:03Z`. */
export function ago(at: number, now: number): string {
  const minutes = Math.floor((now - at) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h ago` : instant(at).replace(/:\d\dZ$/, 'Z')
}

/** Data and logs must not steer the terminal: control characters become spaces, escape sequences go. */
export const harmless = (text: string): string =>
  Array.from(stripVTControlCharacters(text), (c) => (c < ' ' || (c >= '\u007f' && c < '\u00a0') ? ' ' : c)).join('')

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}]/u
const NARROW = /^[\u0020-\u00ff\u2010-\u2027\u2190-\u25ff]*$/
const MARK = /\p{Mn}/u

/** Cells of a terminal that a text takes, without its colours. */
export function width(text: string): number {
  const plain = stripVTControlCharacters(text)
  if (NARROW.test(plain)) return plain.length
  let cells = 0
  for (const c of plain) cells += MARK.test(c) ? 0 : WIDE.test(c) ? 2 : 1
  return cells
}

/** The text cut to `cells`, with … where something is missing. The text must have no colours. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text
  let kept = ''
  let used = 0
  for (const c of text) {
    used += width(c)
    if (used > cells - 1) break
    kept += c
  }
  return cells < 1 ? '' : `${kept}…`
}

/** Breaks a text into lines of at most `cells`, between words where possible. */
export function wrap(text: string, cells: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > cells) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** What matters and a remark, on one line where they fit, else on two and more. */
export const withRemark = (main: string, remark: string, cells: number): readonly string[] =>
  remark !== '' && width(main) + 2 + width(remark) <= cells
    ? [`${main}  ${remark}`]
    : [main, remark].filter((text) => text !== '').flatMap((text) => wrap(text, cells))

/** The first characters of a version, enough to tell two apart. */
export const short = (version: string): string => harmless(version.length > 8 ? `${version.slice(0, 7)}…` : version)
