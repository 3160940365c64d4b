import { callSite } from '../call-site.ts'
import type { Partitions } from '../partitions/declare.ts'
import type { Deps } from '../partitions/mapping.ts'
import { ALL_WRITES, type Compute, type QueryFunction } from './compute.ts'

/**
 * An asset made by one SELECT on DuckDB. The function is called when the project loads, with its deps as values;
 * the statement sees each dep narrowed to the partitions that it needs. When a step makes several partitions, the
 * statement must yield the rows of all of them. For `outputs({ … })` it returns a statement by the name of each output.
 */
export const duckdb = <D extends Deps, R, Q, P extends Partitions>(query: QueryFunction<D, R, Q, P>): Compute<D, R, P> =>
  ({ spec: { kind: 'duckdb', query, writes: ALL_WRITES, where: callSite(duckdb) } }) as unknown as Compute<D, R, P>
