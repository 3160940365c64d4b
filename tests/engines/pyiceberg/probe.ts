import { python } from '../../../scripts/engines/pyiceberg.ts'
import { output } from '../../../scripts/process.ts'

const PROBE = new URL('./probe.py', import.meta.url).pathname

/** A table as PyIceberg sees it. Snapshot ids and sums are text: see probe.py. */
export interface Seen {
  readonly rows: number
  readonly schema: readonly { readonly id: number; readonly name: string; readonly type: string; readonly required: boolean }[]
  /** In the order in which they were committed. */
  readonly snapshots: readonly string[]
  readonly current: string | null
  /** Of each numeric column. */
  readonly sums: Readonly<Record<string, string>>
}

/** PyIceberg on the catalog file and the warehouse folder of an Assay project. */
export interface Pyiceberg {
  /** All tables of the catalog, by name. */
  describe(): Promise<Readonly<Record<string, Seen>>>
  /** Appends rows; dates, times and decimals as text. */
  append(table: string, rows: readonly object[]): Promise<Seen>
  /** Appends the first `count` rows once more, with new values in the first column. */
  appendCopy(table: string, count: number): Promise<Seen>
}

export function openPyiceberg(catalogFile: string, warehouse: string): Pyiceberg {
  const probe = async <T>(...args: readonly string[]): Promise<T> =>
    JSON.parse(await output(python(), [PROBE, catalogFile, `file://${warehouse}`, ...args])) as T
  return {
    describe: () => probe('describe'),
    append: (table, rows) => probe('append', table, JSON.stringify(rows)),
    appendCopy: (table, count) => probe('append-copy', table, String(count)),
  }
}
