import { assign, domain, type IntervalMap, override, remove, restrict } from '../partitions/interval-map.ts'
import { intersect, type PartitionSet } from '../partitions/partition-set.ts'
import type { ColumnVersions } from '../storage/events.ts'
import type { AssetState } from '../storage/storage.ts'
import type { AssetSpec } from './spec.ts'

/** Data versions of an asset, and of its rows as seen through some of their columns. */
export type Versions = Pick<AssetState, 'versions' | 'columnVersions'>

/**
 * The columns of a dep that an asset looks at, sorted: taken over, computed with, filtered, joined, grouped or sorted by.
 * Undefined where it may look at any: what is not known of a query, and functions, which get whole rows.
 */
export function columnsRead({ compute, lineage, columns }: AssetSpec, dep: string): readonly string[] | undefined {
  if (compute?.kind !== 'duckdb' || lineage?.rows === undefined || lineage.unknown !== undefined) return undefined
  const known = new Set(Object.keys(lineage.columns).map((name) => name.toLowerCase()))
  if (columns.some(({ name }) => !known.has(name.toLowerCase()))) return undefined
  const sources = [...Object.values(lineage.columns).flat(), ...lineage.rows]
  return [...new Set(sources.filter(([input]) => input === dep).map(([, column]) => column))].sort()
}

export const sameColumns = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((c, i) => c === b[i])

/**
 * By partition, a version in which the rows were what they are now, as far as these columns show: the last that changed
 * them there, where that is known, else the current one. Two that are equal stand for equal rows.
 */
export function versionsSeen({ versions, columnVersions = [] }: Versions, columns: readonly string[] | undefined): IntervalMap<string> {
  const kept = columns === undefined ? undefined : columnVersions.find((known) => sameColumns(known.columns, columns))
  return kept === undefined ? versions : overlaid(versions, kept.versions)
}

/** The map with the values of another one where both have one. */
export const overlaid = (map: IntervalMap<string>, over: IntervalMap<string>): IntervalMap<string> =>
  override(map, restrict(over, domain(map)))

/** Versions after `version` was written to partitions; through the columns of `same`, the rows there are as they were before. */
export function withVersion(before: Versions, partitions: PartitionSet, version: string, same: readonly ColumnVersions[] = []): Versions {
  const columnVersions = withColumns(remaining(before.columnVersions, partitions), same)
  return { versions: assign(before.versions, partitions, version), columnVersions }
}

/** Versions after several were written at once. */
export const withVersions = (before: Versions, written: IntervalMap<string>): Versions => ({
  versions: override(before.versions, written),
  columnVersions: remaining(before.columnVersions, domain(written)),
})

/** Column versions without those of some partitions: of what was written there, nothing is known but its version. */
export const remaining = (known: readonly ColumnVersions[] = [], partitions: PartitionSet): readonly ColumnVersions[] =>
  known.map(({ columns, versions }) => ({ columns, versions: remove(versions, partitions) })).filter(({ versions }) => versions.length > 0)

function withColumns(known: readonly ColumnVersions[], same: readonly ColumnVersions[]): readonly ColumnVersions[] {
  const out = [...known]
  for (const { columns, versions } of same) {
    const at = out.findIndex((one) => sameColumns(one.columns, columns))
    out.splice(at < 0 ? out.length : at, 1, { columns, versions: override(out[at]?.versions ?? [], versions) })
  }
  return out
}

/** What stays the same where partitions are written whose rows are equal to those before, as far as the columns show. */
export const keptVersions = (before: Versions, columns: readonly string[], partitions: PartitionSet): ColumnVersions => ({
  columns,
  versions: restrict(versionsSeen(before, columns), intersect(partitions, domain(before.versions))),
})
