import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'
import { openStorageReader } from '../../src/storage/sqlite.ts'
import { replaysTheSame } from '../conformance/storage-replay.ts'
import { nameOf, startAppending } from './child.ts'
import { sqlitePlace, temporaryFolder } from './place.ts'

/**
 * Kills a writer `cycles` times, each time anew on the same store, and after each holds the store against what the
 * writer had been told was durable; at the end, the projection against the events.
 */
export async function surviveKills(cycles: number): Promise<void> {
  const folder = await temporaryFolder()
  try {
    const acked: string[] = []
    for (let cycle = 0; cycle < cycles; cycle++) {
      const child = await startAppending(folder, `cycle-${cycle}`)
      await child.reached(randomInt(1, 150))
      await child.kill()
      expect(integrity(folder)).toEqual(['ok'])
      acked.push(...child.acked)
      await holdsAll(folder, acked)
    }
    const reader = openStorageReader({ folder })
    await replaysTheSame(reader, sqlitePlace)
    reader.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Every acknowledged event is there, and none is there twice. */
async function holdsAll(folder: string, acked: readonly string[]): Promise<void> {
  const reader = openStorageReader({ folder })
  const stored = (await reader.events({ limit: 1_000_000 })).map(nameOf)
  reader.close()
  const known = new Set(stored)
  expect(known.size).toBe(stored.length)
  expect(acked.filter((name) => !known.has(name))).toEqual([])
}

function integrity(folder: string): unknown[] {
  const db = new DatabaseSync(join(folder, 'state.db'), { readOnly: true })
  try {
    expect(db.prepare('pragma foreign_key_check').all()).toEqual([])
    return db
      .prepare('pragma integrity_check')
      .all()
      .map((row) => row['integrity_check'])
  } finally {
    db.close()
  }
}
