import { rmSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { environmentHome, environmentNames, MAIN_ENVIRONMENT, type Settings } from '../config.ts'
import { AssayError } from '../errors.ts'
import { type Catalog, formatTableId, type LoadedTable, type TableChange, type TableId, type TableRemoval } from '../iceberg/catalog.ts'
import { environmentCatalog, isEnvironmentOf, type OwnTable } from '../iceberg/catalogs/environment-catalog.ts'
import type { Tables } from '../iceberg/commit-metadata.ts'
import { ancestors, schemaOf, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts'
import { rowsOf } from '../iceberg/summary.ts'
import { cachedMetadata } from '../iceberg/manifest-cache.ts'
import { removeAll, type Store } from '../iceberg/store.ts'
import { localStore } from '../iceberg/stores/local.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { openStorage } from '../storage/sqlite.ts'
import { openMainCatalog } from './launch.ts'
import { recover } from './recover.ts'
import { endPromotion, endPromotions } from './take-over.ts'

/** A table of an environment beside that of `main`. */
export interface EnvironmentTable {
  readonly id: TableId
  /** What other engines call it. */
  readonly own: TableId
  /** `moved`: that of `main` was changed since the environment took it, so that it cannot be promoted. */
  readonly state: 'new' | 'ahead' | 'moved'
  /** Commits that `main` does not have. */
  readonly commits: number
  readonly rows: { readonly main: number; readonly own: number }
  readonly columns: { readonly added: readonly string[]; readonly removed: readonly string[] }
}

const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

/**
 * Makes an environment: a metadata store of its own. It has no tables until something is materialized in it. Does nothing
 * where it is there already.
 * @throws ASSAY-4009 for what is no name, or one that a namespace of the catalog begins with
 */
export async function createEnvironment(settings: Settings, name: string, clock: Clock): Promise<void> {
  if (!NAME.test(name) || name === MAIN_ENVIRONMENT)
    throw new AssayError('ASSAY-4009', `'${name}' is no name for an environment`, {
      next: 'Name it with small letters, digits and single underscores: dev, try_2.',
    })
  if (environmentNames(settings.home).includes(name)) return
  const catalog = openMainCatalog(settings, localStore())
  const taken = await environmentCatalog(catalog, name)
    .own()
    .finally(() => catalog.close())
  const [first] = taken
  if (first !== undefined)
    throw new AssayError('ASSAY-4009', `${formatTableId(first.own)} is a table already: '${name}' would take it for its own`)
  openStorage({ folder: environmentHome(settings.home, name), clock }).close()
}

/** The tables that an environment has of its own, and how they stand to those of `main`. Writes nothing. */
export async function environmentTables(settings: Settings, name: string): Promise<readonly EnvironmentTable[]> {
  const store = localStore()
  const catalog = openMainCatalog(settings, store)
  try {
    const own = await environmentCatalog(catalog, name).own()
    return await Promise.all(own.map(async (table) => (await compared(catalog, store, table)).table))
  } finally {
    catalog.close()
  }
}

interface Compared {
  readonly table: EnvironmentTable
  /** That of the environment. */
  readonly metadata: TableMetadata
  readonly main: LoadedTable | undefined
}

async function compared(catalog: Catalog, store: Store, { id, own, metadataLocation }: OwnTable): Promise<Compared> {
  const metadata = await cachedMetadata(store, metadataLocation)
  const main = await catalog.load(id)
  const known = new Set(main?.metadata.snapshots.map((snapshot) => snapshot.id))
  const ahead = ancestors(metadata).filter((snapshot) => !known.has(snapshot.id))
  const state = main === undefined ? 'new' : stoodStill(main, metadata) ? 'ahead' : 'moved'
  const rows = { main: rowsIn(main?.metadata), own: rowsIn(metadata) }
  return { table: { id, own, state, commits: ahead.length, rows, columns: columnsBetween(main?.metadata, metadata) }, metadata, main }
}

/**
 * Whether the table of `main` is what the environment's grew from. Its metadata file is among those that came before;
 * where that is too long ago to be remembered, nothing in it may be unknown or later than the environment's first commit.
 */
function stoodStill({ metadataLocation, metadata: main }: LoadedTable, own: TableMetadata): boolean {
  if (own.metadataLog.some((entry) => entry.file === metadataLocation)) return true
  const shared = new Set(own.snapshots.map((snapshot) => snapshot.id))
  const known = new Set(main.snapshots.map((snapshot) => snapshot.id))
  const first = ancestors(own).findLast((snapshot) => !known.has(snapshot.id))
  return main.snapshots.every((snapshot) => shared.has(snapshot.id)) && main.lastUpdated < (first?.timestamp ?? 0)
}

const rowsIn = (metadata: TableMetadata | undefined): number => (metadata && rowsOf(snapshotOf(metadata))) ?? 0

function columnsBetween(main: TableMetadata | undefined, own: TableMetadata): EnvironmentTable['columns'] {
  const names = (metadata: TableMetadata): readonly string[] => schemaOf(metadata).fields.map((field) => field.name)
  if (main === undefined) return { added: [], removed: [] }
  const [before, after] = [names(main), names(own)]
  return { added: after.filter((name) => !before.includes(name)), removed: before.filter((name) => !after.includes(name)) }
}

export interface PromoteOptions {
  readonly settings: Settings
  readonly loaded: LoadedManifest
  readonly name: string
  readonly clock: Clock
}

/**
 * Makes the tables of an environment those of `main`: all or none, in one catalog transaction that also takes them from
 * the environment, which from then on sees `main`. What is known of them goes along; when the process dies in between, the
 * next start of a writer takes it over before it looks at the tables.
 * @returns the tables that moved
 * @throws ASSAY-3001 when a run is under way here or there, ASSAY-2006 when a table of `main` was changed since the
 * environment took it
 */
export async function promote({ settings, loaded, name, clock }: PromoteOptions): Promise<readonly EnvironmentTable[]> {
  const store = localStore()
  const storage = openStorage({ folder: settings.home, clock })
  const catalog = openMainCatalog(settings, store)
  try {
    const over = { storage, catalog, loaded }
    await endPromotions(over, settings.home, clock)
    const own = openStorage({ folder: environmentHome(settings.home, name), clock })
    try {
      const now = (): number => clock.now()
      await recover(storage, { catalog, store, now })
      await recover(own, { catalog: environmentCatalog(catalog, name), store, now })
      await storage.append([{ type: 'promotion.began', environment: name }])
      const moved = await promoteTables({ catalog, store }, name).catch(async (error: unknown) => {
        // Of an unknown outcome the tables tell, when they can be read again: the next start asks them.
        if (!(error instanceof AssayError && error.code === 'ASSAY-2010'))
          await storage.append([{ type: 'promotion.ended', environment: name }])
        throw error
      })
      await endPromotion(over, own, name)
      return moved
    } finally {
      own.close()
    }
  } finally {
    catalog.close()
    storage.close()
  }
}

/** Moves the tables, and nothing of what is recorded. @throws ASSAY-2006, ASSAY-2010 when the outcome is unknown */
export async function promoteTables({ catalog, store }: Tables, name: string): Promise<readonly EnvironmentTable[]> {
  const own = await environmentCatalog(catalog, name).own()
  const tables = await Promise.all(own.map((table) => compared(catalog, store, table)))
  const moved = tables.filter(({ table }) => table.state === 'moved').map(({ table }) => formatTableId(table.id))
  if (moved.length > 0) throw changedMeanwhile(name, moved)
  const changes = own.flatMap(({ id, own: ownId, metadataLocation }, i): readonly (TableChange | TableRemoval)[] => [
    { id, expected: tables[i]?.main?.metadataLocation, metadataLocation },
    { id: ownId, expected: metadataLocation, metadataLocation: undefined },
  ])
  if (changes.length === 0) return []
  const outcome = await catalog.commit(changes)
  if (outcome.kind === 'rejected') throw changedMeanwhile(name, outcome.moved.map(formatTableId))
  if (outcome.kind === 'unknown')
    throw new AssayError('ASSAY-2010', `the catalog did not say whether ${name} was promoted`, {
      next: 'Run the same command again: it takes up what was left.',
      cause: outcome.cause,
    })
  return tables.map(({ table }) => table)
}

const changedMeanwhile = (name: string, tables: readonly string[]): AssayError =>
  new AssayError('ASSAY-2006', `${tables.join(', ')} changed in main since ${name} took it: nothing was promoted`, {
    next: `Look at it with \`assay env diff ${name}\`; \`assay env drop ${name}\` and materialize in it anew to try the change on what is there now.`,
  })

/**
 * Removes an environment: its tables leave the catalog, in one transaction, and its records go. Files that it wrote to
 * tables of `main` go with the next maintenance of those, tables that it alone had go at once.
 * @throws ASSAY-3001 when a run is under way in it, ASSAY-2006 when another writer moved one of its tables meanwhile
 */
export async function dropEnvironment({ settings, name, clock }: Omit<PromoteOptions, 'loaded'>): Promise<readonly EnvironmentTable[]> {
  const store = localStore()
  const folder = environmentHome(settings.home, name)
  const storage = openStorage({ folder, clock })
  const catalog = openMainCatalog(settings, store)
  try {
    const tables = await dropTables({ catalog, store }, name)
    rmSync(folder, { recursive: true, force: true })
    return tables
  } finally {
    catalog.close()
    storage.close()
  }
}

/** Takes the tables out of the catalog, and the files of those that the environment alone had. @throws ASSAY-2006, ASSAY-2010 */
export async function dropTables({ catalog, store }: Tables, name: string): Promise<readonly EnvironmentTable[]> {
  const own = await environmentCatalog(catalog, name).own()
  const tables = await Promise.all(own.map((table) => compared(catalog, store, table)))
  const others = (await catalog.locations()).map(({ id }) => id)
  const removals = own.map(({ own: id, metadataLocation: expected }): TableRemoval => ({ id, expected, metadataLocation: undefined }))
  const outcome = removals.length === 0 ? undefined : await catalog.commit(removals)
  const again = { next: 'Run the same command again.' }
  if (outcome?.kind === 'rejected') throw new AssayError('ASSAY-2006', `${name} was written to while it was dropped`, again)
  if (outcome?.kind === 'unknown')
    throw new AssayError('ASSAY-2010', `the catalog did not say whether ${name} was dropped`, { ...again, cause: outcome.cause })
  const alone = tables.filter(
    ({ table, main }) => main === undefined && others.every((id) => isSame(id, table.own) || !isAbout(id, table.id)),
  )
  await removeAll(
    store,
    alone.map(({ metadata }) => metadata.location),
  )
  return tables.map(({ table }) => table)
}

const isSame = (one: TableId, other: TableId): boolean => formatTableId(one) === formatTableId(other)

/** Whether an entry may be over the files of a table. */
const isAbout = (entry: TableId, id: TableId): boolean => isSame(entry, id) || isEnvironmentOf(entry, id)
