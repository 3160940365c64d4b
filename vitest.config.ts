import { existsSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'

const DEEP = 'tests/**/*.deep.test.ts'
const ENGINES = 'tests/engines/**'

/** Where tests have their folders: in memory, where that is large, since no crash of the machine is tried and no disk has to be waited for. */
const MEMORY = '/dev/shm'
const LARGE = 4 * 2 ** 30
const hasMemory = (): boolean => {
  if (!existsSync(MEMORY)) return false
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize >= LARGE
}
const folders: Record<string, string> = hasMemory() ? { TMPDIR: MEMORY } : {}

/** `unit` needs no server; `deep` is the long form of random and kill tests; `engines` needs `npm run engines -- up`. */
export default defineConfig({
  // Definitions in tests and in lakehouse/ import 'assay', which is the source here.
  ssr: { resolve: { conditions: ['assay-source', 'module', 'node', 'development|production'] } },
  test: {
    execArgv: ['--conditions=assay-source', '--disable-warning=ExperimentalWarning', '--min-semi-space-size=16'],
    // Loaders and workers that tests start share what Node has compiled.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'assay-tests-v8') },
    // No test changes what modules hold; each file in a process of its own would cost a tenth of the time.
    isolate: false,
    unstubEnvs: true,
    // Most files wait for processes that they started.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', env: folders, include: ['tests/**/*.test.ts'], exclude: [...configDefaults.exclude, DEEP, ENGINES] },
      },
      { extends: true, test: { name: 'deep', include: [DEEP], exclude: [...configDefaults.exclude, ENGINES], testTimeout: 3_600_000 } },
      { extends: true, test: { name: 'engines', include: ['tests/engines/**/*.test.ts'], testTimeout: 300_000 } },
    ],
  },
})
