import { quoteIdentifier, type SortOrder } from '../schema/iceberg-type.ts'
import type { DataFile } from './data-file.ts'
import { type LiveEntries, mayReach, onlyTarget, partitionId } from './live-entries.ts'
import { liveRowsSql, rewritable, ROW_PATH, ROW_POS } from './live-rows.ts'
import { contentOf, type ManifestEntry } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'
import type { Rewrite, StagedRewrite } from './rewrite.ts'
import { sortOrderOf, sortSql } from './sort-order.ts'
import { type StagePart, stageFiles } from './stage.ts'
import type { Tools, WriteRequest } from './stage-rewrite.ts'
import type { Store } from './store.ts'

/** Iceberg's name and default, in bytes. */
const TARGET = 'write.target-file-size-bytes'
const DEFAULT_TARGET = 512 << 20
/** A file of at least this part of the target is large enough; one of more than the other part is too large. As in Iceberg. */
const SMALL = 0.75
const LARGE = 1.8
/** Fewer small files of a partition than this are left alone: rewriting them would not pay. Iceberg's `min-input-files`. */
const MIN_FILES = 5

export interface CompactRequest extends Omit<WriteRequest, 'schema' | 'spec'> {
  readonly base: TableMetadata
}

/** Files that are written anew together. */
interface Bin {
  readonly files: readonly ManifestEntry[]
  /** Whether all lie in one partition of the table's spec; else the rows have to be divided again. */
  readonly isOnePartition: boolean
  /** Files that the rows are to fill. */
  readonly parts: number
}

/** Which files a compaction would rewrite. @throws ASSAY-2004 for tables whose rows cannot be read */
export async function compactable(store: Store, base: TableMetadata): Promise<readonly DataFile[]> {
  const live = await rewritable(store, base)
  return binsOf(store, base, live).flatMap((bin) => bin.files.map((entry) => entry.file))
}

/**
 * Writes small files, files with deleted rows and files of an older partition spec anew: the same rows, in files of about
 * the target size, sorted by the order asked for, or that of the table. Delete files whose rows are all gone go with them.
 * @returns undefined where nothing is to be done
 */
export async function compactFiles(tools: Tools, request: CompactRequest): Promise<StagedRewrite | undefined> {
  const { session, store } = tools
  const { base, ...write } = request
  const live = await rewritable(store, base)
  const bins = binsOf(store, base, live)
  const removed = bins.flatMap((bin) => bin.files)
  const removedDeletes = await exhausted(tools, live, removed)
  if (removed.length + removedDeletes.length === 0) return undefined
  const schema = currentSchema(base)
  const spec = currentSpec(base)
  const order = write.sortOrder ?? sortOrderOf(base)
  const parts: StagePart[] = []
  for (const bin of bins) {
    const rows = await liveRowsSql({ ...tools, base, schema, live }, bin.files)
    parts.push(...partsOf(bin, sorted(rows, { schema, order })).map((part) => ({ ...part, sortOrder: order })))
  }
  const staged = await stageFiles(session, store, { ...write, schema, spec, query: parts })
  const rewrite: Rewrite = {
    operation: 'replace',
    readFrom: base.currentSnapshotId ?? 'nothing',
    removed: removed.map((entry) => entry.file),
    removedDeletes,
    deletedFrom: [],
    deletes: undefined,
    scope: undefined,
  }
  return { staged, rewrite, changes: true }
}

function currentSchema(base: TableMetadata): WriteRequest['schema'] {
  const schema = base.schemas.find((one) => one['schema-id'] === base.currentSchemaId)
  if (schema === undefined) throw new Error(`no schema ${base.currentSchemaId}`)
  return schema
}

function currentSpec(base: TableMetadata): WriteRequest['spec'] {
  const spec = base.specs.find((one) => one['spec-id'] === base.defaultSpecId)
  if (spec === undefined) throw new Error(`no spec ${base.defaultSpecId}`)
  return spec
}

function sorted(rows: string, to: { readonly schema: WriteRequest['schema']; readonly order: SortOrder | undefined }): string {
  const names = to.schema.fields.map((field) => quoteIdentifier(field.name)).join(', ')
  // Without an order of its own, rows stay as they were written: what was clustered stays so. Places make the order total.
  const by = [to.order === undefined ? '' : sortSql(to.schema, to.order), ROW_PATH, ROW_POS].filter((key) => key !== '')
  return `SELECT ${names} FROM (${rows}) ORDER BY ${by.join(', ')}`
}

function partsOf({ files, isOnePartition, parts }: Bin, query: string): readonly StagePart[] {
  const partition = files[0]?.file.partition
  if (!isOnePartition || partition === undefined) return [{ query }]
  const rows = Math.ceil(files.reduce((sum, entry) => sum + entry.file.rows, 0) / parts)
  return Array.from({ length: parts }, (_, i) => ({ query: `${query} LIMIT ${rows} OFFSET ${i * rows}`, partition }))
}

function binsOf(store: Store, base: TableMetadata, live: LiveEntries): readonly Bin[] {
  const target = Number.parseInt(base.properties[TARGET] ?? '', 10) || DEFAULT_TARGET
  const hasDeletes = deletedFiles(store, live)
  const groups = Map.groupBy(live.data, (entry) => (entry.file.specId === base.defaultSpecId ? partitionId(entry.file) : ''))
  return [...groups].flatMap(([place, entries]) => {
    const isOnePartition = place !== ''
    const must = (entry: ManifestEntry): boolean => !isOnePartition || hasDeletes(entry) || entry.file.size > LARGE * target
    const small = entries.filter((entry) => entry.file.size < SMALL * target)
    const chosen = entries.filter((entry) => must(entry) || (small.length >= MIN_FILES && small.includes(entry)))
    const bins = packed(chosen, target).filter((files) => files.length > 1 || files.some(must))
    return bins.map((files) => ({ files, isOnePartition, parts: Math.max(1, Math.round(sizeOf(files) / target)) }))
  })
}

/** Whether a delete file may take rows out of a data file. */
function deletedFiles(store: Store, live: LiveEntries): (entry: ManifestEntry) => boolean {
  const targets = live.deletes.map((entry) => ({ entry, target: onlyTarget(store, entry) }))
  const known = new Set(targets.map(({ target }) => target))
  const wide = targets.filter(({ target }) => target === undefined).map(({ entry }) => entry)
  return ({ file }) => known.has(file.path) || wide.some((entry) => mayReach(store, entry, [file]))
}

/** Into bins of at most the target, in the order of writing, so that rows stay near those they came with. */
function packed(entries: readonly ManifestEntry[], target: number): readonly (readonly ManifestEntry[])[] {
  const bins: ManifestEntry[][] = []
  let room = 0
  for (const entry of entries.toSorted((a, b) => (a.sequenceNumber ?? 0) - (b.sequenceNumber ?? 0))) {
    if (bins.length === 0 || entry.file.size > room) {
      bins.push([])
      room = target
    }
    bins.at(-1)?.push(entry)
    room -= entry.file.size
  }
  return bins
}

const sizeOf = (entries: readonly ManifestEntry[]): number => entries.reduce((sum, entry) => sum + entry.file.size, 0)

/** Delete files that point to nothing but files that go, or that are already gone. */
async function exhausted({ session, store }: Tools, live: LiveEntries, removed: readonly ManifestEntry[]): Promise<readonly DataFile[]> {
  const gone = new Set(removed.map((entry) => entry.file.path))
  const staying = new Set(live.data.map((entry) => entry.file.path).filter((path) => !gone.has(path)))
  const done: DataFile[] = []
  for (const entry of live.deletes.filter((one) => contentOf(one.fields) === 'position deletes')) {
    const target = onlyTarget(store, entry)
    const targets = target === undefined ? await targetsOf({ session, store }, entry) : [target]
    if (!targets.some((path) => staying.has(path))) done.push(entry.file)
  }
  return done
}

async function targetsOf({ session, store }: Tools, entry: ManifestEntry): Promise<readonly string[]> {
  const path = entry.file.path.replaceAll("'", "''").replace(/[*?[]/g, '[$&]')
  const rows = await session.rows(`SELECT DISTINCT file_path FROM read_parquet(['${path}'], hive_partitioning = false)`)
  return rows.map((row) => store.normalise(String(row['file_path'])))
}
