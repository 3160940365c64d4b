import { lineageGraph } from '../assets/lineage.ts'
import type { AssetSpec } from '../assets/spec.ts'
import type { TableMetadata } from '../iceberg/metadata.ts'
import type { AssetKey } from '../keys.ts'
import { where } from '../partitions/interval-map.ts'
import { intersect, isEmpty, type PartitionSet } from '../partitions/partition-set.ts'
import { type LoadedManifest, readManifest } from '../project/manifest.ts'
import type { AssetState, StorageReader } from '../storage/storage.ts'
import { type ColumnChange, columnChanges, isBreaking } from '../tables/column-changes.ts'
import type { Heads } from '../tables/observe.ts'
import { MATERIALIZATION_ID } from '../tables/publish.ts'
import type { Plan } from './plan.ts'

/** A column, or all that is known is that the asset is read. */
export interface ColumnReader {
  readonly asset: AssetKey
  /** Undefined: it decides which rows that asset has, or how the asset is read is not known. */
  readonly column?: string
}

/** A change of a column of a table that a plan writes. */
export type SchemaChange = ColumnChange & {
  readonly asset: AssetKey
  readonly breaking: boolean
  /** Of a breaking change: what reads the column by its former name or shape, as the project is or was at the last run. */
  readonly readers: readonly ColumnReader[]
}

/** What a plan takes away that it does not make anew from the same inputs. */
export type Destroyed = { readonly asset: AssetKey } & (
  | { readonly kind: 'column'; readonly column: string }
  /** Rows that another writer has put there. */
  | { readonly kind: 'written by others'; readonly partitions: PartitionSet }
)

export interface Estimate {
  /** Milliseconds that all steps with a past take, on the workers there are. */
  readonly total: number
  /** By asset: the median of its last steps. */
  readonly perStep: Readonly<Record<AssetKey, number>>
  /** Assets to run of which no step has ever succeeded. */
  readonly unknown: readonly AssetKey[]
}

/** What is to be expected of a plan, beside what it says itself. */
export interface Outlook {
  readonly schemaChanges: readonly SchemaChange[]
  readonly destroyed: readonly Destroyed[]
  readonly estimate: Estimate
}

export interface OutlookOptions {
  readonly loaded: LoadedManifest
  readonly states: ReadonlyMap<AssetKey, AssetState>
  readonly heads: Heads
  readonly storage: StorageReader
  readonly workers: number
  /** Where the manifest of an id lies. */
  readonly manifestFile: (id: string) => string
}

export async function outlookOf(plan: Plan, options: OutlookOptions): Promise<Outlook> {
  const schemaChanges = await schemaChangesOf(plan, options)
  return {
    schemaChanges,
    destroyed: [...droppedIn(schemaChanges), ...foreignRows(plan, options)],
    estimate: await estimateOf(plan, options),
  }
}

async function schemaChangesOf(plan: Plan, { loaded, heads, storage, manifestFile }: OutlookOptions): Promise<readonly SchemaChange[]> {
  const changes = plan.assets.flatMap(({ asset, action }) => {
    const spec = loaded.asset(asset)
    const metadata = heads.get(asset)?.metadata
    if (action !== 'run' || spec === undefined || metadata === undefined) return []
    return columnChanges(spec, metadata).map((change) => ({ asset, change }))
  })
  if (changes.length === 0) return []
  const readers = readersIn([...(await lastManifest(storage, manifestFile)), loaded])
  return changes.map(({ asset, change }) => {
    const breaking = isBreaking(change)
    const former = change.kind === 'renamed' ? change.from : change.column
    return { asset, ...change, breaking, readers: breaking ? readers(asset, former) : [] }
  })
}

/** The project as it was at the last run: what then read a column that is gone now. */
async function lastManifest(storage: StorageReader, manifestFile: OutlookOptions['manifestFile']): Promise<readonly LoadedManifest[]> {
  const [last] = await storage.runs(1)
  try {
    return last === undefined ? [] : [readManifest(manifestFile(last.manifestId))]
  } catch {
    return [] // Manifests may be removed at any time; then only the project of now can tell.
  }
}

function readersIn(manifests: readonly LoadedManifest[]): (asset: AssetKey, column: string) => readonly ColumnReader[] {
  const graphs = manifests.map(({ manifest }) => lineageGraph(manifest.assets))
  return (asset, column) => {
    const edges: readonly ColumnReader[] = [
      ...graphs.flatMap((graph) => graph.down(asset, column)),
      ...manifests.flatMap((manifest) =>
        manifest
          .readers(asset)
          .filter((spec) => namesColumn(spec, asset, column))
          .map(({ key }) => ({ asset: key })),
      ),
    ]
    const found = new Map<string, ColumnReader>()
    for (const { asset: reader, column: own } of edges)
      found.set(`${reader} ${own ?? ''}`, { asset: reader, ...(own === undefined ? {} : { column: own }) })
    const withColumns = new Set([...found.values()].filter((one) => one.column !== undefined).map((one) => one.asset))
    return [...found.values()].filter((one) => one.column !== undefined || !withColumns.has(one.asset))
  }
}

/** Whether a query has the column as `${dep.column}`, which also holds where its lineage is not known. */
function namesColumn({ compute, deps }: AssetSpec, asset: AssetKey, column: string): boolean {
  const names = new Set(deps.filter((dep) => dep.asset === asset).map((dep) => dep.name))
  return (
    compute?.kind === 'duckdb' && compute.query.some((piece) => piece.kind === 'column' && piece.column === column && names.has(piece.dep))
  )
}

const droppedIn = (changes: readonly SchemaChange[]): readonly Destroyed[] =>
  changes.filter(({ kind }) => kind === 'dropped').map(({ asset, column }) => ({ asset, kind: 'column', column }))

/**
 * Partitions to be replaced whose rows a snapshot has written that is not Assay's. One that is expired does not tell. Write
 * modes other than `replace` leave the rows of others.
 */
function foreignRows(plan: Plan, { loaded, states, heads }: OutlookOptions): readonly Destroyed[] {
  return plan.assets.flatMap(({ asset, run }): readonly Destroyed[] => {
    const metadata = heads.get(asset)?.metadata
    const versions = states.get(asset)?.versions ?? []
    if (metadata === undefined || isEmpty(run) || loaded.asset(asset)?.write !== undefined) return []
    const foreign = foreignSnapshots(metadata)
    const partitions = intersect(
      where(versions, (version) => foreign.has(version)),
      run,
    )
    return isEmpty(partitions) ? [] : [{ asset, kind: 'written by others', partitions }]
  })
}

const foreignSnapshots = ({ snapshots }: TableMetadata): ReadonlySet<string> =>
  new Set(snapshots.filter(({ summary }) => summary[MATERIALIZATION_ID] === undefined).map(({ id }) => id))

/** Steps of the past that are looked at. */
const PAST = 20

async function estimateOf(plan: Plan, { storage, workers }: OutlookOptions): Promise<Estimate> {
  const perStep: Record<AssetKey, number> = {}
  const unknown: AssetKey[] = []
  const madeWith = madeWithIn(plan)
  const made = plan.assets.flatMap(({ asset, run }) => (isEmpty(run) ? [] : [asset]))
  const past = await storage.durations(
    made.map((asset) => madeWith.get(asset) ?? [asset]),
    PAST,
  )
  for (const [i, asset] of made.entries()) {
    const known = median(past[i] ?? [])
    if (known === undefined) unknown.push(asset)
    else perStep[asset] = known
  }
  return { total: makespan(plan, perStep, workers), perStep, unknown }
}

/** The assets that the first step of each asset makes, itself included. */
function madeWithIn({ steps }: Plan): ReadonlyMap<AssetKey, readonly AssetKey[]> {
  const found = new Map<AssetKey, readonly AssetKey[]>()
  for (const { assets } of steps) for (const asset of assets) if (!found.has(asset)) found.set(asset, assets)
  return found
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = sorted.length % 2 === 0 ? [sorted[middle - 1], sorted[middle]] : [sorted[middle], sorted[middle]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

/** When the last step ends, if each is given to the worker that is free first, once what it reads is made. */
function makespan({ steps }: Plan, perStep: Estimate['perStep'], workers: number): number {
  const free = new Array<number>(Math.max(1, workers)).fill(0)
  const ends = new Map<string, number>()
  for (const step of steps) {
    const soonest = free.indexOf(Math.min(...free))
    const ready = step.after.reduce((at, id) => Math.max(at, ends.get(id) ?? 0), free[soonest] ?? 0)
    const end = ready + Math.max(0, ...step.assets.map((asset) => perStep[asset] ?? 0))
    free[soonest] = end
    ends.set(step.id, end)
  }
  return Math.round(Math.max(0, ...free))
}
