/**
 * For tests of users, imported from `assay/testing`: makes one asset from given rows the way a run does it, without a
 * project, and leaves nothing behind. Works under every test runner.
 */
import { resolve } from 'node:path'
import { type Asset, type AssetDefinition, definitionOf } from './assets/define-asset.ts'
import type { AssetSpec } from './assets/spec.ts'
import { type Clock, fixedClock, systemClock } from './clock.ts'
import { LOCAL } from './config.ts'
import { AssayError, fromProblem } from './errors.ts'
import { type AssetKey, assetKey } from './keys.ts'
import type { Partitions, Unpartitioned } from './partitions/declare.ts'
import type { Dep } from './partitions/mapping.ts'
import type { Registries } from './partitions/registry.ts'
import { isEmpty, type PartitionSet, subtract, WHOLE } from './partitions/partition-set.ts'
import { universe } from './partitions/partitions.ts'
import { formatSet, parseSet } from './partitions/texts.ts'
import type { Binder } from './project/analyse.ts'
import { openBinder } from './project/analyse-all.ts'
import { manifestOfHandle } from './project/from-handles.ts'
import type { LoadedManifest } from './project/manifest.ts'
import { openDuckdb } from './resources/duckdb.ts'
import { type Opened, openedResources } from './resources/opened.ts'
import { type Resource, resource, type Swap, swap } from './resources/resource.ts'
import { bindManifest } from './runs/registries.ts'
import { type Rehearsed, rehearse } from './runs/rehearse.ts'
import type { Column, Row, Schema } from './schema/column.ts'
import { Instant } from './schema/instant.ts'
import type { EngineRow, SqlEngine } from './sql/engine.ts'
import type { CheckOutcome, CheckResult, StoreEvent } from './storage/events.ts'

export { fixedClock, steppedClock } from './clock.ts'
export type { Clock } from './clock.ts'

/** A row as a test gives it: columns that may be null may be left out. In one piece, so that messages name the column at fault. */
export type GivenRow<S extends Schema> = InOnePiece<
  { readonly [C in keyof S as null extends S[C]['cell'] ? never : C]: S[C]['cell'] } & {
    readonly [C in keyof S as null extends S[C]['cell'] ? C : never]?: S[C]['cell']
  }
>
type InOnePiece<T> = { readonly [C in keyof T]: T[C] }

/** The rows of a dep. */
export interface Given {
  readonly asset: Dep
  readonly rows: readonly object[]
}

/**
 * The rows that a dep has in a test; none is a list without rows. Of the asset that is made: what its table holds before.
 * @param asset the dep itself, or as it is mapped
 */
export const given = <S extends Schema>(asset: Dep<S>, rows: readonly GivenRow<NoInfer<S>>[]): Given => ({ asset, rows })

/**
 * A row to spread: null where a column may be null, else an empty text, zero, the first value of an enum, 1970.
 * @example given(events, [{ ...blank(events), user_id: 1n }])
 */
export const blank = <S extends Schema>(asset: Dep<S>): Row<S> => blankCells(asset.schema) as Row<S>

const blankCells = (schema: Schema): object => Object.fromEntries(Object.entries(schema).map(([name, column]) => [name, blankCell(column)]))

function blankCell(column: Column): unknown {
  if (column.optional) return null
  if (column.kind === 'enum') return column.values?.[0]
  if (column.kind === 'fixed') return new Uint8Array(Number(/\d+/.exec(String(column.type))?.[0]))
  return BLANKS[column.kind]?.(column) ?? ''
}

const BLANKS: { readonly [kind: string]: (column: Column) => unknown } = {
  int: () => 0,
  long: () => 0n,
  float: () => 0,
  double: () => 0,
  decimal: () => '0',
  boolean: () => false,
  date: () => '1970-01-01',
  time: () => '00:00:00',
  timestamp: () => '1970-01-01T00:00:00',
  timestamptz: () => Instant.fromMillis(0),
  uuid: () => '00000000-0000-0000-0000-000000000000',
  binary: () => new Uint8Array(),
  list: () => [],
  map: () => new Map(),
  struct: ({ inner }) => blankCells(inner),
}

/** What a resource is in a test: `resources: [fake(crm, { customers: async () => ['ada'] })]`. */
export const fake = <T>(real: Resource<T>, value: NoInfer<T>): Swap => swap(real, resource(real.name, { open: () => value }))

export interface MaterializeOptions {
  /** The rows of each dep that has columns. */
  readonly given?: readonly Given[]
  /** What stands for each resource that the compute uses: a `fake`, or a `swap` as in a profile. */
  readonly resources?: readonly Swap[]
  /** Decides which partitions exist where a window has no end; now, standing still, without one. */
  readonly clock?: Clock
  /** The values of dynamic partitions, by the name of their registry, in the order of adding: `{ customers: ['ada', 'bob'] }`. */
  readonly values?: Readonly<Record<string, readonly string[]>>
}

/** An asset with partitions is made for those that the text names, as in `--partition`: `2026-01-02`, `day=2026-01-02/country=de`. */
export type AskedPartitions<P extends Partitions> = P extends Unpartitioned
  ? { readonly partitions?: never }
  : { readonly partitions: string }

/** What a check found. Where several steps were needed, all of them together. */
export interface CheckFinding {
  readonly outcome: CheckOutcome
  readonly blocking: boolean
  /** Rows looked at, and those that do not hold; undefined where rows are not what is counted. */
  readonly rows: number | undefined
  readonly failing: number | undefined
  /** What was seen, in words. */
  readonly observed: string
  /** Up to five failing rows of each step, as JSON has them; of keys that repeat, the keys. */
  readonly samples: readonly unknown[]
}

/** A row that was refused, and the names of the checks that it breaks. */
export type RejectedRow<S extends Schema> = { readonly [C in keyof S]: S[C]['cell'] | null } & { readonly reject_reason: string }

/** What came of an asset in a test. */
export interface Made<S extends Schema> {
  /** `blocked`: a blocking check failed, so nothing was published. `skipped`: by {@link skip}. */
  readonly state: 'made' | 'blocked' | 'skipped'
  /** What readers see: sorted by the key, or by all columns where there is none. */
  readonly rows: readonly Row<S>[]
  /** Rows that a quarantining asset refused. */
  readonly rejects: readonly RejectedRow<S>[]
  /** By name, as `assay check` prints it: `amount.between`. */
  readonly checks: Readonly<Record<string, CheckFinding>>
  /** What each column is computed from, as `dep.column`; `$rows`: what decides which rows there are. Unknown where absent. */
  readonly lineage: { readonly [C in (keyof S & string) | '$rows']?: readonly string[] }
  /** What the compute logged. */
  readonly logs: readonly string[]
  /** The reason that {@link skip} was given. */
  readonly skipped: string | undefined
}

/**
 * Makes an asset from given rows: real SQL, real checks, real tables, in a temporary folder.
 * @example const made = await materialize(orders, { given: [given(events, [{ id: 1n }])], partitions: '2026-01-02' })
 * @throws ASSAY-3041 for rows or resources that are not given, ASSAY-4004 for partitions that do not exist, ASSAY-5003 for
 * given cells that fit no column, what is wrong with the definition, and what the compute throws
 */
export async function materialize<S extends Schema, P extends Partitions>(
  asset: Asset<string, S, P, Schema>,
  options: MaterializeOptions & AskedPartitions<P>,
): Promise<Made<S>> {
  const definition = definitionOf(asset)
  if (definition === undefined) throw new TypeError('materialize() takes an asset')
  try {
    return await madeFrom<S>(asset, definition, options)
  } catch (error) {
    throw pointed(error)
  }
}

/** Test runners show the code at the first frame: with the place in the user's file there, they show what is to be mended. */
function pointed(error: unknown): unknown {
  if (!(error instanceof AssayError) || error.where === undefined) return error
  const { file, line, column } = error.where
  const frames = (error.stack ?? '').split('\n').filter((text) => /^\s+at /.test(text))
  error.stack = [`${error.name}: ${error.message}`, `    at ${resolve(file)}:${line}:${column}`, ...frames].join('\n')
  return error
}

async function madeFrom<S extends Schema>(
  asset: object,
  definition: AssetDefinition,
  { given: list = [], resources: swaps = [], partitions: text, clock = fixedClock(systemClock.now()), values = {} }: AnyOptions,
): Promise<Made<S>> {
  const tools = await openTools()
  const loaded = bindManifest(await manifestOf(asset, definition, tools), registriesWith(values))
  const rows = givenRows(definition, loaded, list)
  const partitions = askedFor(loaded.asset(definition.key) as AssetSpec, text, clock)
  const root = process.cwd()
  const opened = openedResources({ root, profile: LOCAL, env: process.env }, async () => swaps)
  try {
    const use = usingOnly(definition, opened, swaps)
    return madeOf<S>(
      loaded,
      definition,
      await rehearse({ loaded, definition, given: rows, partitions, engine: tools.engine, clock, use, root }),
    )
  } finally {
    await opened.close()
  }
}

type AnyOptions = MaterializeOptions & { readonly partitions?: string | undefined }

interface Tools {
  readonly engine: SqlEngine
  readonly binder: Binder
}

let tools: Promise<Tools> | undefined

/** One engine a process: to open one takes longer than most tests. */
const openTools = (): Promise<Tools> => {
  tools ??= openDuckdb({ threads: 1 }).then(async (engine) => ({ engine, binder: await openBinder(engine) }))
  return tools
}

const manifests = new WeakMap<object, Promise<LoadedManifest>>()
/** The binder's session has one name for each dep, so statements are bound one after the other. */
let binding: Promise<unknown> = Promise.resolve()

/** An asset is given its compute once, so what is known of it stays. */
function manifestOf(asset: object, definition: AssetDefinition, { binder }: Tools): Promise<LoadedManifest> {
  const known = manifests.get(asset)
  if (known !== undefined) return known
  const manifest = binding.then(() => manifestOfHandle(definition, binder, process.cwd()))
  binding = manifest.catch(() => undefined)
  if (definition.made !== undefined) manifests.set(asset, manifest)
  return manifest
}

function givenRows(
  definition: AssetDefinition,
  loaded: LoadedManifest,
  list: readonly Given[],
): ReadonlyMap<AssetKey, readonly EngineRow[]> {
  const refused = (what: string, next: string): AssayError => new AssayError('ASSAY-3041', what, { where: definition.made?.where, next })
  const spec = loaded.asset(definition.key)
  const own = [definition.key, ...(spec?.deps.map((dep) => dep.asset) ?? [])]
  const tables = loaded.manifest.assets.filter(({ key, columns }) => columns.length > 0 && own.includes(key)).map(({ key }) => key)
  const read = tables.filter((key) => key !== definition.key)
  const byKey = Map.groupBy(list, ({ asset }) => asset.key)
  const rows = new Map([...byKey].map(([key, ofDep]) => [assetKey(key), ofDep.flatMap((one) => one.rows as readonly EngineRow[])]))
  for (const key of rows.keys()) {
    const reads = read.length === 0 ? 'It reads no rows.' : `It reads ${read.join(', ')}.`
    if (!tables.includes(key)) throw refused(`rows of ${key} are given, which ${definition.key} does not read`, reads)
  }
  const missing = read.find((key) => !rows.has(key))
  if (missing === undefined) return rows
  throw refused(`${definition.key} reads ${missing}, and no rows of it are given`, `Add given(…, []) of ${missing}, with rows or without.`)
}

const registriesWith = (values: Readonly<Record<string, readonly string[]>>): Registries =>
  new Map(
    Object.entries(values).map(([name, held]) => [
      name,
      { values: held.map((value, id) => [id, value] as const), live: [[0, held.length]] },
    ]),
  )

function askedFor({ key, partitions: spec, where }: AssetSpec, text: string | undefined, clock: Clock): PartitionSet {
  if (spec.dim === 'none') return WHOLE
  const exist = universe(spec, clock.now())
  if (text === undefined)
    throw new AssayError('ASSAY-4004', `${key} has partitions, and it is not said which to make`, {
      where,
      next: `Add \`partitions\`: it has ${formatSet(spec, exist)}.`,
    })
  const asked = parseSet(spec, text, exist, where)
  const absent = subtract(asked, exist)
  if (isEmpty(absent) && !isEmpty(asked)) return asked
  throw new AssayError('ASSAY-4004', `${key} has no partition ${formatSet(spec, absent)}`, {
    where,
    next: `It has ${formatSet(spec, exist)}.`,
  })
}

const usingOnly =
  ({ key }: AssetDefinition, opened: Opened, swaps: readonly Swap[]): Opened['use'] =>
  (asked) => {
    if (swaps.some(({ name }) => name === asked.name)) return opened.use(asked)
    const next = `Add fake(${asked.name}, …) to \`resources\`.`
    throw new AssayError('ASSAY-3041', `${key} uses the resource ${asked.name}, and nothing stands for it`, { where: asked.where, next })
  }

function madeOf<S extends Schema>(loaded: LoadedManifest, { key }: AssetDefinition, { events, rows, rejects, logs }: Rehearsed): Made<S> {
  const failed = events.find((event) => event.type === 'step.failed' && event.state !== 'blocked')
  if (failed?.type === 'step.failed') throw fromProblem(failed.problem)
  const skipped = events.find((event) => event.type === 'step.skipped')
  const isBlocked = events.some((event) => event.type === 'step.failed')
  return {
    state: isBlocked ? 'blocked' : skipped === undefined ? 'made' : 'skipped',
    rows: rows as unknown as readonly Row<S>[],
    rejects: rejects as unknown as readonly RejectedRow<S>[],
    checks: findings(key, events),
    lineage: lineageIn(loaded, key) as Made<S>['lineage'],
    logs,
    skipped: skipped?.type === 'step.skipped' ? skipped.reason : undefined,
  }
}

function lineageIn(loaded: LoadedManifest, key: AssetKey): Readonly<Record<string, readonly string[]>> {
  const { columns = {}, rows } = loaded.asset(key)?.lineage ?? {}
  const all = Object.entries({ ...columns, ...(rows === undefined ? {} : { $rows: rows }) })
  return Object.fromEntries(all.map(([name, sources]) => [name, [...new Set(sources.map(([dep, column]) => `${dep}.${column}`))]]))
}

const WORST: readonly CheckOutcome[] = ['pass', 'warn', 'fail', 'error']

function findings(key: AssetKey, events: readonly StoreEvent[]): Made<Schema>['checks'] {
  const results = events.flatMap((event) => (event.type === 'step.succeeded' || event.type === 'step.failed' ? event.checks : []))
  const own = results.filter(({ asset }) => asset === key)
  const byName = [...Map.groupBy(own, ({ check }) => check)]
  return Object.fromEntries(byName.map(([name, ofCheck]) => [name, together(ofCheck)]))
}

function together(results: readonly CheckResult[]): CheckFinding {
  const worst = results.toSorted((a, b) => WORST.indexOf(b.outcome) - WORST.indexOf(a.outcome))[0] as CheckResult
  const sum = (count: (result: CheckResult) => number | undefined): number | undefined =>
    results.every((result) => count(result) === undefined) ? undefined : results.reduce((total, result) => total + (count(result) ?? 0), 0)
  return {
    outcome: worst.outcome,
    blocking: worst.blocking,
    rows: sum((result) => result.rows),
    failing: sum((result) => result.failing),
    observed: worst.observed,
    samples: results.flatMap(({ samples }) => samples.map((sample): unknown => JSON.parse(sample))),
  }
}
