import type { AssetSpec } from '../../../src/assets/spec.ts'
import type { Catalog, LoadedTable, TableId } from '../../../src/iceberg/catalog.ts'
import { evolveSchema, partitionSpec } from '../../../src/iceberg/evolve.ts'
import { schemaOf } from '../../../src/iceberg/metadata.ts'
import { discardStaged, stageFiles } from '../../../src/iceberg/stage.ts'
import type { Tools, WriteRequest } from '../../../src/iceberg/stage-rewrite.ts'
import type { Store } from '../../../src/iceberg/store.ts'
import { assetKey } from '../../../src/keys.ts'
import type { ColumnSpec } from '../../../src/schema/column.ts'
import type { PublishIntent } from '../../../src/storage/events.ts'
import type { Publishing } from '../../../src/tables/publish.ts'
import type { StagedTable } from '../../../src/tables/stage.ts'
import { column } from '../lab.ts'
import type { World } from './world.ts'

/** Rows of a day: one of each id, with the tag of the attempt that wrote them. */
export const DAYS: readonly ColumnSpec[] = [column('day', 'date', false), column('id', 'int', false), column('tag', 'int', false)]
/** Versions of rows. */
export const HISTORY: readonly ColumnSpec[] = [
  column('id', 'int'),
  column('tag', 'int'),
  column('valid_from', 'timestamptz'),
  column('valid_to', 'timestamptz'),
  column('is_current', 'boolean'),
]
export const IDS: readonly number[] = [0, 1]

/** SELECT of rows of {@link DAYS}. */
export const rowsSql = (rows: readonly (readonly [day: number, id: number])[], tag: number): string =>
  `SELECT DATE '1970-01-01' + day::INT AS day, id::INT AS id, ${tag}::INT AS tag FROM (VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')}) v(day, id)`

/** A version of a table on which something is staged, and where that goes. */
export interface Place extends Tools {
  readonly base: LoadedTable | undefined
  readonly request: WriteRequest
}

/** Stages a change of one table. */
export type Stage = (place: Place) => Promise<Pick<StagedTable, 'staged' | 'overwrite'>>

export const asQuery =
  (query: string, overwrite?: 'nothing'): Stage =>
  async ({ session, store, request }) => ({
    staged: await stageFiles(session, store, { ...request, query }),
    ...(overwrite === undefined ? {} : { overwrite }),
  })

/** What a step is to write. Staged by default: a row for each day and id. */
export interface Content {
  readonly tables: readonly string[]
  readonly days: readonly number[]
  readonly tag: number
  readonly columns?: readonly ColumnSpec[]
  readonly stage?: Stage
  /** Each table is an asset of its own. */
  readonly apart?: boolean
}

/** Stages the next version of tables, as a step does it. What a step knows of them comes from a catalog that answers. */
export async function stageContent(
  world: World,
  to: { readonly store: Store; readonly catalog: Catalog },
  content: Content,
): Promise<Publishing> {
  const { tables, days, tag, columns = DAYS } = content
  const query = rowsSql(
    days.flatMap((day) => IDS.map((id) => [day, id] as const)),
    tag,
  )
  const { stage = asQuery(query) } = content
  const done: Staged[] = []
  try {
    for (const table of tables) {
      const id = { namespace: 'shop', name: table }
      const base = await to.catalog.load(id)
      const request = requestOf(world, { id, base, columns })
      done.push({ id, base, ...(await stage({ session: world.session, store: to.store, base, request })) })
    }
  } catch (error) {
    await Promise.all(done.map((table) => discardStaged(world.store, table.staged)))
    throw error
  }
  return publishingOf(done, content)
}

interface Staged extends Pick<StagedTable, 'staged' | 'overwrite'> {
  readonly id: TableId
  readonly base: LoadedTable | undefined
}

function requestOf(
  world: World,
  { id, base, columns }: { readonly id: TableId; readonly base: LoadedTable | undefined; readonly columns: readonly ColumnSpec[] },
): WriteRequest {
  const snapshotId = world.nextSnapshot()
  const before = base === undefined ? undefined : { schema: schemaOf(base.metadata), lastColumnId: base.metadata.lastColumnId }
  const { schema } = evolveSchema(before, columns, id.name)
  const byDay = columns === HISTORY ? [] : [{ column: 'day', transform: 'day' } as const]
  const spec = partitionSpec(schema, byDay, base?.metadata)
  return {
    snapshotId,
    location: `${world.root}/warehouse/${id.namespace}/${id.name}`,
    attempt: `a${snapshotId}`,
    schema,
    knownColumnId: before?.lastColumnId,
    spec,
  }
}

/** An asset with rows by day. */
export const specOf = (key: string): AssetSpec => ({
  key: assetKey(key),
  kind: 'table',
  columns: DAYS,
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: '1970-01-01', column: 'day' },
  deps: [],
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
})

function publishingOf(tables: readonly Staged[], { days, apart = false }: Content): Publishing {
  const partitions = days.toSorted((a, b) => a - b).map((day) => [day, day + 1] as const)
  const heads = tables.flatMap(({ id, base }): [string, string][] => {
    const head = base?.metadata.currentSnapshotId
    return head === undefined ? [] : [[`${id.namespace}.${id.name}`, head]]
  })
  const snapshotId = tables[0]?.staged.snapshotId
  const specs = (apart ? tables : tables.slice(0, 1)).map(({ id }) => specOf(`shop.${id.name}`))
  const assetOf = (at: number): AssetSpec => specs[at] ?? specs[0] ?? specOf('shop.none')
  const outputs = specs.map((spec) => ({
    spec,
    materialization: {
      id: `m${snapshotId}.${spec.key}`,
      asset: spec.key,
      partitions,
      dataVersion: String(snapshotId),
      codeVersion: 'c',
      inputs: {},
      snapshotId,
      rows: days.length * IDS.length,
      runId: 'r',
      stepId: 's',
      at: 1,
    },
  }))
  return {
    partitions,
    tables: tables.map(({ base, ...table }, at) => ({
      asset: assetOf(at).key,
      role: 'rows',
      ...table,
      ...(base === undefined ? {} : { schemaId: base.metadata.currentSchemaId }),
    })),
    readFrom: new Map(heads),
    outputs,
  }
}

/** What is recorded before tables are published. */
export const intentOf = ({ tables, outputs }: Publishing): PublishIntent => ({
  runId: 'r',
  stepId: 's',
  attempt: 1,
  tables: tables.map(({ id, staged }) => ({ ...id, snapshotId: staged.snapshotId, folder: staged.folder })),
  materializations: outputs.map(({ materialization }) => materialization),
  checks: [],
})
