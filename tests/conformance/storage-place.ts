import { type Clock, systemClock } from '../../src/clock.ts'
import type { Storage, StorageReader } from '../../src/storage/storage.ts'

/** One store of its own, empty when it is made. */
export interface StorePlace {
  /** Opens it for writing; again, after what was opened is closed. */
  open(clock: Clock): Promise<Storage>
  reader(): StorageReader
  /** Takes it away, after what was opened is closed. */
  dispose(): Promise<void>
}

/** A clock that stands still until it is set. */
export interface SetClock extends Clock {
  time: number
}
export const setClock = (): SetClock => {
  const clock: SetClock = { ...systemClock, time: 1_000, now: () => clock.time }
  return clock
}
