import { callSite } from '../call-site.ts'
import type { Partitions } from '../partitions/declare.ts'
import type { Deps } from '../partitions/mapping.ts'
import { ALL_WRITES, type Compute, type DeclaredLineage, type RowsFunction } from './compute.ts'

/**
 * An asset made by a TypeScript function: it yields rows, or returns (a promise of) a relation as sql`…`. For an asset
 * without a schema it does its work and returns nothing. It may run again after a crash: make it idempotent.
 */
export const typescript = <D extends Deps, R, P extends Partitions>(
  run: RowsFunction<D, R, P>,
  options: { readonly lineage?: DeclaredLineage<NoInfer<D>, NoInfer<R>> } = {},
): Compute<D, R, P> =>
  ({ spec: { kind: 'typescript', run, writes: ALL_WRITES, lineage: options.lineage, where: callSite(typescript) } }) as unknown as Compute<
    D,
    R,
    P
  >
