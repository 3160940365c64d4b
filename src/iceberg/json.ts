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

/** The inverse of {@link parseLossless}. Without a bigint the plain writer is many times faster; it throws at the first one. */
export function stringifyLossless(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? JSON.rawJSON(String(inner)) : inner))
  }
}

/** The same for cells of tables, which hold maps and bytes too: those become objects and hexadecimal text. */
export const stringifyCells = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return JSON.rawJSON(String(inner))
    if (inner instanceof Map) return Object.fromEntries(inner)
    return inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner
  })
