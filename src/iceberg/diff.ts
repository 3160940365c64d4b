import { AssayError } from '../errors.ts'
import { type IcebergSchema, quoteIdentifier, quoteText } from '../schema/iceberg-type.ts'
import { inBatches } from './batches.ts'
import type { DataFile, ManifestFile } from './data-file.ts'
import { onlyTarget } from './live-entries.ts'
import { contentOf, hasLive, type ManifestEntry, readManifest, readManifestList } from './manifests.ts'
import { ancestors, type Snapshot, schemaOf, type TableMetadata } from './metadata.ts'
import { dataManifests, scanSql } from './scan.ts'
import type { Store } from './store.ts'

/** Two versions of one table. Without `from`, all that `to` holds was added. */
export interface Versions {
  readonly from: Snapshot | undefined
  readonly to: Snapshot
}

/** Data files that only the later, and only the earlier of two versions has. */
export interface FileDiff {
  readonly added: readonly DataFile[]
  readonly removed: readonly DataFile[]
}

/**
 * What differs between two versions, of one line or not. Manifests that both have are not opened.
 * @throws ASSAY-2004 where a version has delete files, ASSAY-2005
 */
export async function fileDiff(store: Store, metadata: TableMetadata, { from, to }: Versions): Promise<FileDiff> {
  const before = from === undefined ? [] : await dataManifests(store, metadata, from)
  const after = await dataManifests(store, metadata, to)
  const [old, young] = await Promise.all([liveOf(store, metadata, before, after), liveOf(store, metadata, after, before)])
  return { added: missingIn(old, young), removed: missingIn(young, old) }
}

/** Entries by the path of their file. */
type Live = ReadonlyMap<string, ManifestEntry>

async function liveOf(
  store: Store,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
  others: readonly ManifestFile[],
): Promise<Live> {
  const known = new Set(others.map((manifest) => manifest.path))
  const own = manifests.filter((manifest) => !known.has(manifest.path))
  const entries = (await inBatches(own, (manifest) => readManifest(store, metadata, manifest))).flat()
  return new Map(entries.filter((entry) => entry.status !== 'deleted').map((entry) => [entry.file.path, entry]))
}

const missingIn = (known: Live, live: Live): readonly DataFile[] =>
  [...live.values()].flatMap(({ file }) => (known.has(file.path) ? [] : [file]))

/** What moving from one version to another does to readers. */
export interface Move {
  /** Data files and delete files that one version has and the other has not. */
  readonly files: readonly DataFile[]
  /** Deletes by key, which do not say how many rows they take, count as one row each. */
  readonly rows: { readonly appear: number; readonly disappear: number }
}

/** As {@link fileDiff}, told by manifests alone, also where versions have delete files. @throws ASSAY-2005 */
export async function moveBetween(store: Store, metadata: TableMetadata, { from, to }: Versions): Promise<Move> {
  const [before, after] = await Promise.all([from, to].map((version) => liveManifests(store, version)))
  const [old, young] = await Promise.all([
    liveOf(store, metadata, before ?? [], after ?? []),
    liveOf(store, metadata, after ?? [], before ?? []),
  ])
  const [gone, come] = [rowsByFile(store, old), rowsByFile(store, young)]
  const changes = [...new Set([...gone.keys(), ...come.keys()])].map((path) => (come.get(path) ?? 0) - (gone.get(path) ?? 0))
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + Math.max(0, n), 0)
  return {
    files: [...missingIn(old, young), ...missingIn(young, old)],
    rows: { appear: sum(changes), disappear: sum(changes.map((n) => -n)) },
  }
}

const liveManifests = async (store: Store, version: Snapshot | undefined): Promise<readonly ManifestFile[]> =>
  version === undefined ? [] : (await readManifestList(store, version.manifestList)).filter(hasLive)

/** Rows that readers see of each data file. Deletes of no one file are under no path. */
function rowsByFile(store: Store, live: Live): ReadonlyMap<string, number> {
  const rows = new Map<string, number>()
  const add = (path: string, n: number): unknown => rows.set(path, (rows.get(path) ?? 0) + n)
  for (const entry of live.values()) {
    if (contentOf(entry.fields) === 'data') add(entry.file.path, entry.file.rows)
    else add(onlyTarget(store, entry) ?? '', -entry.file.rows)
  }
  return rows
}

/**
 * The rows that differ between two versions, as a SELECT over only the files that differ: see {@link rowDiffSql}. Both
 * versions are read by the schema of the later.
 * @param key columns that name a row; empty: a row is named by all of them
 */
export function tableDiffSql(store: Store, metadata: TableMetadata, diff: FileDiff & Versions, key: readonly string[]): string {
  const schema = schemaOf(metadata, diff.to)
  const rows = (files: readonly DataFile[]): string => scanSql(store, schema, files, { history: metadata.schemas })
  return rowDiffSql({ before: rows(diff.removed), after: rows(diff.added) }, schema, key)
}

/**
 * Compares the rows of two SELECTs. `change` is added, removed or changed; `key`, `old` and `new` are structs, of which
 * `old` is null for what was added and `new` for what was removed; `columns` names those that changed. Rows that are the
 * same on both sides cancel out one by one, so a key that is there twice is compared row by row too.
 */
export function rowDiffSql(
  rows: { readonly before: string; readonly after: string },
  schema: IcebergSchema,
  key: readonly string[],
): string {
  const names = schema.fields.map((field) => field.name)
  const keys = key.length === 0 ? names : key
  const struct = (of: readonly string[], prefix = ''): string =>
    `{${of.map((name) => `${quoteText(name)}: ${prefix}${quoteIdentifier(name)}`).join(', ')}}`
  const numbered = (side: string): string =>
    `SELECT ${struct(names)} AS r, row_number() OVER (PARTITION BY ${keys.map(quoteIdentifier).join(', ')} ORDER BY ${names.map(quoteIdentifier).join(', ')}) AS n FROM ${side}`
  const same = (name: string): string => `o.r.${quoteIdentifier(name)} IS NOT DISTINCT FROM w.r.${quoteIdentifier(name)}`
  const moved = names.map((name) => `CASE WHEN NOT (${same(name)}) THEN ${quoteText(name)} END`)
  return `WITH b AS MATERIALIZED (${rows.before}), a AS MATERIALIZED (${rows.after}),
    gone AS (SELECT * FROM b EXCEPT ALL SELECT * FROM a), come AS (SELECT * FROM a EXCEPT ALL SELECT * FROM b),
    o AS (${numbered('gone')}), w AS (${numbered('come')})
  SELECT CASE WHEN o.n IS NULL THEN 'added' WHEN w.n IS NULL THEN 'removed' ELSE 'changed' END AS change,
    CASE WHEN w.n IS NULL THEN ${struct(keys, 'o.r.')} ELSE ${struct(keys, 'w.r.')} END AS key, o.r AS old, w.r AS new,
    CASE WHEN o.n IS NOT NULL AND w.n IS NOT NULL THEN list_filter([${moved.join(', ')}], lambda name: name IS NOT NULL) END AS columns
  FROM o FULL JOIN w ON o.n = w.n AND ${keys.map(same).join(' AND ')}`
}

/**
 * The files that were appended after one version up to a later one of its line: an incremental read. Rearranged files
 * (`replace`) do not count. Where rows were changed or removed there is no such answer, and it is refused by name: a diff
 * has it.
 * @throws ASSAY-2032 naming the snapshot; ASSAY-2009 when `from` is not, or not any more, on the way to `to`
 */
export async function appendedFiles(store: Store, metadata: TableMetadata, { from, to }: Versions): Promise<readonly DataFile[]> {
  const between = lineBetween(metadata, { from, to }).filter((snapshot) => snapshot.operation !== 'replace')
  const other = between.find((snapshot) => snapshot.operation !== 'append')
  if (other !== undefined)
    throw new AssayError('ASSAY-2032', `Snapshot ${other.id} of the table at ${metadata.location} is of the operation ${other.operation}`)
  const files = await inBatches(between.toReversed(), (snapshot) => addedBy(store, metadata, snapshot))
  return files.flat()
}

/** Newest first, `from` itself left out. */
function lineBetween(metadata: TableMetadata, { from, to }: Versions): readonly Snapshot[] {
  const line = ancestors(metadata, to.id)
  const at = line.findIndex((snapshot) => snapshot.id === from?.id)
  const isWhole = from === undefined && line.at(-1)?.parentId === undefined
  if (at >= 0 || isWhole) return at < 0 ? line : line.slice(0, at)
  throw new AssayError(
    'ASSAY-2009',
    `The table at ${metadata.location} keeps no line of snapshots from ${from?.id ?? 'its beginning'} to ${to.id}`,
  )
}

async function addedBy(store: Store, metadata: TableMetadata, snapshot: Snapshot): Promise<readonly DataFile[]> {
  const own = (await dataManifests(store, metadata, snapshot)).filter((manifest) => manifest.addedSnapshotId === snapshot.id)
  const entries = (await inBatches(own, (manifest) => readManifest(store, metadata, manifest))).flat()
  const isAdded = ({ status, snapshotId }: ManifestEntry): boolean => status === 'added' && snapshotId === snapshot.id
  return entries.filter(isAdded).map((entry) => entry.file)
}
