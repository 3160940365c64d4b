import { AssayError } from '../errors.ts'
import { type IcebergSchema, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'
import { allLiveEntries, type LiveEntries, mayReach } from './live-entries.ts'
import { contentOf, type ManifestEntry } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'
import { literalGlob, refuseForeignFile, scanSql } from './scan.ts'
import type { Store } from './store.ts'

/** Columns that tell where a row lies: the path of its file as {@link Store.normalise} spells it, and its place from 0. */
export const ROW_PATH = '__path'
export const ROW_POS = 'file_row_number'

/** The live files of the current version. @throws ASSAY-2004 for a table whose rows Assay cannot read, and so not rewrite */
export async function rewritable(store: Store, metadata: TableMetadata): Promise<LiveEntries> {
  if (metadata.properties['schema.name-mapping.default'] !== undefined) {
    throw new AssayError(
      'ASSAY-2004',
      `The table at ${metadata.location} maps columns by name, because some of its files have no field ids, so they cannot be rewritten`,
    )
  }
  const live = await allLiveEntries(store, metadata)
  for (const entry of live.data) refuseForeignFile(metadata, entry)
  return live
}

/** A session and the files that it reads. */
export interface RowSource {
  readonly session: SqlSession
  readonly store: Store
  /** The table as it is; undefined where there is none yet. */
  readonly base: TableMetadata | undefined
  readonly schema: IcebergSchema
  readonly live: LiveEntries
}

/**
 * A SELECT of the live rows of some data files: the columns of the schema, and where each row lies.
 * @throws ASSAY-2004 where rows are deleted by key (equality deletes)
 */
export async function liveRowsSql({ session, store, base, schema, live }: RowSource, files: readonly ManifestEntry[]): Promise<string> {
  const names = schema.fields.map((field) => quoteIdentifier(field.name))
  if (files.length === 0) {
    const none = scanSql(store, schema, [])
    return `SELECT ${[...names, `'' AS ${ROW_PATH}`, `0::BIGINT AS ${ROW_POS}`].join(', ')} FROM (${none})`
  }
  const history = base?.schemas ?? [schema]
  const rows = scanSql(
    store,
    schema,
    files.map((entry) => entry.file),
    { history, places: ROW_PATH },
  )
  const deleted = await deletedSql({ session, store, live }, files)
  if (deleted === undefined) return rows
  return `SELECT * FROM (${rows}) r ANTI JOIN (${deleted}) d ON r.${ROW_PATH} = d.path AND r.${ROW_POS} = d.pos`
}

/** Positions that are deleted in these files; undefined where there are none. Paths in delete files are spelt by their writer. */
async function deletedSql(
  { session, store, live }: Pick<RowSource, 'session' | 'store' | 'live'>,
  files: readonly ManifestEntry[],
): Promise<string | undefined> {
  const targets = files.map((entry) => entry.file)
  const deletes = live.deletes.filter((entry) => mayReach(store, entry, targets))
  const keyed = deletes.find((entry) => contentOf(entry.fields) === 'equality deletes' && files.some((file) => isOlder(file, entry)))
  if (keyed !== undefined) {
    throw new AssayError('ASSAY-2004', `${keyed.file.path} deletes rows by key (equality deletes), so their files cannot be rewritten`, {
      next: 'Compact the table with the engine that wrote them.',
    })
  }
  const positions = deletes.filter((entry) => contentOf(entry.fields) === 'position deletes')
  if (positions.length === 0) return undefined
  const all = `read_parquet([${pathsOf(positions)}], hive_partitioning = false)`
  const spellings = await session.rows(`SELECT DISTINCT file_path FROM ${all}`)
  const pairs = spellings.map((row) => {
    const spelt = String(row['file_path'])
    return `(${quoteText(spelt)}, ${quoteText(store.normalise(spelt))})`
  })
  return `SELECT s.path, p.pos FROM ${all} p JOIN (VALUES ${pairs.join(', ')}) s(spelt, path) ON p.file_path = s.spelt`
}

const isOlder = (file: ManifestEntry, deletes: ManifestEntry): boolean => (file.sequenceNumber ?? 0) < (deletes.sequenceNumber ?? 0)

const pathsOf = (entries: readonly ManifestEntry[]): string => entries.map((entry) => quoteText(literalGlob(entry.file.path))).join(', ')
