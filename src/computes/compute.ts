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

/** `row()` is the identity: an error lands on the property at fault, and a column too many is found. */
export type RowsFunction<D extends Deps, R, P extends Partitions = Partitions> = (
  inputs: Inputs<D>,
  row: (row: R) => R,
  context: StepContext<P>,
) => AsyncIterable<R> | Iterable<R> | Promise<Sql | void> | Sql | void

/** A column of a dep: `orders.amount`. */
type DepColumn<D extends Deps> = { readonly [N in keyof D & string]: `${N}.${keyof D[N]['schema'] & string}` }[keyof D & string]

/**
 * What the columns of a function's rows are computed from, as nobody can read it from the code: all sources of a column, or
 * the column is left out and unknown. `$rows`: what decides which rows there are.
 */
export type DeclaredLineage<D extends Deps, R> = { readonly [C in (keyof R & string) | '$rows']?: readonly DepColumn<D>[] }

/** What a query says of the partitions that it makes; of a product also of each dimension by its name. */
export type ParamsOf<P extends Partitions> = PartitionParams &
  (P extends ProductPartitions<infer D> ? { readonly [N in keyof D]: D[N] extends TimeWindows ? WindowParams : KeyParams } : unknown)

export type QueryFunction<D extends Deps, P extends Partitions = Partitions> = (
  deps: Handles<D>,
  context: { readonly partition: ParamsOf<P> },
) => Sql

/** How the rows of a compute can come into a table: see the option `write` of an asset. */
export type WriteKind = 'replace' | 'append' | 'merge' | 'history'

/** A compute that gives its rows to Assay leaves open what becomes of them. */
export const ALL_WRITES: readonly WriteKind[] = ['replace', 'append', 'merge', 'history']

/** How an asset is made, with what makes it. Data, apart from the user's function. */
export type ComputeSpec =
  | {
      readonly kind: 'duckdb'
      readonly query: (deps: never, context: { readonly partition: never }) => Sql
      readonly writes: readonly WriteKind[]
      readonly where: SourceLocation | undefined
    }
  | {
      readonly kind: 'typescript'
      readonly run: RowsFunction<Deps, never, never>
      readonly writes: readonly WriteKind[]
      /** See {@link DeclaredLineage}; by output column, each source as `dep.column`. */
      readonly lineage: Readonly<Record<string, readonly string[]>> | undefined
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
