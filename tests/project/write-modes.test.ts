import { expect, it } from 'vitest'
import { storedLineage } from '../../src/project/stored-lineage.ts'
import { validateWrites } from '../../src/project/validate-writes.ts'
import { columnSpecs } from '../../src/schema/column.ts'
import { asset, changed, daily, duckdb, externalAsset, history, merge, sql, staticPartitions, t } from '../../src/index.ts'
import { type AssetDefinition, definitionOf, storedSchema } from '../../src/assets/define-asset.ts'

/** What is wrong with options that the type checker may not have seen. */
function faults(
  options: object,
  more: { readonly deps?: object; readonly writes?: readonly string[]; readonly make?: typeof asset } = {},
): readonly string[] {
  const made = (more.make ?? asset)('a.b', options as never)
  if (more.deps !== undefined) made.from(more.deps as never, duckdb(() => sql`select 1`) as never)
  const definition = definitionOf(made) as AssetDefinition
  const compute =
    definition.made === undefined
      ? undefined
      : { ...definition.made, compute: { ...definition.made.compute, writes: more.writes ?? definition.made.compute.writes } }
  const own = { ...definition, made: compute } as AssetDefinition
  return validateWrites(own, columnSpecs(storedSchema(own))).map((error) => {
    expect(error.where?.file).toBe(import.meta.filename)
    return `${error.code.slice(-4)} ${error.message}`
  })
}

const schema = { id: t.long(), n: t.int().nullable(), at: t.timestamptz(), tags: t.list(t.string()) }
const days = daily({ start: '2026-01-01', end: '2026-01-03' })
const feed = asset('a.feed', { schema: { id: t.long() } })

it.each<readonly [string, object, readonly string[]]>([
  ['nothing', { schema, key: ['id'], write: merge({ deleteWhen: 'gone', latestBy: 'at' }), sortBy: ['at'], codeVersion: '2' }, []],
  ['a merge without a key', { schema, write: merge() }, ['1042 a.b merges rows by its key, but has none']],
  ['a history without a key', { schema, write: history() }, ['1042 a.b merges rows by its key, but has none']],
  [
    'a nullable key, and a nested one',
    { schema, key: ['n', 'tags'], write: merge() },
    ['1042 a.b has the nullable column n in its key', '1042 a.b has the nested column tags in its key'],
  ],
  [
    'a flag that is no boolean',
    { schema, key: ['id'], write: merge({ deleteWhen: 'n' }) },
    ['1042 a.b has the delete flag n, which is no boolean column'],
  ],
  [
    'a flag of our own name',
    { schema, key: ['id'], write: history({ deleteWhen: 'is_current' }) },
    ['1042 a.b has the delete flag is_current, a name that Assay gives itself'],
  ],
  [
    'an unknown order',
    { schema, key: ['id'], write: merge({ latestBy: 'att' }) },
    ['1042 a.b takes the latest row by att, which it does not have'],
  ],
  [
    'a nullable order',
    { schema, key: ['id'], write: merge({ latestBy: 'n' }) },
    ['1042 a.b takes the latest row by n, which is nullable or nested'],
  ],
  [
    'columns of the history',
    { schema: { ...schema, Valid_To: t.date() }, key: ['id'], write: history() },
    ['1042 a.b declares Valid_To, which its history adds by itself'],
  ],
  ['a time in the key', { schema, key: ['id', 'valid_from'], write: history() }, ['1042 a.b has valid_from in its key']],
  [
    'partitions beside the key',
    { schema, key: ['id'], partitions: days.on('at'), write: merge() },
    ['1042 a.b merges within partitions by at, which is not in its key'],
  ],
  [
    'append with partitions',
    { schema, partitions: days.on('at'), write: 'append' },
    ['1042 a.b appends, but has partitions, which are overwritten one by one'],
  ],
  ['a mode that is none', { schema, write: 'upsert' }, ['1042 a.b has a write mode that is none']],
  ['a marker', { write: 'append' }, ['1042 a.b has the write mode append, but no table']],
  [
    'several at once',
    { schema, key: ['n'], write: merge({ deleteWhen: 'n' }), sortBy: ['m', 'tags', 'id', 'id'], codeVersion: ' ' },
    [
      '1042 a.b has the nullable column n in its key',
      '1042 a.b has the delete flag n, which is no boolean column',
      '1011 a.b sorts by m, a column that it does not have',
      '1011 a.b sorts by tags, which is nested',
      '1011 a.b sorts by id twice',
      '1011 a.b has a codeVersion that is no text, or an empty one',
    ],
  ],
  [
    'options that nothing carries out',
    { schema, pool: 'db', freshness: { maxAge: 1000 } },
    ['1041 a.b has the option pool, which nothing carries out yet', '1041 a.b has the option freshness, which nothing carries out yet'],
  ],
  [
    'a promise that is none',
    { schema, pool: '', freshness: { maxAge: -1 } },
    ['1011 a.b has a pool that is none', '1011 a.b has a freshness that is none'],
  ],
])('%s', (_, options, expected) => expect(faults(options)).toEqual(expected))

it('an external asset is not written', () =>
  expect(faults({ schema, write: 'append' }, { make: externalAsset as unknown as typeof asset })).toEqual([
    '1042 a.b has the write mode append, but is made by others',
  ]))

it('what a compute cannot do', () =>
  expect(faults({ schema, key: ['id'], write: merge() }, { deps: {}, writes: ['replace', 'append'] })).toEqual([
    '1042 a.b is made by duckdb, which cannot merge',
  ]))

it('deps that would be added or lost', () => {
  const mode = { schema, write: 'append' }
  expect(faults(mode, { deps: {} })).toEqual([])
  expect(faults(mode, { deps: { feed: changed(feed) } })).toEqual([])
  expect(faults(mode, { deps: { feed } })).toEqual(['1042 a.b appends, but would read all of its deps each time'])
  expect(faults({ schema }, { deps: { feed: changed(feed) } })).toEqual([
    '1042 a.b reads changed(feed), but replaces all that it has made before',
  ])
  const parts = { schema: { ...schema, land: t.string() }, partitions: staticPartitions(['de']).on('land'), key: ['land'], write: merge() }
  expect(faults(parts, { deps: { feed: changed(feed) } })).toEqual([
    '1042 a.b reads changed(feed), but has partitions, each of which has read something else',
  ])
})

it('lineage: the flag decides which rows there are, and the end of a version comes from the times', () => {
  const yielded = {
    columns: { id: [['f', 'id', 'copy']], valid_from: [['f', 'at', 'copy']], Gone: [['f', 'op', 'derive']] },
    rows: [['f', 'day', 'filter']],
  } as const
  expect(storedLineage(yielded, { kind: 'history', deleteWhen: 'gone', as: 'copy-on-write' })).toEqual({
    columns: { ...yielded.columns, valid_to: [['f', 'at', 'derive']], is_current: [['f', 'at', 'derive']] },
    rows: [
      ['f', 'day', 'filter'],
      ['f', 'op', 'filter'],
    ],
  })
  expect(storedLineage(yielded, { kind: 'merge', latestBy: 'n', as: 'copy-on-write' })).toEqual({ columns: yielded.columns })
  expect(storedLineage(yielded, undefined)).toBe(yielded)
})
