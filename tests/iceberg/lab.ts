import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, LoadedTable, TableId } from '../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { type Change, type Overwrite, type PreparedCommit, prepareCommit } from '../../src/iceberg/commit.ts'
import type { StagedFiles } from '../../src/iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { type SnapshotId, schemaOf, snapshotOf } from '../../src/iceberg/metadata.ts'
import { liveFiles, scanSql } from '../../src/iceberg/scan.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { ColumnSpec } from '../../src/schema/column.ts'
import type { Transform } from '../../src/schema/iceberg-type.ts'
import type { EngineRow, SqlSession } from '../../src/sql/engine.ts'

export type PartitionBy = readonly { readonly column: string; readonly transform: Transform }[]

/** A temporary warehouse with engine, store and catalog. */
export interface Lab {
  readonly root: string
  readonly store: Store
  readonly catalog: Catalog
  readonly session: SqlSession
  readonly stage: (request: {
    columns: readonly ColumnSpec[]
    query: string
    by?: PartitionBy
    base?: LoadedTable | undefined
  }) => Promise<StagedFiles>
  /** Stages, prepares and commits; throws when the catalog rejects. */
  readonly put: (request: Put) => Promise<PreparedCommit>
  readonly read: (snapshotId?: SnapshotId, order?: string) => Promise<EngineRow[]>
  readonly load: () => Promise<LoadedTable>
  readonly close: () => Promise<void>
}

export interface Put extends Partial<Pick<Change, 'readFrom' | 'summary' | 'properties'>> {
  readonly columns: readonly ColumnSpec[]
  readonly query: string
  readonly by?: PartitionBy
  readonly overwrite?: Overwrite
}

export const TABLE: TableId = { namespace: 'shop', name: 'orders' }
export const column = (name: string, type: ColumnSpec['type'], nullable = true): ColumnSpec => ({ name, type, nullable })

export async function openLab(): Promise<Lab> {
  const root = await mkdtemp(join(tmpdir(), 'assay-iceberg-'))
  const store = localStore()
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const catalog = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: `${root}/warehouse`, name: 'assay', store })
  let last = 100
  let clock = 1_700_000_000_000
  const load = async (): Promise<LoadedTable> => {
    const table = await catalog.load(TABLE)
    if (table === undefined) throw new Error('no table yet')
    return table
  }
  const stage: Lab['stage'] = async ({ columns, query, by = [], base }) => {
    const before =
      base === undefined
        ? undefined
        : { schema: schemaOf(base.metadata), lastColumnId: base.metadata.lastColumnId, specs: base.metadata.specs }
    const { schema } = evolveSchema(before, columns, 'shop.orders')
    const spec = partitionSpec(schema, by, base?.metadata)
    const id = String(++last)
    return stageFiles(session, store, {
      snapshotId: id,
      location: `${root}/warehouse/shop/orders`,
      attempt: `a${id}`,
      schema,
      knownColumnId: before?.lastColumnId,
      spec,
      query,
    })
  }
  return {
    root,
    store,
    catalog,
    session,
    stage,
    load,
    put: async ({ overwrite = 'nothing', summary = {}, columns, query, by = [], ...rest }) => {
      const base = await catalog.load(TABLE)
      const staged = await stage({ columns, query, by, base })
      const prepared = await prepareCommit(store, base, { id: TABLE, staged, overwrite, summary, now: ++clock, ...rest })
      const outcome = await catalog.commit([prepared.change])
      if (outcome.kind !== 'committed') throw new Error(`the catalog said ${outcome.kind}`)
      return prepared
    },
    read: async (snapshotId, order = 'ALL') => {
      const { metadata } = await load()
      const schema = schemaOf(metadata, snapshotId === undefined ? undefined : snapshotOf(metadata, snapshotId))
      return session.rows(
        `SELECT * FROM (${scanSql(store, schema, await liveFiles(store, metadata, snapshotId), metadata.schemas)}) ORDER BY ${order}`,
      )
    },
    close: async () => {
      catalog.close()
      engine.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}
