import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { evolveSchema, partitionSpec } from '../../src/iceberg/evolve.ts'
import { stageFiles } from '../../src/iceberg/stage.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'

/** Run by concurrency.test.ts: appends rows to one table, one commit each, against others that do the same. */
const [root = '', worker = '', commits = ''] = process.argv.slice(2)
const store = localStore()
const catalog = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: `${root}/warehouse`, name: 'assay', store })
const engine = await openDuckdb({ threads: 1 })
const session = await engine.session()
const { schema } = evolveSchema(undefined, [{ name: 'id', type: 'long', nullable: false }], 'shop.race')
const spec = partitionSpec(schema, [])
const id = { namespace: 'shop', name: 'race' }
let conflicts = 0
for (let i = 0; i < Number(commits); i++) {
  const snapshotId = String(Number(worker) * 1000 + i)
  const staged = await stageFiles(session, store, {
    snapshotId,
    location: `${root}/warehouse/shop/race`,
    attempt: `w${snapshotId}`,
    schema,
    spec,
    query: `SELECT ${snapshotId} AS id`,
  })
  for (;;) {
    const prepared = await prepareCommit(store, await catalog.load(id), {
      id,
      staged,
      overwrite: 'nothing',
      summary: {},
      now: Number(snapshotId),
    })
    if ((await catalog.commit([prepared.change])).kind === 'committed') break
    conflicts++
    await Promise.all(prepared.written.map((file) => store.remove(file)))
  }
}
console.log(JSON.stringify({ conflicts }))
engine.close()
catalog.close()
