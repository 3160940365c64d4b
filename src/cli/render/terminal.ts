/** What is written to: `process.stdout`, or a stand-in. */
export interface OutputStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** Width in characters, where there is one. */
  readonly columns?: number
}

export type Style = 'bold' | 'grey' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'

/** A stream with what it can show. */
export interface Terminal {
  write(text: string): void
  /** Writes a line. */
  line(text?: string): void
  /** The cursor can be moved, so a block can be redrawn; glyphs are shown beside words. */
  readonly live: boolean
  /** Width in characters; infinite where nobody looks (a pipe without COLUMNS). */
  columns(): number
  paint(style: Style, text: string): string
  /** A text that suggests commands, with these as they do the same from here: `assay plan` within an environment is `assay plan --env dev`. */
  suggest(text: string): string
}

/** Codes of the 16-colour palette, so that the user's theme holds. */
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  grey: [90, 39],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
}

/** Commands that know no environment. */
const EVERYWHERE_ALIKE = 'env|maintain|explain|init|partitions'
/** A command between backticks, or as the rest of a text. */
const SUGGESTED = new RegExp(`(\`?)\\bassay (?!(?:${EVERYWHERE_ALIKE})\\b)([^\`]+)(\`|$)`, 'g')

/**
 * @param env `NO_COLOR` (https://no-color.org), `TERM`, and `COLUMNS` for what is no terminal
 * @param environment as the command line names it
 */
export function terminalOn(stream: OutputStream, env: NodeJS.ProcessEnv, environment?: string): Terminal {
  const live = stream.isTTY === true && env['TERM'] !== 'dumb'
  const colour = live && (env['NO_COLOR'] ?? '') === ''
  const write = (text: string): void => {
    stream.write(text)
  }
  return {
    write,
    line: (text = '') => write(`${text}\n`),
    live,
    columns: () => stream.columns ?? (Number(env['COLUMNS']) || Number.POSITIVE_INFINITY),
    suggest: (text) =>
      environment === undefined
        ? text
        : text.replace(SUGGESTED, (all, open: string, command: string, close: string) =>
            open === close ? `${open}assay ${command} --env ${environment}${close}` : all,
          ),
    paint: (style, text) => (colour && text !== '' ? `\u001b[${CODES[style][0]}m${text}\u001b[${CODES[style][1]}m` : text),
  }
}
