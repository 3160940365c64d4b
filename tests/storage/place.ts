import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage, openStorageReader } from '../../src/storage/sqlite.ts'
import type { StorePlace } from '../conformance/storage-place.ts'

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'assay-store-'))

/** A SQLite store in a temporary folder. */
export async function sqlitePlace(): Promise<StorePlace> {
  const folder = await temporaryFolder()
  return {
    open: async (clock) => openStorage({ folder, clock }),
    reader: () => openStorageReader({ folder }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  }
}
