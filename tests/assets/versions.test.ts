import { describe, expect, it } from 'vitest'
import type { AssetSpec, DepSpec } from '../../src/assets/spec.ts'
import { type MadeFrom, versionStatus } from '../../src/assets/versions.ts'
import { assetKey } from '../../src/keys.ts'
import type { IntervalMap } from '../../src/partitions/interval-map.ts'

const EXIST = [[0, 4]] as const
const events = assetKey('bronze.events')
const people = assetKey('bronze.people')
const dep = (name: string, asset = events): DepSpec => ({ name, asset, mapping: { kind: 'identity' } })

const spec = (deps: readonly DepSpec[]): AssetSpec => ({
  key: assetKey('silver.orders'),
  kind: 'table',
  columns: [],
  rowKey: [],
  partitions: { dim: 'time', grain: 'day', start: '1970-01-01', end: '1970-01-05' },
  deps,
  codeVersion: 'c1',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
})

const at = (value: string, from = 0, to = 4): IntervalMap<string> => [{ from, to, value }]
const record = (inputs: MadeFrom['inputs']): MadeFrom => ({ codeVersion: 'c1', inputs })
const status = (deps: readonly DepSpec[], made: MadeFrom, current: IntervalMap<string>) =>
  versionStatus(spec(deps), { made: [{ from: 0, to: 4, value: made }] }, EXIST, () => ({ versions: current }))

describe('versionStatus', () => {
  it('is fresh while code and inputs stand', () => {
    const found = status([dep('e')], record({ e: { asset: events, versions: at('1') } }), at('1'))
    expect(found).toEqual({ fresh: EXIST, missing: [], stale: [], because: [] })
  })

  it('names a dep that was added, one that was removed, and one that became another asset', () => {
    const causes = (deps: readonly DepSpec[], inputs: MadeFrom['inputs']) =>
      status(deps, record(inputs), at('1')).because.map((b) => b.cause)
    expect(causes([dep('e')], {})).toEqual([{ kind: 'dependency added', dep: 'e' }])
    expect(causes([], { e: { asset: events, versions: at('1') } })).toEqual([{ kind: 'dependency removed', dep: 'e' }])
    expect(causes([dep('e', people)], { e: { asset: events, versions: at('1') } })).toEqual([{ kind: 'dependency added', dep: 'e' }])
  })

  it('is stale where an input moved, appeared or went away, and only there', () => {
    const made = record({ e: { asset: events, versions: [...at('1', 0, 2), ...at('1', 3, 4)] } })
    const found = status([dep('e')], made, [...at('1', 0, 1), ...at('2', 1, 2), ...at('1', 2, 3)])
    expect(found.stale).toEqual([[1, 4]])
    expect(found.fresh).toEqual([[0, 1]])
    expect(found.because).toMatchObject([{ cause: { kind: 'input changed', partitions: [[1, 4]], from: ['1'], to: ['2', '1'] } }])
  })

  it('is missing where it was never made, whatever its inputs are', () => {
    const found = versionStatus(spec([]), { made: [{ from: 1, to: 2, value: record({}) }] }, EXIST, () => undefined)
    expect([found.missing, found.fresh]).toEqual([
      [
        [0, 1],
        [2, 4],
      ],
      [[1, 2]],
    ])
  })

  it('is fresh where an input was written anew but looks as before through the columns that are read', () => {
    const reader: AssetSpec = {
      ...spec([dep('e')]),
      columns: [{ name: 'a', type: 'int', nullable: true }],
      compute: { kind: 'duckdb', query: [] },
      lineage: { columns: { a: [['e', 'a', 'copy']] }, rows: [['e', 'f', 'filter']] },
    }
    const seen = (columns: readonly string[], made: MadeFrom['inputs'][string]) =>
      versionStatus(reader, { made: [{ from: 0, to: 4, value: record({ e: made }) }] }, EXIST, () => ({
        versions: at('3'),
        columnVersions: [{ columns, versions: [...at('1', 0, 1), ...at('2', 1, 3)] }],
      })).fresh
    const consumed = { asset: events, versions: at('1') }
    expect(seen(['a', 'f'], consumed)).toEqual([[0, 1]])
    expect(seen(['a'], consumed)).toEqual([])
    const through = (columns: readonly string[]) => ({
      ...consumed,
      versions: at('2', 0, 4),
      through: { columns, versions: at('1', 0, 1) },
    })
    expect(seen(['a', 'f'], through(['a', 'f']))).toEqual([[0, 3]])
    expect(seen(['a', 'f'], through(['a', 'b', 'f']))).toEqual([[0, 3]])
    expect(seen(['a', 'f'], through(['a']))).toEqual([[1, 3]])
  })
})
