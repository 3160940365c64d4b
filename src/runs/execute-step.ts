import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { yieldedColumns } from '../assets/write-mode.ts'
import { type Input, type RowsFunction, SkipStep, type StepContext } from '../computes/compute.ts'
import { AssayError } from '../errors.ts'
import type { Store } from '../iceberg/store.ts'
import type { Deps } from '../partitions/mapping.ts'
import { partitionsIn } from '../partitions/partition-of.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { formatSet } from '../partitions/texts.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { type EngineRow, SqlError, type SqlSession } from '../sql/engine.ts'
import { type Bindings, byDepName, locate, render } from '../sql/render.ts'
import type { Sql, SqlPiece } from '../sql/template.ts'
import type { CheckResult } from '../storage/events.ts'
import { fileProblem, relationOf } from '../tables/read.ts'
import { equalsPublished } from '../tables/equal-output.ts'
import { runChecks } from '../tables/run-checks.ts'
import { discard } from '../tables/publish.ts'
import { checkedRows, metadataAt, type StagedTable, stageRows } from '../tables/stage.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { boundOf } from './partition-bound.ts'
import type { StepMessage } from './worker-protocol.ts'

/** What a step is executed with. */
export interface StepEnvironment {
  readonly loaded: LoadedManifest
  readonly store: Store
  /** A fresh session for each call. */
  readonly session: () => Promise<SqlSession>
  /** The definition of an asset, with the user's function. */
  readonly definition: (spec: AssetSpec) => Promise<AssetDefinition>
  readonly log: StepContext['log']
  readonly use: StepContext['use']
}

export type StepResult =
  | {
      readonly kind: 'done' | 'blocked'
      readonly tables: readonly StagedTable[]
      readonly checks: readonly CheckResult[]
      readonly unchanged?: true
    }
  | { readonly kind: 'skipped'; readonly reason: string }

/** One step: reads its inputs, runs the compute, stages the rows, checks them. It publishes nothing. */
export async function executeStep(environment: StepEnvironment, step: StepMessage): Promise<StepResult> {
  const known = environment.loaded.asset(step.asset)
  if (known?.compute === undefined) throw new Error(`${step.asset} has no compute`)
  const spec = { ...known, partitions: step.slices ?? known.partitions }
  try {
    if (spec.kind === 'marker') return await runMarker(environment, spec, step)
    const session = await environment.session()
    try {
      return await makeTable(environment, spec, step, session)
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
    await runFunction(environment, spec, step, session)
    return { kind: 'done', tables: [], checks: [] }
  } finally {
    session?.close()
  }
}

async function makeTable(environment: StepEnvironment, spec: AssetSpec, step: StepMessage, session: SqlSession): Promise<StepResult> {
  await openInputs(environment, spec, step, session)
  const query = await queryOf(environment, spec, step, session).catch((error: unknown) => {
    throw placed(error, spec)
  })
  const staging = { session, store: environment.store, spec, partitions: step.partitions }
  const tables = await stageRows(staging, step.targets, query.text).catch((error: unknown) => {
    throw located(error, query, spec)
  })
  const rows = tables.find((table) => table.role === 'rows') as StagedTable
  const checked = { session, asset: spec.key, rows: checkedRows(environment.store, spec, rows) }
  const checks = await runChecks(checked, spec.checks).catch(async (error: unknown) => {
    await discard(environment.store, tables)
    throw error
  })
  const blocking = checks.some((check) => check.blocking && (check.outcome === 'fail' || check.outcome === 'error'))
  if (blocking) await discard(environment.store, tables)
  if (blocking) return { kind: 'blocked', tables, checks }
  if (!step.compare || !(await equalsPublished(staging, tables, step.targets))) return { kind: 'done', tables, checks }
  await discard(environment.store, tables)
  return { kind: 'done', tables, checks, unchanged: true }
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
    if (pin === undefined) throw new AssayError('ASSAY-3004', `${dep.asset} has no table yet`, { where: spec.where })
    if (pin.again !== undefined) throw addedTwice(spec, dep.asset, formatSet(upstream.partitions, pin.again))
    const relation = await relationOf({ store: environment.store, session }, await metadataAt(environment.store, pin.metadataLocation), pin)
    const columns = upstream.columns.map((column) => quoteIdentifier(column.name)).join(', ')
    await session.run(`CREATE OR REPLACE VIEW ${byDepName(dep.name)} AS SELECT ${columns} FROM (${relation})`)
  }
}

const addedTwice = (spec: AssetSpec, dep: string, partitions: string): AssayError =>
  new AssayError(
    'ASSAY-5041',
    `${spec.key} has added the rows of ${dep}${partitions === '' ? '' : ` of ${partitions}`}, which have changed since`,
    {
      where: spec.where,
    },
  )

/** The rows of the asset as a statement, with what it takes to point at the user's text. */
interface Query {
  readonly text: string
  readonly pieces: readonly SqlPiece[]
  readonly bindings: Bindings
}

async function queryOf(environment: StepEnvironment, spec: AssetSpec, step: StepMessage, session: SqlSession): Promise<Query> {
  const bindings: Bindings = { table: byDepName, param: (name) => boundOf(spec, step.partitions, name) }
  if (spec.compute?.kind === 'duckdb') return { pieces: spec.compute.query, bindings, text: render(spec.compute.query, bindings) }
  const yielded = await runFunction(environment, spec, step, session)
  if (yielded === undefined) throw new AssayError('ASSAY-3005', `the compute of ${spec.key} returned nothing`, { where: spec.where })
  if ('pieces' in yielded) {
    const query = { pieces: yielded.pieces, bindings, text: render(yielded.pieces, bindings) }
    await session.describe(query.text).catch((error: unknown) => {
      throw located(error, query, spec)
    })
    return query
  }
  await session.load(ROWS, yieldedColumns(spec.columns, spec.write), yielded)
  return { pieces: [], bindings, text: `SELECT * FROM ${ROWS}` }
}

const ROWS = '__rows'

async function runFunction(
  environment: StepEnvironment,
  spec: AssetSpec,
  step: StepMessage,
  session: SqlSession | undefined,
): Promise<AsyncIterable<EngineRow> | Iterable<EngineRow> | Sql | undefined> {
  const inputs: Record<string, Input<EngineRow>> = {}
  for (const { name } of spec.deps) {
    if (session !== undefined && name in step.inputs) inputs[name] = { rows: () => session.stream(`SELECT * FROM ${byDepName(name)}`) }
  }
  const run = functionOf(await environment.definition(spec))
  const yielded: unknown = await run(inputs as never, identity as never, contextOf(environment, spec, step.partitions))
  return yielded as AsyncIterable<EngineRow> | Iterable<EngineRow> | Sql | undefined
}

const identity = <R>(row: R): R => row

function functionOf(definition: AssetDefinition): RowsFunction<Deps, never, never> {
  const compute = definition.made?.compute
  if (compute?.kind !== 'typescript') throw new Error(`${definition.key} is not made by a function`)
  return compute.run
}

const contextOf = (environment: StepEnvironment, spec: AssetSpec, partitions: PartitionSet): StepContext => ({
  partitions: partitionsIn(spec.partitions, partitions),
  log: environment.log,
  use: environment.use,
})

/** An error that names no place, at that of the asset. */
function placed(error: unknown, spec: AssetSpec): unknown {
  if (!(error instanceof AssayError) || error.where !== undefined || spec.where === undefined) return error
  return new AssayError(error.code, error.message, { where: spec.where, next: error.next, details: error.details, cause: error.cause })
}

/** An engine's error as one of the catalogue, at the place in the user's file. */
function located(error: unknown, query: Query, spec: AssetSpec): unknown {
  const known = fileProblem(error)
  if (!(known instanceof SqlError)) return placed(known, spec)
  return sqlProblem(known, query, spec)
}

function sqlProblem(error: SqlError, query: Query, spec: AssetSpec): AssayError {
  const code = error.kind === 'binding' || error.kind === 'syntax' ? 'ASSAY-1012' : 'ASSAY-3008'
  return new AssayError(code, `${spec.key}: ${firstLine(error)}`, {
    where: locate(query.pieces, query.bindings, error.position ?? 0) ?? spec.where,
    details: error.candidates.length === 0 ? furtherLines(error) : [`did you mean ${error.candidates.join(' or ')}?`],
    cause: error,
  })
}

const firstLine = (error: Error): string => error.message.split('\n')[0] ?? ''

/** What the engine says beside, such as the file and line that it was reading. */
const furtherLines = (error: Error): readonly string[] =>
  error.message
    .split('\n')
    .slice(1, 8)
    .filter((line) => line.trim() !== '')
