import type { DatabaseSync } from 'node:sqlite'
import type { AssetKey } from '../keys.ts'
import type { Entry } from '../partitions/interval-map.ts'
import type { RegisteredValue, Registries } from '../partitions/registry.ts'
import type { CheckResult, Materialization, PublishIntent, RunState, StepState, StoredEvent } from './events.ts'
import type { AssetState, LastAttempt, RunRecord, StepRecord, StorageReader } from './storage.ts'

/** What {@link StorageReader} answers, at once. */
export type Queries = {
  readonly [M in Exclude<keyof StorageReader, 'close'>]: (...args: Parameters<StorageReader[M]>) => Awaited<ReturnType<StorageReader[M]>>
}

interface RunRow {
  readonly id: string
  readonly plan_id: string
  readonly manifest_id: string
  readonly request: string
  readonly state: RunState
  readonly created_at: number
  readonly ended_at: number | null
}

export interface StepRow {
  readonly run_id: string
  readonly id: string
  readonly assets: string
  readonly partitions: string
  readonly state: StepState
  readonly attempts: number
  readonly started_at: number | null
  readonly ended_at: number | null
  readonly problem: string | null
  readonly reason: string | null
  readonly rows: number | null
  readonly staging_folders: string
}

interface Body {
  readonly body: string
}

/** The queries on one connection; statements are prepared when they are first needed, and kept. */
export function queriesOn(db: DatabaseSync): Queries {
  const all = kept(db)
  return {
    assetStates: () => assetStates(db, all),
    registries: () => registriesOf(all),
    openPromotions: () =>
      all<{ environment: string }>('select environment from promotions order by environment').map(({ environment }) => environment),
    runs: (limit) => all<RunRow>('select * from runs order by seq desc limit ?', limit).map(runOfRow),
    run: (id) => all<RunRow>('select * from runs where id = ?', id).map(runOfRow)[0],
    steps: (runId) => all<StepRow>('select * from steps where run_id = ? order by position', runId).map(stepOfRow),
    openRuns: () => all<RunRow>(`select * from runs where state = 'running' order by seq`).map(runOfRow),
    openIntents: () =>
      all<Body>('select i.body from intents i join runs r on r.id = i.run_id order by r.seq, i.step_id, i.attempt').map(
        ({ body }) => JSON.parse(body) as PublishIntent,
      ),
    materializations: ({ asset, limit }) =>
      (asset === undefined
        ? all<Body>('select body from materializations order by seq desc, position desc limit ?', limit)
        : all<Body>('select body from materializations where asset = ? order by seq desc, position desc limit ?', asset, limit)
      ).map(({ body }) => JSON.parse(body) as Materialization),
    durations: (steps, limit) => steps.map((assets) => durationsOf(all, assets, limit)),
    checkResults: (asset) =>
      all<Body & { run_id: string; at: number }>('select run_id, at, body from check_results where asset = ? order by "check"', asset).map(
        ({ run_id, at, body }) => ({ ...(JSON.parse(body) as CheckResult), at, runId: run_id }),
      ),
    events: ({ runId, after = 0, limit }) =>
      (runId === undefined
        ? all<EventRow>('select seq, at, body from events where seq > ? order by seq limit ?', after, limit)
        : all<EventRow>('select seq, at, body from events where run_id = ? and seq > ? order by seq limit ?', runId, after, limit)
      ).map(({ seq, at, body }) => ({ ...JSON.parse(body), seq, at }) as StoredEvent),
  }
}

const durationsOf = (all: All, assets: readonly AssetKey[], limit: number): readonly number[] =>
  all<{ took: number }>(
    `select ended_at - started_at as took from steps where assets = ? and state = 'succeeded' order by ended_at desc limit ?`,
    JSON.stringify(assets),
    limit,
  ).map(({ took }) => took)

interface EventRow extends Body {
  readonly seq: number
  readonly at: number
}

/** All rows of a statement. The one place that trusts the columns to be what the schema (strict tables) says. */
type All = <R>(sql: string, ...parameters: readonly (string | number)[]) => readonly R[]

function kept(db: DatabaseSync): All {
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  return <R>(sql: string, ...parameters: readonly (string | number)[]) => {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = db.prepare(sql)
      statements.set(sql, statement)
    }
    return statement.all(...parameters) as unknown as R[]
  }
}

interface Building {
  versions: Entry<string>[]
  columnVersions?: { columns: readonly string[]; versions: Entry<string>[] }[]
  made: Entry<Materialization>[]
  lastAttempt: Entry<LastAttempt>[]
  snapshotId: string | undefined
  observedAt?: number
}

interface ValueRow extends Entry<string> {
  readonly asset: AssetKey
}

/** Five tables read as of one moment. */
function assetStates(db: DatabaseSync, all: All): ReadonlyMap<AssetKey, AssetState> {
  const states = new Map<AssetKey, Building>()
  const of = (asset: AssetKey): Building => {
    const state = states.get(asset) ?? { versions: [], made: [], lastAttempt: [], snapshotId: undefined }
    states.set(asset, state)
    return state
  }
  db.exec('begin')
  try {
    for (const { asset, ...entry } of all<ValueRow>(
      'select asset, "from", "to", data_version as value from versions order by asset, "from"',
    )) {
      of(asset).versions.push(entry)
    }
    for (const { asset, columns, ...entry } of columnRows(all)) addColumnVersion(of(asset), JSON.parse(columns), entry)
    const materialization = parsedOnce<Materialization>()
    for (const { asset, from, to, value } of all<ValueRow>(`select m.asset, "from", "to", body as value
      from made m join materializations on id = materialization_id order by m.asset, "from"`)) {
      of(asset).made.push({ from, to, value: materialization(value) })
    }
    const attempt = parsedOnce<LastAttempt>()
    for (const { asset, from, to, value } of all<ValueRow>(
      'select asset, "from", "to", attempt as value from attempts order by asset, "from"',
    )) {
      of(asset).lastAttempt.push({ from, to, value: attempt(value) })
    }
    for (const row of all<{ asset: AssetKey; snapshot_id: string }>('select * from tables')) of(row.asset).snapshotId = row.snapshot_id
    for (const row of all<{ asset: AssetKey; at: number }>('select * from observations')) of(row.asset).observedAt = row.at
    return states
  } finally {
    db.exec('commit')
  }
}

const columnRows = (all: All): readonly (ValueRow & { readonly columns: string })[] =>
  holds(all, 'column_versions')
    ? all('select asset, columns, "from", "to", data_version as value from column_versions order by asset, columns, "from"')
    : []

/** They come in order of their columns. */
function addColumnVersion(state: Building, columns: readonly string[], entry: Entry<string>): void {
  const sets = state.columnVersions ?? []
  state.columnVersions = sets
  const last = sets.at(-1)
  if (last !== undefined && JSON.stringify(last.columns) === JSON.stringify(columns)) last.versions.push(entry)
  else sets.push({ columns, versions: [entry] })
}

interface ValueOfRegistry {
  readonly registry: string
  readonly id: number
  readonly value: string
  readonly live: 0 | 1
}

/** A store that no newer version has written to yet has not all tables. */
const holds = (all: All, table: string): boolean => all('select 1 from sqlite_schema where name = ?', table).length > 0

function registriesOf(all: All): Registries {
  if (!holds(all, 'partition_values')) return new Map()
  const out = new Map<string, { values: RegisteredValue[]; live: [number, number][] }>()
  for (const { registry, id, value, live } of all<ValueOfRegistry>('select * from partition_values order by registry, id')) {
    const held = out.get(registry) ?? { values: [], live: [] }
    out.set(registry, held)
    held.values.push([id, value])
    const last = held.live.at(-1)
    if (live === 1 && last?.[1] === id) last[1] = id + 1
    else if (live === 1) held.live.push([id, id + 1])
  }
  return out
}

/** Equal texts give the same object, so that interval maps can compare values by identity. */
function parsedOnce<T>(): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const value = JSON.parse(text) as T
    known.set(text, value)
    return value
  }
}

const runOfRow = (row: RunRow): RunRecord => ({
  id: row.id,
  planId: row.plan_id,
  manifestId: row.manifest_id,
  request: row.request,
  state: row.state,
  createdAt: row.created_at,
  endedAt: row.ended_at ?? undefined,
})

export const stepOfRow = (row: StepRow): StepRecord => ({
  runId: row.run_id,
  id: row.id,
  assets: JSON.parse(row.assets),
  partitions: JSON.parse(row.partitions),
  state: row.state,
  attempts: row.attempts,
  startedAt: row.started_at ?? undefined,
  endedAt: row.ended_at ?? undefined,
  problem: row.problem === null ? undefined : JSON.parse(row.problem),
  reason: row.reason ?? undefined,
  rows: row.rows ?? undefined,
  stagingFolders: JSON.parse(row.staging_folders),
})
