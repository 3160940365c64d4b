import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openDuckdb } from '../../src/resources/duckdb.ts'

it('engines that spill into one folder do not meet there, and leave nothing', async () => {
  const tempFolder = join(await mkdtemp(join(tmpdir(), 'assay-spill-')), 'not yet there')
  const small = { threads: 1, memoryLimit: '60MB', tempFolder }
  const engines = [await openDuckdb(small), await openDuckdb(small)]
  for (const one of engines) {
    const spilling = await one.session()
    await spilling.run('CREATE TABLE t AS SELECT i, hash(i)::VARCHAR AS a, hash(i + 1)::VARCHAR AS b FROM range(3000000) r(i)')
    expect(await spilling.rows('SELECT count(DISTINCT a) > 2900000 AS whole FROM t')).toEqual([{ whole: true }])
  }
  expect(await readdir(tempFolder)).toHaveLength(2)
  for (const one of engines) one.close()
  expect(await readdir(tempFolder)).toEqual([])
  await rm(join(tempFolder, '..'), { recursive: true })
}, 30_000)
