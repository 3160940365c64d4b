import type { AssetSpec, DepSpec } from '../assets/spec.ts'
import { columnsRead } from '../assets/column-versions.ts'
import { SkipStep } from '../computes/compute.ts'
import { AssayError } from '../errors.ts'
import type { Reader } from '../iceberg/rows-sql.ts'
import type { AssetKey } from '../keys.ts'
import { isEmpty } from '../partitions/partition-set.ts'
import { formatSet } from '../partitions/texts.ts'
import { duckdbType, quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { byDepName } from '../sql/render.ts'
import type { CheckResult } from '../storage/events.ts'
import { relationOf } from '../tables/read.ts'
import { type EqualColumns, equalColumns } from '../tables/equal-columns.ts'
import { equalsPublished } from '../tables/equal-output.ts'
import { changedRows } from '../tables/same-rows.ts'
import { runChecks } from '../tables/run-checks.ts'
import { discard } from '../tables/publish.ts'
import { checkedRows, metadataAt, type StagedTable, stageRows } from '../tables/stage.ts'
import type { StepEnvironment } from './step-environment.ts'
import { located, placed, queriesOf, type Query, runFunction } from './step-rows.ts'
import type { InputPin, StepMessage } from './worker-protocol.ts'

export type StepResult =
  | {
      readonly kind: 'done' | 'blocked'
      readonly tables: readonly StagedTable[]
      readonly checks: readonly CheckResult[]
      /** Assets whose rows are those that are published. */
      readonly unchanged: readonly AssetKey[]
      /** Of the others, what looks the same through some columns. */
      readonly equal: Readonly<Record<AssetKey, readonly EqualColumns[]>>
    }
  | { readonly kind: 'skipped'; readonly reason: string }

/** One step: reads its inputs, runs the compute, stages the rows, checks them. It publishes nothing. */
export async function executeStep(environment: StepEnvironment, step: StepMessage): Promise<StepResult> {
  const specs = step.assets.map((key) => {
    const spec = environment.loaded.asset(key)
    if (spec?.compute === undefined) throw new Error(`${key} has no compute`)
    return { ...spec, partitions: step.slices?.[key] ?? spec.partitions }
  })
  const [first] = specs
  try {
    if (first?.kind === 'marker') return await runMarker(environment, first, step)
    const session = await environment.session()
    try {
      return await makeTables(environment, specs, step, session)
    } finally {
      session.close()
    }
  } catch (error) {
    if (error instanceof SkipStep) return { kind: 'skipped', reason: error.message }
    throw error
  }
}

/** The engine is opened only for deps that have rows to read. */
async function runMarker(environment: StepEnvironment, spec: AssetSpec, step: StepMessage): Promise<StepResult> {
  const session = Object.keys(step.inputs).length === 0 ? undefined : await environment.session()
  try {
    if (session !== undefined) await openInputs(environment, spec, step, session)
    await runFunction(environment, [spec], step, session)
    return { kind: 'done', tables: [], checks: [], unchanged: [], equal: {} }
  } finally {
    session?.close()
  }
}

/** All that the step makes, or nothing of it: a check that blocks one output blocks all. */
async function makeTables(
  environment: StepEnvironment,
  specs: readonly AssetSpec[],
  step: StepMessage,
  session: SqlSession,
): Promise<StepResult> {
  const [first] = specs as readonly [AssetSpec]
  await openInputs(environment, first, step, session)
  const queries = await queriesOf(environment, specs, step, session).catch((error: unknown) => {
    throw placed(error, first)
  })
  const made: Made[] = []
  try {
    for (const query of queries) await makeTable({ environment, step, session }, query, made)
    const tables = made.flatMap((output) => output.tables)
    const checks = made.flatMap((output) => output.checks)
    if (checks.some((check) => check.blocking && (check.outcome === 'fail' || check.outcome === 'error'))) {
      await discard(environment.store, tables)
      return { kind: 'blocked', tables, checks, unchanged: [], equal: {} }
    }
    const unchanged = await dropUnchanged({ environment, step, session }, made)
    const equal = await equalIn({ environment, step, session }, made, unchanged)
    return { kind: 'done', tables, checks, unchanged, equal }
  } catch (error) {
    await discard(
      environment.store,
      made.flatMap((output) => output.tables),
    )
    throw error
  }
}

interface Making {
  readonly environment: StepEnvironment
  readonly step: StepMessage
  readonly session: SqlSession
}

/** One asset, staged and checked. */
interface Made {
  readonly spec: AssetSpec
  readonly tables: readonly StagedTable[]
  checks: readonly CheckResult[]
}

/** Stages and checks; what was staged is in `made` as soon as it is there. */
async function makeTable({ environment, step, session }: Making, query: Query, made: Made[]): Promise<void> {
  const { spec } = query
  const staging = { session, store: environment.store, spec, partitions: step.partitions }
  const targets = step.targets.filter((target) => target.asset === spec.key)
  const tables = await stageRows(staging, targets, query.text).catch((error: unknown) => {
    throw located(error, query)
  })
  const output: Made = { spec, tables, checks: [] }
  made.push(output)
  const rows = tables.find((table) => table.role === 'rows') as StagedTable
  const checked = { session, asset: spec.key, rows: checkedRows(environment.store, spec, rows) }
  output.checks = await runChecks(checked, spec.checks)
}

/** What looks the same as what is published through the columns of some reader, of the assets that do change. */
async function equalIn(
  { environment, step, session }: Making,
  made: readonly Made[],
  unchanged: readonly AssetKey[],
): Promise<Readonly<Record<AssetKey, readonly EqualColumns[]>>> {
  const equal: Record<AssetKey, readonly EqualColumns[]> = {}
  for (const { spec, tables } of made) {
    const columns = step.compareColumns[spec.key] ?? []
    if (unchanged.includes(spec.key) || columns.length === 0) continue
    const compared = { session, store: environment.store, spec, partitions: step.partitions }
    equal[spec.key] = await equalColumns(
      compared,
      tables,
      step.targets.filter((target) => target.asset === spec.key),
      columns,
    )
  }
  return equal
}

/** Removes what was staged of assets whose rows are those that are published, and names them. */
async function dropUnchanged({ environment, step, session }: Making, made: readonly Made[]): Promise<readonly AssetKey[]> {
  const unchanged: AssetKey[] = []
  for (const { spec, tables } of made.filter((output) => step.compare.includes(output.spec.key))) {
    const compared = { session, store: environment.store, spec, partitions: step.partitions }
    const targets = step.targets.filter((target) => target.asset === spec.key)
    if (!(await equalsPublished(compared, tables, targets))) continue
    await discard(environment.store, tables)
    unchanged.push(spec.key)
  }
  return unchanged
}

/** Each dep becomes a view of its own name, narrowed to the partitions that the step may read. */
export async function openInputs(
  environment: Pick<StepEnvironment, 'loaded' | 'store'>,
  spec: AssetSpec,
  { inputs }: Pick<StepMessage, 'inputs'>,
  session: SqlSession,
): Promise<void> {
  for (const dep of spec.deps) {
    const pin = inputs[dep.name]
    const upstream = environment.loaded.asset(dep.asset)
    if (upstream === undefined || upstream.columns.length === 0) continue
    if (pin === undefined) throw noTable(spec, upstream)
    const relation =
      pin === 'nothing' ? noRows(upstream) : await pinned({ store: environment.store, session }, { spec, dep, upstream }, pin)
    const columns = upstream.columns.map((column) => quoteIdentifier(column.name)).join(', ')
    await session.run(`CREATE OR REPLACE VIEW ${byDepName(dep.name)} AS SELECT ${columns} FROM (${relation})`)
  }
}

const noRows = ({ columns }: AssetSpec): string =>
  `SELECT ${columns.map(({ name, type }) => `CAST(NULL AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`).join(', ')} WHERE false`

/** One that reads, and what it reads. */
interface Reading {
  readonly spec: AssetSpec
  readonly dep: DepSpec
  readonly upstream: AssetSpec
}

/** @throws ASSAY-5041 where the rows of partitions that were added before are not what they were */
async function pinned(reader: Reader, { spec, dep, upstream }: Reading, pin: InputPin): Promise<string> {
  const metadata = await metadataAt(reader.store, pin.metadataLocation)
  if (pin.again !== undefined) {
    const columns = columnsRead(spec, dep.name) ?? upstream.columns.map(({ name }) => name)
    const changed = await changedRows(reader, { metadata, pin, columns }, pin.again)
    if (!isEmpty(changed)) throw addedTwice(spec, upstream, formatSet(upstream.partitions, changed))
  }
  return relationOf(reader, metadata, pin)
}

const noTable = ({ key, where }: AssetSpec, upstream: AssetSpec): AssayError =>
  new AssayError('ASSAY-3004', `${upstream.key} has no table yet`, {
    where,
    next:
      upstream.kind === 'external'
        ? `It is external: ${key} can be made when others have written it.`
        : `Make it first: \`assay materialize +${key}\`.`,
  })

function addedTwice({ key, where }: AssetSpec, dep: AssetSpec, partitions: string): AssayError {
  const what = `${key} has added the rows of ${dep.key}${partitions === '' ? '' : ` of ${partitions}`}, which have changed since`
  const anew = `Take ${key} back to before they were added, and they are added as they are now: \`assay rollback ${key} --to <version>\`.`
  const asBefore = `Or take ${dep.key} back to the rows that were added: \`assay rollback ${dep.key} --to <version>\`.`
  return new AssayError('ASSAY-5041', what, { where, next: dep.kind === 'external' ? anew : `${anew} ${asBefore}` })
}
