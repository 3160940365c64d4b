import { AssayError } from '../errors.ts'
import { type Catalog, formatTableId, type LoadedTable, type TableId } from './catalog.ts'
import { nextMetadata } from './metadata-file.ts'
import { serialiseMetadata, type TableMetadata } from './metadata.ts'
import { removeAll, type Store, writeAll } from './store.ts'

/** Where tables are looked up, and where their files lie. */
export interface Tables {
  readonly catalog: Catalog
  readonly store: Store
}

/** A change of one table, written and ready for the catalog. */
export interface BuiltCommit {
  readonly metadata: TableMetadata
  readonly metadataLocation: string
  /** Files that go again when the catalog rejects, and only then. */
  readonly written: readonly string[]
}

/** A table before and after a change that is known to be committed. */
export interface Committed {
  readonly before: LoadedTable
  readonly after: LoadedTable
}

/** How often a change is built again when other writers are faster. */
const MAX_REBUILDS = 8

/**
 * Commits a change of a table by compare-and-swap; rebuilt on what others committed in between.
 * @param build writes the change of a base; undefined: there is nothing to change
 * @throws ASSAY-2008; ASSAY-2006 when others keep being faster; ASSAY-2010 when the outcome is unknown: its files then stay
 */
export async function commitTable(
  { catalog, store }: Tables,
  id: TableId,
  build: (base: LoadedTable) => Promise<BuiltCommit | undefined>,
): Promise<Committed> {
  for (let rebuild = 0; rebuild < MAX_REBUILDS; rebuild++) {
    const before = await catalog.load(id)
    if (before === undefined) throw new AssayError('ASSAY-2008', `there is no table ${formatTableId(id)}`)
    const built = await build(before)
    if (built === undefined) return { before, after: before }
    const { metadata, metadataLocation, written } = built
    const outcome = await catalog.commit([{ id, expected: before.metadataLocation, metadataLocation }]).catch(async (error: unknown) => {
      // Nothing has moved. What made it fail says more than a removal that fails too.
      await removeAll(store, written).catch(() => {})
      throw error
    })
    const committed = { before, after: { id, metadata, metadataLocation } }
    if (outcome.kind === 'committed') return committed
    if (outcome.kind === 'unknown') {
      if (await landed(catalog, committed.after)) return committed
      throw unknownOutcome(id, outcome.cause)
    }
    await removeAll(store, written)
  }
  throw new AssayError('ASSAY-2006', `${formatTableId(id)} was moved by other writers ${MAX_REBUILDS} times in a row`)
}

/**
 * Commits a change that is of metadata alone: no file but the metadata itself is written.
 * @param change pure; gives its argument back when there is nothing to change
 * @throws what `change` throws, and as {@link commitTable}
 */
export const commitMetadata = (tables: Tables, id: TableId, change: (metadata: TableMetadata) => TableMetadata): Promise<Committed> =>
  commitTable(tables, id, (base) => writeMetadata(tables.store, base, change(base.metadata)))

/** Writes the metadata that follows a base. @throws ASSAY-2004 for a table of format version 1 */
export async function writeMetadata(store: Store, base: LoadedTable, changed: TableMetadata): Promise<BuiltCommit | undefined> {
  if (changed === base.metadata) return undefined
  if (changed.formatVersion === 1)
    throw new AssayError('ASSAY-2004', `${formatTableId(base.id)} has Iceberg format version 1, which Assay reads but does not write`)
  const { path, metadata } = nextMetadata(`${store.normalise(changed.location)}/metadata`, base, changed)
  await writeAll(store, [{ path, bytes: Buffer.from(serialiseMetadata(metadata)) }])
  return { metadata, metadataLocation: path, written: [path] }
}

/** Whether the catalog's table is, or descends from, a metadata file. A catalog that cannot be read does not tell. */
async function landed(catalog: Catalog, { id, metadataLocation }: LoadedTable): Promise<boolean> {
  const now = await catalog.load(id).catch(() => undefined)
  return (
    now !== undefined &&
    (now.metadataLocation === metadataLocation || now.metadata.metadataLog.some(({ file }) => file === metadataLocation))
  )
}

/** Errors of commits of which nobody knows whether they happened. */
const undecided = new WeakSet<AssayError>()

/** Whether the change may have been made although {@link commitTable} threw. */
export const mayHaveHappened = (error: unknown): boolean => error instanceof AssayError && undecided.has(error)

function unknownOutcome(id: TableId, cause: unknown): AssayError {
  const error = new AssayError('ASSAY-2010', `the catalog did not say whether the change of ${formatTableId(id)} was committed`, {
    next: 'No file was removed. Look at the table, and run the same command again if it did not happen.',
    cause,
  })
  undecided.add(error)
  return error
}
