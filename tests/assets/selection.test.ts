import fc from 'fast-check'
import { expect, test } from 'vitest'
import { select } from '../../src/assets/selection.ts'
import type { AssetSpec } from '../../src/assets/spec.ts'
import type { StatusWord } from '../../src/assets/status.ts'
import { AssayError } from '../../src/errors.ts'
import { assetKey } from '../../src/keys.ts'

const spec = (key: string, ...reads: readonly string[]): AssetSpec => ({
  key: assetKey(key),
  kind: 'table',
  columns: [],
  rowKey: [],
  partitions: { dim: 'none' },
  deps: reads.map((name, i) => ({ name: `d${i}`, asset: assetKey(name), mapping: { kind: 'all' } })),
  codeVersion: '',
  checks: [],
  retry: { max: 0, delay: 0 },
  backfill: { partitionsPerStep: 1 },
})
const ASSETS = [
  spec('bronze.events'),
  spec('bronze.users'),
  spec('silver.orders', 'bronze.events'),
  spec('gold.spend', 'silver.orders', 'bronze.users'),
  spec('gold.views', 'bronze.events'),
]

test.each([
  ['silver.orders', ['silver.orders']],
  ['+silver.orders', ['bronze.events', 'silver.orders']],
  ['silver.orders+', ['silver.orders', 'gold.spend']],
  ['+silver.orders+', ['bronze.events', 'silver.orders', 'gold.spend']],
  ['gold.*', ['gold.spend', 'gold.views']],
  ['*.orders', ['silver.orders']],
  ['*', ASSETS.map((a) => a.key)],
  ['gold.*, bronze.users', ['bronze.users', 'gold.spend', 'gold.views']],
  ['gold.views bronze.events', ['bronze.events', 'gold.views']],
  ['+gold.v*', ['bronze.events', 'gold.views']],
  ['', []],
])('%s selects in topological order', (text, keys) => {
  expect(select(ASSETS, text)).toEqual(keys)
})

test.each([
  ['silver.order', 'Did you mean silver.orders?'],
  ['orders', 'Did you mean silver.orders?'],
  ['+gold.vieews', 'Did you mean gold.views?'],
  ['gold.s.*', 'List them with `assay ls`.'],
  ['gold_spend', 'Did you mean gold.spend?'],
])('%s is unknown, with the nearest name', (text, next) => {
  try {
    select(ASSETS, text)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(AssayError)
    expect(error).toMatchObject({ code: 'ASSAY-4003', next })
  }
})

const LABELLED: readonly AssetSpec[] = [
  {
    ...spec('bronze.events'),
    owners: ['ada@example.com'],
    group: 'click stream',
    columns: [{ name: 'id', type: 'long', nullable: false }],
  },
  { ...spec('silver.orders', 'bronze.events'), owners: ['ada@example.com', 'team-data'], tags: { tier: '1', pii: '' } },
  {
    ...spec('gold.spend', 'silver.orders'),
    group: 'finance',
    tags: { tier: '2' },
    kinds: ['report'],
    compute: { kind: 'duckdb', query: [] },
  },
  { ...spec('gold.rates'), kind: 'external', group: 'finance' },
]
const STATUSES: Readonly<Record<string, readonly StatusWord[]>> = {
  'bronze.events': ['fresh'],
  'silver.orders': ['stale', 'failed'],
  'gold.spend': ['stale', 'missing'],
  'gold.rates': ['external', 'outdated'],
}

test.each([
  ['group:finance', ['gold.spend', 'gold.rates']],
  ['group:"click stream"', ['bronze.events']],
  ['group:<null>', ['silver.orders']],
  ['tag:tier', ['silver.orders', 'gold.spend']],
  ['tag:tier=2', ['gold.spend']],
  ['tag:pii=""', ['silver.orders']],
  ['owner:ada@*', ['bronze.events', 'silver.orders']],
  ['owner:<null> and not kind:external', ['gold.spend']],
  ['kind:report or kind:external', ['gold.spend', 'gold.rates']],
  ['kind:duckdb', ['gold.spend']],
  ['column:id', ['bronze.events']],
  ['status:stale', ['silver.orders', 'gold.spend']],
  ['status:failed or status:fresh', ['bronze.events', 'silver.orders']],
  ['status:blocked', []],
  ['status:outdated', ['gold.rates']],
  ['not gold.*', ['bronze.events', 'silver.orders']],
  ['1+gold.spend', ['silver.orders', 'gold.spend']],
  ['bronze.events+1', ['bronze.events', 'silver.orders']],
  ['sinks(*)', ['gold.spend', 'gold.rates']],
  ['roots(*)', ['bronze.events', 'gold.rates']],
  ['roots(gold.* or silver.*)', ['silver.orders', 'gold.rates']],
  ['key:gold.spend and (tag:tier=2 or group:finance)', ['gold.spend']],
])('%s', (text, keys) => {
  expect(select(LABELLED, text, (one) => new Set(STATUSES[one.key]))).toEqual(keys)
})

test.each([
  ['owner:ada', 'ASSAY-4003', "no asset is owned by 'ada'"],
  ['group:finanse', 'ASSAY-4003', "no asset is in the group 'finanse'"],
  ['tag:tier=3', 'ASSAY-4003', "no asset has the tag 'tier=3'"],
  ['status:stail', 'ASSAY-4008', 'there is no status stail'],
])('%s is a slip of the pen', (text, code, message) => {
  expect(() => select(LABELLED, text)).toThrow(expect.objectContaining({ code, message }))
})

test('not, and and or are those of sets', () => {
  const term = fc.constantFrom('gold.*', '+gold.spend', 'bronze.events+1', 'sinks(*)', 'tag:tier', 'kind:external')
  const keys = (text: string): readonly string[] => select(LABELLED, text)
  void fc.assert(
    fc.property(term, term, (a, b) => {
      expect(keys(`not (${a} or ${b})`)).toEqual(keys(`not ${a} and not ${b}`))
      expect(keys(`${a} and ${b}`)).toEqual(keys(a).filter((key) => keys(b).includes(key)))
      expect(keys(`${a} ${b}`)).toEqual(keys(`${b} or ${a}`))
    }),
  )
})

test('of ten thousand assets, what is around one is found in 10 ms', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => spec(`m.a${i}`, ...(i < 100 ? [] : [`m.a${i - 100}`, `m.a${i - 99}`])))
  select(many, 'm.a5')
  const times = Array.from({ length: 9 }, () => {
    const began = performance.now()
    expect(select(many, '+m.a5000+').length).toBeGreaterThan(1000)
    return performance.now() - began
  })
  expect(Math.min(...times)).toBeLessThan(10)
})
