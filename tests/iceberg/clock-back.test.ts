import fc from 'fast-check'
import { expect, it } from 'vitest'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { partitionSpec, evolveSchema } from '../../src/iceberg/evolve.ts'
import type { LoadedTable } from '../../src/iceberg/catalog.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { column } from './lab.ts'

/** Commits of no rows write what nobody reads here; a real store would only cost time. */
const nowhere: Store = {
  normalise: (path) => path,
  read: () => Promise.reject(new Error('nothing is read')),
  write: async () => {},
  makeFolder: async () => {},
  sync: async () => {},
  list: async () => [],
  exists: async () => false,
  remove: async () => {},
}

it('times in a table advance, however the clock jumps', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }), async (clock) => {
      const id = { namespace: 'shop', name: 'orders' }
      const { schema } = evolveSchema(undefined, [column('id', 'int')], 'shop.orders')
      const spec = partitionSpec(schema, [])
      let base: LoadedTable | undefined
      for (const [i, now] of clock.entries()) {
        const staged = {
          snapshotId: String(i + 1),
          location: '/t',
          folder: '/t/data/a',
          schema,
          spec,
          manifest: undefined,
          files: [],
          rows: 0,
          size: 0,
        }
        // Of the table before, only the newest snapshot would be read.
        const before = base === undefined ? undefined : { ...base, metadata: { ...base.metadata, currentSnapshotId: undefined } }
        const { metadata, change } = await prepareCommit(nowhere, before, { id, staged, overwrite: 'nothing', summary: {}, now })
        base = { id, metadata, metadataLocation: change.metadataLocation }
      }
      const times = base?.metadata.snapshotLog.map((entry) => entry.timestamp) ?? []
      expect(times).toHaveLength(clock.length)
      expect(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0))).toBe(true)
      expect(times.every((time, i) => time >= (clock[i] ?? 0))).toBe(true)
      expect(base?.metadata.lastUpdated).toBe(times.at(-1))
    }),
    { numRuns: 50 },
  ))
