import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Clock, systemClock } from '../../src/clock.ts'
import { readSettings, type Settings } from '../../src/config.ts'
import type { PartitionSet } from '../../src/partitions/partition-set.ts'
import { loadProject } from '../../src/project/load.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { inspect, launch, type RunOutcome } from '../../src/runs/launch.ts'
import { warmWorkers } from './warm-workers.ts'
import type { StoreEvent } from '../../src/storage/events.ts'
import type { Maintained } from '../../src/tables/maintain.ts'
import { relationOf } from '../../src/tables/read.ts'
import { type AssetKey, assetKey } from '../../src/keys.ts'
import { ROOT } from './shop.ts'

export interface RanProject extends RunOutcome {
  readonly events: readonly StoreEvent[]
  readonly maintained: readonly Maintained[]
}

/** A project in a temporary folder, loaded and run the way the CLI does it. */
export interface TestProject {
  readonly root: string
  readonly settings: Settings
  write(files: Readonly<Record<string, string>>): Promise<void>
  run(options?: {
    readonly select?: string
    readonly partitions?: PartitionSet | ReadonlyMap<AssetKey, PartitionSet>
    readonly force?: boolean
    readonly observe?: boolean
    readonly profile?: string
    /** In processes of its own, which end with it; else runs of an unchanged project share theirs. */
    readonly cold?: boolean
    readonly environment?: string
    readonly clock?: Clock
    readonly signal?: AbortSignal
    readonly onEvent?: (event: StoreEvent) => void
  }): Promise<RanProject>
  /** Published rows of an asset, sorted; of `main`, or as an environment sees them. */
  rows(key: string, environment?: string): Promise<readonly EngineRow[]>
  /** Remembers the folder as it is now. What comes back brings it back. */
  keep(): Promise<() => Promise<void>>
  /** Settings of an environment that was made. */
  within(environment: string | undefined): Settings
  remove(): Promise<void>
}

const AS_IT_IS = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true } as const

export async function testProject(files: Readonly<Record<string, string>>, name = 'assay-project', workers = 1): Promise<TestProject> {
  const root = await mkdtemp(join(tmpdir(), `${name}-`))
  await mkdir(join(root, 'node_modules'))
  await symlink(ROOT, join(root, 'node_modules/assay'))
  await symlink(join(ROOT, 'node_modules/zod'), join(root, 'node_modules/zod'))
  const write = async (more: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(more)) {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), text)
    }
  }
  await write({ 'package.json': '{ "name": "test", "type": "module" }', ...files })
  const warm = warmWorkers()
  const settings: Settings = { ...readSettings({ cwd: root, env: {} }), workers }
  const within: TestProject['within'] = (environment) => ({ ...readSettings({ cwd: root, env: {}, environment }), workers })
  return {
    root,
    settings,
    within,
    write,
    run: async ({
      select,
      partitions,
      force = false,
      observe = false,
      profile = 'local',
      cold = false,
      environment,
      clock = systemClock,
      signal = new AbortController().signal,
      onEvent,
    } = {}) => {
      const events: StoreEvent[] = []
      const maintained: Maintained[] = []
      const event = (e: StoreEvent): void => {
        events.push(e)
        onEvent?.(e)
      }
      const own = { ...within(environment), profile }
      const loaded = await loadProject(own)
      const listener = {
        recovered: () => {},
        observed: () => {},
        planned: () => {},
        event,
        maintained: (done: readonly Maintained[]) => maintained.push(...done),
      }
      const outcome = await launch({
        settings: own,
        loaded,
        request: { request: 'test', select, partitions, force, observe },
        clock,
        signal,
        listener,
        ...(cold ? {} : { workers: warm.workers }),
      })
      return { ...outcome, events, maintained }
    },
    rows: async (key, environment) => readRows(within(environment), key),
    keep: async () => {
      await cp(root, `${root}-kept`, AS_IT_IS)
      return async () => {
        await rm(root, { recursive: true })
        await cp(`${root}-kept`, root, AS_IT_IS)
      }
    },
    remove: async () => {
      await warm.close()
      await rm(`${root}-kept`, { recursive: true, force: true })
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function readRows(settings: Settings, key: string): Promise<readonly EngineRow[]> {
  const inspection = await inspect(settings, await loadProject(settings))
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  try {
    const head = inspection.heads.get(assetKey(key))
    const snapshotId = head?.metadata.currentSnapshotId
    if (head === undefined || snapshotId === undefined) return []
    return await session.rows(
      `SELECT * FROM (${await relationOf({ store: inspection.store, session }, head.metadata, { snapshotId })}) ORDER BY ALL`,
    )
  } finally {
    session.close()
    engine.close()
    inspection.close()
  }
}

/** A clock whose sleeps end at once; the lengths asked for are kept. */
export function impatientClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    ...systemClock,
    slept,
    sleep: async (ms) => {
      slept.push(ms)
    },
  }
}
