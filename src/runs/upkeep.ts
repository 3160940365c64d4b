import type { AssetSpec } from '../assets/spec.ts'
import type { Clock } from '../clock.ts'
import type { Catalog } from '../iceberg/catalog.ts'
import type { Store } from '../iceberg/store.ts'
import { type AssetTable, tablesOf } from '../tables/asset-table.ts'
import { type Maintained, maintainTable } from '../tables/maintain.ts'
import type { Heads } from '../tables/observe.ts'

/** Commits after which a table is looked at again. */
const COMMITS = 50

export interface Upkeep {
  readonly catalog: Catalog
  readonly store: Store
  readonly clock: Clock
  /** Where the tables stood before. */
  readonly heads: Heads
}

/**
 * Maintains those tables of the assets that have passed another {@link COMMITS} commits: what `assay maintain` does, where
 * it has become due, so that the cost of a commit and of a scan stays what it is. Commits are counted by the sequence
 * number of the table, those of others too.
 * @throws as {@link maintainTable}
 */
export async function keepUp({ catalog, store, clock, heads }: Upkeep, assets: readonly AssetSpec[]): Promise<readonly Maintained[]> {
  const due: AssetTable[] = []
  for (const table of assets.flatMap(tablesOf)) {
    const { key, id } = table
    const now = (await catalog.load(id))?.metadata.lastSequenceNumber ?? 0
    const before = heads.get(key)?.metadata.lastSequenceNumber ?? 0
    if (Math.floor(now / COMMITS) > Math.floor(before / COMMITS)) due.push(table)
  }
  if (due.length === 0) return []
  // Few runs need it, and it takes its time to load.
  const { openDuckdb } = await import('../resources/duckdb.ts')
  const engine = await openDuckdb()
  try {
    const session = await engine.session()
    const done: Maintained[] = []
    for (const { id, sortBy } of due) {
      const one = await maintainTable({ catalog, store, session, clock, isDryRun: false }, id, sortBy)
      if (one !== undefined) done.push(one)
    }
    return done
  } finally {
    engine.close()
  }
}
