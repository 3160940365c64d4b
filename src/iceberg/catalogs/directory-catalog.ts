import { AssayError } from '../../errors.ts'
import { type Catalog, formatTableId, type TableId } from '../catalog.ts'
import { cachedMetadata } from '../manifest-cache.ts'
import type { Store } from '../store.ts'

const METADATA = '/metadata/'
/** `v7.metadata.json` of tables without a catalog, `00007-….metadata.json` of those with one; gzip in two spellings. */
const METADATA_FILE = /^v?(\d+)(?:-[^/]*)?(?:\.gz)?\.metadata\.json(?:\.gz)?$/

/**
 * Tables as they lie in a folder, or one table that the folder is, without a catalog that would say which metadata is
 * theirs: that of the highest number counts, which may be of a commit that was never made. So nothing can be written.
 * `<folder>/silver/orders/metadata` is `silver.orders`; a folder that is a table is named by itself and the folder above.
 */
export function directoryCatalog(folder: string, store: Store): Catalog {
  const root = store.normalise(folder)
  const locations = async (): Promise<readonly Located[]> => locatedIn(root, await metadataFiles(store, root))
  return {
    warehouse: root,
    locations,
    load: async (id) => {
      const found = (await locations()).find((row) => formatTableId(row.id) === formatTableId(id))
      return found === undefined ? undefined : { ...found, metadata: await cachedMetadata(store, found.metadataLocation) }
    },
    commit: async () => {
      throw new AssayError('ASSAY-2001', `${root} is a folder of tables without a catalog, which can only be read`, {
        next: 'Name a SQLite file or a PostgreSQL database in ASSAY_CATALOG to write tables.',
      })
    },
    close: () => {},
  }
}

interface Located {
  readonly id: TableId
  readonly metadataLocation: string
}

/** Metadata files by the folder of their table. */
async function metadataFiles(store: Store, root: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = new Map<string, string[]>()
  for (const { path } of await store.list(root)) {
    const at = path.lastIndexOf(METADATA)
    const name = path.slice(at + METADATA.length)
    if (at < 0 || !METADATA_FILE.test(name)) continue
    const table = path.slice(0, at)
    const names = tables.get(table) ?? []
    names.push(name)
    tables.set(table, names)
  }
  return tables
}

const locatedIn = (root: string, tables: ReadonlyMap<string, readonly string[]>): readonly Located[] =>
  Array.from(tables, ([table, names]) => ({ id: idOf(root, table), metadataLocation: `${table}${METADATA}${newest(names)}` }))

function idOf(root: string, table: string): TableId {
  const words = (table === root ? root.split('/').slice(-2) : table.slice(root.length + 1).split('/')).filter((word) => word !== '')
  return { namespace: words.slice(0, -1).join('.'), name: words.at(-1) ?? '' }
}

const versionOf = (name: string): number => Number(METADATA_FILE.exec(name)?.[1] ?? -1)

/** A hint of the newest version is no help: its writer may die between the metadata and the hint. */
const newest = (names: readonly string[]): string | undefined =>
  names.toSorted((a, b) => versionOf(a) - versionOf(b) || (a < b ? -1 : 1)).at(-1)
