import type { ColumnSpec } from '../schema/column.ts'
import type { IcebergSchema } from '../schema/iceberg-type.ts'

/** A cell as JavaScript sees it: see `t` in `schema/column`. */
export type Cell = string | number | bigint | boolean | null | object
export type EngineRow = Readonly<Record<string, Cell>>

/** Statistics of one column of a Parquet file, as text in the engine's own spelling; undefined where it gives none. */
export interface WrittenColumn {
  /** Iceberg field id. */
  readonly id: number
  /** Bytes in the file. */
  readonly size: number
  readonly values: number
  readonly nulls: number
  readonly hasNan: boolean
  readonly min?: string
  readonly max?: string
}

/** One Parquet file that {@link SqlEngine.writeParquet} wrote. Never empty: files without rows are removed. */
export interface WrittenFile {
  /** Absolute path. */
  readonly path: string
  readonly rows: number
  /** Bytes. */
  readonly size: number
  readonly columns: readonly WrittenColumn[]
  /** Values of the partition expressions, by their name, as text; null for SQL NULL. */
  readonly partition: Readonly<Record<string, string | null>>
}

export interface ParquetTarget {
  /** Folder that the files go into; made if absent. It belongs to this call alone. */
  readonly folder: string
  readonly schema: IcebergSchema
  /** SQL expressions over the columns that divide the rows into folders, by name. Empty: one file. */
  readonly partitionBy: Readonly<Record<string, string>>
  /** What follows ORDER BY in each file; absent or empty where it does not matter. */
  readonly orderBy?: string
}

/**
 * A SQL session of its own, in which `sql/murmur3` is there as `murmur3(BLOB)`, `murmur3_long(BIGINT)` and
 * `murmur3_decimal(HUGEINT)`: tables and views that it makes are seen by it alone, and gone when it is closed. TEMP ones are
 * not seen by `stream`. Implemented by `resources/duckdb`. Errors of a statement are {@link SqlError}s.
 */
export interface SqlSession {
  /** Runs a statement; for its effect. */
  run(sql: string): Promise<void>
  /** All rows of a query, cells as `t` in `schema/column` says. */
  rows(sql: string): Promise<EngineRow[]>
  /**
   * The rows of a query as they come, cells as `rows` gives them. Anything may run beside it, other streams too. It yields
   * all rows or throws.
   */
  stream(sql: string): AsyncIterable<EngineRow>
  /** Names and types (as DuckDB prints them) that a query would yield, without running it. */
  describe(sql: string): Promise<readonly { readonly name: string; readonly type: string }[]>
  /** Makes the table `name` of these columns and fills it from JavaScript rows. Returns their number. */
  load(name: string, columns: readonly ColumnSpec[], rows: AsyncIterable<EngineRow> | Iterable<EngineRow>): Promise<number>
  /** Writes the result of a query as zstd Parquet with Iceberg field ids. Columns are cast to the schema's types. */
  writeParquet(query: string, target: ParquetTarget): Promise<readonly WrittenFile[]>
  close(): void
}

export interface SqlEngine {
  session(): Promise<SqlSession>
  /** Stops whatever the sessions are running. */
  interrupt(): void
  close(): void
}

/** A statement that the engine refused or stopped. `position` counts characters from 0 in the statement, where known. */
export class SqlError extends Error {
  readonly position: number | undefined
  /** syntax and binding mistakes are in the statement, `data` in what it met (a cast, a division, a constraint), `io` in a file or the disk. */
  readonly kind: 'syntax' | 'binding' | 'data' | 'io' | 'interrupted'
  /** Names that may have been meant. */
  readonly candidates: readonly string[]

  constructor(message: string, kind: SqlError['kind'], position?: number, candidates: readonly string[] = []) {
    super(message)
    this.name = 'SqlError'
    this.kind = kind
    this.position = position
    this.candidates = candidates
  }
}
