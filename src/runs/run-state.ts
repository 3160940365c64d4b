import type { AssetSpec, DepSpec } from '../assets/spec.ts'
import { versionStatus } from '../assets/versions.ts'
import { formatTableId } from '../iceberg/catalog.ts'
import type { AssetKey } from '../keys.ts'
import { narrowPartitions } from '../partitions/bind.ts'
import { assign, difference, domain, type IntervalMap, restrict } from '../partitions/interval-map.ts'
import { EMPTY, intersect, isEmpty, type PartitionSet, subtract } from '../partitions/partition-set.ts'
import { reachOf } from '../partitions/reach.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { ConsumedInput, Materialization } from '../storage/events.ts'
import type { AssetState } from '../storage/storage.ts'
import { tablesOf } from '../tables/asset-table.ts'
import { type Heads, type Observation, withObservations } from '../tables/observe.ts'
import { inputsOf, type Published } from '../tables/publish.ts'
import type { InputPin, TableTarget } from './worker-protocol.ts'

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
    return { asset: dep.asset, versions: restrict(versions, reachOf(dep.mapping, partitions, domain(versions))) }
  }

  /**
   * The table version that a step reads of a dep; undefined where the dep has no table.
   * @param reader where the dep is read only as far as it has changed; undefined for all of it
   */
  pin(dep: DepSpec, partitions: PartitionSet, reader?: AssetSpec): InputPin | undefined {
    const upstream = this.#loaded.asset(dep.asset)
    const head = upstream === undefined || upstream.kind === 'marker' ? undefined : this.#heads.get(dep.asset)
    if (head?.snapshotId === undefined) return undefined
    const versions = this.consumed(dep, partitions).versions
    const before = reader === undefined || dep.reads === undefined ? undefined : this.#readBefore(reader, dep, partitions)
    const { news, again } = newsSince(before, versions)
    const write = reader?.write
    // What was taken out is not remembered: a late row alone would bring it back.
    const isWhole = !isEmpty(again) && write !== undefined && 'deleteWhen' in write
    const partitionsRead = isWhole ? domain(versions) : news
    const slice = { spec: narrowPartitions(upstream?.partitions ?? { dim: 'none' }, partitionsRead), partitions: partitionsRead }
    const pin = { metadataLocation: head.metadataLocation, snapshotId: head.snapshotId, slice }
    return isEmpty(again) || write?.kind !== 'append' ? pin : { ...pin, again }
  }

  /**
   * What an asset has taken in of a dep. Undefined where all has to be read anew: it has other code now, or something else
   * that it reads has changed. What is added is never added again.
   */
  #readBefore(reader: AssetSpec, dep: DepSpec, partitions: PartitionSet): IntervalMap<string> | undefined {
    const last = restrict(this.#states.get(reader.key)?.made ?? [], partitions)[0]?.value
    if (last === undefined) return reader.write?.kind === 'append' ? this.#addedBefore(reader, dep) : undefined
    const input = last.inputs[dep.name]
    if (input?.asset !== dep.asset) return undefined
    const isSame = (other: DepSpec): boolean => {
      const read = last.inputs[other.name]
      return read?.asset === other.asset && difference(read.versions, this.consumed(other, partitions).versions).length === 0
    }
    const goesOn = last.codeVersion === reader.codeVersion && reader.deps.every((other) => other.reads !== undefined || isSame(other))
    return goesOn || reader.write?.kind === 'append' ? input.versions : undefined
  }

  /** What a table holds of a dep by its own account: after a rollback there is no record, and yet rows are there. */
  #addedBefore(reader: AssetSpec, dep: DepSpec): IntervalMap<string> | undefined {
    const metadata = this.#found.get(reader.key)?.metadata
    const input = metadata === undefined ? undefined : inputsOf(metadata)?.[dep.name]
    return input?.asset === dep.asset ? input.versions : undefined
  }

  /** Where a step writes, and where `main` of its tables stands now. */
  targets(spec: AssetSpec, attemptName: string, nextSnapshotId: () => string): readonly TableTarget[] {
    return tablesOf(spec).map((table) => {
      const head = this.#heads.get(table.key)
      const location = head?.location ?? `${this.#warehouse}/${table.id.namespace.replaceAll('.', '/')}/${table.id.name}`
      const metadataLocation = head === undefined ? {} : { metadataLocation: head.metadataLocation }
      return { role: table.role, snapshotId: nextSnapshotId(), location, attemptName, ...metadataLocation }
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
    const { fresh } = versionStatus(spec, state, partitions, (key) => this.#states.get(key)?.versions ?? [])
    return isEmpty(subtract(partitions, fresh))
  }

  /** Whether all of these partitions have been made, so that there is something to compare with. */
  isMade(key: AssetKey, partitions: PartitionSet): boolean {
    return isEmpty(subtract(partitions, domain(this.#states.get(key)?.versions ?? [])))
  }

  /** The newest snapshot of the asset's table that this run knows of. */
  snapshotOf(key: AssetKey): string | undefined {
    return this.#heads.get(key)?.snapshotId
  }

  /** Takes in what others wrote while the run went on. */
  observed(observation: Observation): void {
    const state = withObservations(this.#states, [observation]).get(observation.asset)
    if (state !== undefined) this.#states.set(observation.asset, state)
  }

  succeeded(materialization: Materialization, published: Published): void {
    const { asset, partitions, dataVersion, unchanged } = materialization
    const state = this.#states.get(asset)
    this.#states.set(asset, {
      versions: unchanged ? (state?.versions ?? []) : assign(state?.versions ?? [], partitions, dataVersion),
      made: assign(state?.made ?? [], partitions, materialization),
      snapshotId: materialization.snapshotId,
      lastAttempt: state?.lastAttempt ?? [],
    })
    for (const [name, { metadataLocation, metadata }] of published) {
      this.#heads.set(name, { metadataLocation, snapshotId: metadata.currentSnapshotId, location: metadata.location })
    }
  }
}

/** Partitions that have come or changed, and those of them that have been read before. */
function newsSince(
  before: IntervalMap<string> | undefined,
  now: IntervalMap<string>,
): { readonly news: PartitionSet; readonly again: PartitionSet } {
  if (before === undefined) return { news: domain(now), again: EMPTY }
  const news = intersect(difference(before, now), domain(now))
  return { news, again: intersect(news, domain(before)) }
}
