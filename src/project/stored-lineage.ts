import type { WriteSpec } from '../assets/write-mode.ts'
import type { Lineage, LineageKind, LineageSource } from '../sql/lineage-sources.ts'

/**
 * The lineage of a table, from that of what its compute yields: the end of a version follows from the times of all, and
 * flag and order decide which rows there are.
 */
export function storedLineage(yielded: Lineage, write: WriteSpec | undefined): Lineage {
  if (write === undefined || write.kind === 'append') return yielded
  const byName = new Map(Object.entries(yielded.columns).map(([name, sources]) => [name.toLowerCase(), sources]))
  const since = byName.get('valid_from')
  const ends = write.kind === 'history' && since !== undefined ? { valid_to: as('derive', since), is_current: as('derive', since) } : {}
  const deciding = [write.deleteWhen, write.kind === 'merge' ? write.latestBy : undefined].filter((name) => name !== undefined)
  const sources = deciding.map((name) => byName.get(name.toLowerCase()))
  const known = sources.filter((found) => found !== undefined)
  const { rows, ...rest } = yielded
  const isKnown = rows !== undefined && known.length === sources.length
  const columns = { ...yielded.columns, ...ends }
  return isKnown ? { ...rest, columns, rows: distinct([...rows, ...as('filter', known.flat())]) } : { ...rest, columns }
}

const as = (kind: LineageKind, sources: readonly LineageSource[]): readonly LineageSource[] =>
  distinct(sources.map(([input, column]) => [input, column, kind]))

const distinct = (sources: readonly LineageSource[]): readonly LineageSource[] => [
  ...new Map(sources.map((source) => [source.join('\0'), source])).values(),
]
