import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import type { Reader } from '../iceberg/rows-sql.ts'
import { type IntervalMap, where } from '../partitions/interval-map.ts'
import { type PartitionSet, union } from '../partitions/partition-set.ts'
import { fingerprints } from './equal-output.ts'
import { type Pinned, relationOf } from './read.ts'

/** What is compared with what a table held before. */
interface Compared {
  readonly metadata: TableMetadata
  /** The table as it is now. */
  readonly pin: Required<Pinned>
  readonly columns: readonly string[]
}

/**
 * The partitions of a table whose rows are not those of an earlier version, as far as some columns show. Of a version that
 * the table does not keep any more nothing is known: its partitions count among them.
 * @param before ids of snapshots, by the partitions that are looked at
 * @throws as {@link relationOf}
 */
export async function changedRows(reader: Reader, compared: Compared, before: IntervalMap<string>): Promise<PartitionSet> {
  let changed: PartitionSet = []
  for (const version of new Set(before.map(({ value }) => value))) {
    const partitions = where(before, (value) => value === version)
    if (!(await isSame(reader, compared, version, partitions))) changed = union(changed, partitions)
  }
  return changed
}

async function isSame(reader: Reader, { metadata, pin, columns }: Compared, version: string, partitions: PartitionSet): Promise<boolean> {
  const earlier = metadata.snapshots.find((snapshot) => snapshot.id === version)
  if (earlier === undefined) return false
  const known = new Set(schemaOf(metadata, earlier).fields.map(({ name }) => name))
  if (!columns.every((name) => known.has(name))) return false
  const slice = { ...pin.slice, partitions }
  const [was] = await fingerprints(reader.session, await relationOf(reader, metadata, { snapshotId: version, slice }), [columns])
  const [is] = await fingerprints(reader.session, await relationOf(reader, metadata, { ...pin, slice }), [columns])
  return was === is
}
