import { callSites } from '../call-site.ts'
import type { Compute, ComputeSpec, Several } from '../computes/compute.ts'
import type { Deps, Fitting } from '../partitions/mapping.ts'
import type { Row } from '../schema/column.ts'
import { type Asset, giveCompute } from './define-asset.ts'

/** Assets by the name under which their compute knows them. */
type OutputAssets = { readonly [name: string]: Asset }

export interface OutputsOptions {
  /**
   * Whether the compute can make some outputs without the others: then those that are selected and due are made. Without
   * it each step makes all of them. Term: Dagster's `can_subset`.
   */
  readonly partial?: boolean
}

/** Several assets that one compute makes. `.from()` says how. */
export interface Outputs<in out O extends OutputAssets> {
  /**
   * How they are made, once and together: the same inputs, one step, one commit.
   * @throws ASSAY-1008 when one of them has a compute already
   */
  from<D extends Deps>(
    deps: D & Fitting<NoInfer<D>, O[keyof O]['partitions']>,
    compute: Compute<D, Several<{ readonly [N in keyof O]: Row<O[N]['schema']> }>, O[keyof O]['partitions']>,
  ): void
}

/**
 * Declares that one compute makes several assets. Each is an asset of its own, with its key, schema and checks; all have
 * the same partitions. A step pins what it reads once for all of them, and publishes all their tables in one commit: when a
 * blocking check of one fails, none is published.
 * @example outputs({ orders, lines }, { partial: true }).from({ events }, duckdb(({ events: e }) => ({ orders: sql`…`, lines: sql`…` })))
 */
export function outputs<const O extends OutputAssets>(assets: O, { partial = false }: OutputsOptions = {}): Outputs<O> {
  const from = (deps: Deps, compute: { readonly spec: ComputeSpec }): void => {
    const frames = callSites(from)
    const group = Object.freeze({ assets: Object.freeze({ ...assets }), partial })
    const made = Object.freeze({ deps: Object.freeze({ ...deps }), compute: compute.spec, where: frames[0], frames, outputs: group })
    for (const each of Object.values(assets)) giveCompute(each, made)
  }
  return Object.freeze({ from })
}
