import { expect, test } from 'vitest'
import type { Storage } from '../../src/storage/storage.ts'

/** What every store promises of the values of dynamic partitions. */
export function registryRules(opened: () => Promise<Storage>): void {
  test('a value gets the next id of its registry, keeps it when it is removed, and has it again', async () => {
    const storage = await opened()
    expect(await storage.registries()).toEqual(new Map())
    // In one turn, so in one transaction: as two who add at once.
    await Promise.all([
      storage.append([{ type: 'partition.added', registry: 'customers', values: ['acme', 'beta'] }]),
      storage.append([{ type: 'partition.added', registry: 'customers', values: ['beta', 'coda'] }]),
      storage.append([{ type: 'partition.added', registry: 'shops', values: ['north'] }]),
    ])
    await storage.append([{ type: 'partition.removed', registry: 'customers', values: ['beta', 'never'] }])
    await storage.append([{ type: 'partition.added', registry: 'customers', values: ['dune'] }])
    const held = [
      [0, 'acme'],
      [1, 'beta'],
      [2, 'coda'],
      [3, 'dune'],
    ]
    const live = [
      [0, 1],
      [2, 4],
    ]
    expect(await storage.registries()).toEqual(
      new Map([
        ['customers', { values: held, live }],
        ['shops', { values: [[0, 'north']], live: [[0, 1]] }],
      ]),
    )
    await storage.append([{ type: 'partition.added', registry: 'customers', values: ['beta'] }])
    expect((await storage.registries()).get('customers')).toEqual({ values: held, live: [[0, 4]] })
  })
}
