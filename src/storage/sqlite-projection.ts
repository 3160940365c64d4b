import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import { assign, type Entry, type IntervalMap, remove } from '../partitions/interval-map.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import type { ColumnVersions, StoreEvent } from './events.ts'
import { type Change, type IntervalTable, isStepEvent, reduce, type StepBefore } from './reduce.ts'
import { type StepRow, stepOfRow } from './sqlite-queries.ts'
import type { StepRecord } from './storage.ts'

/** Records one event and what it changes. To be called inside a transaction. */
export type Recorder = (event: StoreEvent, at: number) => void

/** @throws ASSAY-9001 from the returned function, when an event cannot follow from what is there */
export function recorder(db: DatabaseSync): Recorder {
  const insert = db.prepare('insert into events (at, run_id, type, body) values (?, ?, ?, ?)')
  const before = stepFinder(db)
  const apply = applier(db)
  return (event, at) => {
    const runId = 'runId' in event ? event.runId : null
    const seq = Number(insert.run(at, runId, event.type, JSON.stringify(event)).lastInsertRowid)
    const changes = reduce(event, at, isStepEvent(event) ? before(event.runId, event.stepId) : undefined)
    for (const change of changes) apply(change, seq)
  }
}

function stepFinder(db: DatabaseSync): (runId: string, stepId: string) => StepBefore | undefined {
  const find = db.prepare(`select *, exists (select 1 from intents i where i.run_id = s.run_id and i.step_id = s.id) as intent_open
    from steps s where run_id = ? and id = ?`)
  return (runId, stepId) => {
    const row = find.get(runId, stepId)
    return row === undefined ? undefined : { step: stepOfRow(row as unknown as StepRow), intentOpen: row['intent_open'] === 1 }
  }
}

function applier(db: DatabaseSync): (change: Change, seq: number) => void {
  const to = statements(db)
  const maps: Readonly<Record<IntervalTable, AssetIntervals>> = {
    versions: byAsset(intervalWriter(db, { table: 'versions', scope: ['asset'], column: 'data_version' })),
    made: byAsset(intervalWriter(db, { table: 'made', scope: ['asset'], column: 'materialization_id' })),
    attempts: byAsset(intervalWriter(db, { table: 'attempts', scope: ['asset'], column: 'attempt' })),
  }
  const columns = columnWriter(db)
  return (change, seq) => {
    switch (change.kind) {
      case 'add run': {
        const { id, planId, manifestId, request, state, createdAt } = change.run
        return void to.addRun.run(seq, id, planId, manifestId, request, state, createdAt)
      }
      case 'end run':
        return mustChange(
          to.endRun.run(change.state, change.at, change.id),
          `run ${change.id} cannot be ended: it is not there, or has ended`,
        )
      case 'add step':
        return void to.addStep.run(
          ...stepKey(change.step),
          change.position,
          JSON.stringify(change.step.assets),
          JSON.stringify(change.step.partitions),
          ...stepValues(change.step),
        )
      case 'set step':
        return void to.setStep.run(...stepValues(change.step), ...stepKey(change.step))
      case 'open intent': {
        const { runId, stepId, attempt } = change.intent
        return void to.openIntent.run(runId, stepId, attempt, JSON.stringify(change.intent))
      }
      case 'close intents':
        return void to.closeIntents.run(change.runId, change.stepId)
      case 'add materialization':
      case 'adopt materialization': {
        const { id, asset } = change.materialization
        const add = change.kind === 'add materialization' ? to.addMaterialization : to.adoptMaterialization
        return void add.run(seq, change.position, id, asset, JSON.stringify(change.materialization))
      }
      case 'set snapshot':
        return void (change.snapshotId === undefined
          ? to.forgetTable.run(change.asset)
          : to.setSnapshot.run(change.asset, change.snapshotId))
      case 'open promotion':
      case 'close promotion':
        return void (change.kind === 'open promotion' ? to.openPromotion : to.closePromotion).run(change.environment)
      case 'set observed':
        return void to.setObserved.run(change.asset, change.at)
      case 'set check':
        return void to.setCheck.run(change.result.asset, change.result.check, change.runId, change.at, JSON.stringify(change.result))
      case 'assign':
        return maps[change.map](change.asset, change.partitions, (near) => assign(near, change.partitions, change.value))
      case 'forget columns':
        return columns.forget(change.asset, change.partitions)
      case 'keep columns':
        return columns.keep(change.asset, change.kept)
      case 'remove':
        return maps[change.map](change.asset, change.partitions, (near) => remove(near, change.partitions))
      case 'add values':
        return change.values.forEach((value) => to.addValue.run(change.registry, change.registry, value))
      case 'remove values':
        return change.values.forEach((value) => to.removeValue.run(change.registry, value))
      default:
        return change satisfies never
    }
  }
}

function mustChange({ changes }: { readonly changes: number | bigint }, otherwise: string): void {
  if (Number(changes) === 0) throw new AssayError('ASSAY-9001', otherwise)
}

const stepKey = (step: StepRecord): [string, string] => [step.runId, step.id]

const stepValues = (step: StepRecord): (string | number | null)[] => [
  step.state,
  step.attempts,
  step.startedAt ?? null,
  step.endedAt ?? null,
  step.problem === undefined ? null : JSON.stringify(step.problem),
  step.reason ?? null,
  step.rows ?? null,
  JSON.stringify(step.stagingFolders),
]

/** Of the steps of one run, the result that is worst is kept: a pass on one day must not hide a warning on another. */
const RANK = (body: string): string =>
  `CASE json_extract(${body}, '$.outcome') WHEN 'pass' THEN 0 WHEN 'warn' THEN 1 WHEN 'fail' THEN 2 ELSE 3 END`

const statements = (db: DatabaseSync) => ({
  addRun: db.prepare('insert into runs (seq, id, plan_id, manifest_id, request, state, created_at) values (?, ?, ?, ?, ?, ?, ?)'),
  endRun: db.prepare(`update runs set state = ?, ended_at = ? where id = ? and state = 'running'`),
  addStep: db.prepare(`insert into steps (run_id, id, position, assets, partitions,
    state, attempts, started_at, ended_at, problem, reason, rows, staging_folders) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  setStep:
    db.prepare(`update steps set state = ?, attempts = ?, started_at = ?, ended_at = ?, problem = ?, reason = ?, rows = ?, staging_folders = ?
    where run_id = ? and id = ?`),
  openIntent: db.prepare('insert into intents (run_id, step_id, attempt, body) values (?, ?, ?, ?)'),
  closeIntents: db.prepare('delete from intents where run_id = ? and step_id = ?'),
  addMaterialization: db.prepare('insert into materializations (seq, position, id, asset, body) values (?, ?, ?, ?, ?)'),
  adoptMaterialization: db.prepare(
    'insert into materializations (seq, position, id, asset, body) values (?, ?, ?, ?, ?) on conflict (id) do nothing',
  ),
  openPromotion: db.prepare('insert into promotions (environment) values (?) on conflict do nothing'),
  closePromotion: db.prepare('delete from promotions where environment = ?'),
  setSnapshot: db.prepare(
    'insert into tables (asset, snapshot_id) values (?, ?) on conflict do update set snapshot_id = excluded.snapshot_id',
  ),
  addValue: db.prepare(`insert into partition_values (registry, id, value, live)
    values (?, (select coalesce(max(id) + 1, 0) from partition_values where registry = ?), ?, 1)
    on conflict (registry, value) do update set live = 1`),
  removeValue: db.prepare('update partition_values set live = 0 where registry = ? and value = ?'),
  forgetTable: db.prepare('delete from tables where asset = ?'),
  setObserved: db.prepare('insert into observations (asset, at) values (?, ?) on conflict do update set at = excluded.at'),
  setCheck: db.prepare(`insert into check_results (asset, "check", run_id, at, body) values (?, ?, ?, ?, ?)
    on conflict do update set run_id = excluded.run_id, at = excluded.at, body = excluded.body
    where run_id <> excluded.run_id or ${RANK('excluded.body')} >= ${RANK('check_results.body')}`),
})

/** Replaces the ranges at and beside `partitions` by what `change` makes of them, of one scope: an asset, or some columns of it. */
type IntervalWriter = (scope: readonly string[], partitions: PartitionSet, change: ChangeOf) => void
type AssetIntervals = (asset: AssetKey, partitions: PartitionSet, change: ChangeOf) => void
type ChangeOf = (near: IntervalMap<string>) => IntervalMap<string>

const byAsset =
  (write: IntervalWriter): AssetIntervals =>
  (asset, partitions, change) =>
    write([asset], partitions, change)

interface Ranges {
  readonly table: IntervalTable | 'column_versions'
  /** Columns that say what the ranges are of. */
  readonly scope: readonly string[]
  /** The column of the value. */
  readonly column: string
}

function intervalWriter(db: DatabaseSync, { table, scope, column }: Ranges): IntervalWriter {
  const own = scope.map((name) => `${name} = ?`).join(' and ')
  // The ranges of a scope do not overlap, so of those that begin before `partitions` only the last one can reach in.
  const near = db.prepare(`select "from", "to", ${column} as value from ${table} where ${own}
    and "from" >= coalesce((select max("from") from ${table} where ${own} and "from" < ?), ?) and "from" <= ? order by "from"`)
  const drop = db.prepare(`delete from ${table} where ${own} and "from" = ?`)
  const put =
    db.prepare(`insert into ${table} (${scope.join(', ')}, "from", "to", ${column}) values (${scope.map(() => '?').join(', ')}, ?, ?, ?)
    on conflict do update set "to" = excluded."to", ${column} = excluded.${column}`)
  return (of, partitions, change) => {
    const first = partitions[0]?.[0]
    const last = partitions.at(-1)?.[1]
    if (first === undefined || last === undefined) return
    const old = entries(near, [...of, ...of, first, first, last])
    const next = change(old)
    const kept = new Map(next.map((e) => [e.from, e]))
    for (const { from } of old) if (!kept.has(from)) drop.run(...of, from)
    const before = new Map(old.map((e) => [e.from, e]))
    for (const e of next) if (!same(before.get(e.from), e)) put.run(...of, e.from, e.to, e.value)
  }
}

interface ColumnWriter {
  forget(asset: AssetKey, partitions: PartitionSet): void
  keep(asset: AssetKey, kept: ColumnVersions): void
}

function columnWriter(db: DatabaseSync): ColumnWriter {
  const write = intervalWriter(db, { table: 'column_versions', scope: ['asset', 'columns'], column: 'data_version' })
  const sets = db.prepare('select distinct columns from column_versions where asset = ?')
  return {
    forget: (asset, partitions) => {
      for (const { columns } of sets.all(asset)) write([asset, String(columns)], partitions, (near) => remove(near, partitions))
    },
    keep: (asset, { columns, versions }) => {
      for (const { from, to, value } of versions)
        write([asset, JSON.stringify(columns)], [[from, to]], (near) => assign(near, [[from, to]], value))
    },
  }
}

const entries = (statement: StatementSync, parameters: readonly (string | number)[]): IntervalMap<string> =>
  statement.all(...parameters) as unknown as Entry<string>[]

const same = (a: Entry<string> | undefined, b: Entry<string>): boolean => a !== undefined && a.to === b.to && a.value === b.value
