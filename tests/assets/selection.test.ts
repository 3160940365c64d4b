import { expect, test } from 'vitest'
import { select } from '../../src/assets/selection.ts'
import type { AssetSpec } from '../../src/assets/spec.ts'
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
