/**
 * An exact instant in microseconds since 1970-01-01T00:00Z: what an Iceberg `timestamptz` holds.
 * A JavaScript Date keeps milliseconds only, so a round trip through it would lose data.
 */
export class Instant {
  readonly micros: bigint

  constructor(micros: bigint) {
    this.micros = micros
    Object.freeze(this)
  }

  /** From an ISO 8601 text with an offset or `Z`, up to six decimals. @throws RangeError on anything else. */
  static parse(text: string): Instant {
    const match = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)$/.exec(text)
    const millis = match ? Date.parse(`${match[1]?.replace(' ', 'T')}${offset(match[3] ?? 'Z')}`) : Number.NaN
    if (!match || Number.isNaN(millis) || !isDay(text.slice(0, 10)))
      throw new RangeError(`'${text}' is not an instant such as 2026-01-31T12:00:00Z`)
    return new Instant(BigInt(millis) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0')))
  }

  static fromMillis(millis: number): Instant {
    return new Instant(BigInt(millis) * 1000n)
  }

  /** Milliseconds since the epoch, rounded down. */
  toMillis(): number {
    const floor = this.micros / 1000n - (this.micros % 1000n < 0n ? 1n : 0n)
    return Number(floor)
  }

  /** ISO 8601 in UTC with six decimals. */
  toString(): string {
    const rest = this.micros - BigInt(this.toMillis()) * 1000n
    return new Date(this.toMillis()).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** Date.parse takes 30 February for 2 March. */
const isDay = (day: string): boolean => new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)

const offset = (text: string): string => (/^[+-]\d\d$/.test(text) ? `${text}:00` : text)
