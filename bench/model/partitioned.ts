import type { AssetSpec } from '../../src/assets/spec.ts'
import { assetKey } from '../../src/keys.ts'
import { type PartitionSet, range, subtract, union } from '../../src/partitions/partition-set.ts'
import { universe } from '../../src/partitions/partitions.ts'
import { resolveMapping } from '../../src/partitions/resolve.ts'
import type { PartitionsSpec } from '../../src/partitions/spec.ts'
import { indexManifest, type LoadedManifest } from '../../src/project/manifest.ts'
import type { AssetState } from '../../src/storage/storage.ts'

/** A million hours; and the hours and days of twenty years. */
const MILLION: PartitionsSpec = { dim: 'time', grain: 'hour', start: '1950-01-01T00:00', end: '2064-01-30T16:00', column: 'ts' }
const HOURS: PartitionsSpec = { dim: 'time', grain: 'hour', start: '2006-01-01T00:00', end: '2026-01-01T00:00', column: 'ts' }
const DAYS: PartitionsSpec = { dim: 'time', grain: 'day', start: '2006-01-01', end: '2026-01-01', column: 'ts' }

export interface Partitioned {
  readonly loaded: LoadedManifest
  readonly states: ReadonlyMap<AssetSpec['key'], AssetState>
}

/** Each with three ranges of ten days that were never made. */
export function partitioned(): Partitioned {
  const million = specOf('x.million', MILLION)
  const hours = specOf('x.hours', HOURS)
  const resolved = resolveMapping({ kind: 'identity' }, DAYS, HOURS)
  if (resolved.fault !== undefined) throw new Error(resolved.fault.what)
  const days = { ...specOf('x.days', DAYS), deps: [{ name: 'hours', asset: hours.key, mapping: resolved.mapping }] }
  const loaded = indexManifest('m', {
    formatVersion: 1,
    name: 'p',
    file: 'project.ts',
    profiles: [],
    sources: {},
    assets: [million, hours, days],
  })
  const made = new Map([million, hours, days].map((spec) => [spec.key, holed(universe(spec.partitions, 0), spec === days ? 10 : 240)]))
  const inputs = { hours: { asset: hours.key, versions: versionsOf(made.get(hours.key) ?? []) } }
  const states = [million, hours, days].map((spec) => [spec.key, stateOf(made.get(spec.key) ?? [], spec === days ? inputs : {})] as const)
  return { loaded, states: new Map(states) }
}

const specOf = (key: string, partitions: PartitionsSpec): AssetSpec => ({
  key: assetKey(key),
  kind: 'marker',
  columns: [],
  rowKey: [],
  partitions,
  deps: [],
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 24 },
})

function holed(all: PartitionSet, size: number): PartitionSet {
  const [from, to] = [all[0]?.[0] ?? 0, all.at(-1)?.[1] ?? 0]
  const at = [0.1, 0.5, 0.9].map((part) => from + Math.floor((part * (to - from)) / size) * size)
  return subtract(all, union(...at.map((start) => range(start, start + size))))
}

const versionsOf = (set: PartitionSet): AssetState['versions'] => set.map(([from, to]) => ({ from, to, value: '1' }))

function stateOf(
  made: PartitionSet,
  inputs: Readonly<Record<string, { asset: AssetSpec['key']; versions: AssetState['versions'] }>>,
): AssetState {
  const record = { codeVersion: 'c', inputs } as unknown as AssetState['made'][number]['value']
  return {
    versions: versionsOf(made),
    made: made.map(([from, to]) => ({ from, to, value: record })),
    snapshotId: undefined,
    lastAttempt: [],
  }
}
