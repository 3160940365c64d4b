import { inspect } from 'node:util'

const MASK = '[secret]'
/** Shorter ones are not looked for in texts: they would blank out words that only happen to be equal. */
const SHORTEST_MASKED = 4
const known = new Set<string>()

/**
 * A value that never prints: as text, in JSON, under `util.inspect` and in error messages it is `[secret]`. The value is
 * in a private field, so that no copy or spread holds it.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
    if (value.length >= SHORTEST_MASKED) known.add(value)
  }

  /** The value itself, for the client that needs it. Do not keep it. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}

/** Wraps a value; in the settings of a resource: `token: z.string().transform(secret)`. */
export const secret = (value: string): Secret => new Secret(value)

/**
 * A text without the value of any secret of this process: for what a client prints or throws after it was handed one.
 * Longer values first, so that a secret within another does not leave the rest of it.
 */
export function masked(text: string): string {
  let safe = text
  for (const value of [...known].sort((a, b) => b.length - a.length)) safe = safe.replaceAll(value, MASK)
  return safe
}
