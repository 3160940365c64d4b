import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Clock, fixedClock, newId, newSnapshotId, steppedClock, systemClock } from '../src/clock.ts'

const at = (now: number, random: Clock['random'] = systemClock.random): Clock => ({ ...systemClock, now: () => now, random })
const bytes =
  (...values: readonly number[]): Clock['random'] =>
  () =>
    Uint8Array.from(values)

/** Times from 1970 to the year 3084, which is as far as nine letters reach. */
const time = fc.integer({ min: 0, max: 32 ** 9 - 1 })

describe('ids', () => {
  test('are sixteen letters that leave out what is easily misread', () => {
    fc.assert(fc.property(time, (now) => void expect(newId(at(now))).toMatch(/^[0-9abcdefghjkmnpqrstvwxyz]{16}$/)))
  })

  test('sort as their times do', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        fc.pre(a < b)
        expect(newId(at(a)) < newId(at(b))).toBe(true)
      }),
    )
  })

  test('of one moment differ by chance', () => {
    const ids = Array.from({ length: 2_000 }, () => newId(at(1_000)))
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('snapshot ids', () => {
  test('are positive, and exact in every JSON reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (chance) => {
        const id = newSnapshotId(at(0, () => chance))
        expect(Number.isSafeInteger(id)).toBe(true)
        expect(id).toBeGreaterThan(0)
      }),
    )
  })

  test('use all 53 bits, and are never zero', () => {
    expect(newSnapshotId(at(0, bytes(255, 255, 255, 255, 255, 255, 255, 255)))).toBe(Number.MAX_SAFE_INTEGER)
    expect(newSnapshotId(at(0, bytes(0, 0, 0, 0, 0, 0, 0, 0)))).toBe(1)
    expect(newSnapshotId(at(0, bytes(0, 0, 0, 1, 0, 0, 0, 0)))).toBe(2 ** 32)
  })
})

describe('the system clock', () => {
  test('a sleep ends at once when its signal aborts, before or meanwhile', async () => {
    const began = systemClock.monotonic()
    await systemClock.sleep(60_000, AbortSignal.abort())
    const controller = new AbortController()
    const slept = systemClock.sleep(60_000, controller.signal)
    controller.abort()
    await slept
    expect(systemClock.monotonic() - began).toBeLessThan(10_000)
  })

  test('a sleep lasts', async () => {
    const began = systemClock.monotonic()
    await systemClock.sleep(20)
    expect(systemClock.monotonic() - began).toBeGreaterThan(15)
  })

  test('every ticks until it is stopped', async () => {
    let ticks = 0
    await new Promise<void>((resolve) => {
      const stop = systemClock.every(1, () => {
        ticks++
        if (ticks < 3) return
        stop()
        resolve()
      })
    })
    expect(ticks).toBe(3)
  })
})

describe('clocks of tests', () => {
  const START = Date.UTC(2026, 0, 31, 12)

  test('stand still, also while something sleeps', async () => {
    const clock = fixedClock('2026-01-31T12:00:00Z')
    await clock.sleep(1_000)
    expect([clock.now(), clock.now(), clock.monotonic()]).toEqual([START, START, 0])
    clock.every(1, () => expect.unreachable())()
  })

  test('or move by a step each look, and by each sleep', async () => {
    const clock = steppedClock(START, 10)
    expect([clock.now(), clock.now()]).toEqual([START, START + 10])
    await clock.sleep(1_000)
    expect(clock.monotonic()).toBe(1_020)
  })

  test('draw the same chance each time, and never the same twice', () => {
    const draw = (): readonly string[] => {
      const clock = fixedClock(0)
      return Array.from({ length: 100 }, () => Buffer.from(clock.random(7)).toString('hex'))
    }
    expect(draw()).toEqual(draw())
    expect(new Set(draw()).size).toBe(100)
    expect(draw()[0]).toHaveLength(14)
  })

  test('refuse what is no time', () => {
    expect(() => fixedClock('tomorrow')).toThrow("'tomorrow' is not a time")
  })
})
