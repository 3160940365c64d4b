declare global {
  interface JSON {
    /** A number as it is to be spelt; see the TC39 proposal "JSON.parse source text access", in Node since 22. */
    rawJSON(text: string): object
    parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  }
}

/** A text that may hold an integer beyond 2^53; without one the plain parser is many times faster. */
const MAY_HOLD_BIG = /9\d{15}|\d{17}/

/** JSON with integers beyond 2^53 as bigints: Java's snapshot ids are such. */
export function parseLossless(text: string): unknown {
  if (!MAY_HOLD_BIG.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value,
  )
}

/** The inverse of {@link parseLossless}. Cells have maps and bytes too: those become objects and hexadecimal text. */
export const stringifyLossless = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return JSON.rawJSON(String(inner))
    if (inner instanceof Map) return Object.fromEntries(inner)
    return inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner
  })
