import type { AssetSpec } from '../../src/assets/spec.ts'
import { StatusBoard } from '../../src/assets/status.ts'
import { type AssetKey, assetKey } from '../../src/keys.ts'
import { dayKey } from '../../src/partitions/calendar.ts'
import { count } from '../../src/partitions/partition-set.ts'
import type { Materialization } from '../../src/storage/events.ts'
import type { AssetState } from '../../src/storage/storage.ts'
import { mulberry } from '../../tests/support/mulberry.ts'
import { type Benchmark, measure, type Sample } from '../benchmark.ts'

const ASSETS = 10_000
/** Assets of one layer; each reads two of the layer before. */
const WIDTH = 100
const DAYS = 1_000
const FIRST = 19_000
const RERUNS = 0.01
const RUNS = 5
const HEAP_MB = 310

export const statusBenchmark: Benchmark = {
  name: 'model.status-10m',
  unit: 'ms',
  must: '≤ 100',
  reach: `direct status of ${ASSETS} assets after one has a new version, all others known: ${DAYS} days each, a commit a day, 1 % made again at random; what is known of an asset is made up when it is asked for, not read from a store`,
  run: statusOfTenMillion,
}

/** In a process of its own, with a heap that keeps it within 500 MB: without a limit it grows by garbage that nobody asks for. */
async function statusOfTenMillion(): Promise<readonly Sample[]> {
  const { code, stdout, stderr, memory_mb } = await measure(process.execPath, [
    `--max-old-space-size=${HEAP_MB}`,
    '--max-semi-space-size=8',
    import.meta.filename,
  ])
  if (code !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as readonly Sample[]).map((sample) => ({ ...sample, memory_mb: Math.round(memory_mb) }))
}

function samples(): readonly Sample[] {
  const world = randomWorld()
  const board = new StatusBoard(world.specs)
  const now = (FIRST + DAYS) * 86_400_000
  const began = performance.now()
  board.update(world.stateOf, now)
  const cold_s = Math.round((performance.now() - began) / 100) / 10
  return Array.from({ length: RUNS }, (_, run) => {
    const key = world.commit(run * WIDTH + 7, DAYS - 1 - run)
    const start = performance.now()
    const statuses = board.update(world.stateOf, now, new Set([key]))
    const value = performance.now() - start
    const stale = statuses.values().reduce((n, { version }) => n + count(version.stale), 0)
    return { value, input: { assets: ASSETS, partitions: ASSETS * DAYS }, extra: { cold_s, stale } }
  })
}

interface World {
  readonly specs: readonly AssetSpec[]
  readonly stateOf: (key: AssetKey) => AssetState | undefined
  /** Gives a partition a new version, and says whose. */
  commit(asset: number, day: number): AssetKey
}

/** The last version of each partition of each asset, and which of them its readers have seen: numbers, since there are ten million. */
function randomWorld(): World {
  const keys = Array.from({ length: ASSETS }, (_, i) => assetKey(`layer${Math.floor(i / WIDTH)}.a${i}`))
  const specs = keys.map((key, i) => specOf(key, i < WIDTH ? [] : sourcesOf(i).map((source) => keys[source] as AssetKey)))
  const indexOf = new Map(keys.map((key, i) => [key, i]))
  const versions = new Uint8Array(ASSETS * DAYS)
  const seen = [new Uint8Array(ASSETS * DAYS), new Uint8Array(ASSETS * DAYS)]
  const random = mulberry(10)
  for (let again = 0; again < ASSETS * DAYS * RERUNS; again++) {
    const at = Math.floor(random() * ASSETS) * DAYS + Math.floor(random() * DAYS)
    versions[at] = (versions[at] ?? 0) + 1
    const [asset, day] = [Math.floor(at / DAYS), at % DAYS]
    if (asset >= WIDTH) sourcesOf(asset).forEach((source, n) => seen[n]?.fill(versions[source * DAYS + day] ?? 0, at, at + 1))
  }
  const versionOf = (asset: number, day: number, n: number): string => `${asset * DAYS + day}.${n}`
  const madeOn = (asset: number, day: number): Materialization => {
    const at = asset * DAYS + day
    const dataVersion = versionOf(asset, day, versions[at] ?? 0)
    const inputs = (asset < WIDTH ? [] : sourcesOf(asset)).map((source, n) => {
      const value = versionOf(source, day, seen[n]?.[at] ?? 0)
      return [`d${n}`, { asset: keys[source] as AssetKey, versions: [{ from: FIRST + day, to: FIRST + day + 1, value }] }] as const
    })
    const of = {
      asset: keys[asset] as AssetKey,
      partitions: [[FIRST + day, FIRST + day + 1]] as const,
      runId: 'r',
      stepId: 's',
      at: 0,
      rows: 1,
    }
    return { ...of, id: dataVersion, dataVersion, snapshotId: dataVersion, codeVersion: 'c', inputs: Object.fromEntries(inputs) }
  }
  return {
    specs,
    commit: (asset, day) => {
      versions[asset * DAYS + day] = (versions[asset * DAYS + day] ?? 0) + 1
      return keys[asset] as AssetKey
    },
    stateOf: (key) => {
      const asset = indexOf.get(key)
      if (asset === undefined) return undefined
      const days = Array.from({ length: DAYS }, (_, day) => ({ from: FIRST + day, to: FIRST + day + 1 }))
      return {
        versions: days.map((one, day) => ({ ...one, value: versionOf(asset, day, versions[asset * DAYS + day] ?? 0) })),
        get made() {
          return days.map((one, day) => ({ ...one, value: madeOn(asset, day) }))
        },
        snapshotId: undefined,
        lastAttempt: [],
      }
    },
  }
}

/** Two of the layer before. */
const sourcesOf = (asset: number): readonly number[] => {
  const layer = (Math.floor(asset / WIDTH) - 1) * WIDTH
  return [layer + (asset % WIDTH), layer + ((asset * 7 + 3) % WIDTH)]
}

const specOf = (key: AssetKey, sources: readonly AssetKey[]): AssetSpec => ({
  key,
  kind: 'table',
  columns: [],
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: dayKey(FIRST), end: dayKey(FIRST + DAYS), column: 'day' },
  deps: sources.map((asset, n) => ({ name: `d${n}`, asset, mapping: { kind: 'identity' } })),
  codeVersion: 'c',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
})

if (import.meta.main) console.log(JSON.stringify(samples()))
