import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { yieldedColumns } from '../assets/write-mode.ts'
import type { Emitted, Input, OutputsContext, StepContext } from '../computes/compute.ts'
import { AssayError } from '../errors.ts'
import { partitionsIn } from '../partitions/partition-of.ts'
import { type EngineRow, SqlError, type SqlSession } from '../sql/engine.ts'
import { type Bindings, byDepName, locate, render } from '../sql/render.ts'
import type { Sql, SqlPiece } from '../sql/template.ts'
import { fileProblem } from '../tables/read.ts'
import { boundOf } from './partition-bound.ts'
import { splitRows } from './split-rows.ts'
import type { StepEnvironment } from './step-environment.ts'
import type { StepMessage } from './worker-protocol.ts'

/** The rows of an asset as a statement, with what it takes to point at the user's text. */
export interface Query {
  readonly spec: AssetSpec
  readonly text: string
  readonly pieces: readonly SqlPiece[]
  readonly bindings: Bindings
}

type Rows = AsyncIterable<unknown> | Iterable<unknown>
type Yielded = Rows | Sql | Readonly<Record<string, Sql | undefined>> | undefined

/**
 * The rows of what a step makes: the statement of each asset, or what one call of the function yields for all of them.
 * @param specs one asset, or outputs of one compute
 * @throws ASSAY-3005 where there are none, and what the function throws
 */
export async function queriesOf(
  environment: StepEnvironment,
  specs: readonly AssetSpec[],
  step: StepMessage,
  session: SqlSession,
): Promise<readonly Query[]> {
  const statement = (spec: AssetSpec, pieces: readonly SqlPiece[]): Query => {
    const bindings: Bindings = { table: byDepName, param: (name) => boundOf(spec, step.partitions, name) }
    return { spec, pieces, bindings, text: render(pieces, bindings) }
  }
  const statements = specs.flatMap((spec) => (spec.compute?.kind === 'duckdb' ? [statement(spec, spec.compute.query)] : []))
  const [first] = specs
  if (first === undefined || statements.length > 0) return statements
  const yielded = await runFunction(environment, specs, step, session)
  if (yielded === undefined) throw nothing(first)
  if (isRows(yielded)) return loadRows(session, specs, yielded)
  const queries = specs.map((spec) => {
    const sql = sqlFor(spec, yielded)
    if (sql === undefined) throw nothing(spec)
    return statement(spec, sql.pieces)
  })
  for (const query of queries) {
    await session.describe(query.text).catch((error: unknown) => {
      throw located(error, query)
    })
  }
  return queries
}

const nothing = ({ key, where }: AssetSpec): AssayError => new AssayError('ASSAY-3005', `the compute of ${key} returned nothing`, { where })

const isRows = (yielded: object): yielded is Rows => Symbol.asyncIterator in yielded || Symbol.iterator in yielded

/** What an output is called by its compute. */
const nameOf = ({ key, outputs }: AssetSpec): string => Object.entries(outputs?.assets ?? {}).find(([, each]) => each === key)?.[0] ?? ''

const sqlFor = (spec: AssetSpec, yielded: Exclude<Yielded, Rows | undefined>): Sql | undefined =>
  spec.outputs === undefined ? (yielded as Sql) : (yielded as Readonly<Record<string, Sql | undefined>>)[nameOf(spec)]

/** Rows of JavaScript become tables of the session. */
async function loadRows(session: SqlSession, specs: readonly AssetSpec[], yielded: Rows): Promise<readonly Query[]> {
  const table = (i: number): string => `__rows_${i}`
  const queries = specs.map((spec, i) => ({ spec, pieces: [], bindings: NO_BINDINGS, text: `SELECT * FROM ${table(i)}` }))
  const [first] = specs
  if (first?.outputs === undefined) {
    await session.load(table(0), first === undefined ? [] : yieldedColumns(first.columns, first.write), yielded as AsyncIterable<EngineRow>)
    return queries
  }
  const all = Object.keys(first.outputs.assets)
  const parts = splitRows(checked(yielded as AsyncIterable<Emitted>, all, first), specs.map(nameOf))
  const loads = await Promise.allSettled(
    specs.map((spec, i) => {
      const load = session.load(table(i), yieldedColumns(spec.columns, spec.write), parts.rows(nameOf(spec)) as AsyncIterable<EngineRow>)
      return load.catch((error: unknown) => {
        const own = placed(error, spec)
        parts.stop(own)
        throw own
      })
    }),
  )
  const failed = loads.find((load) => load.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return queries
}

const NO_BINDINGS: Bindings = { table: byDepName, param: (name) => name }

/** A program that was not type-checked may yield anything. @throws ASSAY-3005 for what `emit` did not make */
async function* checked(
  yielded: AsyncIterable<Emitted> | Iterable<Emitted>,
  names: readonly string[],
  spec: AssetSpec,
): AsyncIterable<Emitted> {
  for await (const each of yielded) {
    const output: unknown = (each as Emitted | undefined)?.output
    if (!names.some((name) => name === output))
      throw new AssayError('ASSAY-3005', `the compute of ${spec.key} yielded what is no row of an output`, {
        where: spec.where,
        next: `Yield ${names.map((name) => `emit.${name}({ … })`).join(' or ')}.`,
      })
    yield each
  }
}

/** Calls the user's function, once for all that the step makes. */
export async function runFunction(
  environment: StepEnvironment,
  specs: readonly AssetSpec[],
  step: StepMessage,
  session: SqlSession | undefined,
): Promise<Yielded> {
  const [spec] = specs
  if (spec === undefined) return undefined
  const inputs: Record<string, Input<EngineRow>> = {}
  for (const { name } of spec.deps) {
    if (session !== undefined && name in step.inputs) inputs[name] = { rows: () => session.stream(`SELECT * FROM ${byDepName(name)}`) }
  }
  const run = functionOf(await environment.definition(spec))
  const yielded: unknown = await run(inputs as never, emitOf(spec) as never, contextOf(environment, specs, step) as never)
  return (yielded ?? undefined) as Yielded
}

const identity = <R>(row: R): R => row

/** `row()`, or a function of this kind for each output. */
const emitOf = ({ outputs }: AssetSpec): unknown =>
  outputs === undefined
    ? identity
    : Object.fromEntries(Object.keys(outputs.assets).map((output) => [output, (row: object): Emitted => ({ output, row })]))

function functionOf(definition: AssetDefinition): (inputs: never, emit: never, context: never) => unknown {
  const compute = definition.made?.compute
  if (compute?.kind !== 'typescript') throw new Error(`${definition.key} is not made by a function`)
  return compute.run
}

function contextOf(environment: StepEnvironment, specs: readonly AssetSpec[], step: StepMessage): StepContext | OutputsContext<string> {
  const partitions = specs[0] === undefined ? [] : partitionsIn(specs[0].partitions, step.partitions)
  const context = { partitions, log: environment.log, use: environment.use }
  return specs[0]?.outputs === undefined ? context : { ...context, outputs: new Set(specs.map(nameOf)) }
}

/** An error that names no place, at that of the asset. */
export function placed(error: unknown, spec: AssetSpec): unknown {
  if (!(error instanceof AssayError) || error.where !== undefined || spec.where === undefined) return error
  return new AssayError(error.code, error.message, { where: spec.where, next: error.next, details: error.details, cause: error.cause })
}

/** An engine's error as one of the catalogue, at the place in the user's file. */
export function located(error: unknown, query: Query): unknown {
  const known = fileProblem(error)
  if (!(known instanceof SqlError)) return placed(known, query.spec)
  return sqlProblem(known, query)
}

function sqlProblem(error: SqlError, { spec, pieces, bindings }: Query): AssayError {
  const code = error.kind === 'binding' || error.kind === 'syntax' ? 'ASSAY-1012' : 'ASSAY-3008'
  return new AssayError(code, `${spec.key}: ${firstLine(error)}`, {
    where: locate(pieces, bindings, error.position ?? 0) ?? spec.where,
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
