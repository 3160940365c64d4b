import { createHash, randomBytes } from 'node:crypto'

/** Time and chance, injected. The only place that knows the real ones. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. */
  now(): number
  /** Milliseconds from an arbitrary origin; never steps back. For durations. */
  monotonic(): number
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `tick` every `ms` milliseconds until the returned function is called. Does not keep the process alive. */
  every(ms: number, tick: () => void): () => void
  /** `n` random bytes. */
  random(n: number): Uint8Array
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    }),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
  random: (n) => randomBytes(n),
}

/**
 * A clock for tests that stands still. Sleeps end at once, nothing ticks, and its chance is the same each time.
 * @param at ISO 8601 text with offset or `Z`, or milliseconds since 1970
 * @throws RangeError for a text that is no time
 */
export const fixedClock = (at: string | number): Clock => steppedClock(at, 0)

/**
 * A clock for tests: each look at the time is `step` milliseconds after the one before, and a sleep takes as long as it
 * says without anyone waiting. Otherwise as {@link fixedClock}.
 */
export function steppedClock(start: string | number, step: number): Clock {
  let time = typeof start === 'number' ? start : Date.parse(start)
  if (!Number.isFinite(time)) throw new RangeError(`'${start}' is not a time such as 2026-01-31T12:00:00Z`)
  const origin = time
  let drawn = 0
  const look = (): number => {
    const now = time
    time += step
    return now
  }
  return {
    now: look,
    monotonic: () => look() - origin,
    sleep: async (ms) => {
      if (step !== 0) time += ms
    },
    every: () => () => {},
    random: (n) => createHash('shake256', { outputLength: n }).update(String(drawn++)).digest(),
  }
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** A short id that sorts by time: 9 characters of milliseconds, 7 of chance (Crockford base 32, lower case). */
export function newId(clock: Clock): string {
  let time = clock.now()
  let head = ''
  for (let i = 0; i < 9; i++) {
    head = ALPHABET[time % 32] + head
    time = Math.floor(time / 32)
  }
  let tail = ''
  for (const byte of clock.random(7)) tail += ALPHABET[byte % 32]
  return head + tail
}

/** A positive snapshot id below 2^53, so that every JSON reader keeps it exact. */
export function newSnapshotId(clock: Clock): number {
  const view = new DataView(clock.random(8).slice().buffer)
  return (view.getUint32(0) % 0x200000) * 0x1_0000_0000 + view.getUint32(4) || 1
}
