import { type Column, type ColumnSpec, type Schema, t } from '../schema/column.ts'
import type { Instant } from '../schema/instant.ts'

/**
 * How changed rows leave the files that they lie in. `copy-on-write` writes those files anew: readers pay nothing.
 * `merge-on-read` names them in delete files: a change costs what it changes, readers pay until compaction. Terms: Iceberg.
 */
type ChangedRows = 'copy-on-write' | 'merge-on-read'

/** What {@link merge} returns. */
export interface Merge<out Flag extends string = string, out Column extends string = string> {
  readonly kind: 'merge'
  readonly deleteWhen: Flag | undefined
  readonly latestBy: Column | undefined
  readonly as: ChangedRows
}

/** What {@link history} returns. */
export interface History<out Flag extends string = string> {
  readonly kind: 'history'
  readonly deleteWhen: Flag | undefined
  readonly as: ChangedRows
}

/**
 * What becomes of the rows that a step yields. `replace`: they take the place of all rows, or of those of the partitions
 * that are made. `append`: they are added.
 */
export type WriteMode<Column extends string = string> = 'replace' | 'append' | Merge<string, Column> | History

/** The columns that a history has beside its own: a version holds from `valid_from` until before `valid_to`. */
export const HISTORY_COLUMNS = {
  valid_from: t.timestamptz().describe('Since when the row holds.'),
  valid_to: t.timestamptz().nullable().describe('The first instant at which it holds no more; null while it does.'),
  is_current: t.boolean().describe('Whether it holds now.'),
}
type HistoryColumns = {
  readonly valid_from: Column<'timestamptz', Instant>
  readonly valid_to: Column<'timestamptz', Instant | null>
  readonly is_current: Column<'boolean', boolean>
}

/** The columns that readers see. */
export type Stored<S extends Schema, W> = W extends History ? S & HistoryColumns : S

/** The columns that the compute yields. */
export type Yielded<S extends Schema, W> =
  W extends Merge<infer Flag> ? Flagged<S, Flag> : W extends History<infer Flag> ? Flagged<S & Pick<HistoryColumns, 'valid_from'>, Flag> : S

type Flagged<S extends Schema, Flag extends string> = [Flag] extends [never] ? S : S & { readonly [N in Flag]: Column<'boolean', boolean> }

/** `unknown` where the mode needs no key or has one, else a sentence, which `W & ByKey<W, Key>` then fails on. */
export type ByKey<W, Key extends readonly string[]> = W extends Merge | History
  ? Key extends readonly [string, ...string[]]
    ? unknown
    : 'rows are found by the key: name its columns, as in key: ["id"]'
  : unknown

/**
 * Rows are merged by the key of the asset: each takes the place of the row with its key, or is new.
 *
 * `deleteWhen`: a boolean column that the compute yields; true takes the row with this key out. It is stored only where the
 * schema names it. `latestBy`: a column of the schema by which the newest of several rows with one key counts, among those
 * yielded and against the one that is there; without it, a key that is yielded twice is an error.
 */
export const merge = <const Flag extends string = never, const Column extends string = never>(
  options: { readonly deleteWhen?: Flag; readonly latestBy?: Column; readonly as?: ChangedRows } = {},
): Merge<Flag, Column> =>
  Object.freeze({
    kind: 'merge',
    deleteWhen: options.deleteWhen,
    latestBy: options.latestBy,
    as: options.as ?? 'copy-on-write',
  })

/**
 * Rows are kept with the time for which they held (slowly changing dimension, type 2). The compute yields each change of a
 * row, with `valid_from`, in whatever order; readers see `valid_to` and `is_current` too.
 *
 * `deleteWhen`: a boolean column that the compute yields; true means that from then on there is no row with this key.
 */
export const history = <const Flag extends string = never>(
  options: { readonly deleteWhen?: Flag; readonly as?: ChangedRows } = {},
): History<Flag> => Object.freeze({ kind: 'history', deleteWhen: options.deleteWhen, as: options.as ?? 'copy-on-write' })

/** A write mode other than `replace`, as plain data. */
export type WriteSpec =
  | { readonly kind: 'append' }
  | { readonly kind: 'merge'; readonly deleteWhen?: string; readonly latestBy?: string; readonly as: ChangedRows }
  | { readonly kind: 'history'; readonly deleteWhen?: string; readonly as: ChangedRows }

/** Undefined for `replace`. */
export function writeSpec(mode: WriteMode): WriteSpec | undefined {
  if (mode === 'replace') return undefined
  if (mode === 'append') return { kind: mode }
  const flag = mode.deleteWhen === undefined ? {} : { deleteWhen: mode.deleteWhen }
  if (mode.kind === 'history') return { kind: mode.kind, ...flag, as: mode.as }
  return { kind: mode.kind, ...flag, ...(mode.latestBy === undefined ? {} : { latestBy: mode.latestBy }), as: mode.as }
}

/** The columns that a compute has to yield for an asset of these columns. */
export function yieldedColumns(columns: readonly ColumnSpec[], write: WriteSpec | undefined): readonly ColumnSpec[] {
  if (write === undefined || write.kind === 'append') return columns
  const own = candidateColumns(columns, write)
  const flag = write.deleteWhen
  if (flag === undefined || own.some((column) => column.name === flag)) return own
  return [...own, { name: flag, type: 'boolean', nullable: true }]
}

/** The columns that are there before rows are merged: those that checks look at. */
export const candidateColumns = (columns: readonly ColumnSpec[], write: WriteSpec | undefined): readonly ColumnSpec[] =>
  write?.kind === 'history' ? columns.filter(({ name }) => name !== 'valid_to' && name !== 'is_current') : columns
