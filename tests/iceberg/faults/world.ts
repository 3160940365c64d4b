import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, LoadedTable, TableId } from '../../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../../src/iceberg/commit.ts'
import { evolveSchema, partitionSpec } from '../../../src/iceberg/evolve.ts'
import { allLiveEntries } from '../../../src/iceberg/live-entries.ts'
import { readManifestList } from '../../../src/iceberg/manifests.ts'
import { schemaOf, type SnapshotId } from '../../../src/iceberg/metadata.ts'
import { planScan } from '../../../src/iceberg/plan-scan.ts'
import { MAIN } from '../../../src/iceberg/refs.ts'
import { rowsSql } from '../../../src/iceberg/rows-sql.ts'
import { stageFiles } from '../../../src/iceberg/stage.ts'
import type { Store } from '../../../src/iceberg/store.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import type { ColumnSpec } from '../../../src/schema/column.ts'
import type { SqlSession } from '../../../src/sql/engine.ts'

/**
 * Rows of each table as text, sorted: `old` for those of its branch main, `old@x` for those of another branch or tag,
 * `old columns` for the names of columns that were added. Tables of an environment go by their own names.
 */
export type Rows = Readonly<Record<string, readonly string[]>>

export interface Sight {
  readonly rows: Rows
  /** Files that a snapshot names and that are not there. */
  readonly missing: readonly string[]
  /** Data files that no snapshot names. */
  readonly orphans: readonly string[]
  /** Files of metadata that no snapshot and no table names. */
  readonly strays: readonly string[]
}

/** Tables in a temporary folder, with a store and a catalog in which nothing goes wrong. */
export interface World {
  readonly root: string
  readonly store: Store
  readonly catalog: Catalog
  readonly session: SqlSession
  /** An id that no snapshot has. */
  nextSnapshot(): SnapshotId
  load(table: string): Promise<LoadedTable>
  /** Another writer appends a row, by the schema that the table has; one that is not there is made with the columns. */
  append(table: string, row: { readonly query: string; readonly columns: readonly ColumnSpec[]; readonly branch?: string }): Promise<void>
  /** What the catalog leads to, as readers see it. */
  look(): Promise<Sight>
  close(): Promise<void>
}

const idOf = (table: string): TableId => ({ namespace: 'shop', name: table })

export async function openWorld(session: SqlSession): Promise<World> {
  // No crash of the machine is tried here, so no disk has to be waited for.
  const root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'assay-faults-'))
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(root, 'catalog.db'), warehouse: join(root, 'warehouse'), name: 'assay', store })
  let lastSnapshot = 0
  const nextSnapshot = (): SnapshotId => String(++lastSnapshot)
  const load = async (table: string): Promise<LoadedTable> => {
    const loaded = await catalog.load(idOf(table))
    if (loaded === undefined) throw new Error(`no table ${table}`)
    return loaded
  }
  return {
    root,
    store,
    catalog,
    session,
    nextSnapshot,
    load,
    append: async (table, { query, columns, branch }) => {
      const id = idOf(table)
      const base = await catalog.load(id)
      const schema = base === undefined ? evolveSchema(undefined, columns, table).schema : schemaOf(base.metadata)
      const names = new Set(columns.map(({ name }) => name))
      const by = names.has('day') ? [{ column: 'day', transform: 'day' } as const] : []
      const selected = schema.fields.map(({ name }) => (names.has(name) ? name : `NULL::INT AS ${name}`))
      const snapshotId = nextSnapshot()
      const staged = await stageFiles(session, store, {
        snapshotId,
        location: `${root}/warehouse/${id.namespace}/${id.name}`,
        attempt: `a${snapshotId}`,
        schema,
        spec: partitionSpec(schema, by, base?.metadata),
        query: `SELECT ${selected.join(', ')} FROM (${query})`,
      })
      const onto = branch === undefined ? {} : { branch }
      const change = { id, staged, overwrite: 'nothing', summary: {}, now: 1, ...onto } as const
      const outcome = await catalog.commit([(await prepareCommit(store, base, change)).change])
      if (outcome.kind !== 'committed') throw new Error(outcome.kind)
    },
    look: looker({ root, store, catalog, session }),
    close: async () => {
      catalog.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

function looker({ root, store, catalog, session }: Pick<World, 'root' | 'store' | 'catalog' | 'session'>): World['look'] {
  const tableOnce = remembering<LoadedTable | undefined>()
  const filesOnce = remembering<readonly string[]>()
  const rowsOnce = remembering<readonly string[]>()
  const filesOf = ({ metadata }: LoadedTable, id: SnapshotId, manifestList: string): Promise<readonly string[]> =>
    filesOnce(`${metadata.uuid} ${id}`, async () => {
      const live = await allLiveEntries(store, metadata, id)
      const manifests = await readManifestList(store, manifestList)
      return [manifestList, ...manifests.map(({ path }) => path), ...[...live.data, ...live.deletes].map(({ file }) => file.path)]
    })
  const rowsAt = ({ metadata }: LoadedTable, id: SnapshotId): Promise<readonly string[]> =>
    rowsOnce(`${metadata.uuid} ${id}`, async () => {
      const plan = await planScan(store, metadata, { snapshotId: id })
      const fields = plan.schema.fields.map(({ name, type }) => textOf(name, type))
      const rows = await session.rows(
        `SELECT concat_ws(' ', ${fields.join(', ')}) AS row FROM (${await rowsSql({ store, session }, plan)})`,
      )
      return rows.map(({ row }) => String(row)).sort()
    })
  const rowsOf = async (table: LoadedTable): Promise<readonly (readonly [string, readonly string[]])[]> => {
    const { id, metadata } = table
    const name = id.namespace === 'shop' ? id.name : `${id.namespace}.${id.name}`
    const added = schemaOf(metadata).fields.flatMap((field) => (/^c\d/.test(field.name) ? [field.name] : []))
    const refs = Object.entries(metadata.refs).map(
      async ([ref, { snapshotId }]) => [ref === MAIN ? name : `${name}@${ref}`, await rowsAt(table, snapshotId)] as const,
    )
    return [...(await Promise.all(refs)), ...(added.length === 0 ? [] : [[`${name} columns`, added] as const])]
  }
  return async () => {
    const located = await catalog.locations()
    const loads = located.map((row) => tableOnce(`${row.id.namespace} ${row.metadataLocation}`, () => catalog.load(row.id)))
    const tables = (await Promise.all(loads)).filter((table) => table !== undefined)
    const files = tables.flatMap((table) => table.metadata.snapshots.map(({ id, manifestList }) => filesOf(table, id, manifestList)))
    const logs = tables.flatMap(({ metadata, metadataLocation }) => [metadataLocation, ...metadata.metadataLog.map(({ file }) => file)])
    const named = new Set([...(await Promise.all(files)).flat(), ...logs])
    const found = readdirSync(join(root, 'warehouse'), { recursive: true, withFileTypes: true })
    const there = new Set(found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name)))
    const unnamed = [...there].filter((path) => !named.has(path))
    return {
      rows: Object.fromEntries((await Promise.all(tables.map(rowsOf))).flat()),
      missing: [...named].filter((path) => !there.has(path)),
      orphans: unnamed.filter((path) => path.endsWith('.parquet')),
      strays: unnamed.filter((path) => !path.endsWith('.parquet')),
    }
  }
}

/** Days and seconds are counted. */
function textOf(name: string, type: unknown): string {
  if (type === 'date') return `datediff('day', DATE '1970-01-01', ${name})`
  return type === 'timestamptz' ? `epoch(${name})::INT` : name
}

/** Gives what was found for a key before: snapshots and metadata files never change. */
function remembering<T>(): (key: string, find: () => Promise<T>) => Promise<T> {
  const found = new Map<string, Promise<T>>()
  return (key, find) => {
    const known = found.get(key) ?? find()
    found.set(key, known)
    return known
  }
}
