import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Store } from '../store.ts'
import { local, localStore, writing } from './local.ts'

/** Tables in folders of this machine that need not outlive it: as the local store, but nothing is waited for to be durable. */
export const temporaryStore = (): Store => ({
  ...localStore(),
  write: (path, bytes) => writing(local(path), (at) => writeFile(at, bytes, NEW).catch((error: unknown) => inNewFolder(at, bytes, error))),
  makeFolder: (path) => writing(local(path), async (at) => void (await mkdir(at, { recursive: true }))),
  sync: async () => {},
})

const NEW = { flag: 'wx' }

/** Most files go where others are already, so the folder is made only when it turns out not to be there. */
async function inNewFolder(path: string, bytes: Uint8Array, error: unknown): Promise<void> {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes, NEW)
}
