import type { DataFile, StagedFiles } from './data-file.ts'
import type { Dropped } from './drop-files.ts'
import { allLiveEntries } from './live-entries.ts'
import { contentOf, type ManifestEntry } from './manifests.ts'
import type { Snapshot, TableMetadata } from './metadata.ts'
import type { StagedDeletes } from './rewrite.ts'
import { distinctPartitions } from './scan.ts'
import type { Store } from './store.ts'

type Total =
  | 'total-data-files'
  | 'total-records'
  | 'total-files-size'
  | 'total-delete-files'
  | 'total-position-deletes'
  | 'total-equality-deletes'

/** What a version of a table amounts to; sizes are bytes of data and delete files. */
type Totals = Readonly<Record<Total, number>>

const totals = (of: (name: Total) => number): Totals => ({
  'total-data-files': of('total-data-files'),
  'total-records': of('total-records'),
  'total-files-size': of('total-files-size'),
  'total-delete-files': of('total-delete-files'),
  'total-position-deletes': of('total-position-deletes'),
  'total-equality-deletes': of('total-equality-deletes'),
})

const REQUIRED = ['total-data-files', 'total-records', 'total-files-size'] as const

/** Rows of a version, by its summary: those in its files without those that are deleted by position. Undefined where it does not tell. */
export function rowsOf(snapshot: Snapshot | undefined): number | undefined {
  const { 'total-records': total, 'total-position-deletes': deleted = '0' } = snapshot?.summary ?? {}
  return total === undefined ? undefined : Number(total) - Number(deleted)
}

/** What the summary of a snapshot says, or where it says nothing, what its files add up to. */
export async function totalsOf(store: Store, metadata: TableMetadata, snapshot: Snapshot | undefined): Promise<Totals> {
  if (snapshot === undefined) return totals(() => 0)
  const told = totals((name) => Number.parseInt(snapshot.summary[name] ?? '0', 10))
  const isComplete = REQUIRED.every((name) => snapshot.summary[name] !== undefined)
  if (isComplete && Object.values(told).every((count) => !Number.isNaN(count))) return told
  const { data, deletes } = await allLiveEntries(store, metadata, snapshot.id)
  return {
    'total-data-files': data.length,
    'total-records': rowsIn(data),
    'total-files-size': sizeIn(data) + sizeIn(deletes),
    'total-delete-files': deletes.length,
    'total-position-deletes': rowsIn(positions(deletes)),
    'total-equality-deletes': rowsIn(keys(deletes)),
  }
}

const positions = (entries: readonly ManifestEntry[]): readonly ManifestEntry[] =>
  entries.filter((e) => contentOf(e.fields) === 'position deletes')
const keys = (entries: readonly ManifestEntry[]): readonly ManifestEntry[] =>
  entries.filter((e) => contentOf(e.fields) === 'equality deletes')

/** Rows of files. */
export const rowsIn = (entries: readonly { readonly file: DataFile }[]): number => entries.reduce((sum, entry) => sum + entry.file.rows, 0)
const sizeIn = (entries: readonly { readonly file: DataFile }[]): number => entries.reduce((sum, entry) => sum + entry.file.size, 0)

/** What a commit adds and takes out. */
export interface Delta {
  readonly staged: StagedFiles
  readonly deletes: StagedDeletes | undefined
  readonly dropped: Pick<Dropped, 'data' | 'deletes'>
}

/** The complete set: ClickHouse refuses to append to a table whose last summary lacks one. */
export function totalsAfter(before: Totals, { staged, deletes, dropped }: Delta): Readonly<Record<string, string>> {
  const added = deletes ?? { files: [], rows: 0, size: 0 }
  const gone = dropped.deletes
  const removedSize = sizeIn(dropped.data) + sizeIn(gone)
  const touched = [...staged.files, ...added.files, ...dropped.data.map((entry) => entry.file), ...gone.map((entry) => entry.file)]
  const counts = {
    'added-data-files': staged.files.length,
    'added-records': staged.rows,
    'added-files-size': staged.size + added.size,
    'deleted-data-files': dropped.data.length,
    'deleted-records': rowsIn(dropped.data),
    'removed-files-size': removedSize,
    'changed-partition-count': distinctPartitions(touched).length,
    ...onlyIf(added.files.length > 0, {
      'added-delete-files': added.files.length,
      'added-position-delete-files': added.files.length,
      'added-position-deletes': added.rows,
    }),
    ...onlyIf(gone.length > 0, {
      'removed-delete-files': gone.length,
      'removed-position-delete-files': positions(gone).length,
      'removed-position-deletes': rowsIn(positions(gone)),
      'removed-equality-delete-files': keys(gone).length,
      'removed-equality-deletes': rowsIn(keys(gone)),
    }),
    'total-data-files': before['total-data-files'] + staged.files.length - dropped.data.length,
    'total-records': before['total-records'] + staged.rows - rowsIn(dropped.data),
    'total-files-size': before['total-files-size'] + staged.size + added.size - removedSize,
    'total-delete-files': before['total-delete-files'] + added.files.length - gone.length,
    'total-position-deletes': before['total-position-deletes'] + added.rows - rowsIn(positions(gone)),
    'total-equality-deletes': before['total-equality-deletes'] - rowsIn(keys(gone)),
  }
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]))
}

const onlyIf = (holds: boolean, counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> => (holds ? counts : {})
