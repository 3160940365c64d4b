import { join } from 'node:path'
import { newSnapshotId, systemClock } from '../../src/clock.ts'
import { CATALOG_NAME } from '../../src/config.ts'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import type { Catalog } from '../../src/iceberg/catalog.ts'
import { ancestors, schemaOf, serialiseMetadata } from '../../src/iceberg/metadata.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'

/**
 * Appends the rows of a query to a table the way another engine would: past the store, straight to the catalog. In days as the table is, or under a
 * new spec without partitions.
 */
export async function appendForeign(home: string, name: string, query: string, layout?: 'unpartitioned'): Promise<void> {
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(home, 'catalog.db'), warehouse: join(home, 'warehouse'), name: CATALOG_NAME, store })
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const [namespace = '', table = ''] = name.split('.')
  const loaded = await catalog.load({ namespace, name: table })
  const first = loaded?.metadata.specs[0]
  if (loaded === undefined || first === undefined) throw new Error(`there is no ${name}`)
  const spec = layout === undefined ? first : { 'spec-id': 1, fields: [] }
  const base = layout === undefined ? loaded : { ...loaded, metadata: { ...loaded.metadata, specs: [first, spec] } }
  const snapshotId = String(newSnapshotId(systemClock))
  const request = {
    snapshotId,
    location: base.metadata.location,
    attempt: `foreign-${snapshotId}`,
    schema: schemaOf(base.metadata),
    spec,
    query,
  }
  const staged = await stageFiles(session, store, request)
  const prepared = await prepareCommit(store, base, { id: base.id, staged, overwrite: 'nothing', summary: {}, now: systemClock.now() })
  const outcome = await catalog.commit([prepared.change])
  session.close()
  engine.close()
  catalog.close()
  if (outcome.kind !== 'committed') throw new Error(outcome.kind)
}

const catalogOf = (home: string): Catalog =>
  openSqlCatalog({ file: join(home, 'catalog.db'), warehouse: join(home, 'warehouse'), name: CATALOG_NAME, store: localStore() })

/** Moves `main` back by some snapshots, which stay in the table. */
export async function rollBackForeign(home: string, name: string, by: number): Promise<void> {
  const catalog = catalogOf(home)
  const [namespace = '', table = ''] = name.split('.')
  const base = await catalog.load({ namespace, name: table })
  const target = base === undefined ? undefined : ancestors(base.metadata)[by]
  if (base === undefined || target === undefined) throw new Error(`${name} cannot be rolled back`)
  const refs = { ...base.metadata.refs, main: { snapshotId: target.id, type: 'branch' as const } }
  const file = join(base.metadata.location, 'metadata/99999-rolled-back.metadata.json')
  await localStore().write(file, new TextEncoder().encode(serialiseMetadata({ ...base.metadata, currentSnapshotId: target.id, refs })))
  await catalog.commit([{ id: base.id, expected: base.metadataLocation, metadataLocation: file }])
  catalog.close()
}

/** Takes a table out of the catalog. */
export async function dropForeign(home: string, name: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(join(home, 'catalog.db'))
  const [namespace = '', table = ''] = name.split('.')
  db.prepare('DELETE FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?').run(namespace, table)
  db.close()
}
