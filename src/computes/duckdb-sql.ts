import { callSite } from '../call-site.ts'
import type { Partitions } from '../partitions/declare.ts'
import type { Deps } from '../partitions/mapping.ts'
import { ALL_WRITES, type Compute, type QueryFunction } from './compute.ts'

/**
 * An asset made by one SELECT on DuckDB. The function is called once, when the project loads, with its deps as values;
 * the statement sees each dep narrowed to the partitions that it needs. When a step makes several partitions, the
 * statement must yield the rows of all of them.
 */
export const duckdb = <D extends Deps, P extends Partitions>(query: QueryFunction<D, P>): Compute<D, never, P> =>
  ({ spec: { kind: 'duckdb', query, writes: ALL_WRITES, where: callSite(duckdb) } }) as unknown as Compute<D, never, P>
