import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { Publishing } from '../../src/tables/publish.ts'
import { resolveIntent } from '../../src/tables/publish.ts'
import { IDS, intentOf, type Stage, stageContent } from './faults/staging.ts'
import { openWorld } from './faults/world.ts'

const TABLES = ['one', 'two']

/** The step of a kind that a process dies at. A table that grows has more of some kinds, so that places among all would shift. */
interface Kill {
  readonly kind: string
  /** From 0. */
  readonly at: number
  readonly moment: 'before' | 'after'
}

/**
 * Publishes two tables together in a process that is killed at a step, for steps that `chosen` picks from the kinds of all;
 * then finds out, as the next process does, what became of it. Both tables have moved, or none.
 * @param change of the two tables, which then hold the rows of day 0; absent: the day is overwritten
 */
export async function surviveKills(
  chosen: (kinds: readonly string[]) => readonly Kill[],
  change?: { readonly stage: (tag: number) => Stage; readonly rows: (tag: number) => readonly string[] },
): Promise<void> {
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const world = await openWorld(session)
  const lake = { store: world.store, catalog: world.catalog, now: () => 1 }
  let tag = 0
  const staged = (): Promise<Publishing> => {
    const how = tag === 0 || change === undefined ? {} : { stage: change.stage(tag + 1) }
    return stageContent(world, world, { tables: TABLES, days: [0], tag: ++tag, ...how })
  }
  const overwritten = (published: number): readonly string[] => IDS.map((id) => `0 ${id} ${published}`)
  const rowsOf = (published: number) => Object.fromEntries(TABLES.map((table) => [table, (change?.rows ?? overwritten)(published)]))
  try {
    await undisturbed(world.root, await staged())
    const steps = await undisturbed(world.root, await staged())
    let published = tag
    for (const kill of chosen(steps.map((step) => step.split(' ')[0] ?? ''))) {
      const publishing = await staged()
      expect((await publishIn(world.root, publishing, kill)).signal).toBe('SIGKILL')
      const outcome = await resolveIntent(lake, intentOf(publishing))
      const label = `${kill.moment} ${kill.kind} ${kill.at}`
      expect(outcome, label).toBe(kill.moment === 'after' && kill.kind === 'commit' ? 'committed' : 'rejected')
      if (outcome === 'committed') published = tag
      const { orphans, missing, rows } = await world.look()
      expect({ orphans, missing, rows }, label).toEqual({ orphans: [], missing: [], rows: rowsOf(published) })
    }
    await undisturbed(world.root, await staged())
    expect((await world.look()).rows).toEqual(rowsOf(tag))
  } finally {
    session.close()
    engine.close()
    await world.close()
  }
}

/** The names of the steps of a publish. */
async function undisturbed(root: string, publishing: Publishing): Promise<readonly string[]> {
  const { signal, printed } = await publishIn(root, publishing, { kind: 'none', at: 0, moment: 'before' })
  expect(signal).toBeNull()
  return JSON.parse(printed) as readonly string[]
}

async function publishIn(
  root: string,
  publishing: Publishing,
  kill: Kill,
): Promise<{ readonly signal: string | null; readonly printed: string }> {
  const script = new URL('killed-committer.ts', import.meta.url).pathname
  const task = { root, publishing: { ...publishing, readFrom: [...publishing.readFrom] }, ...kill }
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [, signal]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null, string | null]>])
  return { signal, printed }
}
