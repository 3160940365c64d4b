import type { CatalogPlace } from '../../src/config.ts'
import { sqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { sqliteDatabase } from '../../src/iceberg/catalogs/sqlite-database.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openPostgres } from '../../src/resources/postgres.ts'

/** Where a catalog lies that several processes write. */
export type DatabasePlace = Exclude<CatalogPlace, { kind: 'directory' }>

/** Run by the conformance suite: moves two tables together, from generation to generation, against others that do the same. */
const task = JSON.parse(process.argv[2] ?? '') as { readonly place: DatabasePlace; readonly worker: number; readonly commits: number }
const { place, worker } = task
const database = place.kind === 'sqlite' ? sqliteDatabase(place.file) : openPostgres(place.uri)
const catalog = sqlCatalog(database, { warehouse: '/', name: 'assay', store: localStore() })
const tables = ['a', 'b'].map((name) => ({ namespace: 'race', name }))
if (worker % 2 === 1) tables.reverse()

console.log('ready')
for (let done = 0; done < task.commits; ) {
  const stored = await catalog.locations()
  const expected = stored.find(({ id }) => id.name === 'a')?.metadataLocation
  const generation = Number(/\d+/.exec(expected ?? '/0')?.[0]) + 1
  const outcome = await catalog.commit(tables.map((id) => ({ id, expected, metadataLocation: `/${generation}-${worker}` })))
  if (outcome.kind === 'committed') done++
}
catalog.close()
