import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/config.ts'
import { directoryCatalog } from '../../../src/iceberg/catalogs/directory-catalog.ts'
import { environmentCatalog } from '../../../src/iceberg/catalogs/environment-catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { catalogReadingConformance } from '../../conformance/catalog-reading.ts'
import { writeMetadata } from '../../conformance/empty-table.ts'

const store = localStore()
const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'assay-catalog-'))
const disposal = (root: string) => (): Promise<void> => rm(root, { recursive: true, force: true })

catalogReadingConformance('a folder', async () => {
  const root = await temporary()
  return {
    catalog: directoryCatalog(root, store),
    put: (id) => writeMetadata(`${root}/${id.namespace.replaceAll('.', '/')}/${id.name}`),
    dispose: disposal(root),
  }
})

for (const name of ['SQLite', 'an environment'] as const)
  catalogReadingConformance(name, async () => {
    const root = await temporary()
    const main = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: root, name: 'assay', store })
    const catalog = name === 'SQLite' ? main : environmentCatalog(main, 'dev')
    return {
      catalog,
      put: async (id) => {
        const expected = (await catalog.load(id))?.metadataLocation
        const metadataLocation = await writeMetadata(root)
        expect(await catalog.commit([{ id, expected, metadataLocation }])).toEqual({ kind: 'committed' })
        return metadataLocation
      },
      dispose: disposal(root),
    }
  })

describe('a folder of tables without a catalog', () => {
  let root: string
  beforeEach(async () => {
    root = await temporary()
  })
  afterEach(() => disposal(root)())
  const current = async (): Promise<readonly string[]> =>
    (await directoryCatalog(root, store).locations()).map(({ metadataLocation }) => metadataLocation.slice(root.length))

  it('counts versions as numbers, in every spelling of them, and leaves other files alone', async () => {
    const folder = `${root}/silver/orders/metadata`
    const first = `${folder}/v8.metadata.json`
    await rename(await writeMetadata(`${root}/silver/orders`), first)
    for (const name of [
      'v9.metadata.json',
      'v10.gz.metadata.json',
      'v9x.metadata.json',
      'v11.metadata.json.tmp',
      '.v12.metadata.json.crc',
      'snap-99.avro',
    ])
      await writeFile(`${folder}/${name}`, '')
    await writeFile(`${folder}/version-hint.text`, '9')
    expect(await current()).toEqual(['/silver/orders/metadata/v10.gz.metadata.json'])
    await rename(first, `${folder}/00011-abc.metadata.json`)
    expect(await current()).toEqual(['/silver/orders/metadata/00011-abc.metadata.json'])
    await writeFile(`${folder}/v100.metadata.json.gz`, gzipSync('{}'))
    expect(await current()).toEqual(['/silver/orders/metadata/v100.metadata.json.gz'])
  })

  it('may be one table, which is then named by itself and the folder above it', async () => {
    const location = await writeMetadata(`${root}/silver/orders`)
    const catalog = directoryCatalog(`file://${root}/silver/orders`, store)
    expect(await catalog.locations()).toEqual([{ id: { namespace: 'silver', name: 'orders' }, metadataLocation: location }])
    expect(await catalog.load({ namespace: 'silver', name: 'orders' })).toMatchObject({ metadataLocation: location })
  })

  it('is not written to', async () => {
    const location = await writeMetadata(`${root}/silver/orders`)
    const catalog = directoryCatalog(root, store)
    const change = { id: { namespace: 'silver', name: 'orders' }, expected: location, metadataLocation: '/x' }
    await expect(catalog.commit([change])).rejects.toMatchObject({ code: 'ASSAY-2001' })
  })

  it('is what a folder in ASSAY_CATALOG means; a path of a file, or of nothing yet, is a database', async () => {
    await mkdir(join(root, 'lake'))
    await writeFile(join(root, 'project.ts'), '')
    const catalog = (path: string): unknown => readSettings({ cwd: root, env: { ASSAY_CATALOG: path } }).catalog
    expect(catalog('lake')).toEqual({ kind: 'directory', folder: join(root, 'lake') })
    expect(catalog('lake/catalog.db')).toEqual({ kind: 'sqlite', file: join(root, 'lake/catalog.db') })
    expect(catalog('project.ts')).toEqual({ kind: 'sqlite', file: join(root, 'project.ts') })
  })
})
