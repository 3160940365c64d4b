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
import { FOREIGN_DAY, openWorld, type Rows, type World } from './world.ts'

/** Faults that one set of tables lives through, before it has too many snapshots to be checked quickly. */
const FAULTS_A_WORLD = 4

/** Does random operations, one random step of each going wrong, and checks after each what must hold. */
export async function surviveFaults(count: number, seed: number): Promise<void> {
  const random = mulberry(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const known = new Map<string, readonly string[]>()
  try {
    for (let done = 0; done < count; done += FAULTS_A_WORLD) {
      await inWorld(session, async (trial) => {
        for (let i = done; i < Math.min(done + FAULTS_A_WORLD, count); i++) {
          const operation = pick(OPERATIONS)
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
  const calm = (): Faults => faultsOf()
  const doneWell = async (operation: Operation): Promise<readonly string[]> => {
    const faults = calm()
    expect((await operation.run(world, lakeOf(world, faults), ++tag)).error).toBeUndefined()
    rows = operation.after(rows, tag)
    return faults.steps
  }
  try {
    const [setUp] = OPERATIONS.filter((operation) => operation.name === 'overwrites two tables')
    if (setUp !== undefined) await doneWell(setUp)
    await go(async ({ operation, plan, label, resolveAt }) => {
      const meanwhile = async (): Promise<void> => {
        const [table = ''] = operation.tables
        await world.append(table, ++tag)
        rows = { ...rows, [table]: [...(rows[table] ?? []), `${FOREIGN_DAY} ${tag}`].sort() }
      }
      const mine = ++tag
      const faults = faultsOf({ ...plan, meanwhile })
      const attempt = await operation.run(world, lakeOf(world, faults), mine)
      const context = `${label} (${faults.steps[plan.at] ?? 'not reached'})`
      checkError(attempt.error, context)
      const isDone = await happened(world, attempt, { resolveAt, context })
      if (isDone) rows = operation.after(rows, mine)
      const { orphans, strays, ...seen } = await world.look()
      expect(seen, context).toEqual({ rows, missing: [] })
      // A file that could not be removed stays behind, and does no harm.
      const isStuck = faults.steps.slice(plan.at, plan.at + plan.span).some((step) => step.startsWith('remove'))
      if (!isStuck) expect(orphans.filter(isNew), context).toEqual([])
      // The metadata of a commit that nothing was heard of has to stay until it is known what became of it.
      if (!isStuck && !isDone && attempt.intent === undefined) expect(strays.filter(isNew), context).toEqual([])
      for (const path of [...orphans, ...strays]) known.add(path)
      if (isDone) return faults.steps
      const steps = await doneWell(operation)
      expect((await world.look()).rows, `${context}, tried again`).toEqual(rows)
      return steps
    })
    expect(await world.rows()).toEqual(rows)
  } finally {
    await world.close()
  }
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

/** Whether the operation was done, as the next process finds out where this one could not tell. */
async function happened(
  world: World,
  { error, intent }: Attempt,
  how: { readonly resolveAt: number; readonly context: string },
): Promise<boolean> {
  if (error === undefined) return true
  if (intent === undefined) return false
  const broken = faultsOf({ at: how.resolveAt, span: 1, fault: 'before', meanwhile: async () => {} })
  await resolveIntent(lakeOf(world, broken), intent).catch((caught: unknown) => checkError(caught, `${how.context}, resolving`))
  const outcome = await resolveIntent(lakeOf(world, faultsOf()), intent)
  expect(outcome, how.context).not.toBe('unknown')
  return outcome === 'committed'
}
