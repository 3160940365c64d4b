import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, LoadedTable, TableId } from '../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { type Change, type PreparedCommit, prepareCommit } from '../../src/iceberg/commit.ts'
import type { Overwrite } from '../../src/iceberg/drop-files.ts'
import type { StagedFiles } from '../../src/iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { expect } from 'vitest'
import { parseMetadata, type SnapshotId, schemaOf, serialiseMetadata, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { planScan } from '../../src/iceberg/plan-scan.ts'
import { onBranch } from '../../src/iceberg/refs.ts'
import type { StagedRewrite } from '../../src/iceberg/rewrite.ts'
import { rowsSql } from '../../src/iceberg/rows-sql.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import type { WriteRequest } from '../../src/iceberg/stage-rewrite.ts'
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
  /** The next id, place and clock of a change that is staged by other means than {@link Lab.stage}. */
  readonly request: (base: LoadedTable) => WriteRequest
  /** Commits a staged rewrite on the table as it is now; throws when it does not hold. */
  readonly commit: (rewrite: StagedRewrite) => Promise<PreparedCommit>
  readonly read: (snapshotId?: SnapshotId, order?: string) => Promise<EngineRow[]>
  readonly load: () => Promise<LoadedTable>
  /** Changes the metadata without a new snapshot, as an ALTER, an expiry or a rollback of another engine does. */
  readonly alter: (change: (metadata: TableMetadata) => Partial<TableMetadata>) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Put extends Partial<Pick<Change, 'readFrom' | 'summary' | 'properties' | 'branch'>> {
  readonly columns: readonly ColumnSpec[]
  readonly query: string
  readonly by?: PartitionBy
  readonly overwrite?: Overwrite
}

export const TABLE: TableId = { namespace: 'shop', name: 'orders' }
export const column = (name: string, type: ColumnSpec['type'], nullable = true): ColumnSpec => ({ name, type, nullable })

/** What an engine makes of a table by days that is to go on by months, and gives the new field the name of the old one. */
export function renamedSpec({ specs: [spec] }: TableMetadata): Pick<TableMetadata, 'specs' | 'defaultSpecId' | 'lastPartitionId'> {
  const [field] = spec?.fields ?? []
  if (spec === undefined || field === undefined) throw new Error('the table has no partitions')
  const months = { ...spec, 'spec-id': 1, fields: [{ ...field, 'field-id': 1001, transform: 'month' as const }] }
  return { specs: [spec, months], defaultSpecId: 1, lastPartitionId: 1001 }
}

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
    request: ({ metadata }) => {
      const id = String(++last)
      const spec = metadata.specs.find((one) => one['spec-id'] === metadata.defaultSpecId)
      if (spec === undefined) throw new Error('no spec')
      return { snapshotId: id, location: metadata.location, attempt: `a${id}`, schema: schemaOf(metadata), spec }
    },
    commit: async ({ staged, rewrite }) => {
      const prepared = await prepareCommit(store, await load(), { id: TABLE, staged, overwrite: rewrite, summary: {}, now: ++clock })
      const outcome = await catalog.commit([prepared.change])
      if (outcome.kind !== 'committed') throw new Error(`the catalog said ${outcome.kind}`)
      return prepared
    },
    put: async ({ overwrite = 'nothing', summary = {}, columns, query, by = [], ...rest }) => {
      const base = await catalog.load(TABLE)
      const seen = base === undefined ? undefined : { ...base, metadata: onBranch(base.metadata, rest.branch) }
      const staged = await stage({ columns, query, by, base: seen })
      const prepared = await prepareCommit(store, base, { id: TABLE, staged, overwrite, summary, now: ++clock, ...rest })
      // The next commit begins with what this one remembers, and another process with what it wrote.
      const written = await store.read(prepared.change.metadataLocation)
      expect(parseMetadata(written, prepared.change.metadataLocation)).toEqual(prepared.metadata)
      const outcome = await catalog.commit([prepared.change])
      if (outcome.kind !== 'committed') throw new Error(`the catalog said ${outcome.kind}`)
      return prepared
    },
    read: async (snapshotId, order = 'ALL') => {
      const { metadata } = await load()
      const rows = await rowsSql({ store, session }, await planScan(store, metadata, { snapshotId }))
      return session.rows(`SELECT * FROM (${rows}) ORDER BY ${order}`)
    },
    alter: async (change) => {
      const { metadata, metadataLocation: expected } = await load()
      const metadataLocation = `${metadata.location}/metadata/altered-${++last}.metadata.json`
      await store.write(metadataLocation, Buffer.from(serialiseMetadata({ ...metadata, ...change(metadata) })))
      const outcome = await catalog.commit([{ id: TABLE, expected, metadataLocation }])
      if (outcome.kind !== 'committed') throw new Error(`the catalog said ${outcome.kind}`)
    },
    close: async () => {
      catalog.close()
      engine.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}
