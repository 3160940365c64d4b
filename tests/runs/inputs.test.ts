import { afterEach, expect, it } from 'vitest'
import { type TestProject, testProject } from '../support/project.ts'

let open: TestProject | undefined
afterEach(async () => {
  await open?.remove()
  open = undefined
})

const PROJECT = `
import { asset, defineProject, duckdb, sql, t, typescript } from 'assay'
export const many = asset('bronze.many', { schema: { n: t.long() } })
many.from({}, duckdb(() => sql\`select range as n from range(300000)\`))
export const few = asset('bronze.few', { schema: { n: t.long() } })
few.from({}, duckdb(() => sql\`select range as n from range(5000)\`))
export const copy = asset('silver.copy', { schema: { n: t.long(), seen: t.long() } })
copy.from({ many, few }, typescript(async function* ({ many, few }, row) {
  let [count, seen] = [0, 0n]
  for await (const { n } of many.rows()) {
    if (count++ % 50000 === 0) for await (const _ of few.rows()) seen++
    yield row({ n, seen })
  }
}))
export const sums = asset('gold.sums', { schema: { rows: t.long(), total: t.long(), seen: t.long() } })
sums.from({ copy }, duckdb(({ copy }) => sql\`select count(*) as rows, sum(n)::bigint as total, max(seen) as seen from \${copy}\`))
export default defineProject({ name: 'test', assets: { many, few, copy, sums } })
`

it('a function copies a large input whole, and reads another one meanwhile', async () => {
  open = await testProject({ 'project.ts': PROJECT })
  expect((await open.run()).state).toBe('succeeded')
  expect(await open.rows('gold.sums')).toEqual([{ rows: 300_000n, total: (300_000n * 299_999n) / 2n, seen: 30_000n }])
}, 60_000)

it('a dep that has no partitions yet is read as one without rows', async () => {
  open = await testProject({
    'project.ts': `
import { all, asset, changed, defineProject, duckdb, dynamic, merge, sql, t, typescript } from 'assay'
export const feed = asset('a.feed', { partitions: dynamic('customers').on('customer'), schema: { customer: t.string(), tags: t.list(t.string()) } })
feed.from({}, typescript(function* () {}))
export const merged = asset('b.merged', { schema: { customer: t.string() }, key: ['customer'], write: merge() })
merged.from({ feed: changed(feed) }, duckdb(({ feed: f }) => sql\`select \${f.customer} from \${f}\`))
export const total = asset('b.total', { schema: { n: t.int() } })
total.from({ feed: all(feed) }, typescript(async function* ({ feed }, row) {
  let n = 0
  for await (const { tags } of feed.rows()) n += tags.length
  yield row({ n })
}))
export default defineProject({ name: 'test', assets: { feed, merged, total } })
`,
  })
  expect((await open.run()).state).toBe('succeeded')
  expect([await open.rows('b.merged'), await open.rows('b.total')]).toEqual([[], [{ n: 0 }]])
}, 60_000)
