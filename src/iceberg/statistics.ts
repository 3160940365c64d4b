import type { IcebergSchema } from '../schema/iceberg-type.ts'
import { compareValues, decodeValue } from './bounds.ts'
import { type LeanEntry, pairsOf } from './manifests.ts'

/** What manifests know of the rows of some files together. */
export interface Statistics {
  readonly rows: number
  /** By column id, for the primitive columns of the schema: nulls, least and greatest value as text; undefined where a file does not tell. */
  readonly columns: ReadonlyMap<number, readonly [nulls: number | undefined, least: string | undefined, greatest: string | undefined]>
}

/** The statistics of files, from what their manifests say; no file is opened. */
export function statisticsOf(schema: IcebergSchema, entries: readonly LeanEntry[]): Statistics {
  const metrics = entries.map((entry) => entry.metrics())
  const columns = schema.fields.flatMap(({ id, type }) => {
    if (typeof type !== 'string') return []
    const nulls = metrics.map((fields) => pairsOf(fields['null_value_counts']).get(id))
    const total = nulls.every((n) => n !== undefined) ? nulls.reduce<number>((sum, n) => sum + Number(n), 0) : undefined
    const bound = (name: string, wanted: 1 | -1): string | undefined => {
      const bytes = metrics.map((fields) => pairsOf(fields[name]).get(id)).filter((b) => b instanceof Uint8Array)
      const values = bytes.map((b) => ({ b, value: decodeValue(type, b) }))
      const best = values.reduce((a, c) => (compareValues(type, c.value, a.value) * wanted > 0 ? c : a), values[0] as (typeof values)[0])
      return best === undefined ? undefined : Buffer.from(best.b).toString('base64')
    }
    return [[id, [total, bound('lower_bounds', -1), bound('upper_bounds', 1)] as const] as const]
  })
  return { rows: entries.reduce((sum, { file }) => sum + file.rows, 0), columns: new Map(columns) }
}

export const sameStatistics = (a: Statistics, b: Statistics): boolean =>
  a.rows === b.rows && JSON.stringify([...a.columns]) === JSON.stringify([...b.columns])
