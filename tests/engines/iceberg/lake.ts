import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Catalog, formatTableId, type LoadedTable, type TableId } from '../../../src/iceberg/catalog.ts'
import { openSqlCatalog } from '../../../src/iceberg/catalogs/sql-catalog.ts'
import { cherryPick } from '../../../src/iceberg/cherry-pick.ts'
import { prepareCommit } from '../../../src/iceberg/commit.ts'
import { commitMetadata } from '../../../src/iceberg/commit-metadata.ts'
import { compactFiles } from '../../../src/iceberg/compact.ts'
import type { StagedFiles } from '../../../src/iceberg/data-file.ts'
import { deleteWhere } from '../../../src/iceberg/delete-where.ts'
import type { Overwrite } from '../../../src/iceberg/drop-files.ts'
import { evolveSchema, partitionSpec } from '../../../src/iceberg/evolve.ts'
import type { Filter } from '../../../src/iceberg/filter.ts'
import { mergeFiles } from '../../../src/iceberg/merge.ts'
import { type SnapshotId, schemaOf, type TableMetadata } from '../../../src/iceberg/metadata.ts'
import { planScan } from '../../../src/iceberg/plan-scan.ts'
import { createRef, fastForward, onBranch, refOf, rollback } from '../../../src/iceberg/refs.ts'
import type { StagedRewrite, WriteMode } from '../../../src/iceberg/rewrite.ts'
import { rowsSql } from '../../../src/iceberg/rows-sql.ts'
import { historyFiles } from '../../../src/iceberg/scd2.ts'
import { type SortBy, sortOrder } from '../../../src/iceberg/sort-order.ts'
import { stageFiles } from '../../../src/iceberg/stage.ts'
import type { WriteRequest } from '../../../src/iceberg/stage-rewrite.ts'
import type { Store } from '../../../src/iceberg/store.ts'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { openDuckdb } from '../../../src/resources/duckdb.ts'
import { columnSpecs, type Schema } from '../../../src/schema/column.ts'
import type { Transform } from '../../../src/schema/iceberg-type.ts'
import type { SqlSession } from '../../../src/sql/engine.ts'
import { type Read, rowsOf, type Table } from './case.ts'

/** A temporary warehouse with engine, store and catalog, as other engines then open it. */
export interface Lake {
  readonly root: string
  readonly session: SqlSession
  readonly table: (name: string) => LakeTable
  readonly close: () => Promise<void>
}

/** What the columns of a table are from now on, and how it is divided and sorted. */
export interface Shape {
  readonly columns: Schema
  readonly by?: readonly (readonly [column: string, transform: Transform])[]
  readonly sortBy?: readonly SortBy[]
}

/** A table that Assay changes through its public functions, one commit a call. */
export interface LakeTable {
  readonly id: TableId
  /** Says what the next appends write; nothing is committed. */
  readonly shape: (shape: Shape) => void
  readonly append: (query: string, branch?: string) => Promise<void>
  readonly overwrite: (query: string, overwrite?: Overwrite) => Promise<void>
  readonly deleteWhere: (where: Filter, mode: WriteMode) => Promise<void>
  readonly merge: (request: { source: string; keys: readonly string[]; mode: WriteMode; deleteFlag?: string }) => Promise<void>
  readonly history: (request: { source: string; keys: readonly string[]; at: string; mode: WriteMode }) => Promise<void>
  readonly compact: () => Promise<void>
  readonly ref: (type: 'branch' | 'tag', name: string) => Promise<void>
  readonly fastForward: (to: string) => Promise<void>
  readonly rollbackTo: (tag: string) => Promise<void>
  readonly cherryPick: (ref: string) => Promise<void>
  readonly alter: (change: (metadata: TableMetadata) => TableMetadata) => Promise<void>
  readonly load: () => Promise<LoadedTable>
  readonly read: (read: Pick<Read, 'ref' | 'where' | 'filter'>) => Promise<Table>
}

/** What tables of one lake share. */
interface Tools {
  readonly store: Store
  readonly session: SqlSession
  readonly catalog: Catalog
  readonly nextId: () => SnapshotId
  readonly now: () => number
}

export async function openLake(): Promise<Lake> {
  const root = await mkdtemp(join(tmpdir(), 'assay-engines-'))
  const store = localStore()
  const engine = await openDuckdb({ threads: 2 })
  const session = await engine.session()
  const catalog = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: `${root}/warehouse`, name: 'assay', store })
  let last = 1000
  const tools: Tools = { store, session, catalog, nextId: () => String(++last), now: () => 1_750_000_000_000 + ++last }
  return {
    root,
    session,
    table: (name) => lakeTable(tools, { namespace: 'matrix', name }),
    close: async () => {
      catalog.close()
      engine.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

function lakeTable(tools: Tools, id: TableId): LakeTable {
  const { store, catalog, session, now } = tools
  let shape: Shape = { columns: {} }
  const load = async (): Promise<LoadedTable> => {
    const table = await catalog.load(id)
    if (table === undefined) throw new Error(`no table ${formatTableId(id)}`)
    return table
  }
  const put = async (query: string, overwrite: Overwrite, branch?: string): Promise<void> => {
    const base = await catalog.load(id)
    await commit(tools, { id, base, staged: await stage(tools, { id, base, branch, shape, query }), overwrite, branch })
  }
  /** Plans a change on the head of `main` and commits it there. */
  const rewrite = async (plan: (request: WriteRequest, base: TableMetadata) => Promise<StagedRewrite | undefined>): Promise<void> => {
    const base = await load()
    const planned = await plan(writeRequest(tools, base.metadata), base.metadata)
    if (planned === undefined) throw new Error(`${formatTableId(id)}: there was nothing to change`)
    await commit(tools, { id, base, staged: planned.staged, overwrite: planned.rewrite })
  }
  const alter: LakeTable['alter'] = async (change) => void (await commitMetadata(tools, id, change))
  return {
    id,
    shape: (next) => {
      shape = next
    },
    append: (query, branch) => put(query, 'nothing', branch),
    overwrite: (query, overwrite = 'everything') => put(query, overwrite),
    deleteWhere: (where, mode) => rewrite((request, base) => deleteWhere(tools, { ...request, base, where, mode })),
    merge: (merge) => rewrite((request, base) => mergeFiles(tools, { ...request, base, ...merge })),
    history: (history) => rewrite((request, base) => historyFiles(tools, { ...request, base, isComplete: false, ...history })),
    compact: () => rewrite(({ schema: _, spec: __, ...request }, base) => compactFiles(tools, { ...request, base })),
    ref: (type, name) => alter((metadata) => createRef(metadata, { name, type }, now())),
    fastForward: (to) => alter((metadata) => fastForward(metadata, 'main', refOf(metadata, to).snapshotId, now())),
    rollbackTo: (tag) => alter((metadata) => rollback(metadata, { id: refOf(metadata, tag).snapshotId }, now())),
    cherryPick: async (ref) => {
      const { snapshotId } = refOf((await load()).metadata, ref)
      await cherryPick(tools, { id, snapshotId, newId: tools.nextId(), now: now() })
    },
    alter,
    load,
    read: async ({ ref, where = 'true', filter }) => {
      const { metadata } = await load()
      const snapshotId = ref === undefined ? undefined : refOf(metadata, ref).snapshotId
      const plan = await planScan(store, metadata, { snapshotId, filter })
      return rowsOf(session, `SELECT * FROM (${await rowsSql({ store, session }, plan)}) WHERE ${where}`, plan.schema.fields)
    },
  }
}

interface Staging {
  readonly id: TableId
  readonly base: LoadedTable | undefined
  readonly branch: string | undefined
  readonly shape: Shape
  readonly query: string
}

function stage({ session, store, catalog, nextId }: Tools, { id, base, branch, shape, query }: Staging): Promise<StagedFiles> {
  const { columns, by = [], sortBy = [] } = shape
  const seen = base === undefined ? undefined : onBranch(base.metadata, branch)
  const before = seen === undefined ? undefined : { schema: schemaOf(seen), lastColumnId: seen.lastColumnId, specs: seen.specs }
  const { schema } = evolveSchema(before, columnSpecs(columns), formatTableId(id))
  const fields = by.map(([column, transform]) => ({ column, transform }))
  const snapshotId = nextId()
  return stageFiles(session, store, {
    snapshotId,
    location: seen?.location ?? `${catalog.warehouse}/${id.namespace}/${id.name}`,
    attempt: `a${snapshotId}`,
    schema,
    knownColumnId: seen?.lastColumnId,
    spec: partitionSpec(schema, fields, seen),
    ...(sortBy.length === 0 ? {} : { sortOrder: sortOrder(schema, sortBy, seen) }),
    query,
  })
}

function writeRequest({ nextId }: Tools, metadata: TableMetadata): WriteRequest {
  const snapshotId = nextId()
  const spec = metadata.specs.find((one) => one['spec-id'] === metadata.defaultSpecId)
  if (spec === undefined) throw new Error('no spec')
  return { snapshotId, location: metadata.location, attempt: `a${snapshotId}`, schema: schemaOf(metadata), spec }
}

interface Commit extends Pick<Staging, 'id' | 'base'> {
  readonly staged: StagedFiles
  readonly overwrite: Overwrite
  readonly branch?: string | undefined
}

async function commit({ store, catalog, now }: Tools, { id, base, staged, overwrite, branch }: Commit): Promise<void> {
  const change = { id, staged, overwrite, summary: {}, now: now(), ...(branch === undefined ? {} : { branch }) }
  const outcome = await catalog.commit([(await prepareCommit(store, base, change)).change])
  if (outcome.kind !== 'committed') throw new Error(`the catalog said ${outcome.kind}`)
}
