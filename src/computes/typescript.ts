import { callSite } from '../call-site.ts'
import type { Deps } from '../partitions/mapping.ts'
import type { Compute, LineageOption, RowsFunction } from './compute.ts'

/**
 * An asset made by a TypeScript function: it yields rows, or returns (a promise of) a relation as sql`…`; for several
 * outputs it yields `emit.<output>(row)`, or returns relations by the name of each. For an asset
 * without a schema it does its work and returns nothing. It may run again after a crash: make it idempotent.
 */
export const typescript = <D extends Deps, R>(
  run: RowsFunction<D, R>,
  options: { readonly lineage?: LineageOption<NoInfer<D>, NoInfer<R>> } = {},
): Compute<D, R> =>
  ({ spec: { kind: 'typescript', run, lineage: options.lineage, where: callSite(typescript) } }) as unknown as Compute<D, R>
