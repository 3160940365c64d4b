import { AssayError } from '../../../src/errors.ts'
import { discardStaged } from '../../../src/iceberg/stage.ts'
import type { PublishIntent } from '../../../src/storage/events.ts'
import { type Lake, publish } from '../../../src/tables/publish.ts'
import { intentOf, type Rows, type World } from './world.ts'

/** Something done to tables, of which one step is to go wrong. */
export interface Operation {
  readonly name: string
  /** Tables that are written, and that another writer may append to meanwhile. */
  readonly tables: readonly string[]
  /** @param tag is to be in each row that is written */
  readonly run: (world: World, lake: Lake, tag: number) => Promise<Attempt>
  /** What the tables hold when it was done. */
  readonly after: (before: Rows, tag: number) => Rows
}

/** What a process that did it would know: the error that ended it, and the intent that it leaves open. */
export interface Attempt {
  readonly error?: unknown
  readonly intent?: PublishIntent
}

/** Each is tried with a fault at each of its steps. Tables `old…` are there before; each has the days 0 and 1. */
export const OPERATIONS: readonly Operation[] = [
  materialize('creates a table', { tables: ['new'], days: [0, 1] }),
  materialize('creates two tables', { tables: ['newer', 'newest'], days: [3] }),
  materialize('appends a day', { tables: ['old'], days: [2] }),
  materialize('overwrites a day', { tables: ['old'], days: [1] }),
  materialize('overwrites two tables', { tables: ['old', 'older'], days: [0, 1] }),
  materialize('overwrites one table and creates another', { tables: ['older', 'mixed'], days: [0] }),
]

/** Overwrites days of tables, all in one commit, as a step does it: staged, published, and cleaned up when that surely failed. */
function materialize(name: string, what: { readonly tables: readonly string[]; readonly days: readonly number[] }): Operation {
  const { tables, days } = what
  return {
    name,
    tables,
    run: async (world, lake, tag) => {
      let intent: PublishIntent | undefined
      try {
        const publishing = await world.stage(lake.store, { tables, days, tag })
        intent = intentOf(publishing)
        await publish(lake, publishing).catch(async (error: unknown) => {
          if (error instanceof AssayError && error.code === 'ASSAY-2010') throw error
          intent = undefined
          await Promise.all(publishing.tables.map(({ staged }) => discardStaged(lake.store, staged)))
          throw error
        })
        return {}
      } catch (error) {
        return intent === undefined ? { error } : { error, intent }
      }
    },
    after: (before, tag) => {
      const written = days.map((day) => `${day} ${tag}`)
      const kept = (table: string): readonly string[] => (before[table] ?? []).filter((row) => !days.includes(Number(row.split(' ')[0])))
      return { ...before, ...Object.fromEntries(tables.map((table) => [table, [...kept(table), ...written].sort()])) }
    },
  }
}
