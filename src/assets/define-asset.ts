import { callSite, callSites } from '../call-site.ts'
import type { Check, Checks } from '../checks/check.ts'
import type { Compute, ComputeSpec } from '../computes/compute.ts'
import type { VersionFunction } from '../computes/version-function.ts'
import { AssayError, type SourceLocation } from '../errors.ts'
import { type AssetKey, assetKey } from '../keys.ts'
import { type Partitions, UNPARTITIONED, type Unpartitioned } from '../partitions/declare.ts'
import type { DeclaredMapping, Dep, Deps, FedBy, Fitting } from '../partitions/mapping.ts'
import type { Row, Schema } from '../schema/column.ts'
import { didYouMean } from './nearest.ts'
import { type ByKey, HISTORY_COLUMNS, type Stored, type WriteMode, type Yielded } from './write-mode.ts'

/** An asset: what readers see of it. `.from()` says how it is made, from a compute that yields the columns `Y`. */
export interface Asset<
  out K extends string = string,
  out S extends Schema = Schema,
  out P extends Partitions = Partitions,
  out Y extends Schema = S,
> extends Dep<S, P, FedBy<P>> {
  readonly key: K
  /**
   * How it is made, once: from what, and by which compute. Readers never wait for this type.
   * @throws ASSAY-1008 when called twice
   */
  from<D extends Deps>(deps: D & Fitting<NoInfer<D>, P>, compute: Compute<D, Row<Y>, P>): void
}

/** Something that others make. It can be read where the catalog has its table; it is never made here. */
export interface ExternalAsset<out K extends string = string, out S extends Schema = Schema, out P extends Partitions = Partitions>
  extends Dep<S, P, FedBy<P>> {
  readonly key: K
  /**
   * How to find out which version of it is there, once: for what is no table of the catalog. Any text that changes when its
   * content does; `assay observe` asks for it, in a worker, and what reads it becomes stale when it moved.
   * @throws ASSAY-1008 when called twice
   */
  observe(version: VersionFunction<P>): void
}

/** Retries of a step that failed by an exception or a lost worker; a failed check is not retried. */
export interface RetryPolicy {
  /** How often a step is tried again. */
  readonly max: number
  /** Milliseconds before the first retry; doubled for each further one, with up to 20 % of chance added. */
  readonly delay: number
}

/** How many partitions one step makes at once. Term: Dagster's backfill policy. */
export interface BackfillPolicy {
  readonly partitionsPerStep: number
}

/** `unknown` where the schema has the column that holds each dimension, else a sentence, which `P & Held<S, P>` then fails on. */
type Held<S extends Schema, P extends Partitions> = P extends { readonly column: string }
  ? P['column'] extends keyof S
    ? unknown
    : '' extends P['column']
      ? `'${P['name']}' partitions are held by a column of the schema: write .on('its name')`
      : `'${P['name']}' partitions are held by '${Exclude<P['column'], keyof S>}', which is no column of the schema`
  : unknown

/** What people say of an asset. It decides nothing of what is made, so to change it makes nothing stale. */
export interface Metadata {
  readonly description?: string
  /** Who answers for it: names, teams, addresses. */
  readonly owners?: readonly string[]
  /** The one group that it belongs to. */
  readonly group?: string
  readonly tags?: Readonly<Record<string, string>>
  /** Words for what it is: `dashboard`, `feature set`. */
  readonly kinds?: readonly string[]
}

/** How old the data of an asset may be. */
export interface FreshnessPromise {
  /** Milliseconds. */
  readonly maxAge: number
}

export interface AssetOptions<S extends Schema, P extends Partitions, W extends WriteMode = WriteMode> extends Metadata {
  readonly partitions?: P
  /** The columns of its table. Without a schema there is no table: a run of it is recorded, and that is all. */
  readonly schema?: S
  /** Columns that together name a row; a check holds that they are unique in each step. */
  readonly key?: readonly (keyof NoInfer<S> & string)[]
  readonly checks?: (c: Checks<NoInfer<S>>) => readonly Check[]
  /**
   * Rows that break the schema or a row check go to `<key>__rejects` with the reason, in the same pass, instead of
   * blocking the rest.
   */
  readonly quarantine?: boolean
  /** What becomes of the rows that a step yields; `replace` where nothing is said. */
  readonly write?: W
  /** Columns by which the rows of each file are sorted, ascending; `assay maintain` sorts the files that it compacts. */
  readonly sortBy?: readonly (keyof NoInfer<S> & string)[]
  readonly retry?: RetryPolicy
  readonly backfill?: BackfillPolicy
  /** Milliseconds that an attempt at a step may take; its worker is ended then, with all that it has started. */
  readonly timeout?: number
  /** Takes the place of the hash over code and schema: only another text makes what was made stale. */
  readonly codeVersion?: string
  /** Not yet carried out: a load error says so. */
  readonly pool?: string
  /** Not yet carried out: a load error says so. */
  readonly freshness?: FreshnessPromise
}

/** How an asset is made. `where` is the call of `.from()`, `frames` that and all calls that led to it. */
export interface Made {
  readonly deps: Deps
  readonly compute: ComputeSpec
  readonly where: SourceLocation | undefined
  readonly frames: readonly SourceLocation[]
  /** Set where one compute makes several: they share this record. */
  readonly outputs?: OutputGroup
}

/** The outputs of one compute, by the names that it knows them under. */
export interface OutputGroup {
  readonly assets: Readonly<Record<string, { readonly key: string }>>
  /** Whether some can be made without the others. */
  readonly partial: boolean
}

/** How the version of an external asset is found out. */
export interface Observed {
  readonly version: (context: never) => unknown
  readonly where: SourceLocation | undefined
  readonly frames: readonly SourceLocation[]
}

/** What an asset is, behind its public face. Read by `project/` only, through {@link definitionOf}. */
export interface AssetDefinition {
  readonly key: AssetKey
  readonly kind: 'table' | 'marker' | 'external'
  readonly where: SourceLocation | undefined
  readonly metadata: Metadata
  /** As declared; {@link storedSchema} is what readers see. */
  readonly schema: Schema
  readonly partitions: Partitions
  readonly rowKey: readonly string[]
  readonly checks: ((c: never) => readonly Check[]) | undefined
  readonly quarantine: boolean
  readonly write: WriteMode
  readonly sortBy: readonly string[]
  readonly retry: RetryPolicy
  readonly backfill: BackfillPolicy
  readonly timeout: number | undefined
  readonly codeVersion: string | undefined
  /** Options that later versions carry out, as they were given. */
  readonly pending: { readonly pool: unknown; readonly freshness: unknown }
  readonly made: Made | undefined
  /** Of external assets. */
  readonly observed: Observed | undefined
}

const definitions = new WeakMap<object, () => AssetDefinition>()

/** The definition behind a value, or undefined when it is no asset. */
export const definitionOf = (value: unknown): AssetDefinition | undefined =>
  typeof value === 'object' && value !== null ? definitions.get(value)?.() : undefined

/** What an asset is called by a compute that makes several; undefined where it makes one. */
export const outputName = ({ outputs }: Made, key: string): string | undefined =>
  Object.entries(outputs?.assets ?? {}).find(([, each]) => each.key === key)?.[0]

const makers = new WeakMap<object, (made: Made) => void>()

/** Says how an asset is made. @throws ASSAY-1008 when that was said before, Error for what is no asset */
export function giveCompute(face: object, made: Made): void {
  const give = makers.get(face)
  if (give === undefined) throw new TypeError('an output is what asset() returns')
  give(made)
}

const NO_RETRY: RetryPolicy = Object.freeze({ max: 0, delay: 1000 })
const ONE_BY_ONE: BackfillPolicy = Object.freeze({ partitionsPerStep: 1 })

/**
 * Declares an asset. This says what readers see; `.from(deps, compute)` on the result says how it is made. In two calls,
 * because in one the editor would infer everything upstream again with each key stroke.
 * @throws ASSAY-1004 when the key is not `layer.name`
 */
export function asset<
  const K extends string,
  S extends Schema = Record<never, never>,
  P extends Partitions = Unpartitioned,
  W extends WriteMode<keyof S & string> = 'replace',
  const Key extends readonly (keyof NoInfer<S> & string)[] = readonly [],
>(
  key: K,
  options: AssetOptions<S, P, W> & {
    readonly partitions?: string extends keyof S ? P : keyof S extends never ? P : P & Held<S, P>
    readonly key?: Key
    readonly write?: W & ByKey<W, Key>
  },
): Asset<K, Stored<S, W>, P, Yielded<S, W>> {
  const where = callSite(asset)
  refuseStray(key, options, where)
  let made: AssetDefinition['made']
  const common = definitionBase(key, where, options as unknown as LooseOptions)
  const from = (deps: Deps, compute: { readonly spec: ComputeSpec }): void => {
    const frames = callSites(from)
    giveCompute(face, Object.freeze({ deps: Object.freeze({ ...deps }), compute: compute.spec, where: frames[0], frames }))
  }
  const face = Object.freeze({ ...faceOf(common), from })
  makers.set(face, (given) => {
    if (made) throw new AssayError('ASSAY-1008', `${key} was already given a compute`, { where: given.where })
    made = given
  })
  definitions.set(face, () => Object.freeze({ ...common, made }))
  return face as unknown as Asset<K, Stored<S, W>, P, Yielded<S, W>>
}

/**
 * Declares something that others make: a table of another engine, files, a model endpoint.
 * @throws ASSAY-1004 when the key is not `layer.name`
 */
export function externalAsset<const K extends string, S extends Schema = Record<never, never>, P extends Partitions = Unpartitioned>(
  key: K,
  options: Metadata & { readonly partitions?: P; readonly schema?: S } = {},
): ExternalAsset<K, S, P> {
  const common = { ...definitionBase(key, callSite(externalAsset), options as LooseOptions), kind: 'external' as const }
  let observed: Observed | undefined
  const observe = (version: Observed['version']): void => {
    const frames = callSites(observe)
    if (observed) throw new AssayError('ASSAY-1008', `${key} was already given a version function`, { where: frames[0] })
    observed = Object.freeze({ version, where: frames[0], frames })
  }
  const face = Object.freeze({ ...faceOf(common), observe })
  definitions.set(face, () => Object.freeze({ ...common, observed }))
  return face as unknown as ExternalAsset<K, S, P>
}

/** What an asset shows to those that read it, as it was when its module was loaded last: what it is made from is not known. */
export function knownAsset({ key, kind, schema, partitions }: Pick<AssetDefinition, 'key' | 'kind' | 'schema' | 'partitions'>): object {
  const definition: AssetDefinition = Object.freeze({ ...definitionBase(key, undefined, { schema, partitions }), kind })
  const from = (): void => {
    throw new AssayError('ASSAY-1008', `${key} was already given a compute`, { where: callSite(from) })
  }
  const face = Object.freeze(kind === 'external' ? faceOf(definition) : { ...faceOf(definition), from })
  definitions.set(face, () => definition)
  return face
}

/** Those of {@link AssetOptions}: a program that was not type-checked may misspell one, and would go unchecked. */
const OPTIONS: readonly string[] = [
  ...['partitions', 'schema', 'key', 'checks', 'quarantine', 'write', 'sortBy', 'retry', 'backfill', 'timeout', 'codeVersion'],
  ...['pool', 'freshness', 'description', 'owners', 'group', 'tags', 'kinds'],
]

/** @throws ASSAY-1022 */
function refuseStray(key: string, options: object, where: SourceLocation | undefined): void {
  const stray = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (stray === undefined) return
  const next = didYouMean(stray, OPTIONS)
  throw new AssayError('ASSAY-1022', `${key} is given the option '${stray}', which there is not`, {
    where,
    ...(next === undefined ? {} : { next }),
  })
}

/** Options with the types of one asset's columns forgotten. */
type LooseOptions = AssetOptions<Schema, Partitions>

function definitionBase(key: string, where: SourceLocation | undefined, options: LooseOptions): AssetDefinition {
  const schema = options.schema ?? {}
  return {
    key: assetKey(key, where),
    kind: Object.keys(schema).length === 0 ? 'marker' : 'table',
    where,
    metadata: metadataOf(options),
    schema,
    partitions: options.partitions ?? UNPARTITIONED,
    rowKey: options.key ?? [],
    checks: options.checks as AssetDefinition['checks'],
    quarantine: options.quarantine ?? false,
    write: options.write ?? 'replace',
    sortBy: options.sortBy ?? [],
    retry: options.retry ?? NO_RETRY,
    backfill: options.backfill ?? ONE_BY_ONE,
    timeout: options.timeout,
    codeVersion: options.codeVersion,
    pending: { pool: options.pool, freshness: options.freshness },
    made: undefined,
    observed: undefined,
  }
}

/** The columns of the table. */
export const storedSchema = ({ schema, write }: AssetDefinition): Schema =>
  typeof write === 'object' && write.kind === 'history' ? { ...schema, ...HISTORY_COLUMNS } : schema

/** Copied and frozen, so that what was declared stays what it was; absent where nothing is said. */
function metadataOf({ description, owners, group, tags, kinds }: Metadata): Metadata {
  return Object.freeze({
    ...(description === undefined ? {} : { description }),
    ...(owners === undefined ? {} : { owners: frozen(owners) }),
    ...(group === undefined ? {} : { group }),
    ...(tags === undefined ? {} : { tags: Object.freeze({ ...tags }) }),
    ...(kinds === undefined ? {} : { kinds: frozen(kinds) }),
  })
}

const frozen = <T>(list: readonly T[]): readonly T[] => Object.freeze(Array.isArray(list) ? [...list] : list)

/** By default a reader takes the same partition, and of an unpartitioned dep the whole. */
function faceOf(definition: AssetDefinition): {
  key: AssetKey
  schema: Schema
  partitions: Partitions
  mapping: DeclaredMapping
  feeds: undefined
} {
  const mapping: DeclaredMapping = definition.partitions.dim === 'none' ? { kind: 'all' } : { kind: 'identity' }
  return { key: definition.key, schema: storedSchema(definition), partitions: definition.partitions, mapping, feeds: undefined }
}
