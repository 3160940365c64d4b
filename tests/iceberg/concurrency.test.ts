import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { ancestors } from '../../src/iceberg/metadata.ts'
import { liveFiles } from '../../src/iceberg/scan.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'

const PROCESSES = 4
const COMMITS = 12
const run = promisify(execFile)

it('commits of several processes to one table lose nothing, not even the first', async () => {
  const root = await mkdtemp(join(tmpdir(), 'assay-race-'))
  const store = localStore()
  const catalog = openSqlCatalog({ file: `${root}/catalog.db`, warehouse: `${root}/warehouse`, name: 'assay', store })
  try {
    const script = new URL('committer.ts', import.meta.url).pathname
    const workers = Array.from({ length: PROCESSES }, (_, i) =>
      run(process.execPath, ['--no-warnings', script, root, String(i + 1), String(COMMITS)]),
    )
    const conflicts = (await Promise.all(workers)).map(({ stdout }) => Number(JSON.parse(stdout).conflicts))
    const { metadata } = (await catalog.load({ namespace: 'shop', name: 'race' })) ?? expect.fail('no table')
    expect(ancestors(metadata)).toHaveLength(PROCESSES * COMMITS)
    expect(metadata.lastSequenceNumber).toBe(PROCESSES * COMMITS)
    const files = await liveFiles(store, metadata)
    expect(new Set(files.map((file) => file.path)).size).toBe(PROCESSES * COMMITS)
    expect(conflicts.reduce((a, b) => a + b, 0)).toBeGreaterThan(0)
  } finally {
    catalog.close()
    await rm(root, { recursive: true, force: true })
  }
}, 60_000)
