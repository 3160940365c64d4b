import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { localStore } from '../../../src/iceberg/stores/local.ts'
import { temporaryStore } from '../../../src/iceberg/stores/temporary.ts'
import { openDuckdb } from '../../../src/resources/duckdb.ts'
import { stageFiles } from '../../../src/iceberg/stage.ts'
import { storeConformance } from '../../conformance/store.ts'

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'assay-store-'))

storeConformance('local files', async () => {
  const root = await temporary()
  return { store: localStore(), root, dispose: () => rm(root, { recursive: true, force: true }) }
})

storeConformance('temporary files', async () => {
  const root = await temporary()
  return { store: temporaryStore(), root, dispose: () => rm(root, { recursive: true, force: true }) }
})

describe('the local store', () => {
  let root: string
  const store = localStore()
  beforeEach(async () => {
    root = await temporary()
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  it('takes a percent escape for itself where such a file exists, else for an escape', () => {
    mkdirSync(`${root}/day=a%2Fb`)
    mkdirSync(`${root}/with space`)
    expect(store.normalise(`file:${root}/day=a%2Fb`)).toBe(`${root}/day=a%2Fb`)
    expect(store.normalise(`file://${root}/with%20space`)).toBe(`${root}/with space`)
    expect(store.normalise(`${root}/with%20space`)).toBe(`${root}/with%20space`)
    expect(store.normalise('s3://bucket/x')).toBe('s3://bucket/x')
  })

  it('says that other places are not on this machine', async () => {
    await expect(store.read('s3://bucket/x')).rejects.toMatchObject({ code: 'ASSAY-2004' })
  })

  it('says ASSAY-2001 where nothing can be written', async () => {
    writeFileSync(`${root}/file`, '')
    await expect(store.write(`${root}/file/below/x`, new Uint8Array())).rejects.toMatchObject({ code: 'ASSAY-2001' })
    await expect(store.makeFolder(`${root}/file/below`)).rejects.toMatchObject({ code: 'ASSAY-2001' })
  })

  it('says ASSAY-2001 for what the system refuses in other ways', async () => {
    await expect(store.write(`${root}/${'x'.repeat(300)}`, new Uint8Array())).rejects.toMatchObject({ code: 'ASSAY-2001' })
    await expect(store.sync([`${root}/nothing`], root)).rejects.toMatchObject({ code: 'ASSAY-2001' })
  })

  it('says ASSAY-2002 when the disk is full, and leaves no half file', async ({ skip }) => {
    if (!mounted(root)) skip('a small file system cannot be mounted here')
    const engine = await openDuckdb({ threads: 1 })
    try {
      await expect(store.write(`${root}/big`, new Uint8Array(4 << 20))).rejects.toMatchObject({ code: 'ASSAY-2002' })
      expect(await store.exists(`${root}/big`)).toBe(false)
      const session = await engine.session()
      const schema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'x', required: false, type: 'double' }] } as const
      const request = { snapshotId: '1', location: `${root}/t`, attempt: 'a', schema, spec: { 'spec-id': 0, fields: [] } }
      await expect(stageFiles(session, store, { ...request, query: 'SELECT random() AS x FROM range(1000000)' })).rejects.toMatchObject({
        code: 'ASSAY-2002',
      })
      expect(await store.exists(`${root}/t/data/a`)).toBe(false)
    } finally {
      engine.close()
      execFileSync('umount', [root])
    }
  })
})

/** Mounts a file system of one megabyte; false where that is not allowed. */
function mounted(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
