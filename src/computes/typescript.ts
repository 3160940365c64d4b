import { callSite } from '../call-site.ts'
import type { Partitions } from '../partitions/declare.ts'
import type { Deps } from '../partitions/mapping.ts'
import { ALL_WRITES, type Compute, type LineageOption, type RowsFunction } from './compute.ts'

/**
 * An asset made by a TypeScript function: it yields rows, or returns (a promise of) a relation as sql`…`; for several
 * outputs it yields `emit.<output>(row)`, or returns relations by the name of each. For an asset
 * without a schema it does its work and returns nothing. It may run again after a crash: make it idempotent.
 */
export const typescript = <D extends Deps, R, P extends Partitions>(
  run: RowsFunction<D, R, P>,
  options: { readonly lineage?: LineageOption<NoInfer<D>, NoInfer<R>> } = {},
): Compute<D, R, P> => {
  // The place is that of what is said of lineage; without it, ten thousand assets need not look for it.
  const where = options.lineage === undefined ? undefined : callSite(typescript)
  return { spec: { kind: 'typescript', run, writes: ALL_WRITES, lineage: options.lineage, where } } as unknown as Compute<D, R, P>
}
