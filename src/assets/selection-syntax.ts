import { AssayError } from '../errors.ts'
import { didYouMean } from './nearest.ts'

/** What can be asked of an asset by name: `owner:ada`. A bare word asks for the key. */
export const ATTRIBUTES = ['key', 'group', 'tag', 'owner', 'kind', 'status', 'column'] as const
export type Attribute = (typeof ATTRIBUTES)[number]

/** A text with wildcards: its literal parts, between which anything may stand. */
export type Pattern = readonly string[]

/** A selection of assets. Idea and precedence: Dagster's asset selection syntax. */
export type Selection =
  | { readonly kind: 'attribute'; readonly name: Attribute; readonly value: Pattern | null; readonly equals?: Pattern }
  /** With so many levels up and down; Infinity for all. One of the two is above 0. */
  | { readonly kind: 'walk'; readonly of: Selection; readonly up: number; readonly down: number }
  /** Those that read nothing, or are read by nothing, within the selection. */
  | { readonly kind: 'roots' | 'sinks'; readonly of: Selection }
  | { readonly kind: 'not'; readonly of: Selection }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Selection[] }

/** The value that stands for none at all: `owner:<null>`. */
const NULL = '<null>'

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign' | 'end'
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Words may hold anything but blanks, brackets, quotes, and the signs of the language. */
const TOKEN = /[\s]+|([^\s,()"+:=]+)|"((?:[^"\\]|\\[\s\S])*)"|([,()+:=])/y
const DEEPEST = 200

/** @throws ASSAY-4008 with a caret below what is not understood */
export function parseSelection(text: string): Selection {
  const reader = new Reader(text)
  const selection = reader.or(0)
  reader.expectEnd()
  return selection
}

/** Recursive descent over the tokens; linear in their number. */
class Reader {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  /** `a or b`; a blank or a comma means the same. */
  or(depth: number): Selection {
    const parts = [this.#and(depth)]
    while (!this.#isEnd()) {
      if (!this.#takeWord('or')) this.#takeSign(',')
      parts.push(this.#and(depth))
    }
    return only(parts) ?? { kind: 'or', of: parts }
  }

  expectEnd(): void {
    if (this.#token().kind !== 'end') throw this.#fault('this bracket closes nothing', 'Take it out, or open one before.')
  }

  #and(depth: number): Selection {
    const parts = [this.#not(depth)]
    while (this.#takeWord('and')) parts.push(this.#not(depth))
    return only(parts) ?? { kind: 'and', of: parts }
  }

  #not(depth: number): Selection {
    if (depth > DEEPEST) throw this.#fault('this is nested too deep', `No more than ${DEEPEST} levels.`)
    return this.#takeWord('not') ? { kind: 'not', of: this.#not(depth + 1) } : this.#walk(depth)
  }

  /** `2+x+1`: the signs stand directly at what they widen. */
  #walk(depth: number): Selection {
    const up = this.#up()
    const of = this.#atom(depth)
    const down = this.#down()
    return up + down === 0 ? of : { kind: 'walk', of, up, down }
  }

  #up(): number {
    const [first, second] = [this.#token(), this.#token(1)]
    const counted = first.kind === 'word' && /^\d+$/.test(first.text) && isSign(second, '+') && second.start === first.end
    if (!counted && !isSign(first, '+')) return 0
    this.#at += counted ? 2 : 1
    const sign = counted ? second : first
    if (this.#token().start !== sign.end || this.#token().kind === 'end')
      throw this.#fault('+ stands alone', 'Write +x for all upstream of x, x+ for all downstream.', sign)
    return counted ? Number(first.text) : Number.POSITIVE_INFINITY
  }

  #down(): number {
    const before = this.#tokens[this.#at - 1]
    const sign = this.#token()
    if (!isSign(sign, '+') || sign.start !== before?.end) return 0
    this.#at++
    const amount = this.#token()
    if (amount.start !== sign.end || amount.kind === 'end' || isSign(amount, ')') || isSign(amount, ',')) return Number.POSITIVE_INFINITY
    if (amount.kind !== 'word' || !/^\d+$/.test(amount.text))
      throw this.#fault('behind + comes a number, or a blank', 'Write x+ for all downstream of x, x+2 for two levels.')
    this.#at++
    return Number(amount.text)
  }

  #atom(depth: number): Selection {
    const token = this.#token()
    if (this.#takeSign('(')) return this.#bracket(depth)
    if (token.kind === 'quoted') return this.#key()
    if (token.kind !== 'word') throw this.#missing()
    if (KEYWORDS.has(token.text.toLowerCase())) throw this.#missing()
    const next = this.#token(1)
    if (isSign(next, '(') && next.start === token.end) return this.#call(depth)
    return isSign(next, ':') ? this.#attribute() : this.#key()
  }

  #bracket(depth: number): Selection {
    const of = this.or(depth + 1)
    if (!this.#takeSign(')')) throw this.#fault('a bracket is not closed', 'Add a ) here.')
    return of
  }

  #call(depth: number): Selection {
    const token = this.#token()
    const name = token.text.toLowerCase()
    if (name !== 'roots' && name !== 'sinks')
      throw this.#fault(
        `there is no function ${token.text}()`,
        didYouMean(token.text, ['roots', 'sinks']) ?? 'There are roots(…) and sinks(…).',
      )
    this.#at += 2
    return { kind: name, of: this.#bracket(depth) }
  }

  #key(): Selection {
    return { kind: 'attribute', name: 'key', value: this.#pattern() }
  }

  #attribute(): Selection {
    const { text } = this.#token()
    const name = ATTRIBUTES.find((each) => each === text.toLowerCase())
    if (name === undefined)
      throw this.#fault(`assets have no ${text}`, didYouMean(text, ATTRIBUTES) ?? `They have ${ATTRIBUTES.join(', ')}.`)
    this.#at += 2
    const isNull = this.#token().kind === 'word' && this.#token().text === NULL
    const value = this.#pattern()
    if (name !== 'tag' || !this.#takeSign('=')) return { kind: 'attribute', name, value: isNull ? null : value }
    return { kind: 'attribute', name, value, equals: this.#pattern() }
  }

  #pattern(): Pattern {
    const { kind, text } = this.#token()
    if (kind !== 'word' && kind !== 'quoted') throw this.#missing('a value')
    this.#at++
    return kind === 'word' ? text.split('*') : unquoted(text)
  }

  #missing(what = 'an asset'): AssayError {
    const { kind, text } = this.#token()
    const next =
      KEYWORDS.has(text.toLowerCase()) && kind === 'word' ? `To name something that is called ${text}, put it in quotes.` : undefined
    const found = kind === 'end' ? 'it ends here' : `not '${text}'`
    return this.#fault(`here must stand ${what}, ${found}`, next ?? 'For example: +gold.* and not owner:ada')
  }

  #fault(what: string, next: string, at: Token = this.#token()): AssayError {
    return faultAt(this.#text, at.start, what, next)
  }

  #isEnd(): boolean {
    return this.#token().kind === 'end' || isSign(this.#token(), ')')
  }

  #token(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token
  }

  #takeSign(text: string): boolean {
    const there = isSign(this.#token(), text)
    if (there) this.#at++
    return there
  }

  #takeWord(word: string): boolean {
    const token = this.#token()
    const there = token.kind === 'word' && token.text.toLowerCase() === word
    if (there) this.#at++
    return there
  }
}

const KEYWORDS = new Set(['and', 'or', 'not'])

const only = <T>(parts: readonly T[]): T | undefined => (parts.length === 1 ? parts[0] : undefined)
const isSign = (token: Token, text: string): boolean => token.kind === 'sign' && token.text === text

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  const scanner = new RegExp(TOKEN)
  for (let at = 0; at < text.length; at = scanner.lastIndex) {
    scanner.lastIndex = at
    const match = scanner.exec(text)
    if (match === null) throw faultAt(text, at, 'this quote is not closed', 'Add a " at the end of the text.')
    const [, word, quoted, sign] = match
    const end = scanner.lastIndex
    if (word !== undefined) tokens.push({ kind: 'word', text: word, start: at, end })
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted, start: at, end })
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, start: at, end })
  }
  return [...tokens, { kind: 'end', text: '', start: text.length, end: text.length }]
}

/** How much of a long selection is shown before the caret. */
const SHOWN_BEFORE = 40
const SHOWN = 70

function faultAt(text: string, at: number, what: string, next: string): AssayError {
  const from = Math.max(0, at - SHOWN_BEFORE)
  const line = text.slice(from, from + SHOWN).replaceAll(/\s/g, ' ')
  return new AssayError('ASSAY-4008', what, { details: [`  ${line}`, `  ${' '.repeat(at - from)}^`], next })
}

/** A star stands for anything; \\* for itself. */
function unquoted(text: string): Pattern {
  const parts = ['']
  for (const [piece] of text.matchAll(/\\[\s\S]|[\s\S]/gu)) {
    if (piece === '*') parts.push('')
    else parts[parts.length - 1] += piece.length > 1 && piece.startsWith('\\') ? piece.slice(1) : piece
  }
  return parts
}

/** The selection as text, such that `parseSelection(printSelection(s))` equals `s`. */
export function printSelection(selection: Selection): string {
  switch (selection.kind) {
    case 'attribute':
      return printAttribute(selection)
    case 'walk':
      return `${steps(selection.up, '', '+')}${bracketed(selection.of, ['attribute', 'roots', 'sinks'])}${steps(selection.down, '+', '')}`
    case 'roots':
    case 'sinks':
      return `${selection.kind}(${printSelection(selection.of)})`
    case 'not':
      return `not ${bracketed(selection.of, ['attribute', 'roots', 'sinks', 'walk', 'not'])}`
    case 'and':
      return selection.of.map((part) => bracketed(part, ['attribute', 'roots', 'sinks', 'walk', 'not'])).join(' and ')
    case 'or':
      return selection.of.map((part) => bracketed(part, ['attribute', 'roots', 'sinks', 'walk', 'not', 'and'])).join(' or ')
  }
}

const steps = (n: number, before: string, after: string): string =>
  n === 0 ? '' : `${before}${n === Number.POSITIVE_INFINITY ? '' : n}${after}` || '+'

const bracketed = (selection: Selection, free: readonly Selection['kind'][]): string =>
  free.includes(selection.kind) ? printSelection(selection) : `(${printSelection(selection)})`

function printAttribute({ name, value, equals }: Selection & { kind: 'attribute' }): string {
  if (value === null) return `${name}:${NULL}`
  if (equals !== undefined) return `${name}:${printPattern(value)}=${printPattern(equals)}`
  const text = printPattern(value)
  return name === 'key' && !KEYWORDS.has(text.toLowerCase()) && !/^\d+$/.test(text) ? text : `${name}:${text}`
}

const PLAIN = /^[^\s,()"+:=*\\]*$/

function printPattern(parts: Pattern): string {
  const plain = parts.join('*')
  if (parts.every((part) => PLAIN.test(part)) && plain !== '' && plain !== NULL) return plain
  return `"${parts.map((part) => part.replaceAll(/["\\*]/g, '\\$&')).join('*')}"`
}
