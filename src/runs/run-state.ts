import { type Added, withAdded } from '../assets/added.ts'
import { columnsRead, keptVersions, sameColumns, type Versions, versionsSeen, withVersion } from '../assets/column-versions.ts'
import type { AssetSpec, DepSpec } from '../assets/spec.ts'
import { changedSince, versionStatus } from '../assets/versions.ts'
import { formatTableId } from '../iceberg/catalog.ts'
import type { AssetKey } from '../keys.ts'
import { narrowPartitions } from '../partitions/bind.ts'
import { assign, difference, domain, type IntervalMap, restrict } from '../partitions/interval-map.ts'
import { intersect, isEmpty, type PartitionSet, subtract } from '../partitions/partition-set.ts'
import { reachOf } from '../partitions/reach.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { ColumnVersions, ConsumedInput, Materialization, StoreEvent } from '../storage/events.ts'
import type { AssetState } from '../storage/storage.ts'
import { addedTo } from '../tables/added.ts'
import { tablesOf } from '../tables/asset-table.ts'
import { type Heads, type Observation, withObservations } from '../tables/observe.ts'
import type { EqualColumns } from '../tables/equal-columns.ts'
import type { Published } from '../tables/publish.ts'
import type { InputPin, StepMessage, TableTarget } from './worker-protocol.ts'

/** Versions of an external asset; see `step.observed`. */
type ObservedVersions = Pick<StoreEvent & { type: 'step.observed' }, 'asset' | 'versions' | 'lost' | 'moved'>

/** Where `main` of a table stands. */
interface Head {
  readonly metadataLocation: string
  readonly snapshotId: string | undefined
  /** Folder of the table. */
  readonly location: string
}

/** What a run knows of versions and tables while it goes: steps are pinned to it, and their results are taken in. */
export class RunLake {
  readonly #loaded: LoadedManifest
  readonly #states: Map<AssetKey, AssetState>
  readonly #heads = new Map<string, Head>()
  readonly #warehouse: string
  /** The tables as they were when the run began. */
  readonly #found: Heads

  constructor(loaded: LoadedManifest, states: ReadonlyMap<AssetKey, AssetState>, heads: Heads, warehouse: string) {
    this.#loaded = loaded
    this.#states = new Map(states)
    this.#warehouse = warehouse
    this.#found = heads
    for (const table of heads.values()) {
      const { currentSnapshotId, location } = table.metadata
      this.#heads.set(formatTableId(table.id), { metadataLocation: table.metadataLocation, snapshotId: currentSnapshotId, location })
    }
  }

  /** The data versions that a step reads of a dep. */
  consumed(dep: DepSpec, partitions: PartitionSet): ConsumedInput {
    const versions = this.#states.get(dep.asset)?.versions ?? []
    return {
      asset: dep.asset,
      versions: restrict(
        versions,
        reachOf(dep.mapping, partitions, () => domain(versions)),
      ),
    }
  }

  /** The same, and by which versions the reader knows the columns that it looks at. */
  consumedBy(spec: AssetSpec, dep: DepSpec, partitions: PartitionSet): ConsumedInput {
    const { versions } = this.consumed(dep, partitions)
    const { columnVersions = [] } = this.#states.get(dep.asset) ?? {}
    const columns = columnsRead(spec, dep.name)
    const seen = versionsSeen({ versions, columnVersions }, columns)
    const earlier = restrict(seen, difference(seen, versions))
    const through = columns === undefined || earlier.length === 0 ? {} : { through: { columns, versions: earlier } }
    return { asset: dep.asset, versions, ...through }
  }

  /**
   * The sets of columns through which readers look at an asset, where there are partitions to compare with, and all their rows are
   * written. Those that look at all columns are left out: for them only equal rows are equal. By force, equal rows are published
   * and every reader is to see that, but for those that append: rows that they have added must not count as changed.
   */
  columnsToCompare(spec: AssetSpec, partitions: PartitionSet, force: boolean): readonly (readonly string[])[] {
    if (spec.write !== undefined || restrict(this.#states.get(spec.key)?.versions ?? [], partitions).length === 0) return []
    const sets: (readonly string[])[] = []
    for (const reader of this.#loaded.readers(spec.key)) {
      if (force && reader.write?.kind !== 'append') continue
      for (const dep of reader.deps.filter(({ asset }) => asset === spec.key)) {
        const columns = columnsRead(reader, dep.name)
        const counts = columns !== undefined && (force || spec.columns.some(({ name }) => !columns.includes(name)))
        if (counts && !sets.some((known) => sameColumns(known, columns))) sets.push(columns)
      }
    }
    return sets
  }

  /** What readers of columns go on knowing partitions by, when these are written with rows that look the same to them. */
  kept(key: AssetKey, equal: readonly EqualColumns[]): readonly ColumnVersions[] {
    const before = this.#states.get(key) ?? { versions: [] }
    return equal.map(({ columns, partitions }) => keptVersions(before, columns, partitions)).filter(({ versions }) => versions.length > 0)
  }

  /**
   * The table version that a step reads of a dep; undefined where the dep has no table.
   * @param reader where the dep is read only as far as it has changed; undefined for all of it
   */
  pin(dep: DepSpec, partitions: PartitionSet, reader?: AssetSpec): InputPin | undefined {
    const upstream = this.#loaded.asset(dep.asset)
    const head = upstream === undefined || upstream.kind === 'marker' ? undefined : this.#heads.get(dep.asset)
    if (head?.snapshotId === undefined) return undefined
    const { versions } = this.consumed(dep, partitions)
    const before = reader === undefined || dep.reads === undefined ? undefined : this.#readBefore(reader, dep, partitions)
    const state = { ...this.#states.get(dep.asset), versions }
    const news =
      reader === undefined || before === undefined
        ? domain(versions)
        : intersect(changedSince(reader, dep, before, state), domain(versions))
    const again = restrict(before?.versions ?? [], news)
    const write = reader?.write
    // What was taken out is not remembered: a late row alone would bring it back.
    const isWhole = again.length > 0 && write !== undefined && 'deleteWhen' in write
    const due = isWhole ? domain(versions) : news
    const slice = { spec: narrowPartitions(upstream?.partitions ?? { dim: 'none' }, due), partitions: due }
    const pin = { metadataLocation: head.metadataLocation, snapshotId: head.snapshotId, slice }
    if (write?.kind !== 'append' || again.length === 0) return pin
    return { ...pin, slice: { ...slice, partitions: subtract(due, domain(again)) }, again }
  }

  /**
   * What an asset has taken in of a dep. Undefined where all has to be read anew: it has other code now, or something else
   * that it reads has changed. What was added is never added again, whatever name the dep had then.
   */
  #readBefore(reader: AssetSpec, dep: DepSpec, partitions: PartitionSet): ConsumedInput | undefined {
    if (reader.write?.kind === 'append') return this.#addedBefore(reader).find(({ asset }) => asset === dep.asset)
    const last = restrict(this.#states.get(reader.key)?.made ?? [], partitions)[0]?.value
    const input = last?.inputs[dep.name]
    if (last === undefined || input?.asset !== dep.asset) return undefined
    const isSame = (other: DepSpec): boolean => {
      const read = last.inputs[other.name]
      return read?.asset === other.asset && difference(read.versions, this.consumed(other, partitions).versions).length === 0
    }
    const goesOn = last.codeVersion === reader.codeVersion && reader.deps.every((other) => other.reads !== undefined || isSame(other))
    return goesOn ? input : undefined
  }

  /** All that will have been added to the table of an asset that appends, when a step has read these inputs; else undefined. */
  added(spec: AssetSpec, inputs: Materialization['inputs']): Added | undefined {
    if (spec.write?.kind !== 'append') return undefined
    const news = spec.deps.flatMap((dep) => (dep.reads === undefined ? [] : (inputs[dep.name] ?? [])))
    return withAdded(this.#addedBefore(spec), news)
  }

  /** An asset that appends has no partitions, so that its last record is the only one. */
  #addedBefore({ key }: AssetSpec): Added {
    return addedTo(this.#states.get(key)?.made[0]?.value, this.#found.get(key)?.metadata)
  }

  /** Where a step writes, and where `main` of its tables stands now. */
  targets(spec: AssetSpec, attemptName: string, nextSnapshotId: () => string): readonly TableTarget[] {
    return tablesOf(spec).map((table) => {
      const head = this.#heads.get(table.key)
      const location = head?.location ?? `${this.#warehouse}/${table.id.namespace.replaceAll('.', '/')}/${table.id.name}`
      const metadataLocation = head === undefined ? {} : { metadataLocation: head.metadataLocation }
      return { asset: spec.key, role: table.role, snapshotId: nextSnapshotId(), location, attemptName, ...metadataLocation }
    })
  }

  /** Where `main` of the tables of an asset stands. */
  readFrom(spec: AssetSpec): ReadonlyMap<string, string> {
    const out = new Map<string, string>()
    for (const { key } of tablesOf(spec)) {
      const snapshotId = this.#heads.get(key)?.snapshotId
      if (snapshotId !== undefined) out.set(key, snapshotId)
    }
    return out
  }

  /** Whether partitions are fresh by what this run knows now; what it reads may have turned out to be unchanged. */
  isFresh(spec: AssetSpec, partitions: PartitionSet): boolean {
    const state = this.#states.get(spec.key)
    if (state === undefined) return false
    const { fresh } = versionStatus(spec, { made: restrict(state.made, partitions) }, partitions, (key) => this.#states.get(key))
    return isEmpty(subtract(partitions, fresh))
  }

  /** Whether all of these partitions have been made, so that there is something to compare with. */
  isMade(key: AssetKey, partitions: PartitionSet): boolean {
    return isEmpty(subtract(partitions, domain(restrict(this.#states.get(key)?.versions ?? [], partitions))))
  }

  /** The newest snapshot of the asset's table that this run knows of. */
  snapshotOf(key: AssetKey): string | undefined {
    return this.#heads.get(key)?.snapshotId
  }

  /** What an answer of a version function changes, of the partitions that it was asked for. */
  observe({ assets, partitions }: Pick<StepMessage, 'assets' | 'partitions'>, versions: IntervalMap<string>): ObservedVersions {
    const asset = assets[0] as AssetKey
    const before = restrict(this.#states.get(asset)?.versions ?? [], partitions)
    return { asset, versions, lost: subtract(partitions, domain(versions)), moved: difference(before, versions) }
  }

  /** Takes in what others wrote while the run went on. */
  observed(observation: Observation): void {
    const state = withObservations(this.#states, [observation]).get(observation.asset)
    if (state !== undefined) this.#states.set(observation.asset, state)
  }

  succeeded(materializations: readonly Materialization[], published: Published): void {
    for (const materialization of materializations) this.#made(materialization)
    for (const [name, { metadataLocation, metadata }] of published) {
      this.#heads.set(name, { metadataLocation, snapshotId: metadata.currentSnapshotId, location: metadata.location })
    }
  }

  #made(materialization: Materialization): void {
    const { asset, partitions, dataVersion, unchanged, same } = materialization
    const state = this.#states.get(asset)
    const before: Versions = state ?? { versions: [] }
    const { versions, columnVersions = [] } = unchanged ? before : withVersion(before, partitions, dataVersion, same)
    this.#states.set(asset, {
      versions,
      columnVersions,
      made: assign(state?.made ?? [], partitions, materialization),
      snapshotId: materialization.snapshotId,
      lastAttempt: state?.lastAttempt ?? [],
    })
  }
}
