import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { AssetSpec } from '../../../src/assets/spec.ts'
import type { Catalog, LoadedTable, TableId } from '../../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { prepareCommit } from '../../../src/iceberg/commit.ts'
import type { DataFile, StagedFiles } from '../../../src/iceberg/data-file.ts'
import { evolveSchema, partitionSpec } from '../../../src/iceberg/evolve.ts'
import { readManifestList } from '../../../src/iceberg/manifests.ts'
import { schemaOf } from '../../../src/iceberg/metadata.ts'
import { liveFiles, scanSql } from '../../../src/iceberg/scan.ts'
import { discardStaged, stageFiles } from '../../../src/iceberg/stage.ts'
import type { Store } from '../../../src/iceberg/store.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { assetKey } from '../../../src/keys.ts'
import type { SqlSession } from '../../../src/sql/engine.ts'
import type { PublishIntent } from '../../../src/storage/events.ts'
import type { Publishing } from '../../../src/tables/publish.ts'
import { column } from '../lab.ts'

/** Rows of each table as `day tag`, sorted; the tag names the attempt that wrote the row. */
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

/** The day that only another writer writes to. */
export const FOREIGN_DAY = 9

/** Tables in a temporary folder, with a store and a catalog in which nothing goes wrong. */
export interface World {
  readonly root: string
  readonly store: Store
  readonly catalog: Catalog
  /** Stages a row for each day of each table, as the next version of all of them. */
  stage(
    store: Store,
    what: { readonly tables: readonly string[]; readonly days: readonly number[]; readonly tag: number },
  ): Promise<Publishing>
  /** Another writer appends a row. */
  append(table: string, tag: number): Promise<void>
  /** What the catalog leads to, told by the names of the files. */
  look(): Promise<Sight>
  /** What readers see, told by the engine. */
  rows(): Promise<Rows>
  close(): Promise<void>
}

const COLUMNS = [column('day', 'date', false), column('tag', 'int', false)]
const BY_DAY = [{ column: 'day', transform: 'day' }] as const

export async function openWorld(session: SqlSession): Promise<World> {
  // No crash of the machine is tried here, so no disk has to be waited for.
  const root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'assay-faults-'))
  const store = localStore()
  const catalog = openSqlCatalog({ file: join(root, 'catalog.db'), warehouse: join(root, 'warehouse'), name: 'assay', store })
  let lastSnapshot = 0
  const stageTable = async (
    to: Store,
    table: string,
    content: { readonly days: readonly number[]; readonly tag: number },
  ): Promise<Staged> => {
    const id = { namespace: 'shop', name: table }
    const base = await catalog.load(id)
    const snapshotId = String(++lastSnapshot)
    tags.set(`assay-a${snapshotId}`, content.tag)
    const { schema } = evolveSchema(
      base === undefined ? undefined : { schema: schemaOf(base.metadata), lastColumnId: base.metadata.lastColumnId },
      COLUMNS,
      `shop.${table}`,
    )
    const staged = await stageFiles(session, to, {
      snapshotId,
      location: `${root}/warehouse/shop/${table}`,
      attempt: `a${snapshotId}`,
      schema,
      spec: partitionSpec(schema, BY_DAY, base?.metadata),
      query: `SELECT DATE '1970-01-01' + day::INT AS day, ${content.tag} AS tag FROM (VALUES ${content.days.map((day) => `(${day})`).join(', ')}) v(day)`,
    })
    return { id, base, staged }
  }
  const tags = new Map<string, number>()
  const loadOnce = remembering<LoadedTable | undefined>()
  const filesOnce = remembering<readonly DataFile[]>()
  const loaded = async (): Promise<readonly LoadedTable[]> => {
    const tables = await Promise.all((await catalog.locations()).map((row) => loadOnce(row.metadataLocation, () => catalog.load(row.id))))
    return tables.filter((table) => table !== undefined)
  }
  const filesOf = ({ metadata }: LoadedTable, snapshotId: string): Promise<readonly DataFile[]> =>
    filesOnce(`${metadata.uuid} ${snapshotId}`, () => liveFiles(store, metadata, snapshotId))
  const manifestsOnce = remembering<readonly string[]>()
  const metadataFiles = async ({ metadata, metadataLocation }: LoadedTable): Promise<readonly string[]> => {
    const manifests = metadata.snapshots.map(({ manifestList }) =>
      manifestsOnce(manifestList, async () => [manifestList, ...(await readManifestList(store, manifestList)).map(({ path }) => path)]),
    )
    return [metadataLocation, ...metadata.metadataLog.map(({ file }) => file), ...(await Promise.all(manifests)).flat()]
  }
  return {
    root,
    store,
    catalog,
    stage: async (to, { tables, days, tag }) => {
      const staged: Staged[] = []
      try {
        for (const table of tables) staged.push(await stageTable(to, table, { days, tag }))
      } catch (error) {
        await Promise.all(staged.map((table) => discardStaged(store, table.staged)))
        throw error
      }
      return publishingOf(staged, days)
    },
    append: async (table, tag) => {
      const { id, base, staged } = await stageTable(store, table, { days: [FOREIGN_DAY], tag })
      const prepared = await prepareCommit(store, base, { id, staged, overwrite: 'nothing', summary: {}, now: 1 })
      const outcome = await catalog.commit([prepared.change])
      if (outcome.kind !== 'committed') throw new Error(outcome.kind)
    },
    look: async () => {
      const tables = await loaded()
      const rows = tables.map(async (table): Promise<[string, readonly string[]]> => {
        const files = await filesOf(table, table.metadata.currentSnapshotId ?? '')
        return [
          table.id.name,
          files.map((file) => `${Object.values(file.partition)[0]} ${tags.get(basename(dirname(dirname(file.path))))}`).sort(),
        ]
      })
      const all = tables.flatMap((table) => table.metadata.snapshots.map(({ id }) => filesOf(table, id)))
      const named = new Set([
        ...(await Promise.all(all)).flat().map((file) => file.path),
        ...(await Promise.all(tables.map(metadataFiles))).flat(),
      ])
      const found = readdirSync(join(root, 'warehouse'), { recursive: true, withFileTypes: true })
      const there = new Set(found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name)))
      const unnamed = [...there].filter((path) => !named.has(path))
      return {
        rows: Object.fromEntries(await Promise.all(rows)),
        missing: [...named].filter((path) => !there.has(path)),
        orphans: unnamed.filter((path) => path.endsWith('.parquet')),
        strays: unnamed.filter((path) => !path.endsWith('.parquet')),
      }
    },
    rows: async () => {
      const tables = (await loaded()).map(async ({ id, metadata }): Promise<[string, readonly string[]]> => {
        const scan = scanSql(store, schemaOf(metadata), await liveFiles(store, metadata))
        const rows = await session.rows(`SELECT datediff('day', DATE '1970-01-01', day) || ' ' || tag AS row FROM (${scan})`)
        return [id.name, rows.map(({ row }) => String(row)).sort()]
      })
      return Object.fromEntries(await Promise.all(tables))
    },
    close: async () => {
      catalog.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

interface Staged {
  readonly id: TableId
  readonly base: LoadedTable | undefined
  readonly staged: StagedFiles
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

function publishingOf(tables: readonly Staged[], days: readonly number[]): Publishing {
  const key = assetKey('shop.asset')
  const partitions = days.toSorted((a, b) => a - b).map((day) => [day, day + 1] as const)
  const spec: AssetSpec = {
    key,
    kind: 'table',
    columns: COLUMNS,
    rowKey: [],
    partitions: { dim: 'time', grain: 'day', start: '1970-01-01', column: 'day' },
    deps: [],
    codeVersion: 'c',
    checks: [],
    retry: { max: 0, delay: 0 },
    backfill: { partitionsPerStep: 1 },
  }
  const heads = tables.flatMap(({ id, base }): [string, string][] => {
    const head = base?.metadata.currentSnapshotId
    return head === undefined ? [] : [[`${id.namespace}.${id.name}`, head]]
  })
  const snapshotId = tables[0]?.staged.snapshotId
  return {
    spec,
    partitions,
    tables: tables.map(({ id, staged }) => ({ role: 'rows', id, staged })),
    readFrom: new Map(heads),
    materialization: {
      id: `m${snapshotId}`,
      asset: key,
      partitions,
      dataVersion: String(snapshotId),
      codeVersion: 'c',
      inputs: {},
      snapshotId,
      rows: days.length,
      runId: 'r',
      stepId: 's',
      at: 1,
    },
  }
}

/** What is recorded before tables are published. */
export const intentOf = ({ tables, materialization }: Publishing): PublishIntent => ({
  runId: 'r',
  stepId: 's',
  attempt: 1,
  tables: tables.map(({ id, staged }) => ({ ...id, snapshotId: staged.snapshotId, folder: staged.folder })),
  materialization,
  checks: [],
})
