import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { CATALOGUE } from '../../../src/error-catalogue.ts'
import { AssayError } from '../../../src/errors.ts'
import { openDuckdb } from '../../../src/resources/duckdb.ts'
import type { SqlSession } from '../../../src/sql/engine.ts'
import { type Lake, resolveIntent } from '../../../src/tables/publish.ts'
import { FAULTS, type FaultPlan, type Faults, faultsOf } from '../../support/faults.ts'
import { faultyCatalog } from '../../support/faulty-catalog.ts'
import { faultyStore } from '../../support/faulty-store.ts'
import { mulberry } from '../../support/mulberry.ts'
import { type Attempt, type Operation, OPERATIONS } from './operations.ts'
import { DAYS, HISTORY, rowsSql } from './staging.ts'
import { openWorld, type Rows, type Sight, type World } from './world.ts'

/** The day that only another writer writes to. */
const FOREIGN_DAY = 9

/** Faults that one set of tables lives through, before it has too many snapshots to be checked quickly. */
const FAULTS_A_WORLD = 6

/** Does random operations, one random step of each going wrong, and checks after each what must hold. */
export async function surviveFaults(count: number, seed: number): Promise<void> {
  const random = mulberry(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const known = new Map<string, readonly string[]>()
  /** Each comes once before one comes again. */
  const bag: Operation[] = []
  try {
    for (let done = 0; done < count; done += FAULTS_A_WORLD) {
      await inWorld(session, async (trial) => {
        for (let i = done; i < Math.min(done + FAULTS_A_WORLD, count); i++) {
          if (bag.length === 0) bag.push(...OPERATIONS)
          const [operation] = bag.splice(Math.floor(random() * bag.length), 1) as [Operation]
          const plan = { at: pick(alike(known.get(operation.name) ?? ['?'], pick)), fault: pick(FAULTS), span: pick([1, 1, 2, 3]) }
          const label = `fault ${i} of seed ${seed}: ${operation.name}, step ${plan.at} ${plan.fault}, ${plan.span} in a row`
          known.set(operation.name, await trial({ operation, plan, label, resolveAt: Math.floor(random() * 6) }))
        }
      })
    }
  } finally {
    session.close()
    engine.close()
  }
}

/** The places of the steps of one kind (read, write, commit …): each kind is as likely as another, however many there are. */
function alike(steps: readonly string[], pick: <T>(items: readonly T[]) => T): readonly number[] {
  const kindOf = (step: string): string => step.split(' ')[0] ?? ''
  const kind = pick([...new Set(steps.map(kindOf))])
  return [...steps.keys()].filter((at) => kindOf(steps[at] ?? '') === kind)
}

interface Trial {
  readonly operation: Operation
  readonly plan: Omit<FaultPlan, 'meanwhile'>
  /** The step of resolving an open intent that goes wrong too. */
  readonly resolveAt: number
  readonly label: string
}

/** @param go gets a function that makes a trial, and gives the steps that the operation has when nothing goes wrong */
async function inWorld(session: SqlSession, go: (trial: (trial: Trial) => Promise<readonly string[]>) => Promise<void>): Promise<void> {
  const world = await openWorld(session)
  let rows: Rows = {}
  let tag = 0
  /** What earlier trials left. */
  const known = new Set<string>()
  const isNew = (path: string): boolean => !known.has(path)
  const remember = ({ orphans, strays }: Sight): void => {
    for (const path of [...orphans, ...strays]) known.add(path)
  }
  const begin = async ({ ready }: Operation): Promise<number> => {
    tag++
    if (ready === undefined) return tag
    await ready.run(world, lakeOf(world, faultsOf()), tag)
    rows = ready.after(rows, tag)
    remember(await world.look())
    return tag
  }
  const doneWell = async (operation: Operation): Promise<readonly string[]> => {
    const mine = await begin(operation)
    const faults = faultsOf()
    expect((await operation.run(world, lakeOf(world, faults), mine)).error, operation.name).toBeUndefined()
    rows = operation.after(rows, mine)
    return faults.steps
  }
  try {
    const [setUp] = OPERATIONS.filter((operation) => operation.name === 'overwrites two tables')
    if (setUp !== undefined) await doneWell(setUp)
    await go(async ({ operation, plan, label, resolveAt }) => {
      const meanwhile = async (): Promise<void> => {
        const foreign = await appendForeign(world, operation.table, ++tag)
        rows = { ...rows, [operation.table]: [...(rows[operation.table] ?? []), foreign].sort() }
      }
      const mine = await begin(operation)
      const faults = faultsOf({ ...plan, meanwhile })
      const attempt = await operation.run(world, lakeOf(world, faults), mine)
      const context = `${label} (${faults.steps[plan.at] ?? 'not reached'}, ${String(attempt.error)})`
      checkError(attempt.error, context)
      const resolved = await happened(world, operation, attempt, { resolveAt, context })
      const sight = await world.look()
      const after = operation.after(rows, mine)
      // Of a change whose process can leave no intent, the tables tell what became of it; all of it or nothing.
      const isDone = resolved ?? (isDeepStrictEqual(sight.rows, after) && !isDeepStrictEqual(sight.rows, rows))
      if (isDone) rows = after
      expect({ rows: sight.rows, missing: sight.missing }, context).toEqual({ rows, missing: [] })
      const wrong = faults.steps.slice(plan.at, plan.at + plan.span)
      // A file that could not be removed stays behind, and does no harm; so does what may be part of a commit.
      const isStuck = wrong.some((step) => step.startsWith('remove')) || (wrong.includes('commit') && isUnknown(attempt.error))
      if (!isStuck && !(isDone && operation.leavesFiles)) expect(sight.orphans.filter(isNew), context).toEqual([])
      // The metadata of a commit that nothing was heard of has to stay until it is known what became of it.
      if (!isStuck && !isDone && attempt.intent === undefined) expect(sight.strays.filter(isNew), context).toEqual([])
      remember(sight)
      if (isDone) return faults.steps
      const steps = await doneWell(operation)
      const again = await world.look()
      expect(again.rows, `${context}, tried again`).toEqual(rows)
      remember(again)
      return steps
    })
  } finally {
    await world.close()
  }
}

/** @returns the row */
async function appendForeign(world: World, table: string, tag: number): Promise<string> {
  if (table !== 'history') {
    await world.append(table, { query: rowsSql([[FOREIGN_DAY, tag]], tag), columns: DAYS })
    return `${FOREIGN_DAY} ${tag} ${tag}`
  }
  const query = `SELECT ${1000 + tag}::INT AS id, ${tag}::INT AS tag, to_timestamp(${tag}) AS valid_from, NULL::TIMESTAMPTZ AS valid_to, true AS is_current`
  await world.append(table, { query, columns: HISTORY })
  return `${1000 + tag} ${tag} ${tag} true`
}

/** A clock that stands still: times in the tables have to advance all the same. */
const lakeOf = ({ store, catalog }: World, faults: Faults): Lake => ({
  store: faultyStore(store, faults),
  catalog: faultyCatalog(catalog, faults),
  now: () => 1,
})

function checkError(error: unknown, context: string): void {
  if (error === undefined) return
  expect(error, context).toBeInstanceOf(AssayError)
  if (error instanceof AssayError) expect(CATALOGUE, context).toHaveProperty(error.code)
}

const isUnknown = (error: unknown): boolean => error instanceof AssayError && error.code === 'ASSAY-2010'

/** Whether the operation was done, as the next process finds out where this one could not tell; undefined where none can. */
async function happened(
  world: World,
  { view }: Operation,
  { error, intent }: Attempt,
  how: { readonly resolveAt: number; readonly context: string },
): Promise<boolean | undefined> {
  if (error === undefined) return true
  if (intent === undefined) return undefined
  const broken = faultsOf({ at: how.resolveAt, span: 1, fault: 'before', meanwhile: async () => {} })
  await resolveIntent(view(lakeOf(world, broken)), intent).catch((caught: unknown) => checkError(caught, `${how.context}, resolving`))
  const outcome = await resolveIntent(view(lakeOf(world, faultsOf())), intent)
  expect(outcome, how.context).not.toBe('unknown')
  return outcome === 'committed'
}
