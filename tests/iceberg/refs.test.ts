import { describe, expect, it } from 'vitest'
import { parseMetadata, serialiseMetadata, type Snapshot, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { createRef, dropRef, fastForward, retentionOf, rollback, setBranch } from '../../src/iceberg/refs.ts'
import { parseAt, snapshotAt } from '../../src/iceberg/snapshot-at.ts'

/**
 * 1 ← 2 ← 3 on `main`, 2 ← 4 on the branch `audit`; committed at 1000, 2000, 3000 and 4000 ms. The JSON is the
 * specification's, written by hand.
 */
function table(): TableMetadata {
  const snapshot = (id: number, parent?: number) => ({
    'snapshot-id': id,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': id,
    'timestamp-ms': id * 1000,
    summary: { operation: 'append' },
    'manifest-list': `/t/metadata/snap-${id}.avro`,
    'schema-id': 0,
  })
  const json = {
    'format-version': 2,
    'table-uuid': 'u',
    location: '/t',
    'last-sequence-number': 4,
    'last-updated-ms': 4000,
    'last-column-id': 0,
    'current-schema-id': 0,
    schemas: [{ type: 'struct', 'schema-id': 0, fields: [] }],
    'default-spec-id': 0,
    'partition-specs': [{ 'spec-id': 0, fields: [] }],
    'last-partition-id': 999,
    'default-sort-order-id': 0,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    'current-snapshot-id': 3,
    refs: {
      main: { 'snapshot-id': 3, type: 'branch' },
      audit: { 'snapshot-id': 4, type: 'branch', 'max-ref-age-ms': 9223372036854775807n },
    },
    snapshots: [snapshot(1), snapshot(2, 1), snapshot(3, 2), snapshot(4, 2)],
    'snapshot-log': [1, 2, 3].map((id) => ({ 'timestamp-ms': id * 1000, 'snapshot-id': id })),
  }
  return parseMetadata(
    JSON.stringify(json, (_, value: unknown) => (typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value)),
    't',
  )
}

const NOW = 10_000
const refused = (words: string) => expect.objectContaining({ code: 'ASSAY-2031', message: expect.stringContaining(words) })
const unknown = (words: string) => expect.objectContaining({ code: 'ASSAY-2009', message: expect.stringContaining(words) })

describe('refs', () => {
  it('are made with retention, as the specification spells it, and dropped', () => {
    const retention = { minSnapshotsToKeep: 3, maxSnapshotAge: 86_400_000, maxRefAge: 604_800_000 }
    const made = createRef(
      createRef(table(), { name: 'wap', type: 'branch', retention }, NOW),
      { name: 'v1', type: 'tag', snapshotId: '1' },
      NOW,
    )
    const json = JSON.parse(serialiseMetadata(made).replaceAll('9223372036854775807', '1'))
    expect(json.refs.wap).toEqual({
      'snapshot-id': 3,
      type: 'branch',
      'min-snapshots-to-keep': 3,
      'max-snapshot-age-ms': 86_400_000,
      'max-ref-age-ms': 604_800_000,
    })
    expect(json.refs.v1).toEqual({ 'snapshot-id': 1, type: 'tag' })
    expect(json['last-updated-ms']).toBe(NOW + 1)
    expect(retentionOf(parseMetadata(serialiseMetadata(made), 't').refs['wap'] ?? expect.fail())).toEqual(retention)
    expect(Object.keys(dropRef(made, 'wap', NOW).refs)).toEqual(['main', 'audit', 'v1'])
  })

  it('keep what others say of them, beyond 2^53 too', () => {
    const moved = fastForward(setBranch(table(), 'audit', '1', NOW), 'audit', '2', NOW)
    expect(serialiseMetadata(moved)).toContain('"max-ref-age-ms":9223372036854775807')
  })

  it('are refused what would lose or hide something', () => {
    const t = table()
    expect(() => createRef(t, { name: 'audit', type: 'tag' }, NOW)).toThrow(refused('has the branch audit already'))
    expect(() => createRef(t, { name: 'x', type: 'tag', snapshotId: '9' }, NOW)).toThrow(unknown('snapshot 9'))
    expect(() => createRef(t, { name: 'x', type: 'tag', retention: { minSnapshotsToKeep: 2 } }, NOW)).toThrow(refused('on a tag'))
    expect(() => createRef(t, { name: 'x', type: 'branch', retention: { maxRefAge: 0 } }, NOW)).toThrow(refused('max-ref-age-ms 0'))
    expect(() => createRef(t, { name: '', type: 'branch' }, NOW)).toThrow(refused("named ''"))
    expect(() => dropRef(t, 'main', NOW)).toThrow(refused('main'))
    expect(() => dropRef(t, 'nope', NOW)).toThrow(unknown('nope'))
    expect(() => fastForward(t, 'main', '4', NOW)).toThrow(refused('4 does not descend from 3'))
    expect(() => rollback(t, { id: '4' }, NOW)).toThrow(refused('does not descend from it'))
    expect(() => rollback(t, { timestamp: 999 }, NOW)).toThrow(unknown('1970-01-01T00:00:00.999Z'))
    expect(() => setBranch(createRef(t, { name: 'v', type: 'tag' }, NOW), 'v', '1', NOW)).toThrow(refused('tags do not move'))
  })

  it('move the current snapshot and its log with main, and with main alone', () => {
    const t = table()
    const back = rollback(t, { id: '1' }, NOW)
    expect(back).toMatchObject({ currentSnapshotId: '1', lastUpdated: NOW, refs: { main: { snapshotId: '1' } } })
    expect(back.snapshotLog.at(-1)).toEqual({ timestamp: NOW, snapshotId: '1' })
    expect(back.snapshots).toBe(t.snapshots)
    expect(rollback(t, { timestamp: 2500 }, NOW).currentSnapshotId).toBe('2')
    // A clock that lags must not bring the log out of order.
    expect(fastForward(back, 'main', '3', 5).snapshotLog.at(-1)).toEqual({ timestamp: NOW + 1, snapshotId: '3' })
    const other = setBranch(t, 'audit', '3', NOW)
    expect(other).toMatchObject({ currentSnapshotId: '3', refs: { audit: { snapshotId: '3' } } })
    expect(other.snapshotLog).toBe(t.snapshotLog)
    expect(setBranch(t, 'main', '3', NOW)).toBe(t)
  })
})

describe('time travel', () => {
  const t = createRef(rollback(table(), { id: '1' }, 5000), { name: '2024', type: 'tag', snapshotId: '2' }, 5001)
  const at = (text: string): Snapshot['id'] => snapshotAt(t, parseAt(t, text)).id

  it('goes by id, ref and time', () => {
    expect(at('3')).toBe('3')
    expect(at('audit')).toBe('4')
    expect(at('main')).toBe('1')
    // A ref goes before an id of the same text.
    expect(at('2024')).toBe('2')
    // What main was, not what was written: 4 was never current, and at 5000 it was taken back to 1.
    expect(snapshotAt(t, { timestamp: 4999 }).id).toBe('3')
    expect(snapshotAt(t, { timestamp: 5000 }).id).toBe('1')
    expect(snapshotAt(t, { timestamp: 1000 }).id).toBe('1')
  })

  it.each([
    ['1970-01-01T00:00:02.000Z', { timestamp: 2000 }],
    ['1970-01-01T00:00:02.5Z', { timestamp: 2500 }],
    ['1970-01-01 00:00:02Z', { timestamp: 2999 }],
    ['1970-01-01T01:00:02+01:00', { timestamp: 2999 }],
    ['1970-01-01T00:00', { timestamp: 59_999 }],
    ['1970-01-01', { timestamp: 86_399_999 }],
  ])('reads %s to the precision it is given in', (text, expected) => {
    expect(parseAt(t, text)).toEqual(expected)
  })

  it('says what there is when it finds nothing', () => {
    for (const text of ['9', 'nope', '1969-12-31', '1970-13-01', '2026-02-30']) expect(() => at(text)).toThrow(unknown('The table at /t'))
    const thrown = (text: string): unknown => {
      try {
        return at(text)
      } catch (error) {
        return error
      }
    }
    expect(thrown('9')).toMatchObject({ details: expect.arrayContaining(['3 append of 1970-01-01T00:00:03.000Z']) })
    expect(thrown('nope')).toMatchObject({ details: expect.arrayContaining(['branch main at 1', 'tag 2024 at 2']) })
    expect(thrown('1969-12-31')).toMatchObject({ message: expect.stringContaining('what is kept begins at 1970-01-01T00:00:01.000Z') })
  })
})
