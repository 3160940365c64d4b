import { utimesSync, writeFileSync } from 'node:fs'
import { systemClock } from '../../../src/clock.ts'
import { AssayError } from '../../../src/errors.ts'
import { environmentCatalog } from '../../../src/iceberg/catalogs/environment-catalog.ts'
import { changeHistoryFiles } from '../../../src/iceberg/change-history.ts'
import { cherryPick } from '../../../src/iceberg/cherry-pick.ts'
import { commitMetadata } from '../../../src/iceberg/commit-metadata.ts'
import { deleteWhere } from '../../../src/iceberg/delete-where.ts'
import { expireSnapshots } from '../../../src/iceberg/expire.ts'
import type { Filter } from '../../../src/iceberg/filter.ts'
import { mergeFiles } from '../../../src/iceberg/merge.ts'
import { createRef, dropRef, fastForward, MAIN } from '../../../src/iceberg/refs.ts'
import type { StagedRewrite, WriteMode } from '../../../src/iceberg/rewrite.ts'
import { dropTables, promoteTables } from '../../../src/runs/promote.ts'
import { moveMain, planRollback } from '../../../src/runs/rollback.ts'
import type { PublishIntent } from '../../../src/storage/events.ts'
import { maintainTable } from '../../../src/tables/maintain.ts'
import { discard, type Lake, publish } from '../../../src/tables/publish.ts'
import { column } from '../lab.ts'
import { asQuery, type Content, DAYS, HISTORY, IDS, intentOf, rowsSql, specOf, type Stage, stageContent } from './staging.ts'
import type { Rows, World } from './world.ts'

/** What is done to tables, and what they hold when it was done. */
interface Deed<T> {
  /** @param tag is to be in each row that is written */
  readonly run: (world: World, lake: Lake, tag: number) => Promise<T>
  readonly after: (before: Rows, tag: number) => Rows
}

/** Something done to tables, of which one step is to go wrong. */
export interface Operation extends Deed<Attempt> {
  readonly name: string
  /** The table that another writer may append to meanwhile. */
  readonly table: string
  /** Done before, without a fault. */
  readonly ready?: Deed<void>
  /** The lake as the operation sees it. */
  readonly view: (lake: Lake) => Lake
  /** Data files that nothing names any more stay for the next maintenance. */
  readonly leavesFiles: boolean
}

/** What a process that did it would know: the error that ended it, and the intent that it leaves open. */
export interface Attempt {
  readonly error?: unknown
  readonly intent?: PublishIntent
}

const DAY = 86_400_000
const ENVIRONMENT = 'dev'
const MODES: readonly WriteMode[] = ['copy-on-write', 'merge-on-read']

const sorted = (rows: Rows, table: string, kept: (day: string, id: string) => boolean, added: readonly string[]): Rows => {
  const rest = (rows[table] ?? []).filter((row) => kept(row.split(' ')[0] ?? '', row.split(' ')[1] ?? ''))
  return { ...rows, [table]: [...rest, ...added].sort() }
}

const without = (rows: Rows, ...names: readonly string[]): Rows =>
  Object.fromEntries(Object.entries(rows).filter(([name]) => !names.includes(name)))
const same = (rows: Rows): Rows => rows

/** What the filter `day` or `id` of a number means. */
const equals = (name: 'day' | 'id', value: number): Filter => ({ op: '=', column: name, value })

/** A step that writes: staged, published, and cleaned up when that surely failed. */
function step(
  name: string,
  content: Omit<Content, 'tag' | 'stage'> & {
    readonly stage?: (tag: number) => Stage
    readonly columnsBy?: (tag: number) => Content['columns']
  },
  more: Partial<Pick<Operation, 'after' | 'ready' | 'view'>> = {},
): Operation {
  const { tables, days, stage, columnsBy, ...rest } = content
  const view = more.view ?? ((lake: Lake) => lake)
  return {
    name,
    table: tables[0] ?? '',
    view,
    leavesFiles: false,
    ...(more.ready === undefined ? {} : { ready: more.ready }),
    run: async (world, faulty, tag) => {
      const lake = view(faulty)
      let intent: PublishIntent | undefined
      try {
        const columns = columnsBy?.(tag)
        const how = { ...(stage === undefined ? {} : { stage: stage(tag) }), ...(columns === undefined ? {} : { columns }) }
        const known = view({ ...faulty, catalog: world.catalog })
        const publishing = await stageContent(world, { store: lake.store, catalog: known.catalog }, { ...rest, ...how, tables, days, tag })
        intent = intentOf(publishing)
        await publish(lake, publishing).catch(async (error: unknown) => {
          if (error instanceof AssayError && error.code === 'ASSAY-2010') throw error
          intent = undefined
          await discard(lake.store, publishing.tables)
          throw error
        })
        return {}
      } catch (error) {
        return intent === undefined ? { error } : { error, intent }
      }
    },
    after:
      more.after ??
      ((before, tag) =>
        tables.reduce(
          (rows, table) =>
            sorted(
              rows,
              table,
              (day) => !days.includes(Number(day)),
              days.flatMap((day) => IDS.map((id) => `${day} ${id} ${tag}`)),
            ),
          before,
        )),
  }
}

/** A change that is one call. */
function call(name: string, deed: Deed<unknown>, more: Partial<Pick<Operation, 'table' | 'ready' | 'leavesFiles'>> = {}): Operation {
  const run: Operation['run'] = async (world, lake, tag) => {
    try {
      await deed.run(world, lake, tag)
      return {}
    } catch (error) {
      return { error }
    }
  }
  return { table: 'old', leavesFiles: false, ...more, view: (lake) => lake, name, run, after: deed.after }
}

const OLD = { namespace: 'shop', name: 'old' }
const lakeOf = ({ catalog, store }: World): Lake => ({ catalog, store, now: () => 1 })

/** An operation as what is done before another one. */
const calmly = (...operations: readonly Operation[]): Deed<void> => ({
  run: async (world, _, tag) => {
    for (const operation of operations) {
      const { error } = await operation.run(world, lakeOf(world), tag)
      if (error !== undefined) throw error
    }
  },
  after: (before, tag) => operations.reduce((rows, operation) => operation.after(rows, tag), before),
})

const rewritten = async (rewrite: Promise<StagedRewrite>): ReturnType<Stage> => {
  const { staged, rewrite: overwrite } = await rewrite
  return { staged, overwrite }
}

/** Writes the rows 0 0 and 0 5, and takes out 1 1. */
export const merging =
  (mode: WriteMode) =>
  (tag: number): Stage =>
  ({ base, request, ...tools }) => {
    const [written, gone] = [
      rowsSql(
        [
          [0, 0],
          [0, 5],
        ],
        tag,
      ),
      rowsSql([[1, 1]], tag),
    ]
    const source = `SELECT *, false AS gone FROM (${written}) UNION ALL SELECT *, true FROM (${gone})`
    return rewritten(mergeFiles(tools, { ...request, base: base?.metadata, source, keys: ['day', 'id'], deleteFlag: 'gone', mode }))
  }

const merged: Operation['after'] = (before, tag) =>
  sorted(before, 'old', (day, id) => !['0 0', '0 5', '1 1'].includes(`${day} ${id}`), [`0 0 ${tag}`, `0 5 ${tag}`])

const deleting =
  (mode: WriteMode, where: Filter, replacement?: (tag: number) => string) =>
  (tag: number): Stage =>
  ({ base, request, ...tools }) => {
    if (base === undefined) throw new Error('no table yet')
    const comes = replacement === undefined ? {} : { replacement: replacement(tag) }
    return rewritten(deleteWhere(tools, { ...request, base: base.metadata, where, mode, ...comes }))
  }

/** A change at the second `tag`, of one thing that is always there and of one that is new. */
const taking =
  (mode: WriteMode) =>
  (tag: number): Stage =>
  ({ base, request, ...tools }) => {
    const source = `SELECT id, ${tag}::INT AS tag, to_timestamp(${tag}) AS valid_from, false AS gone FROM (VALUES (0), (${100 + tag})) v(id)`
    return rewritten(changeHistoryFiles(tools, { ...request, base: base?.metadata, source, keys: ['id'], deleteFlag: 'gone', mode }))
  }

const taken: Operation['after'] = (before, tag) => {
  const closed = (before['history'] ?? []).map((row) =>
    row.startsWith('0 ') && row.endsWith(' true') ? row.replace(/true$/, `${tag} false`) : row,
  )
  return { ...before, history: [...closed, ...[0, 100 + tag].map((id) => `${id} ${tag} ${tag} true`)].sort() }
}

/** The name of a branch or tag that an attempt makes. */
const refOf = (tag: number): string => `x${tag}`

const ref = (type: 'branch' | 'tag'): Operation =>
  call(`makes a ${type}`, {
    run: (_, lake, tag) => commitMetadata(lake, OLD, (metadata) => createRef(metadata, { name: refOf(tag), type }, lake.now())),
    after: (before, tag) => ({ ...before, [`old@${refOf(tag)}`]: before['old'] ?? [] }),
  })

const appended = (before: Rows, table: string, row: string): Rows => ({ ...before, [table]: [...(before[table] ?? []), row].sort() })

/** Somebody appends the row 2 7. */
const append = (branch?: (tag: number) => string): Deed<void> => ({
  run: (world, _, tag) =>
    world.append('old', { query: rowsSql([[2, 7]], tag), columns: DAYS, ...(branch === undefined ? {} : { branch: branch(tag) }) }),
  after: (before, tag) => appended(before, branch === undefined ? 'old' : `old@${branch(tag)}`, `2 7 ${tag}`),
})

const inOrder = (...deeds: readonly Deed<void>[]): Deed<void> => ({
  run: async (world, lake, tag) => {
    for (const deed of deeds) await deed.run(world, lake, tag)
  },
  after: (before, tag) => deeds.reduce((rows, deed) => deed.after(rows, tag), before),
})

const onBranch = inOrder(calmly(ref('branch')), append(refOf))

const heads = (world: World) => world.load('old').then(({ metadata }) => metadata)

const own = (table: string): string => `${ENVIRONMENT}__shop.${table}`
const inside = (lake: Lake): Lake => ({ ...lake, catalog: environmentCatalog(lake.catalog, ENVIRONMENT) })

/** An environment made anew, with a row in a table of `main` and one table of its own. */
const environment: Deed<void> = {
  run: async (world, _, tag) => {
    await dropTables(world, ENVIRONMENT)
    for (const operation of [inEnvironment('older'), inEnvironment(`own${tag}`)]) {
      const { error } = await operation.run(world, lakeOf(world), tag)
      if (error !== undefined) throw error
    }
  },
  after: (before, tag) => {
    const rows = Object.fromEntries(Object.entries(before).filter(([name]) => !name.startsWith(own(''))))
    return inEnvironment(`own${tag}`).after(inEnvironment('older').after({ ...rows, [own('older')]: rows['older'] ?? [] }, tag), tag)
  },
}

function inEnvironment(table: string, ready?: Deed<void>): Operation {
  const after: Operation['after'] = (before, tag) => appended(before, own(table), `3 3 ${tag}`)
  const stage = (tag: number): Stage => asQuery(rowsSql([[3, 3]], tag), 'nothing')
  return step(
    'appends in an environment',
    { tables: [table], days: [3], stage },
    { view: inside, after, ...(ready === undefined ? {} : { ready }) },
  )
}

/** Tables of the environment, by the names that they have everywhere. */
const ownTables = (rows: Rows): readonly string[] =>
  Object.keys(rows)
    .filter((name) => name.startsWith(own('')))
    .map((name) => name.slice(own('').length))

/** A day whose file has a row that is deleted, and a file that nothing names, as old as files can be. */
const untidy: Deed<void> = inOrder(
  calmly(
    step('overwrites a day', { tables: ['old'], days: [1] }),
    step(
      'deletes of it',
      { tables: ['old'], days: [1], stage: deleting('merge-on-read', { op: 'and', of: [equals('day', 1), equals('id', 1)] }) },
      { after: (before) => sorted(before, 'old', (day, id) => `${day} ${id}` !== '1 1', []) },
    ),
  ),
  {
    run: async (world) => {
      const path = `${(await world.load('old')).metadata.location}/data/left.parquet`
      writeFileSync(path, '')
      utimesSync(path, 0, 0)
    },
    after: same,
  },
)

/** Each is tried with a fault at each of its steps. Tables `old` and `older` are there before, with the days 0 and 1. */
export const OPERATIONS: readonly Operation[] = [
  step('creates a table', { tables: ['new'], days: [0, 1] }),
  step('creates two tables', { tables: ['newer', 'newest'], days: [3] }),
  step('overwrites a day', { tables: ['old'], days: [1] }),
  step('overwrites two tables', { tables: ['old', 'older'], days: [0, 1] }),
  step('overwrites one table and creates another', { tables: ['older', 'mixed'], days: [0] }),
  step('publishes two assets', { tables: ['old', 'older'], days: [2], apart: true }),
  step(
    'appends',
    { tables: ['old'], days: [2], stage: (tag) => asQuery(rowsSql([[2, 2]], tag), 'nothing') },
    { after: (before, tag) => appended(before, 'old', `2 2 ${tag}`) },
  ),
  step(
    'overwrites by a filter',
    { tables: ['old'], days: [0, 1], stage: deleting('copy-on-write', equals('id', 0), (tag) => rowsSql([[2, 0]], tag)) },
    { after: (before, tag) => sorted(before, 'old', (_, id) => id !== '0', [`2 0 ${tag}`]) },
  ),
  ...MODES.flatMap((mode) => [
    step(
      `deletes by a filter, ${mode}`,
      { tables: ['old'], days: [0, 1], stage: deleting(mode, equals('id', 1)) },
      { after: (before) => sorted(before, 'old', (_, id) => id !== '1', []) },
    ),
    step(`merges, ${mode}`, { tables: ['old'], days: [0, 1], stage: merging(mode) }, { after: merged }),
    step(`keeps a history, ${mode}`, { tables: ['history'], days: [], columns: HISTORY, stage: taking(mode) }, { after: taken }),
  ]),
  step(
    'evolves a table',
    { tables: ['wider'], days: [0], columnsBy: (tag) => [...DAYS, column(`c${tag}`, 'int')], stage: widened },
    {
      after: (before, tag) => ({ ...sorted(before, 'wider', (day) => day !== '0', [`0 0 ${tag}`]), 'wider columns': [`c${tag}`] }),
    },
  ),
  ref('branch'),
  ref('tag'),
  call(
    'drops a branch',
    {
      run: (_, lake, tag) => commitMetadata(lake, OLD, (metadata) => dropRef(metadata, refOf(tag), lake.now())),
      after: (before, tag) => without(before, `old@${refOf(tag)}`),
    },
    { ready: calmly(ref('branch')) },
  ),
  call(
    'moves main forward',
    {
      run: (_, lake, tag) =>
        commitMetadata(lake, OLD, (metadata) => fastForward(metadata, MAIN, metadata.refs[refOf(tag)]?.snapshotId ?? '', lake.now())),
      after: (before, tag) => ({ ...before, old: before[`old@${refOf(tag)}`] ?? [] }),
    },
    { ready: onBranch },
  ),
  call(
    'picks a snapshot',
    {
      run: async (world, lake, tag) => {
        const snapshotId = (await heads(world)).refs[refOf(tag)]?.snapshotId ?? ''
        return cherryPick(lake, { id: OLD, snapshotId, newId: world.nextSnapshot(), now: lake.now() })
      },
      after: (before, tag) => appended(before, 'old', `2 7 ${tag}`),
    },
    { ready: inOrder(onBranch, append()) },
  ),
  call(
    'rolls back',
    {
      run: async (world, lake) => {
        const table = await world.load('old')
        const parent = table.metadata.snapshots.find(({ id }) => id === table.metadata.currentSnapshotId)?.parentId
        const plan = await planRollback(lake.store, specOf('shop.old'), table, String(parent))
        if (plan === undefined) throw new Error('nothing to roll back')
        return moveMain(lake, OLD, plan, lake.now())
      },
      after: (before, tag) => ({ ...before, old: (before['old'] ?? []).filter((row) => row !== `2 7 ${tag}`) }),
    },
    { ready: append() },
  ),
  call(
    'lets snapshots expire',
    { run: (_, lake) => expireSnapshots(lake, OLD, { now: 10 * DAY, olderThan: 10 * DAY, keepLast: 1 }), after: same },
    { ready: calmly(step('overwrites a day', { tables: ['old'], days: [1] })) },
  ),
  call(
    'maintains a table',
    {
      run: (world, lake) =>
        maintainTable({ ...lake, session: world.session, clock: { ...systemClock, now: () => 10 * DAY }, isDryRun: false }, OLD),
      after: same,
    },
    { ready: untidy },
  ),
  inEnvironment('older', environment),
  call(
    'promotes an environment',
    {
      run: (_, lake) => promoteTables(lake, ENVIRONMENT),
      after: (before) => {
        const promoted = ownTables(before).map((table) => [table, before[own(table)] ?? []] as const)
        return without({ ...before, ...Object.fromEntries(promoted) }, ...ownTables(before).map(own))
      },
    },
    { table: 'older', ready: environment },
  ),
  call(
    'drops an environment',
    {
      run: (_, lake) => dropTables(lake, ENVIRONMENT),
      after: (before) => without(before, ...ownTables(before).map(own)),
    },
    { table: 'older', ready: environment, leavesFiles: true },
  ),
]

function widened(tag: number): Stage {
  return asQuery(`SELECT *, NULL::INT AS c${tag} FROM (${rowsSql([[0, 0]], tag)})`)
}
