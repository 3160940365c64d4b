import type { SourceLocation } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Row } from '../schema/column.ts'
import type { Partitions, ProductPartitions, TimeWindows } from '../partitions/declare.ts'
import type { Deps } from '../partitions/mapping.ts'
import type { PartitionOf } from '../partitions/partition-of.ts'
import type { Resource } from '../resources/resource.ts'
import type { Handle, KeyParams, PartitionParams, Sql, WindowParams } from '../sql/template.ts'

/** The deps of a compute as SQL handles, by the names that `.from({ … })` gives them. */
export type Handles<D extends Deps> = { readonly [N in keyof D]: Handle<D[N]['schema']> }

/** A dep as a TypeScript compute reads it: narrowed to the partitions that are needed. */
export interface Input<R> {
  /** Rows as they come; cells as `t` says. May be read more than once. */
  rows(): AsyncIterable<R>
}
export type Inputs<D extends Deps> = { readonly [N in keyof D]: Input<Row<D[N]['schema']>> }

/** What a TypeScript compute is asked for. */
export interface StepContext<P extends Partitions = Partitions> {
  /** The partitions to make, oldest first; empty for an unpartitioned asset. */
  readonly partitions: readonly PartitionOf<P>[]
  readonly log: Logger
  /** A resource, or what the profile has in its place: opened once a worker, closed when that ends. @throws ASSAY-1019 */
  readonly use: <T>(resource: Resource<T>) => Promise<T>
}

/** What a TypeScript compute of several outputs is asked for. */
export interface OutputsContext<N, P extends Partitions = Partitions> extends StepContext<P> {
  /**
   * The names of the outputs to make: all of them, or with `partial: true` those that were selected and are due. Rows of
   * others are dropped, so a function may look here before it computes what nobody asked for.
   */
  readonly outputs: ReadonlySet<N>
}

/** What a compute of several outputs makes: rows by the name of the output. For the type checker only. */
export interface Several<out O extends object> {
  readonly rowsByOutput: O
}

/** A row with the output that it is for; made by `emit.<output>(row)`. */
export interface Emitted {
  readonly output: string
  readonly row: object
}

/** `row({ … })`, or `emit.<output>({ … })`: an error lands on the property at fault, and a column too many is found. */
type Emit<R> = R extends Several<infer O> ? { readonly [N in keyof O]: (row: O[N]) => Emitted } : (row: R) => R
type Yielded<R> = R extends Several<object> ? Emitted : R
type Context<R, P extends Partitions> = R extends Several<infer O> ? OutputsContext<keyof O, P> : StepContext<P>
/** One statement, or one for each output; a function may leave out those that it was not asked for. */
type Statements<R> = R extends Several<infer O> ? { readonly [N in keyof O]: Sql } : Sql
type Relations<R> = R extends Several<infer O> ? { readonly [N in keyof O]?: Sql } : Sql

/** Yields rows, or returns (a promise of) a relation. */
export type RowsFunction<D extends Deps, R, P extends Partitions = Partitions> = (
  inputs: Inputs<D>,
  emit: Emit<R>,
  context: Context<R, P>,
) =>
  | AsyncIterable<Yielded<NoInfer<R>>>
  | Iterable<Yielded<NoInfer<R>>>
  | Promise<Relations<NoInfer<R>> | void>
  | Relations<NoInfer<R>>
  | void

/** A column of a dep: `orders.amount`. */
type DepColumn<D extends Deps> = { readonly [N in keyof D & string]: `${N}.${keyof D[N]['schema'] & string}` }[keyof D & string]

/**
 * What the columns of a function's rows are computed from, as nobody can read it from the code: all sources of a column, or
 * the column is left out and unknown. `$rows`: what decides which rows there are.
 */
export type DeclaredLineage<D extends Deps, R> = { readonly [C in (keyof R & string) | '$rows']?: readonly DepColumn<D>[] }

/** {@link DeclaredLineage} of one output, or of each by its name. */
export type LineageOption<D extends Deps, R> =
  R extends Several<infer O> ? { readonly [N in keyof O]?: DeclaredLineage<D, O[N]> } : DeclaredLineage<D, R>

/** TypeScript lets a function return more properties than it may: a sentence in place of each that is no output. */
type Known<Q, R> = R extends Several<infer O> ? { readonly [N in Exclude<keyof Q, keyof O>]: `'${N & string}' is no output` } : unknown

/** What a query says of the partitions that it makes; of a product also of each dimension by its name. */
export type ParamsOf<P extends Partitions> = PartitionParams &
  (P extends ProductPartitions<infer D> ? { readonly [N in keyof D]: D[N] extends TimeWindows ? WindowParams : KeyParams } : unknown)

export type QueryFunction<D extends Deps, R, Q, P extends Partitions = Partitions> = (
  deps: Handles<D>,
  context: { readonly partition: ParamsOf<P> },
) => Q & Statements<NoInfer<R>> & Known<NoInfer<Q>, NoInfer<R>>

type Lineages = Readonly<Record<string, readonly string[]>>

/** How the rows of a compute can come into a table: see the option `write` of an asset. */
export type WriteKind = 'replace' | 'append' | 'merge' | 'history'

/** A compute that gives its rows to Assay leaves open what becomes of them. */
export const ALL_WRITES: readonly WriteKind[] = ['replace', 'append', 'merge', 'history']

/** How an asset is made, with what makes it. Data, apart from the user's function. */
export type ComputeSpec =
  | {
      readonly kind: 'duckdb'
      /** Of a compute of several outputs: a statement by the name of each. */
      readonly query: (deps: never, context: { readonly partition: never }) => Sql | Readonly<Record<string, Sql | undefined>>
      readonly writes: readonly WriteKind[]
      readonly where: SourceLocation | undefined
    }
  | {
      readonly kind: 'typescript'
      readonly run: (inputs: never, emit: never, context: never) => unknown
      readonly writes: readonly WriteKind[]
      /** See {@link LineageOption}: by column, each source as `dep.column`; for several outputs that by the name of each. */
      readonly lineage: Lineages | Readonly<Record<string, Lineages | undefined>> | undefined
      readonly where: SourceLocation | undefined
    }

/**
 * What `.from(deps, …)` takes. The call signature is for the type checker only: with it TypeScript puts off the inner
 * function until deps, schema and partitions are known.
 */
export interface Compute<in D extends Deps, out R, in P extends Partitions = never> {
  (deps: D, partitions: P): R
  readonly spec: ComputeSpec
}

/** Thrown by {@link skip}. */
export class SkipStep extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'SkipStep'
  }
}

/**
 * Ends the step without a result: nothing is published, what depends on it is skipped too, and the run does not fail.
 * For a source that is not there.
 */
export function skip(reason: string): never {
  throw new SkipStep(reason)
}
