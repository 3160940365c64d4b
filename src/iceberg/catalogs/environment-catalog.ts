import type { Catalog, TableChange, TableId, TableRemoval } from '../catalog.ts'
import { formatTableId } from '../catalog.ts'

/** A catalog as an environment sees it. */
export interface EnvironmentCatalog extends Catalog {
  /** Tables that the environment has of its own, by the names that they have everywhere. */
  own(): Promise<readonly OwnTable[]>
}

/** A table of an environment. */
export interface OwnTable {
  readonly id: TableId
  /** What other engines, and those outside the environment, call it. */
  readonly own: TableId
  readonly metadataLocation: string
}

/** Stands between the environment and the namespace, so that no namespace of a project may have it. */
const SEPARATOR = '__'

/** What a table of an environment is called in the catalog: `dev__silver.orders`. */
const ownName = (environment: string, id: TableId): TableId => ({
  namespace: `${environment}${SEPARATOR}${id.namespace}`,
  name: id.name,
})

/** Whether one of two entries is the other's in some environment: then both name the same files. */
export const isEnvironmentOf = (one: TableId, other: TableId): boolean =>
  one.name === other.name &&
  (one.namespace.endsWith(`${SEPARATOR}${other.namespace}`) || other.namespace.endsWith(`${SEPARATOR}${one.namespace}`))

/**
 * A catalog seen from an environment: tables that it has written are its own, under a name of their own in the same
 * catalog; all others are those of `main`. The first commit to one of those makes an entry of the environment, over the
 * same files: nothing is copied, and the entry of `main` stays as it is. Idea: SQLMesh's virtual environments.
 */
export function environmentCatalog(main: Catalog, environment: string): EnvironmentCatalog {
  const prefix = `${environment}${SEPARATOR}`
  const own = async (): Promise<readonly OwnTable[]> =>
    (await main.locations()).flatMap(({ id, metadataLocation }) =>
      id.namespace.startsWith(prefix)
        ? [{ id: { namespace: id.namespace.slice(prefix.length), name: id.name }, own: id, metadataLocation }]
        : [],
    )
  return {
    warehouse: main.warehouse,
    own,
    load: async (id) => {
      const found = (await main.load(ownName(environment, id))) ?? (await main.load(id))
      return found === undefined ? undefined : { ...found, id }
    },
    locations: async () => {
      const mine = await own()
      const covered = new Set(mine.flatMap((table) => [formatTableId(table.id), formatTableId(table.own)]))
      const others = (await main.locations()).filter(({ id }) => !covered.has(formatTableId(id)))
      return [...mine.map(({ id, metadataLocation }) => ({ id, metadataLocation })), ...others]
    },
    commit: async (changes) => {
      const names = new Set((await own()).map((table) => formatTableId(table.id)))
      const outcome = await main.commit(changes.map((change) => within(environment, change, names)))
      if (outcome.kind !== 'rejected') return outcome
      const moved = new Set(outcome.moved.map(formatTableId))
      return { kind: 'rejected', moved: changes.map(({ id }) => id).filter((id) => moved.has(formatTableId(ownName(environment, id)))) }
    },
    close: () => main.close(),
  }
}

/** A table that is still that of `main` gets an entry, from wherever it stood. */
function within(environment: string, change: TableChange | TableRemoval, own: ReadonlySet<string>): TableChange | TableRemoval {
  const id = ownName(environment, change.id)
  if (change.metadataLocation === undefined || own.has(formatTableId(change.id))) return { ...change, id }
  return { ...change, id, expected: undefined }
}
