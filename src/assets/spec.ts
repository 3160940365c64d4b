import type { CheckSpec } from '../checks/check.ts'
import type { SourceLocation } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import type { MappingSpec } from '../partitions/reach.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import type { SqlPiece } from '../sql/template.ts'
import type { BackfillPolicy, RetryPolicy } from './define-asset.ts'
import type { WriteSpec } from './write-mode.ts'

/** A dep, by the name that the compute knows it under. */
export interface DepSpec {
  readonly name: string
  readonly asset: AssetKey
  readonly mapping: MappingSpec
  /** Only partitions that have changed since they were last read. */
  readonly reads?: 'changed'
}

export type ComputePlan =
  /** All that is needed to run it; no user code takes part. */
  | { readonly kind: 'duckdb'; readonly query: readonly SqlPiece[] }
  /** `module`: the file that a worker imports to find the function. */
  | { readonly kind: 'typescript'; readonly module: string }

/** An asset as plain data: what everything outside the workers knows of it. Files are relative to the root of the project. */
export interface AssetSpec {
  readonly key: AssetKey
  /** `table`: has columns and an Iceberg table. `marker`: its runs are recorded, nothing else. */
  readonly kind: 'table' | 'marker' | 'external'
  readonly where?: SourceLocation
  readonly description?: string
  readonly owners?: readonly string[]
  readonly group?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly kinds?: readonly string[]
  readonly columns: readonly ColumnSpec[]
  readonly rowKey: readonly string[]
  readonly partitions: PartitionsSpec
  readonly deps: readonly DepSpec[]
  /** Absent for external assets. */
  readonly compute?: ComputePlan
  /** Where its columns come from: inputs are names of deps. Absent where nothing is known of it. */
  readonly lineage?: Lineage
  /** Hash of what defines the compute; empty for external assets. */
  readonly codeVersion: string
  /** Those of the schema first, then the user's own. */
  readonly checks: readonly CheckSpec[]
  /** The table that rejected rows go to. */
  readonly rejects?: RejectsSpec
  /** Absent: `replace`. */
  readonly write?: WriteSpec
  /** Columns by which the rows of a file are sorted. Absent: none. */
  readonly sortBy?: readonly string[]
  /** Milliseconds that an attempt may take. */
  readonly timeout?: number
  readonly retry: RetryPolicy
  readonly backfill: BackfillPolicy
}

/** The table beside an asset that quarantines: its columns, all nullable, and `reject_reason`. */
export interface RejectsSpec {
  readonly key: AssetKey
  readonly columns: readonly ColumnSpec[]
}

/** Column of a rejects table that says why, as names of checks joined by `, `. */
export const REJECT_REASON = 'reject_reason'
